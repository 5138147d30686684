//! How the ends of transactions reach those who took part.

use runnel_proto::records::{ControlType, TransactionMarker};

use crate::clock;
use crate::coordinator::group::{EndTransactionRequest, NamedPartition};
use crate::coordinator::runtime::Groups;
use crate::coordinator::transaction::{Marker, Target};
use crate::coordinator::transaction_runtime::WriteMarker;
use crate::error::BrokerError;
use crate::partition::Registry;

/// Writes markers to the partitions served, and to groups.
pub(super) fn write_marker(registry: Registry, groups: Groups) -> WriteMarker {
    Box::new(move |target, marker| {
        let (registry, groups) = (registry.clone(), groups.clone());
        Box::pin(async move {
            match target {
                Target::Partition(partition) => settle(mark(&registry, &partition, marker).await),
                Target::Group(group) => {
                    let Marker { producer, commit, .. } = marker;
                    let (producer_id, producer_epoch) = (producer.id, producer.epoch);
                    groups
                        .end_transaction(EndTransactionRequest { group, producer_id, producer_epoch, commit })
                        .await
                }
            }
        })
    })
}

async fn mark(registry: &Registry, target: &NamedPartition, marker: Marker) -> Result<(), BrokerError> {
    let partition = registry.partition(&target.topic, target.partition)?;
    let control = TransactionMarker {
        control_type: if marker.commit { ControlType::Commit } else { ControlType::Abort },
        coordinator_epoch: marker.coordinator_epoch,
    };
    let Marker { producer, bumps_epoch, .. } = marker;
    let now_ms = clock::now_ms();
    let appended = partition.append_marker(producer.id, producer.epoch, control, bumps_epoch, now_ms)?;
    partition.durable(appended.next_offset).await
}

/// Where the topic has been deleted, or a later instance of the producer is known, nothing is left to end.
fn settle(written: Result<(), BrokerError>) -> Result<(), BrokerError> {
    match written {
        Err(
            BrokerError::UnknownTopic { .. }
            | BrokerError::UnknownPartition { .. }
            | BrokerError::InvalidProducerEpoch { .. },
        ) => Ok(()),
        other => other,
    }
}

//! Whether a producer's batch may be appended: Kafka's rules, as its clients expect them (KIP-98, KIP-360, KIP-890).

use runnel_proto::records::{BatchHeader, TransactionMarker};

use super::state::{Producer, SentBatch, add_to_sequence};
use crate::error::BrokerError;

/// What is to be done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum Verdict {
    Append,
    /// It is there already: this one, among the last five.
    Duplicate(SentBatch),
}

/// Decides about a client's batch with a producer id, or one of the broker's without sequence numbers.
///
/// # Errors
/// [`BrokerError::InvalidProducerEpoch`], [`BrokerError::OutOfOrderSequence`],
/// [`BrokerError::InvalidTransactionState`].
pub(super) fn check(
    known: Option<&Producer>,
    header: &BatchHeader,
    bumps_epoch: bool,
) -> Result<Verdict, BrokerError> {
    let Some(producer) = known else {
        // Whatever a producer is at whose state expired, it goes on; but where each transaction has an epoch of its own, the
        // first batch of one has the first sequence number.
        let begins_late = bumps_epoch && header.base_sequence > 0;
        return if begins_late { Err(out_of_order(header, 0)) } else { Ok(Verdict::Append) };
    };
    let with_sequence = header.base_sequence >= 0;
    if with_sequence
        && header.producer_epoch == producer.epoch
        && let Some(sent) = producer.find(header)
    {
        return Ok(Verdict::Duplicate(*sent));
    }
    check_epoch(producer, header)?;
    if with_sequence {
        check_sequence(producer, header)?;
    }
    if producer.open_transaction.is_some() && !header.is_transactional() {
        return Err(BrokerError::InvalidTransactionState {
            producer: header.producer_id.to_string(),
            reason: "it is open, and the batch is not part of it",
        });
    }
    Ok(Verdict::Append)
}

/// Decides about the marker that ends a transaction. One that ends none is fine: the coordinator may repeat itself. Where each
/// transaction has an epoch of its own, one whose epoch is not above the open transaction's is a late one, of the transaction
/// before.
///
/// # Errors
/// [`BrokerError::InvalidProducerEpoch`], [`BrokerError::TransactionCoordinatorFenced`].
pub(super) fn check_marker(
    known: Option<&Producer>,
    header: &BatchHeader,
    marker: TransactionMarker,
    bumps_epoch: bool,
) -> Result<(), BrokerError> {
    let Some(producer) = known else { return Ok(()) };
    check_epoch(producer, header)?;
    if bumps_epoch && producer.open_transaction.is_some() && header.producer_epoch == producer.epoch {
        return Err(epoch_is_over(producer, header));
    }
    if marker.coordinator_epoch < producer.coordinator_epoch {
        return Err(BrokerError::TransactionCoordinatorFenced {
            producer_id: header.producer_id,
            epoch: marker.coordinator_epoch,
            current: producer.coordinator_epoch,
        });
    }
    Ok(())
}

fn check_epoch(producer: &Producer, header: &BatchHeader) -> Result<(), BrokerError> {
    if header.producer_epoch < producer.epoch { Err(epoch_is_over(producer, header)) } else { Ok(()) }
}

fn check_sequence(producer: &Producer, header: &BatchHeader) -> Result<(), BrokerError> {
    let last = producer.last_sequence().filter(|_| header.producer_epoch == producer.epoch);
    let expected = last.map_or(0, |last| add_to_sequence(last, 1));
    if header.base_sequence != expected { Err(out_of_order(header, expected)) } else { Ok(()) }
}

fn epoch_is_over(producer: &Producer, header: &BatchHeader) -> BrokerError {
    BrokerError::InvalidProducerEpoch {
        producer_id: header.producer_id,
        epoch: header.producer_epoch,
        current: producer.epoch,
    }
}

fn out_of_order(header: &BatchHeader, expected: i32) -> BrokerError {
    BrokerError::OutOfOrderSequence {
        producer_id: header.producer_id,
        sequence: header.base_sequence,
        expected,
    }
}

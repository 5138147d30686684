//! A file an API: the request's fields to operations, what comes back to the response's fields.

pub(super) mod acls;
pub(super) mod add_offsets_to_txn;
pub(super) mod add_partitions_to_txn;
pub(super) mod alter_configs;
pub(super) mod alter_partition_reassignments;
pub(super) mod alter_share_group_offsets;
pub(super) mod api_versions;
mod configs;
pub(super) mod consumer_group_describe;
pub(super) mod consumer_group_heartbeat;
pub(super) mod create_partitions;
pub(super) mod create_topics;
pub(super) mod delete_groups;
pub(super) mod delete_records;
pub(super) mod delete_share_group_offsets;
pub(super) mod delete_topics;
pub(super) mod describe_cluster;
pub(super) mod describe_configs;
pub(super) mod describe_groups;
pub(super) mod describe_log_dirs;
pub(super) mod describe_producers;
pub(super) mod describe_share_group_offsets;
pub(super) mod describe_topic_partitions;
pub(super) mod describe_transactions;
pub(super) mod end_txn;
pub(super) mod fetch;
pub(super) mod find_coordinator;
pub(super) mod heartbeat;
pub(super) mod incremental_alter_configs;
pub(super) mod init_producer_id;
pub(super) mod join_group;
pub(super) mod leave_group;
pub(super) mod list_groups;
pub(super) mod list_offsets;
pub(super) mod list_transactions;
pub(super) mod metadata;
pub(super) mod offset_commit;
pub(super) mod offset_delete;
pub(super) mod offset_fetch;
pub(super) mod offset_for_leader_epoch;
pub(super) mod produce;
mod refusal;
pub(super) mod replicas;
pub(super) mod sasl_authenticate;
pub(super) mod sasl_handshake;
pub(super) mod share_acknowledge;
mod share_acks;
pub(super) mod share_fetch;
pub(super) mod share_group_describe;
pub(super) mod share_group_heartbeat;
pub(super) mod sync_group;
pub(super) mod txn_offset_commit;
pub(super) mod unset;
pub(super) mod update_features;

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use self::refusal::Refusal;
use super::call::Call;
use super::errors::code;
use crate::error::BrokerError;
use crate::metadata::InternalLog;
use crate::partition::{Partition, Topic};

impl Call {
    /// This broker's node id and where it can be reached, as host and port: as the settings say, else as this client
    /// has reached it, be that by IPv4 or IPv6.
    fn node(&self) -> (i32, StrBytes, i32) {
        let id = self.operations.broker().id;
        match &self.operations.config().advertised_listeners {
            Some((host, port)) => (id, host.as_str().into(), i32::from(*port)),
            None => {
                let local = self.client.local;
                (id, local.ip().to_canonical().to_string().into(), i32::from(local.port()))
            }
        }
    }

    /// A topic by its name, or by its id when the version has ids.
    fn topic(&self, name: &str, id: Uuid) -> Result<Arc<Topic>, ErrorCode> {
        if id.is_nil() {
            self.operations.registry().topic(name).map_err(|error| code(&error))
        } else {
            self.operations.registry().topic_by_id(id).ok_or(ErrorCode::UnknownTopicId)
        }
    }
}

/// Why no request about share groups is served, if none is.
fn check_share_groups(call: &Call) -> Result<(), Refusal> {
    if call.operations.serves_share_groups() {
        return Ok(());
    }
    let text = "Share groups are off: level 1 of the feature share.version is not finalized.";
    Err(Refusal::new(ErrorCode::UnsupportedVersion, text.to_owned()))
}

/// How many partitions these rows assign replicas to: each to this broker alone, without a gap from the first on.
fn assignments_partitions(call: &Call, mut rows: Vec<(i32, &[i32])>) -> Result<i32, Refusal> {
    rows.sort_unstable();
    let node_id = call.operations.broker().id;
    let whole = rows.iter().zip(0..).all(|((partition, _), number)| *partition == number);
    if whole && rows.iter().all(|(_, brokers)| *brokers == [node_id]) {
        return Ok(rows.len() as i32);
    }
    let text = format!("replicas can be assigned to broker {node_id} alone, for partitions without a gap");
    Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, text))
}

/// What is told of once, however often it is named.
fn distinct<T: Clone + Eq + Hash>(names: Vec<T>) -> impl Iterator<Item = T> {
    let mut seen = HashSet::with_capacity(names.len());
    names.into_iter().filter(move |name| seen.insert(name.clone()))
}

/// What lives longer than the request does: a view of it would keep the whole frame.
fn owned(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// The codes of a request's rows, one with each call: each row's own, or for all what the request as a whole was refused with.
fn outcome_codes(
    outcome: Result<Vec<Result<(), BrokerError>>, BrokerError>,
    code: impl Fn(&BrokerError) -> ErrorCode,
) -> impl FnMut() -> i16 {
    let (rows, whole) = match outcome {
        Ok(rows) => (rows, ErrorCode::None),
        Err(error) => (Vec::new(), code(&error)),
    };
    let mut rows = rows.into_iter();
    move || {
        rows.next().map_or(whole, |row| row.map_or_else(|error| code(&error), |()| ErrorCode::None)).code()
    }
}

/// Kafka's code for what a group's coordinator refuses.
fn group_code(error: &BrokerError) -> ErrorCode {
    match error {
        BrokerError::InvalidName { .. } => ErrorCode::InvalidGroupId,
        BrokerError::ShuttingDown => ErrorCode::NotCoordinator,
        BrokerError::PartitionQuarantined { .. } => ErrorCode::CoordinatorNotAvailable,
        error => code(error),
    }
}

/// The code for what a transaction's coordinator refuses.
fn transaction_code(error: &BrokerError) -> ErrorCode {
    match error {
        BrokerError::PartitionQuarantined { topic, .. }
            if *topic == InternalLog::TransactionState.to_string() =>
        {
            ErrorCode::CoordinatorNotAvailable
        }
        error => code(error),
    }
}

/// The code for what a transaction's coordinator refuses: clients before version `since` know epochs, but no fencing.
fn fenced_since(since: i16, version: i16, error: &BrokerError) -> ErrorCode {
    match transaction_code(error) {
        ErrorCode::ProducerFenced if version < since => ErrorCode::InvalidProducerEpoch,
        ErrorCode::NotLeaderOrFollower => ErrorCode::NotCoordinator,
        // A transactional id that can't be one.
        ErrorCode::InvalidTopicException => ErrorCode::InvalidRequest,
        code => code,
    }
}

/// Whether a client that believes the leader to be of `epoch` may ask this partition; -1: it does not say.
fn check_epoch(partition: &Partition, epoch: i32) -> Result<(), ErrorCode> {
    match partition.leader_epoch() {
        _ if epoch < 0 => Ok(()),
        current if epoch < current => Err(ErrorCode::FencedLeaderEpoch),
        current if epoch > current => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}

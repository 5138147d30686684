//! Every way in which the broker refuses, and the one mapping to the codes on the wire.

use runnel_proto::v1::{Error as WireError, ErrorCode};

/// A refusal. Its text says what is wrong and what to do about it; it never holds a caller's bytes unescaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// No topic of that name.
    #[error("topic {topic:?} does not exist; create it with `runnel topic create {topic}`")]
    UnknownTopic { topic: String },
    /// Another topic has the name by now.
    #[error("topic {topic:?} was deleted and created anew; read it again from its start")]
    TopicReplaced { topic: String },
    /// The topic has fewer partitions.
    #[error("topic {topic:?} has no partition {partition}; it has {count}")]
    UnknownPartition { topic: String, partition: i32, count: i32 },
    /// No such group.
    #[error("group {group:?} does not exist; `runnel group list` names those that do")]
    UnknownGroup { group: String },
    /// The group is of another kind than what is asked for (GROUP_ID_NOT_FOUND).
    #[error("group {group:?} is {kind}: this can't be done with it")]
    OtherGroupKind { group: String, kind: &'static str },
    /// A name that cannot be used.
    #[error("{name:?} is not a legal name: {reason}")]
    InvalidName { name: String, reason: &'static str },
    /// The name is taken.
    #[error("topic {topic:?} exists already; use --if-not-exists to accept that")]
    TopicExists { topic: String },
    /// A partition count out of range.
    #[error("topic {topic:?} can't have {count} partitions: {reason}")]
    InvalidPartitions { topic: String, count: i32, reason: String },
    /// An unknown key or a value outside its range.
    #[error("setting {key:?}: {reason}")]
    InvalidConfig { key: String, reason: String },
    /// A level of a feature that can't be finalized (INVALID_UPDATE_VERSION).
    #[error("feature {feature:?} can't be finalized at level {level}: {reason}")]
    InvalidFeatureLevel { feature: String, level: i16, reason: String },
    /// A batch above `max.message.bytes`.
    #[error(
        "a batch of {size_bytes} bytes is larger than max.message.bytes of topic {topic:?}, {limit_bytes}; \
         split the records or raise the setting"
    )]
    RecordTooLarge { topic: String, size_bytes: usize, limit_bytes: usize },
    /// A batch whose checksum does not match.
    #[error("a record batch arrived damaged (its CRC-32C does not match); send it again")]
    CorruptBatch,
    /// A batch that may not be stored here, and those of its records for which it is so, if it is for some alone.
    #[error("a record batch was refused: {reason}")]
    InvalidRecord { reason: String, records: Vec<RefusedRecord> },
    /// A timestamp that the topic does not take, and all records that are refused with it.
    #[error("a record batch was refused: {reason}")]
    InvalidTimestamp { reason: String, records: Vec<RefusedRecord> },
    /// A gap before an idempotent producer's batch (OUT_OF_ORDER_SEQUENCE_NUMBER).
    #[error(
        "producer {producer_id} sent sequence number {sequence}, and {expected} is next: records are missing between; \
         initialize the producer again"
    )]
    OutOfOrderSequence { producer_id: i64, sequence: i32, expected: i32 },
    /// The producer's epoch is over (INVALID_PRODUCER_EPOCH).
    #[error(
        "epoch {epoch} of producer {producer_id} is over, {current} is current: a newer instance has taken over"
    )]
    InvalidProducerEpoch { producer_id: i64, epoch: i16, current: i16 },
    /// A marker from a coordinator that another has replaced (TRANSACTION_COORDINATOR_FENCED).
    #[error(
        "the transaction coordinator of producer {producer_id} has epoch {epoch}, {current} is current: another one has \
         taken over"
    )]
    TransactionCoordinatorFenced { producer_id: i64, epoch: i32, current: i32 },
    /// An offset outside the log.
    #[error("offset {offset} of {topic}/{partition} is out of range; it has {start} to {end}")]
    OffsetOutOfRange { topic: String, partition: i32, offset: i64, start: i64, end: i64 },
    /// ENOSPC. Nothing was written.
    #[error("the broker's disk is full; nothing was written: free some space and retry")]
    DiskFull,
    /// A failed write or sync.
    #[error("the broker's disk failed and the broker stops: {reason}")]
    StorageFailed { reason: String },
    /// Damage before the last sync point.
    #[error(
        "{topic}/{partition} is quarantined: {reason}; what is there of its files is kept and the other partitions serve; \
         restore its files from a copy and start the broker again, or delete the topic"
    )]
    PartitionQuarantined { topic: String, partition: i32, reason: String },
    /// The member is not in the group.
    #[error("member {member:?} is not in group {group:?}; join again")]
    UnknownMember { group: String, member: String },
    /// Not the current generation.
    #[error("generation {generation} of group {group:?} is over; join again")]
    IllegalGeneration { group: String, generation: i32 },
    /// The group rebalances.
    #[error("group {group:?} is rebalancing; join again")]
    RebalanceInProgress { group: String },
    /// No common assignor.
    #[error("group {group:?} has no assignment protocol that all members know")]
    InconsistentProtocol { group: String },
    /// Another member took over the instance id.
    #[error("another member of group {group:?} has taken over instance id {instance:?}")]
    FencedInstance { group: String, instance: String },
    /// The member of the consumer protocol is in another epoch (FENCED_MEMBER_EPOCH).
    #[error(
        "member {member:?} of group {group:?} is in epoch {current}, not {epoch}; give up its partitions and join again"
    )]
    FencedMemberEpoch { group: String, member: String, epoch: i32, current: i32 },
    /// An offset was committed or fetched in an epoch that is over (STALE_MEMBER_EPOCH).
    #[error(
        "member {member:?} of group {group:?} is in epoch {current}, not {epoch}; learn it by a heartbeat and retry"
    )]
    StaleMemberEpoch { group: String, member: String, epoch: i32, current: i32 },
    /// Another member has the instance id, and has not said farewell (UNRELEASED_INSTANCE_ID).
    #[error(
        "instance id {instance:?} is still in use in group {group:?}; stop its member, or wait until its session ends"
    )]
    UnreleasedInstance { group: String, instance: String },
    /// Records were acknowledged that the member does not hold, or not any more (INVALID_RECORD_STATE).
    #[error(
        "records of partition {partition} are not held by the member that acknowledges them: its time for them may be over"
    )]
    InvalidRecordState { partition: i32 },
    /// No such assignor on the broker (UNSUPPORTED_ASSIGNOR).
    #[error("{assignor:?} is not an assignor of this broker; there are {known}")]
    UnsupportedAssignor { assignor: String, known: String },
    /// Topics can't be chosen by it (INVALID_REGULAR_EXPRESSION).
    #[error("the regular expression can't be used: {reason}")]
    InvalidRegularExpression { reason: &'static str },
    /// The group has members.
    #[error("group {group:?} has live members ({members}); stop them first")]
    GroupNotEmpty { group: String, members: String },
    /// A member reads the topic, so its offsets can't be deleted.
    #[error("group {group:?} reads topic {topic:?}; stop its members before its offsets are deleted")]
    SubscribedTopic { group: String, topic: String },
    /// First join of a dynamic member.
    #[error("join again with member id {member:?}")]
    MemberIdRequired { member: String },
    /// Session timeout outside the limits.
    #[error("a session timeout of {timeout_ms} ms is outside the broker's limits, {min_ms} to {max_ms} ms")]
    InvalidSessionTimeout { timeout_ms: i32, min_ms: i32, max_ms: i32 },
    /// Too many members.
    #[error("group {group:?} is full: it has its maximum of {limit} members")]
    GroupFull { group: String, limit: usize },
    /// A budget is used up.
    #[error("the broker is busy: {what} is used up; retry")]
    Busy { what: &'static str },
    /// The broker goes down.
    #[error("the broker is shutting down; retry when it is back")]
    ShuttingDown,
    /// A defect.
    #[error("the broker failed in a way it should not: {reason}; see its log")]
    Internal { reason: String },
    /// A malformed argument.
    #[error("{reason}")]
    InvalidArgument { name: String, reason: String },
    /// A commit's metadata is too long.
    #[error("commit metadata of {size_bytes} bytes is longer than the limit, {limit_bytes}")]
    MetadataTooLarge { size_bytes: usize, limit_bytes: usize },
    /// Forbidden on this topic.
    #[error("not allowed on topic {topic:?}: {reason}")]
    PolicyViolation { topic: String, reason: &'static str },
    /// A newer instance of the producer has taken over (PRODUCER_FENCED; INVALID_PRODUCER_EPOCH where clients do not know it).
    #[error("a newer instance of producer {producer:?} has taken over; this one can't go on")]
    ProducerFenced { producer: String },
    /// The producer id is not the transactional id's (INVALID_PRODUCER_ID_MAPPING).
    #[error(
        "transactional id {transactional_id:?} has no producer {producer_id}; initialize the producer again"
    )]
    InvalidProducerIdMapping { transactional_id: String, producer_id: i64 },
    /// The transaction before is still ending (CONCURRENT_TRANSACTIONS).
    #[error("the transaction of {transactional_id:?} is still ending; retry")]
    ConcurrentTransactions { transactional_id: String },
    /// Not possible in the state of the producer's transaction (INVALID_TXN_STATE; TRANSACTION_ABORTABLE where clients know it).
    #[error("the transaction of producer {producer:?} does not allow this: {reason}")]
    InvalidTransactionState { producer: String, reason: &'static str },
    /// A transaction timeout outside the limits (INVALID_TRANSACTION_TIMEOUT).
    #[error(
        "a transaction timeout of {timeout_ms} ms is outside 1 to {max_ms} ms; shorten it or raise transaction.max.timeout.ms"
    )]
    InvalidTransactionTimeout { timeout_ms: i32, max_ms: i32 },
    /// No such transactional id (TRANSACTIONAL_ID_NOT_FOUND).
    #[error("transactional id {transactional_id:?} does not exist")]
    UnknownTransactionalId { transactional_id: String },
    /// Something else in the request was refused, so this was not tried (OPERATION_NOT_ATTEMPTED).
    #[error("not tried, since another part of the request was refused")]
    OperationNotAttempted,
    /// A transaction may yet change the offset (UNSTABLE_OFFSET_COMMIT).
    #[error("a transaction that has not ended may change the committed offset of {topic}/{partition}; retry")]
    UnstableOffset { topic: String, partition: i32 },
}

/// A record for which its batch was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecord {
    /// Its place in the batch, from 0.
    pub index: i32,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl BrokerError {
    /// The code on the wire.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownTopic { .. } | Self::TopicReplaced { .. } => ErrorCode::UnknownTopic,
            Self::UnknownPartition { .. } => ErrorCode::UnknownPartition,
            Self::UnknownGroup { .. } | Self::OtherGroupKind { .. } => ErrorCode::UnknownGroup,
            Self::InvalidName { .. } => ErrorCode::InvalidName,
            Self::TopicExists { .. } => ErrorCode::TopicExists,
            Self::InvalidPartitions { .. } => ErrorCode::InvalidPartitions,
            Self::InvalidConfig { .. } => ErrorCode::InvalidConfig,
            Self::RecordTooLarge { .. } => ErrorCode::RecordTooLarge,
            Self::CorruptBatch => ErrorCode::CorruptBatch,
            Self::InvalidRecord { .. }
            | Self::InvalidTimestamp { .. }
            | Self::OutOfOrderSequence { .. }
            | Self::InvalidProducerEpoch { .. }
            | Self::InvalidTransactionState { .. }
            | Self::TransactionCoordinatorFenced { .. } => ErrorCode::InvalidRecord,
            Self::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            Self::DiskFull => ErrorCode::DiskFull,
            Self::StorageFailed { .. } => ErrorCode::StorageFailed,
            Self::PartitionQuarantined { .. } => ErrorCode::PartitionQuarantined,
            Self::UnknownMember { .. } => ErrorCode::UnknownMember,
            Self::IllegalGeneration { .. }
            | Self::FencedMemberEpoch { .. }
            | Self::StaleMemberEpoch { .. } => ErrorCode::IllegalGeneration,
            Self::RebalanceInProgress { .. } => ErrorCode::RebalanceInProgress,
            Self::InconsistentProtocol { .. } => ErrorCode::InconsistentProtocol,
            Self::FencedInstance { .. } | Self::UnreleasedInstance { .. } => ErrorCode::FencedInstance,
            Self::GroupNotEmpty { .. } | Self::SubscribedTopic { .. } => ErrorCode::GroupNotEmpty,
            Self::MemberIdRequired { .. } => ErrorCode::MemberIdRequired,
            Self::InvalidSessionTimeout { .. } => ErrorCode::InvalidSessionTimeout,
            Self::GroupFull { .. } => ErrorCode::GroupFull,
            Self::Busy { .. } | Self::ConcurrentTransactions { .. } | Self::UnstableOffset { .. } => {
                ErrorCode::Busy
            }
            Self::ProducerFenced { .. }
            | Self::InvalidProducerIdMapping { .. }
            | Self::InvalidTransactionTimeout { .. }
            | Self::UnknownTransactionalId { .. }
            | Self::InvalidRecordState { .. }
            | Self::OperationNotAttempted => ErrorCode::InvalidArgument,
            Self::ShuttingDown => ErrorCode::ShuttingDown,
            Self::Internal { .. } => ErrorCode::Internal,
            Self::InvalidArgument { .. }
            | Self::InvalidFeatureLevel { .. }
            | Self::UnsupportedAssignor { .. }
            | Self::InvalidRegularExpression { .. } => ErrorCode::InvalidArgument,
            Self::MetadataTooLarge { .. } => ErrorCode::MetadataTooLarge,
            Self::PolicyViolation { .. } => ErrorCode::PolicyViolation,
        }
    }

    /// What the refusal is about: a topic, group, member or key; empty when it is about nothing that has a name.
    pub fn name(&self) -> &str {
        match self {
            Self::UnknownTopic { topic }
            | Self::TopicReplaced { topic }
            | Self::UnknownPartition { topic, .. }
            | Self::TopicExists { topic }
            | Self::InvalidPartitions { topic, .. }
            | Self::RecordTooLarge { topic, .. }
            | Self::OffsetOutOfRange { topic, .. }
            | Self::PartitionQuarantined { topic, .. }
            | Self::SubscribedTopic { topic, .. }
            | Self::PolicyViolation { topic, .. }
            | Self::UnstableOffset { topic, .. } => topic,
            Self::ProducerFenced { producer: name }
            | Self::InvalidProducerIdMapping { transactional_id: name, .. }
            | Self::ConcurrentTransactions { transactional_id: name }
            | Self::InvalidTransactionState { producer: name, .. }
            | Self::UnknownTransactionalId { transactional_id: name } => name,
            Self::UnknownGroup { group }
            | Self::OtherGroupKind { group, .. }
            | Self::IllegalGeneration { group, .. }
            | Self::RebalanceInProgress { group }
            | Self::InconsistentProtocol { group }
            | Self::GroupNotEmpty { group, .. }
            | Self::GroupFull { group, .. } => group,
            Self::UnknownMember { member, .. }
            | Self::MemberIdRequired { member }
            | Self::FencedMemberEpoch { member, .. }
            | Self::StaleMemberEpoch { member, .. } => member,
            Self::FencedInstance { instance, .. } | Self::UnreleasedInstance { instance, .. } => instance,
            Self::UnsupportedAssignor { assignor, .. } => assignor,
            Self::InvalidName { name, .. } | Self::InvalidArgument { name, .. } => name,
            Self::InvalidConfig { key, .. } => key,
            Self::InvalidFeatureLevel { feature, .. } => feature,
            Self::CorruptBatch
            | Self::InvalidRegularExpression { .. }
            | Self::InvalidRecord { .. }
            | Self::InvalidTimestamp { .. }
            | Self::OutOfOrderSequence { .. }
            | Self::InvalidProducerEpoch { .. }
            | Self::TransactionCoordinatorFenced { .. }
            | Self::DiskFull
            | Self::StorageFailed { .. }
            | Self::InvalidSessionTimeout { .. }
            | Self::Busy { .. }
            | Self::InvalidTransactionTimeout { .. }
            | Self::InvalidRecordState { .. }
            | Self::OperationNotAttempted
            | Self::ShuttingDown
            | Self::Internal { .. }
            | Self::MetadataTooLarge { .. } => "",
        }
    }

    /// The records for which their batch was refused; none when it is the batch that is wrong.
    pub fn refused_records(&self) -> &[RefusedRecord] {
        match self {
            Self::InvalidRecord { records, .. } | Self::InvalidTimestamp { records, .. } => records,
            _ => &[],
        }
    }

    /// The refusal as a message beside the item that it concerns.
    pub fn to_wire(&self) -> WireError {
        WireError { code: self.code().into(), message: self.to_string(), name: self.name().to_owned() }
    }
}

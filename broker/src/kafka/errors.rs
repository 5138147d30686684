//! What a refusal is called in Kafka's protocol.

use runnel_proto::kafka::ErrorCode;

use crate::error::BrokerError;

/// Kafka's code for a refusal.
pub(super) fn code(error: &BrokerError) -> ErrorCode {
    match error {
        BrokerError::UnknownTopic { .. } | BrokerError::UnknownPartition { .. } => {
            ErrorCode::UnknownTopicOrPartition
        }
        BrokerError::TopicReplaced { .. } => ErrorCode::UnknownTopicId,
        BrokerError::UnknownGroup { .. } | BrokerError::OtherGroupKind { .. } => ErrorCode::GroupIdNotFound,
        BrokerError::InvalidName { .. } => ErrorCode::InvalidTopicException,
        BrokerError::TopicExists { .. } => ErrorCode::TopicAlreadyExists,
        BrokerError::InvalidPartitions { .. } => ErrorCode::InvalidPartitions,
        BrokerError::InvalidConfig { .. } => ErrorCode::InvalidConfig,
        BrokerError::InvalidFeatureLevel { .. } => ErrorCode::InvalidUpdateVersion,
        BrokerError::RecordTooLarge { .. } => ErrorCode::MessageTooLarge,
        BrokerError::CorruptBatch => ErrorCode::CorruptMessage,
        BrokerError::InvalidRecord { .. } => ErrorCode::InvalidRecord,
        BrokerError::InvalidTimestamp { .. } => ErrorCode::InvalidTimestamp,
        BrokerError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        BrokerError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        BrokerError::TransactionCoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        BrokerError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        // Kafka has no code for a disk that is full for now; this one makes every client retry.
        BrokerError::DiskFull => ErrorCode::NotEnoughReplicas,
        BrokerError::StorageFailed { .. } | BrokerError::PartitionQuarantined { .. } => {
            ErrorCode::KafkaStorageError
        }
        BrokerError::UnknownMember { .. } => ErrorCode::UnknownMemberId,
        BrokerError::IllegalGeneration { .. } => ErrorCode::IllegalGeneration,
        BrokerError::RebalanceInProgress { .. } => ErrorCode::RebalanceInProgress,
        BrokerError::InconsistentProtocol { .. } => ErrorCode::InconsistentGroupProtocol,
        BrokerError::FencedInstance { .. } => ErrorCode::FencedInstanceId,
        BrokerError::FencedMemberEpoch { .. } => ErrorCode::FencedMemberEpoch,
        BrokerError::StaleMemberEpoch { .. } => ErrorCode::StaleMemberEpoch,
        BrokerError::UnreleasedInstance { .. } => ErrorCode::UnreleasedInstanceId,
        BrokerError::InvalidRecordState { .. } => ErrorCode::InvalidRecordState,
        BrokerError::UnsupportedAssignor { .. } => ErrorCode::UnsupportedAssignor,
        BrokerError::InvalidRegularExpression { .. } => ErrorCode::InvalidRegularExpression,
        BrokerError::GroupNotEmpty { .. } => ErrorCode::NonEmptyGroup,
        BrokerError::SubscribedTopic { .. } => ErrorCode::GroupSubscribedToTopic,
        BrokerError::MemberIdRequired { .. } => ErrorCode::MemberIdRequired,
        BrokerError::InvalidSessionTimeout { .. } => ErrorCode::InvalidSessionTimeout,
        BrokerError::GroupFull { .. } => ErrorCode::GroupMaxSizeReached,
        BrokerError::Busy { .. } => ErrorCode::ThrottlingQuotaExceeded,
        BrokerError::ShuttingDown => ErrorCode::NotLeaderOrFollower,
        BrokerError::Internal { .. } => ErrorCode::UnknownServerError,
        BrokerError::InvalidArgument { .. } => ErrorCode::InvalidRequest,
        BrokerError::MetadataTooLarge { .. } => ErrorCode::OffsetMetadataTooLarge,
        BrokerError::PolicyViolation { .. } => ErrorCode::PolicyViolation,
        BrokerError::ProducerFenced { .. } => ErrorCode::ProducerFenced,
        BrokerError::InvalidProducerIdMapping { .. } => ErrorCode::InvalidProducerIdMapping,
        BrokerError::ConcurrentTransactions { .. } => ErrorCode::ConcurrentTransactions,
        BrokerError::InvalidTransactionState { .. } => ErrorCode::InvalidTxnState,
        BrokerError::InvalidTransactionTimeout { .. } => ErrorCode::InvalidTransactionTimeout,
        BrokerError::UnknownTransactionalId { .. } => ErrorCode::TransactionalIdNotFound,
        BrokerError::OperationNotAttempted => ErrorCode::OperationNotAttempted,
        BrokerError::UnstableOffset { .. } => ErrorCode::UnstableOffsetCommit,
    }
}

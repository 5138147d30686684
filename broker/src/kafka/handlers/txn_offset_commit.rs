//! `TxnOffsetCommit`: offsets that count once a transaction commits.

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use runnel_proto::kafka::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use super::{group_code, outcome_codes};
use crate::coordinator::group::{CommitRequest, NamedPartition, OffsetToCommit, TransactionalCommitRequest};
use crate::error::BrokerError;
use crate::kafka::call::Call;

/// The first version whose clients know that a transaction can be given up to begin anew.
const ABORTABLE_SINCE: i16 = 4;
/// From this version on the group takes part in the transaction by this very request (KIP-890).
const EXTENDS_SINCE: i16 = 5;

/// Answers a request, when the offsets are on disk.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: TxnOffsetCommitRequest,
) -> TxnOffsetCommitResponse {
    let offsets = request.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|row| OffsetToCommit {
            partition: NamedPartition { topic: topic.name.to_string(), partition: row.partition_index },
            offset: row.committed_offset,
            leader_epoch: row.committed_leader_epoch,
            metadata: row.committed_metadata.as_deref().unwrap_or_default().to_owned(),
            topic_id: None,
            refused: None,
        })
    });
    let commit = TransactionalCommitRequest {
        producer_id: request.producer_id,
        producer_epoch: request.producer_epoch,
        commit: CommitRequest {
            group: request.group_id.to_string(),
            generation: request.generation_id,
            member_id: request.member_id.to_string(),
            instance_id: request.group_instance_id.map(|instance| instance.to_string()),
            offsets: offsets.collect(),
        },
    };
    let extends = call.version >= EXTENDS_SINCE;
    let outcome =
        call.operations.commit_offsets_in_transaction(&request.transactional_id, commit, extends).await;
    let mut codes = outcome_codes(outcome, |error| refusal(call.version, error));
    let topics = request.topics.into_iter().map(|topic| TxnOffsetCommitResponseTopic {
        partitions: topic
            .partitions
            .iter()
            .map(|row| TxnOffsetCommitResponsePartition {
                partition_index: row.partition_index,
                error_code: codes(),
            })
            .collect(),
        name: topic.name,
    });
    TxnOffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}

/// A group's coordinator does not speak of fencing, only of epochs.
fn refusal(version: i16, error: &BrokerError) -> ErrorCode {
    match group_code(error) {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::InvalidTxnState if version >= ABORTABLE_SINCE => ErrorCode::TransactionAbortable,
        code => code,
    }
}

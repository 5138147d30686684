//! `TxnOffsetCommit`: offsets that count once a transaction commits.

use runnel_proto::kafka::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use runnel_proto::kafka::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};
use runnel_proto::kafka::{ErrorCode, Uuid};

use super::group_code;
use crate::coordinator::group::{CommitRequest, NamedPartition, OffsetToCommit, TransactionalCommitRequest};
use crate::error::BrokerError;
use crate::kafka::api::Call;
use crate::kafka::errors::code;

/// Answers a request, when the offsets are on disk.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: TxnOffsetCommitRequest,
) -> TxnOffsetCommitResponse {
    let mut offsets = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let found = call.topic(&topic.name, Uuid::nil());
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for row in topic.partitions {
            let known = found.as_ref().map_err(|error| *error).and_then(|topic| {
                topic.partition(row.partition_index).map(|_| ()).map_err(|error| code(&error))
            });
            if known.is_ok() {
                offsets.push(OffsetToCommit {
                    partition: NamedPartition {
                        topic: topic.name.to_string(),
                        partition: row.partition_index,
                    },
                    offset: row.committed_offset,
                    leader_epoch: row.committed_leader_epoch,
                    metadata: row.committed_metadata.map_or_else(String::new, |text| text.to_string()),
                    topic_id: None,
                    refused: None,
                });
            }
            partitions.push(TxnOffsetCommitResponsePartition {
                partition_index: row.partition_index,
                error_code: known.map_or_else(ErrorCode::code, |()| 0),
            });
        }
        topics.push(TxnOffsetCommitResponseTopic { name: topic.name, partitions });
    }
    let commit = TransactionalCommitRequest {
        producer_id: request.producer_id,
        producer_epoch: request.producer_epoch,
        commit: CommitRequest {
            group: request.group_id.to_string(),
            generation: request.generation_id,
            member_id: request.member_id.to_string(),
            instance_id: request.group_instance_id.map(|instance| instance.to_string()),
            offsets,
        },
    };
    let outcome = call.operations.commit_offsets_in_transaction(&request.transactional_id, commit).await;
    let committed = topics
        .iter_mut()
        .flat_map(|topic: &mut TxnOffsetCommitResponseTopic| &mut topic.partitions)
        .filter(|row| row.error_code == 0);
    match outcome {
        Ok(outcomes) => committed.zip(outcomes).for_each(|(row, outcome)| {
            row.error_code = outcome.map_or_else(|error| refusal(&error).code(), |()| 0);
        }),
        Err(error) => {
            let error_code = refusal(&error).code();
            committed.for_each(|row| row.error_code = error_code);
        }
    }
    TxnOffsetCommitResponse { topics, ..Default::default() }
}

/// A group's coordinator does not speak of fencing, only of epochs.
fn refusal(error: &BrokerError) -> ErrorCode {
    match group_code(error) {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        code => code,
    }
}

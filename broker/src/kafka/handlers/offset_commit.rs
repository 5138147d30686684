//! `OffsetCommit`: how far a group is, kept on disk.

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use runnel_proto::kafka::messages::{OffsetCommitRequest, OffsetCommitResponse};

use super::group_code;
use crate::coordinator::group::{CommitRequest, NamedPartition, OffsetToCommit};
use crate::kafka::api::Call;
use crate::kafka::errors::code;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut offsets = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let found = call.topic(&topic.name, topic.topic_id);
        let topic_id = (!topic.topic_id.is_nil()).then_some(topic.topic_id);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for row in topic.partitions {
            let known = found.as_ref().map_err(|error| *error).and_then(|topic| {
                topic.partition(row.partition_index).map_err(|error| code(&error))?;
                Ok(topic.name.to_string())
            });
            let error_code = match known {
                Ok(topic) => {
                    offsets.push(OffsetToCommit {
                        partition: NamedPartition { topic, partition: row.partition_index },
                        offset: row.committed_offset,
                        leader_epoch: row.committed_leader_epoch,
                        metadata: row.committed_metadata.map_or_else(String::new, |text| text.to_string()),
                        topic_id,
                        refused: None,
                    });
                    ErrorCode::None
                }
                Err(error) => error,
            };
            partitions.push(OffsetCommitResponsePartition {
                partition_index: row.partition_index,
                error_code: error_code.code(),
            });
        }
        topics.push(OffsetCommitResponseTopic { name: topic.name, topic_id: topic.topic_id, partitions });
    }
    let commit = CommitRequest {
        group: request.group_id.to_string(),
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|instance| instance.to_string()),
        offsets,
    };
    let outcome = call.operations.commit_offsets(commit).await;
    let committed = topics
        .iter_mut()
        .flat_map(|topic: &mut OffsetCommitResponseTopic| &mut topic.partitions)
        .filter(|row| row.error_code == 0);
    match outcome {
        Ok(outcomes) => committed.zip(outcomes).for_each(|(row, outcome)| {
            row.error_code = outcome.map_or_else(|error| group_code(&error).code(), |()| 0);
        }),
        Err(error) => {
            let error_code = refusal(call, &group_code(&error)).code();
            committed.for_each(|row| row.error_code = error_code);
        }
    }
    OffsetCommitResponse { topics, ..Default::default() }
}

/// Before version 9 a group that does not exist has an illegal generation.
fn refusal(call: &Call, error: &ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::GroupIdNotFound if call.version < 9 => ErrorCode::IllegalGeneration,
        error => *error,
    }
}

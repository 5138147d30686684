//! `OffsetCommit`: how far a group is, kept on disk.

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use runnel_proto::kafka::messages::{OffsetCommitRequest, OffsetCommitResponse};

use super::{group_code, outcome_codes};
use crate::coordinator::group::{CommitRequest, NamedPartition, OffsetToCommit};
use crate::error::BrokerError;
use crate::kafka::call::Call;

/// The first version that knows of groups that do not exist; before, their generations are illegal.
const UNKNOWN_GROUP_SINCE: i16 = 9;

/// Answers a request, when the offsets are on disk. Whether a topic exists is seen to when they are decided on; an id that
/// nobody has is seen here, since offsets are kept by name.
pub(in crate::kafka) async fn handle(call: &Call, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut offsets = Vec::new();
    let mut known = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let topic_id = (!topic.topic_id.is_nil()).then_some(topic.topic_id);
        let name = match topic_id {
            None => Some(topic.name.to_string()),
            Some(id) => call.topic("", id).ok().map(|topic| topic.name.to_string()),
        };
        if let Some(name) = &name {
            offsets.extend(topic.partitions.iter().map(|row| OffsetToCommit {
                partition: NamedPartition { topic: name.clone(), partition: row.partition_index },
                offset: row.committed_offset,
                leader_epoch: row.committed_leader_epoch,
                metadata: row.committed_metadata.as_deref().unwrap_or_default().to_owned(),
                topic_id,
                refused: None,
            }));
        }
        known.push(name.is_some());
    }
    let commit = CommitRequest {
        group: request.group_id.to_string(),
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|instance| instance.to_string()),
        offsets,
    };
    let outcome = call.operations.commit_offsets(commit).await;
    let mut codes = outcome_codes(outcome, |error| refusal(call.version, error));
    let topics = request.topics.into_iter().zip(known).map(|(topic, known)| OffsetCommitResponseTopic {
        partitions: topic
            .partitions
            .iter()
            .map(|row| OffsetCommitResponsePartition {
                partition_index: row.partition_index,
                error_code: if known { codes() } else { ErrorCode::UnknownTopicId.code() },
            })
            .collect(),
        name: topic.name,
        topic_id: topic.topic_id,
    });
    OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}

fn refusal(version: i16, error: &BrokerError) -> ErrorCode {
    match group_code(error) {
        _ if matches!(error, BrokerError::OtherGroupKind { .. }) => ErrorCode::GroupIdNotFound,
        ErrorCode::GroupIdNotFound if version < UNKNOWN_GROUP_SINCE => ErrorCode::IllegalGeneration,
        // Members of the consumer protocol know better.
        ErrorCode::StaleMemberEpoch if version < UNKNOWN_GROUP_SINCE => ErrorCode::UnsupportedVersion,
        code => code,
    }
}

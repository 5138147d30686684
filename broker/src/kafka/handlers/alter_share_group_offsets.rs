//! `AlterShareGroupOffsets`: a share group without members begins anew at other places.

use runnel_proto::kafka::messages::alter_share_group_offsets_response::{
    AlterShareGroupOffsetsResponsePartition as Row, AlterShareGroupOffsetsResponseTopic as Topic,
};
use runnel_proto::kafka::messages::{AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use super::{check_share_groups, group_code};
use crate::coordinator::group::AlterShareOffsetsRequest;
use crate::error::BrokerError;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::types::{Offset, TopicPartition};

/// Answers a request, when the new places are on disk.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: AlterShareGroupOffsetsRequest,
) -> AlterShareGroupOffsetsResponse {
    if let Err(refusal) = check_share_groups(call) {
        return refuse(refusal.code, refusal.message());
    }
    if request.group_id.is_empty() {
        return refuse(ErrorCode::InvalidGroupId, Some("GroupId can't be empty.".into()));
    }
    let places = request.topics.iter().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .map(|row| start(call, &topic.topic_name, row.partition_index, row.start_offset))
    });
    let altering = AlterShareOffsetsRequest { group: request.group_id.to_string(), starts: places.collect() };
    let mut outcomes = match call.operations.groups().alter_share_offsets(altering).await {
        Ok(outcomes) => outcomes.into_iter(),
        Err(error) => return refuse(group_code(&error), Some(error.to_string().into())),
    };
    let topics = request.topics.into_iter().map(|topic| Topic {
        topic_id: call.topic(&topic.topic_name, Uuid::nil()).map_or(Uuid::nil(), |topic| topic.id),
        topic_name: topic.topic_name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|row| {
                let error = outcomes.next().and_then(Result::err);
                Row {
                    partition_index: row.partition_index,
                    error_code: error.as_ref().map_or(0, |error| code(error).code()),
                    error_message: error.map(|error| error.to_string().into()),
                }
            })
            .collect(),
    });
    AlterShareGroupOffsetsResponse { responses: topics.collect(), ..Default::default() }
}

fn start(
    call: &Call,
    topic: &str,
    partition: i32,
    offset: Offset,
) -> Result<(TopicPartition, Offset), BrokerError> {
    let partition = call.operations.registry().partition(topic, partition)?;
    Ok((partition.id(), offset.max(0)))
}

fn refuse(error_code: ErrorCode, error_message: Option<StrBytes>) -> AlterShareGroupOffsetsResponse {
    AlterShareGroupOffsetsResponse { error_code: error_code.code(), error_message, ..Default::default() }
}

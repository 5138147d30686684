//! `OffsetDelete`: some of a group's offsets.

use runnel_proto::kafka::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use runnel_proto::kafka::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

use super::group_code;
use crate::coordinator::group::{DeleteOffsetsRequest, NamedPartition};
use crate::kafka::call::Call;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let partitions = request.topics.iter().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .map(|row| NamedPartition { topic: topic.name.to_string(), partition: row.partition_index })
    });
    let delete =
        DeleteOffsetsRequest { group: request.group_id.to_string(), partitions: partitions.collect() };
    let mut outcomes = match call.operations.groups().delete_offsets(delete).await {
        Ok(outcomes) => outcomes.into_iter(),
        Err(error) => {
            return OffsetDeleteResponse { error_code: group_code(&error).code(), ..Default::default() };
        }
    };
    let topics = request.topics.into_iter().map(|topic| {
        let rows = topic.partitions.iter().zip(outcomes.by_ref()).map(|(row, outcome)| {
            OffsetDeleteResponsePartition {
                partition_index: row.partition_index,
                error_code: outcome.map_or_else(|error| group_code(&error).code(), |()| 0),
            }
        });
        OffsetDeleteResponseTopic { partitions: rows.collect(), name: topic.name }
    });
    OffsetDeleteResponse { topics: topics.collect(), ..Default::default() }
}

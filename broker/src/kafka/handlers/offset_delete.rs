//! `OffsetDelete`: some of a group's offsets.

use std::collections::{BTreeMap, BTreeSet};

use runnel_proto::kafka::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use runnel_proto::kafka::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use runnel_proto::kafka::{ErrorCode, Uuid};

use super::group_code;
use crate::coordinator::group::{DeleteOffsetsRequest, NamedPartition};
use crate::kafka::call::Call;

/// Answers a request, when the offsets are gone. Those of partitions that are not there went with them.
pub(in crate::kafka) async fn handle(call: &Call, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let known = known_partitions(call, &request);
    let delete = DeleteOffsetsRequest {
        group: request.group_id.to_string(),
        partitions: known.iter().cloned().collect(),
    };
    let outcomes = match call.operations.groups().delete_offsets(delete).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            return OffsetDeleteResponse { error_code: group_code(&error).code(), ..Default::default() };
        }
    };
    let codes =
        outcomes.into_iter().map(|outcome| outcome.map_or_else(|error| group_code(&error).code(), |()| 0));
    let codes: BTreeMap<_, _> = known.into_iter().zip(codes).collect();
    let topics = request.topics.into_iter().map(|topic| OffsetDeleteResponseTopic {
        partitions: topic
            .partitions
            .iter()
            .map(|row| {
                let code = codes.get(&named(&topic.name, row.partition_index)).copied();
                OffsetDeleteResponsePartition {
                    partition_index: row.partition_index,
                    error_code: code.unwrap_or(ErrorCode::UnknownTopicOrPartition.code()),
                }
            })
            .collect(),
        name: topic.name,
    });
    OffsetDeleteResponse { topics: topics.collect(), ..Default::default() }
}

fn known_partitions(call: &Call, request: &OffsetDeleteRequest) -> BTreeSet<NamedPartition> {
    let mut known = BTreeSet::new();
    for topic in &request.topics {
        let Ok(found) = call.topic(&topic.name, Uuid::nil()) else { continue };
        let numbers = topic.partitions.iter().map(|row| row.partition_index);
        let there = numbers.filter(|&partition| found.partition(partition).is_ok());
        known.extend(there.map(|partition| named(&topic.name, partition)));
    }
    known
}

fn named(topic: &str, partition: i32) -> NamedPartition {
    NamedPartition { topic: topic.to_owned(), partition }
}

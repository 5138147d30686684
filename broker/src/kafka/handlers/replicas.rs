//! `ListPartitionReassignments` and `ElectLeaders`: with one replica each, partitions neither move nor change leaders.

use runnel_proto::kafka::messages::elect_leaders_request::TopicPartitions;
use runnel_proto::kafka::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use runnel_proto::kafka::messages::{
    ElectLeadersRequest, ElectLeadersResponse, ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use crate::kafka::call::Call;

/// Answers `ListPartitionReassignments`: none is under way.
pub(in crate::kafka) async fn list_reassignments(
    _: &Call,
    _: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse { error_message: None, ..Default::default() }
}

/// The preferred leader, or any that is left.
const ELECTION_TYPES: std::ops::RangeInclusive<i8> = 0..=1;

/// Answers `ElectLeaders`: every partition has its leader.
pub(in crate::kafka) async fn elect_leaders(
    call: &Call,
    request: ElectLeadersRequest,
) -> ElectLeadersResponse {
    let known = ELECTION_TYPES.contains(&request.election_type);
    let asked = request.topic_partitions.unwrap_or_else(|| all_topics(call));
    let results = asked.into_iter().map(|asked| {
        let topic = call.topic(&asked.topic, Uuid::nil());
        let elect = |partition: i32| match &topic {
            _ if !known => (ErrorCode::InvalidRequest, "there is no election of this type"),
            Ok(topic) if topic.partition(partition).is_ok() => {
                (ErrorCode::ElectionNotNeeded, "the partition has its leader, and its only replica is that")
            }
            _ => (ErrorCode::UnknownTopicOrPartition, "there is no such partition"),
        };
        let partitions = asked.partitions.iter().map(|&partition_id| {
            let (error, text) = elect(partition_id);
            PartitionResult {
                partition_id,
                error_code: error.code(),
                error_message: Some(StrBytes::from_static(text)),
            }
        });
        ReplicaElectionResult { partition_result: partitions.collect(), topic: asked.topic }
    });
    let error = if known { ErrorCode::None } else { ErrorCode::InvalidRequest };
    // Version 0 has no code for the request as a whole.
    let error_code = if call.version > 0 { error.code() } else { 0 };
    ElectLeadersResponse { error_code, replica_election_results: results.collect(), ..Default::default() }
}

/// Of those whom nobody named only what was elected is told: nothing.
fn all_topics(call: &Call) -> Vec<TopicPartitions> {
    let topics = call
        .operations
        .list_topics(true)
        .into_iter()
        .map(|topic| TopicPartitions { topic: (&*topic.name).into(), partitions: Vec::new() });
    topics.collect()
}

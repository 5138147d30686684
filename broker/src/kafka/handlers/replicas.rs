//! `ListPartitionReassignments` and `ElectLeaders`: with one replica each, partitions neither move nor change leaders.

use runnel_proto::kafka::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use runnel_proto::kafka::messages::{
    ElectLeadersRequest, ElectLeadersResponse, ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
};
use runnel_proto::kafka::{ErrorCode, Uuid};

use crate::kafka::call::Call;

/// Answers `ListPartitionReassignments`: none is under way.
pub(in crate::kafka) async fn list_reassignments(
    _: &Call,
    _: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse::default()
}

/// Answers `ElectLeaders`: every partition has its leader.
pub(in crate::kafka) async fn elect_leaders(
    call: &Call,
    request: ElectLeadersRequest,
) -> ElectLeadersResponse {
    let results = request.topic_partitions.unwrap_or_default().into_iter().map(|asked| {
        let topic = call.topic(&asked.topic, Uuid::nil());
        let elect = |partition: i32| match &topic {
            Ok(topic) if topic.partition(partition).is_ok() => ErrorCode::ElectionNotNeeded,
            _ => ErrorCode::UnknownTopicOrPartition,
        };
        let partitions = asked.partitions.iter().map(|&partition_id| PartitionResult {
            partition_id,
            error_code: elect(partition_id).code(),
            error_message: None,
        });
        ReplicaElectionResult { partition_result: partitions.collect(), topic: asked.topic }
    });
    ElectLeadersResponse { replica_election_results: results.collect(), ..Default::default() }
}

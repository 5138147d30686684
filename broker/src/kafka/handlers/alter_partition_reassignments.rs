//! `AlterPartitionReassignments`: a partition may be told to be where it is, and nowhere else.

use runnel_proto::kafka::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use runnel_proto::kafka::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
};
use runnel_proto::kafka::{ErrorCode, Uuid};

use crate::kafka::call::Call;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    let (this_broker, ..) = call.node();
    let responses = request.topics.into_iter().map(|asked| {
        let topic = call.topic(&asked.name, Uuid::nil());
        let partitions = asked.partitions.into_iter().map(|row| {
            let exists = topic.as_ref().is_ok_and(|topic| topic.partition(row.partition_index).is_ok());
            let error = exists.then(|| verdict(row.replicas.as_deref(), this_broker));
            ReassignablePartitionResponse {
                partition_index: row.partition_index,
                error_code: error.unwrap_or(ErrorCode::UnknownTopicOrPartition).code(),
                error_message: None,
            }
        });
        ReassignableTopicResponse { partitions: partitions.collect(), name: asked.name }
    });
    AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        responses: responses.collect(),
        ..Default::default()
    }
}

/// What comes of wanting an existing partition's replicas on these brokers; without any, a move is to be given up.
fn verdict(replicas: Option<&[i32]>, this_broker: i32) -> ErrorCode {
    match replicas {
        None => ErrorCode::NoReassignmentInProgress,
        Some([only]) if *only == this_broker => ErrorCode::None,
        Some(_) => ErrorCode::InvalidReplicaAssignment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_stays_where_it_is() {
        assert_eq!(verdict(Some(&[1]), 1), ErrorCode::None);
        assert_eq!(verdict(None, 1), ErrorCode::NoReassignmentInProgress);
        for elsewhere in [&[][..], &[2], &[1, 2], &[1, 1]] {
            assert_eq!(verdict(Some(elsewhere), 1), ErrorCode::InvalidReplicaAssignment, "{elsewhere:?}");
        }
    }
}

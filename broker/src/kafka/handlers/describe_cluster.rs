//! `DescribeCluster`: the brokers, of which this is the one.

use runnel_proto::kafka::messages::describe_cluster_response::DescribeClusterBroker;
use runnel_proto::kafka::messages::{DescribeClusterRequest, DescribeClusterResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::metadata::{CLUSTER_OPERATIONS, NOT_ASKED};
use crate::kafka::call::Call;

/// Clients may ask for brokers; controllers have no address of their own.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    let asked = request.include_cluster_authorized_operations;
    let cluster_authorized_operations = if asked { CLUSTER_OPERATIONS } else { NOT_ASKED };
    if request.endpoint_type != BROKERS {
        let text = "this is a broker; ask for endpoints of type 1";
        let error = match request.endpoint_type {
            CONTROLLERS => ErrorCode::MismatchedEndpointType,
            _ => ErrorCode::UnsupportedEndpointType,
        };
        return DescribeClusterResponse {
            error_code: error.code(),
            error_message: Some(StrBytes::from_static(text)),
            cluster_authorized_operations,
            ..Default::default()
        };
    }
    let (broker_id, host, port) = call.node();
    DescribeClusterResponse {
        cluster_id: call.cluster_id(),
        controller_id: broker_id,
        brokers: vec![DescribeClusterBroker { broker_id, host, port, rack: None, is_fenced: false }],
        cluster_authorized_operations,
        endpoint_type: BROKERS,
        ..Default::default()
    }
}

//! `FindCoordinator`: this broker coordinates everything.

use runnel_proto::kafka::messages::find_coordinator_response::Coordinator;
use runnel_proto::kafka::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use crate::kafka::call::Call;

/// Groups and transactions.
const KEY_TYPES: std::ops::RangeInclusive<i8> = 0..=1;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let known = KEY_TYPES.contains(&request.key_type);
    let (error_code, (node_id, host, port)) = if known {
        (0, call.node())
    } else {
        (ErrorCode::InvalidRequest.code(), (-1, StrBytes::default(), -1))
    };
    if call.version < 4 {
        return FindCoordinatorResponse { error_code, node_id, host, port, ..Default::default() };
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| Coordinator {
        key,
        node_id,
        host: host.clone(),
        port,
        error_code,
        error_message: Some(StrBytes::from_static(if known { "" } else { "there is no such type of key" })),
    });
    FindCoordinatorResponse { coordinators: coordinators.collect(), ..Default::default() }
}

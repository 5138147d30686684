//! `Heartbeat`: a member's sign of life; the answer also tells it to join again.

use runnel_proto::kafka::messages::{HeartbeatRequest, HeartbeatResponse};

use super::group_code;
use crate::coordinator::group;
use crate::kafka::call::Call;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: HeartbeatRequest) -> HeartbeatResponse {
    let request = group::HeartbeatRequest {
        group: request.group_id.to_string(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|instance| instance.to_string()),
    };
    let outcome = call.operations.groups().heartbeat(request).await;
    let error_code = outcome.map_or_else(|error| group_code(&error).code(), |()| 0);
    HeartbeatResponse { error_code, ..Default::default() }
}

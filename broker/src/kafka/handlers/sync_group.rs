//! `SyncGroup`: the assignment; the leader brings everybody's.

use runnel_proto::kafka::messages::{SyncGroupRequest, SyncGroupResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::{group_code, owned};
use crate::coordinator::group::SyncRequest;
use crate::kafka::call::Call;

/// The first version whose members must say what they speak (KIP-559).
const PROTOCOL_SINCE: i16 = 5;

/// Answers a request, when the leader has brought the assignment.
pub(in crate::kafka) async fn handle(call: &Call, request: SyncGroupRequest) -> SyncGroupResponse {
    let says_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if call.version >= PROTOCOL_SINCE && !says_protocol {
        return refuse(ErrorCode::InconsistentGroupProtocol);
    }
    let assignments =
        request.assignments.iter().map(|each| (each.member_id.to_string(), owned(&each.assignment)));
    let request = SyncRequest {
        group: request.group_id.to_string(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|instance| instance.to_string()),
        protocol_type: request.protocol_type.map(|name| name.to_string()),
        protocol: request.protocol_name.map(|name| name.to_string()),
        assignments: assignments.collect(),
    };
    match call.operations.groups().sync(request).await {
        Ok(synced) => SyncGroupResponse {
            protocol_type: Some(StrBytes::from(synced.protocol_type)),
            protocol_name: Some(StrBytes::from(synced.protocol)),
            assignment: synced.assignment,
            ..Default::default()
        },
        Err(error) => refuse(group_code(&error)),
    }
}

fn refuse(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code: error.code(), ..Default::default() }
}

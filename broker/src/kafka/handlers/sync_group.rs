//! `SyncGroup`: the assignment; the leader brings everybody's.

use runnel_proto::kafka::messages::{SyncGroupRequest, SyncGroupResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::{group_code, owned};
use crate::coordinator::group::{SyncRequest, Synced};
use crate::kafka::call::Call;

/// The first version whose members must say what they speak (KIP-559).
const PROTOCOL_SINCE: i16 = 5;

/// Answers a request, when the leader has brought the assignment. Nothing of it is kept until then but what the group is
/// told.
pub(in crate::kafka) fn begin(
    call: &Call,
    request: SyncGroupRequest,
) -> impl Future<Output = SyncGroupResponse> + use<> {
    let says_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    let is_whole = says_protocol || call.version < PROTOCOL_SINCE;
    let (groups, sync) = (call.operations.groups().clone(), translate(request));
    async move {
        if !is_whole {
            return refuse(ErrorCode::InconsistentGroupProtocol);
        }
        groups.sync(sync).await.map_or_else(|error| refuse(group_code(&error)), accept)
    }
}

fn translate(request: SyncGroupRequest) -> SyncRequest {
    let assignments =
        request.assignments.iter().map(|each| (each.member_id.to_string(), owned(&each.assignment)));
    SyncRequest {
        group: request.group_id.to_string(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|instance| instance.to_string()),
        protocol_type: request.protocol_type.map(|name| name.to_string()),
        protocol: request.protocol_name.map(|name| name.to_string()),
        assignments: assignments.collect(),
    }
}

fn accept(synced: Synced) -> SyncGroupResponse {
    SyncGroupResponse {
        protocol_type: Some(StrBytes::from(synced.protocol_type)),
        protocol_name: Some(StrBytes::from(synced.protocol)),
        assignment: synced.assignment,
        ..Default::default()
    }
}

fn refuse(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code: error.code(), ..Default::default() }
}

//! `ShareGroupHeartbeat`: a member of a share group (KIP-932) joins, goes on and leaves with it, and learns what it is to read.

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::StrBytes;
use runnel_proto::kafka::messages::share_group_heartbeat_response::{Assignment, TopicPartitions};
use runnel_proto::kafka::messages::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};

use super::{check_share_groups, group_code};
use crate::coordinator::group::{Partitions, ShareHeartbeatRequest};
use crate::kafka::call::Call;

/// Answers a request, when what it changes is on disk.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: ShareGroupHeartbeatRequest,
) -> ShareGroupHeartbeatResponse {
    if let Err(refusal) = check_share_groups(call) {
        return refuse(refusal.code, refusal.message());
    }
    if request.group_id.trim().is_empty() {
        return refuse(ErrorCode::InvalidRequest, Some("GroupId can't be empty.".into()));
    }
    let member_id = request.member_id.clone();
    match call.operations.groups().share_heartbeat(Box::new(translate(call, request))).await {
        Ok(alive) => ShareGroupHeartbeatResponse {
            // A copy: the answer may wait long to be read.
            member_id: Some(StrBytes::from(&*member_id)),
            member_epoch: alive.member_epoch,
            heartbeat_interval_ms: alive.heartbeat_interval_ms,
            assignment: alive.assignment.map(assignment),
            ..Default::default()
        },
        Err(error) => refuse(group_code(&error), Some(error.to_string().into())),
    }
}

fn translate(call: &Call, request: ShareGroupHeartbeatRequest) -> ShareHeartbeatRequest {
    ShareHeartbeatRequest {
        group: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        member_epoch: request.member_epoch,
        rack_id: request.rack_id.map(|rack| rack.to_string()),
        client_id: call.client_id.to_string(),
        client_host: call.client_host(),
        topics: request
            .subscribed_topic_names
            .map(|names| names.iter().map(|name| name.to_string()).collect()),
    }
}

fn assignment(partitions: Partitions) -> Assignment {
    let topic = |(topic_id, numbers): (_, std::collections::BTreeSet<i32>)| TopicPartitions {
        topic_id,
        partitions: numbers.into_iter().collect(),
    };
    Assignment { topic_partitions: partitions.into_iter().map(topic).collect() }
}

fn refuse(error_code: ErrorCode, error_message: Option<StrBytes>) -> ShareGroupHeartbeatResponse {
    ShareGroupHeartbeatResponse { error_code: error_code.code(), error_message, ..Default::default() }
}

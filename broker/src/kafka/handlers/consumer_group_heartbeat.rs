//! `ConsumerGroupHeartbeat`: a member's only request by the consumer protocol (KIP-848): it joins, goes on and leaves with it, and
//! learns what it is to read.

use runnel_proto::kafka::messages::consumer_group_heartbeat_request::TopicPartitions as Owned;
use runnel_proto::kafka::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use runnel_proto::kafka::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::group_code;
use crate::coordinator::group::{ConsumerAlive, ConsumerHeartbeatRequest, Partitions};
use crate::kafka::call::Call;

/// The first version whose members make up their ids themselves.
const OWN_MEMBER_ID_SINCE: i16 = 1;

/// Answers a request, when what it changes is on disk.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    if !call.operations.serves_consumer_protocol() {
        let message = "The consumer protocol is off: level 1 of the feature group.version is not finalized.";
        return refuse(ErrorCode::UnsupportedVersion, message.into());
    }
    if request.group_id.trim().is_empty() {
        return refuse(ErrorCode::InvalidRequest, "GroupId can't be empty.".into());
    }
    if call.version >= OWN_MEMBER_ID_SINCE && request.member_id.is_empty() {
        return refuse(ErrorCode::InvalidRequest, "MemberId can't be empty.".into());
    }
    match call.operations.groups().consumer_heartbeat(Box::new(translate(call, request))).await {
        Ok(alive) => accept(alive),
        Err(error) => refuse(group_code(&error), error.to_string().into()),
    }
}

fn translate(call: &Call, request: ConsumerGroupHeartbeatRequest) -> ConsumerHeartbeatRequest {
    let text = |text: Option<StrBytes>| text.map(|text| text.to_string());
    ConsumerHeartbeatRequest {
        group: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        member_epoch: request.member_epoch,
        instance_id: text(request.instance_id),
        rack_id: text(request.rack_id),
        client_id: call.client_id.to_string(),
        client_host: call.client_host(),
        rebalance_timeout_ms: (request.rebalance_timeout_ms != -1).then_some(request.rebalance_timeout_ms),
        topics: request
            .subscribed_topic_names
            .map(|names| names.iter().map(|name| name.to_string()).collect()),
        expression: text(request.subscribed_topic_regex),
        assignor: text(request.server_assignor),
        owned: request.topic_partitions.map(owned),
    }
}

fn owned(rows: Vec<Owned>) -> Partitions {
    let mut owned = Partitions::new();
    for row in rows.into_iter().filter(|row| !row.partitions.is_empty()) {
        owned.entry(row.topic_id).or_default().extend(row.partitions);
    }
    owned
}

fn accept(alive: ConsumerAlive) -> ConsumerGroupHeartbeatResponse {
    let assignment = alive.assignment.map(|partitions| Assignment {
        topic_partitions: partitions
            .into_iter()
            .map(|(topic_id, numbers)| TopicPartitions {
                topic_id,
                partitions: numbers.into_iter().collect(),
            })
            .collect(),
    });
    ConsumerGroupHeartbeatResponse {
        member_id: Some(alive.member_id.into()),
        member_epoch: alive.member_epoch,
        heartbeat_interval_ms: alive.heartbeat_interval_ms,
        assignment,
        ..Default::default()
    }
}

fn refuse(error_code: ErrorCode, message: StrBytes) -> ConsumerGroupHeartbeatResponse {
    let error_message = Some(message);
    ConsumerGroupHeartbeatResponse { error_code: error_code.code(), error_message, ..Default::default() }
}

//! `JoinGroup`: becoming, or remaining, a member of a classic group.

use runnel_proto::kafka::messages::join_group_response::JoinGroupResponseMember;
use runnel_proto::kafka::messages::{JoinGroupRequest, JoinGroupResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::{group_code, owned};
use crate::coordinator::group::{JoinRequest, Joined, Protocol};
use crate::error::BrokerError;
use crate::kafka::call::Call;

/// The first version whose clients join again with the id that they were given (KIP-394).
const KNOWN_MEMBER_ID_SINCE: i16 = 4;
/// The first version whose static leader can be told to skip the assignment (KIP-814).
const SKIPPING_SINCE: i16 = 9;
/// Until this version an absent protocol is empty text.
const NULL_PROTOCOL_SINCE: i16 = 7;

/// Answers a request, when the rebalance is through. Nothing of it is kept until then but what the group is told.
pub(in crate::kafka) fn begin(
    call: &Call,
    request: JoinGroupRequest,
) -> impl Future<Output = JoinGroupResponse> + use<> {
    let asked = StrBytes::from(&*request.member_id);
    let (call, join) = (call.clone(), translate(call, request));
    async move {
        let outcome = call.operations.groups().join(join).await;
        outcome.map_or_else(|error| refuse(&call, asked, &error), accept)
    }
}

fn translate(call: &Call, request: JoinGroupRequest) -> JoinRequest {
    let protocols = request.protocols.into_iter().map(|protocol| Protocol {
        name: protocol.name.to_string(),
        // A copy: the request's frame need not outlive it.
        metadata: owned(&protocol.metadata),
    });
    JoinRequest {
        group: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|instance| instance.to_string()),
        client_id: call.client_id.to_string(),
        client_host: call.client_host(),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols.collect(),
        require_known_member_id: call.version >= KNOWN_MEMBER_ID_SINCE,
        supports_skipping_assignment: call.version >= SKIPPING_SINCE,
    }
}

fn accept(joined: Joined) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|member| JoinGroupResponseMember {
        member_id: member.member_id.into(),
        group_instance_id: member.instance_id.map(StrBytes::from),
        metadata: member.metadata,
    });
    JoinGroupResponse {
        generation_id: joined.generation,
        protocol_type: Some(joined.protocol_type.into()),
        protocol_name: Some(joined.protocol.into()),
        leader: joined.leader.into(),
        skip_assignment: joined.skip_assignment,
        member_id: joined.member_id.into(),
        members: members.collect(),
        ..Default::default()
    }
}

fn refuse(call: &Call, asked: StrBytes, error: &BrokerError) -> JoinGroupResponse {
    let member_id = match error {
        BrokerError::MemberIdRequired { member } => member.as_str().into(),
        _ => asked,
    };
    // A group that is full says so only to those who know the word.
    let error_code = match group_code(error) {
        ErrorCode::GroupMaxSizeReached if call.version < KNOWN_MEMBER_ID_SINCE => {
            ErrorCode::UnknownServerError
        }
        code => code,
    };
    JoinGroupResponse {
        error_code: error_code.code(),
        generation_id: -1,
        protocol_name: (call.version < NULL_PROTOCOL_SINCE).then(StrBytes::default),
        member_id,
        ..Default::default()
    }
}

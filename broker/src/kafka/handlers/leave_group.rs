//! `LeaveGroup`: members go; from version 3 on several, each with its own outcome.

use runnel_proto::kafka::messages::leave_group_response::MemberResponse;
use runnel_proto::kafka::messages::{LeaveGroupRequest, LeaveGroupResponse};

use super::group_code;
use crate::coordinator::group::{LeaveRequest, LeavingMember};
use crate::error::BrokerError;
use crate::kafka::call::Call;

/// The first version that names several members.
const SEVERAL_SINCE: i16 = 3;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let several = call.version >= SEVERAL_SINCE;
    let members: Vec<_> = if several {
        let leaving = request.members.iter().map(|member| LeavingMember {
            member_id: member.member_id.to_string(),
            instance_id: member.group_instance_id.as_ref().map(|instance| instance.to_string()),
        });
        leaving.collect()
    } else {
        vec![LeavingMember { member_id: request.member_id.to_string(), instance_id: None }]
    };
    let leave = LeaveRequest { group: request.group_id.to_string(), members };
    let code = |error: &BrokerError| group_code(error).code();
    match call.operations.groups().leave(leave).await {
        Err(error) => LeaveGroupResponse { error_code: code(&error), ..Default::default() },
        Ok(outcomes) if several => {
            let members = request.members.into_iter().zip(outcomes).map(|(member, outcome)| MemberResponse {
                member_id: member.member_id,
                group_instance_id: member.group_instance_id,
                error_code: outcome.map_or_else(|error| code(&error), |()| 0),
            });
            LeaveGroupResponse { members: members.collect(), ..Default::default() }
        }
        Ok(outcomes) => {
            let refused = outcomes.into_iter().find_map(Result::err);
            LeaveGroupResponse { error_code: refused.map_or(0, |error| code(&error)), ..Default::default() }
        }
    }
}

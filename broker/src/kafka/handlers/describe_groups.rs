//! `DescribeGroups`: classic groups and their members. One of the consumer protocol is not found here: `ConsumerGroupDescribe`
//! tells of it.

use runnel_proto::kafka::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use runnel_proto::kafka::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::metadata::NOT_ASKED;
use super::{distinct, group_code};
use crate::coordinator::group::{GroupDescription, GroupType, MemberDescription};
use crate::kafka::call::Call;

/// What anybody may do with a group while there are no access rules: Kafka's codes of operations as bits.
pub(super) const GROUP_OPERATIONS: i32 = 0b1101_0100_1000;
/// The first version that tells of a group that does not exist; before, it is dead.
const UNKNOWN_SINCE: i16 = 6;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let known = call.operations.groups().check();
    let groups = distinct(request.groups).map(|group_id| {
        if let Err(error) = &known {
            return DescribedGroup { error_code: group_code(error).code(), group_id, ..Default::default() };
        }
        let mut group = match call.operations.groups().describe(&group_id) {
            Some(group) if group.summary.kind == GroupType::Classic => describe(group_id, group),
            _ => unknown(call.version, group_id),
        };
        group.authorized_operations =
            if request.include_authorized_operations { GROUP_OPERATIONS } else { NOT_ASKED };
        group
    });
    DescribeGroupsResponse { groups: groups.collect(), ..Default::default() }
}

fn describe(group_id: StrBytes, group: GroupDescription) -> DescribedGroup {
    DescribedGroup {
        group_id,
        group_state: group.summary.state.to_string().into(),
        protocol_type: group.summary.protocol_type.into(),
        protocol_data: group.protocol.into(),
        members: group.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

fn member(member: MemberDescription) -> DescribedGroupMember {
    DescribedGroupMember {
        member_id: member.member_id.into(),
        group_instance_id: member.instance_id.map(StrBytes::from),
        client_id: member.client_id.into(),
        client_host: member.client_host.into(),
        member_metadata: member.subscription,
        member_assignment: member.assignment,
    }
}

fn unknown(version: i16, group_id: StrBytes) -> DescribedGroup {
    let group = DescribedGroup { group_state: StrBytes::from_static("Dead"), ..Default::default() };
    if version < UNKNOWN_SINCE {
        return DescribedGroup { group_id, ..group };
    }
    let error_message = Some(format!("Group {} not found.", &*group_id).into());
    DescribedGroup { error_code: ErrorCode::GroupIdNotFound.code(), error_message, group_id, ..group }
}

//! `ShareGroupDescribe`: share groups and their members.

use runnel_proto::group::TopicPartitions;
use runnel_proto::kafka::messages::share_group_describe_response::{
    Assignment, DescribedGroup, Member, TopicPartitions as DescribedTopic,
};
use runnel_proto::kafka::messages::{ShareGroupDescribeRequest, ShareGroupDescribeResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use super::describe_groups::GROUP_OPERATIONS;
use super::metadata::NOT_ASKED;
use super::{check_share_groups, distinct, group_code};
use crate::coordinator::group::{GroupDescription, GroupType, MemberDescription};
use crate::kafka::call::Call;

/// Answers a request. A group of another kind is not found here.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: ShareGroupDescribeRequest,
) -> ShareGroupDescribeResponse {
    let served = check_share_groups(call).map_err(|refusal| refusal.code);
    let known = served.and_then(|()| call.operations.groups().check().map_err(|error| group_code(&error)));
    let groups = distinct(request.group_ids).map(|group_id| {
        if let Err(error) = known {
            return failed(group_id, error);
        }
        if group_id.is_empty() {
            return failed(group_id, ErrorCode::InvalidGroupId);
        }
        let mut group = match call.operations.groups().describe(&group_id) {
            Some(group) if group.summary.kind == GroupType::Share => describe(call, group_id, group),
            Some(_) => return not_found(group_id, "is not a share group."),
            None => return not_found(group_id, "not found."),
        };
        group.authorized_operations =
            if request.include_authorized_operations { GROUP_OPERATIONS } else { NOT_ASKED };
        group
    });
    ShareGroupDescribeResponse { groups: groups.collect(), ..Default::default() }
}

fn failed(group_id: StrBytes, error: ErrorCode) -> DescribedGroup {
    DescribedGroup { error_code: error.code(), group_id, ..Default::default() }
}

fn not_found(group_id: StrBytes, how: &str) -> DescribedGroup {
    let error_message = Some(format!("Group {} {how}", &*group_id).into());
    DescribedGroup { error_message, ..failed(group_id, ErrorCode::GroupIdNotFound) }
}

fn describe(call: &Call, group_id: StrBytes, group: GroupDescription) -> DescribedGroup {
    DescribedGroup {
        group_id,
        group_state: group.summary.state.to_string().into(),
        group_epoch: group.generation,
        assignment_epoch: group.assignment_epoch.unwrap_or_default(),
        assignor_name: group.protocol.into(),
        members: group.members.into_iter().filter_map(|row| member(call, row)).collect(),
        ..Default::default()
    }
}

fn member(call: &Call, member: MemberDescription) -> Option<Member> {
    let share = member.consumer?;
    Some(Member {
        member_id: member.member_id.into(),
        rack_id: share.rack_id.map(StrBytes::from),
        member_epoch: share.epoch,
        client_id: member.client_id.into(),
        client_host: member.client_host.into(),
        subscribed_topic_names: share.topics.into_iter().map(StrBytes::from).collect(),
        assignment: assignment(call, member.partitions),
    })
}

fn assignment(call: &Call, rows: Vec<TopicPartitions>) -> Assignment {
    let topic_partitions = rows.into_iter().map(|row| DescribedTopic {
        topic_id: call.topic(&row.topic, Uuid::nil()).map_or(Uuid::nil(), |topic| topic.id),
        topic_name: row.topic.into(),
        partitions: row.partitions,
    });
    Assignment { topic_partitions: topic_partitions.collect() }
}

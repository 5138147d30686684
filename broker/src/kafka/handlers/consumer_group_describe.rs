//! `ConsumerGroupDescribe`: groups of the consumer protocol and their members.

use runnel_proto::group::TopicPartitions;
use runnel_proto::kafka::messages::consumer_group_describe_response::{
    Assignment, DescribedGroup, Member, TopicPartitions as DescribedTopic,
};
use runnel_proto::kafka::messages::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use super::describe_groups::GROUP_OPERATIONS;
use super::metadata::NOT_ASKED;
use super::{distinct, group_code};
use crate::coordinator::group::{GroupDescription, GroupType, MemberDescription};
use crate::kafka::call::Call;

/// The member speaks the classic protocol, or the consumer protocol.
const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

/// Answers a request. A classic group is not found here, so that clients ask `DescribeGroups`.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    let known = call.operations.groups().check();
    let groups = distinct(request.group_ids).map(|group_id| {
        if let Err(error) = &known {
            return DescribedGroup { error_code: group_code(error).code(), group_id, ..Default::default() };
        }
        if group_id.is_empty() {
            let error_code = ErrorCode::InvalidGroupId.code();
            return DescribedGroup { error_code, group_id, ..Default::default() };
        }
        let found = call.operations.groups().describe(&group_id);
        let mut group = match found {
            Some(group) if group.summary.kind == GroupType::Consumer => describe(call, group_id, group),
            Some(_) => return not_found(group_id, "is not a consumer group."),
            None => return not_found(group_id, "not found."),
        };
        group.authorized_operations =
            if request.include_authorized_operations { GROUP_OPERATIONS } else { NOT_ASKED };
        group
    });
    ConsumerGroupDescribeResponse { groups: groups.collect(), ..Default::default() }
}

fn not_found(group_id: StrBytes, how: &str) -> DescribedGroup {
    let error_message = Some(format!("Group {} {how}", &*group_id).into());
    DescribedGroup {
        error_code: ErrorCode::GroupIdNotFound.code(),
        error_message,
        group_id,
        ..Default::default()
    }
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
    let consumer = member.consumer?;
    Some(Member {
        member_id: member.member_id.into(),
        instance_id: member.instance_id.map(StrBytes::from),
        rack_id: consumer.rack_id.map(StrBytes::from),
        member_epoch: consumer.epoch,
        client_id: member.client_id.into(),
        client_host: member.client_host.into(),
        subscribed_topic_names: consumer.topics.into_iter().map(StrBytes::from).collect(),
        // Kafka's word for none.
        subscribed_topic_regex: Some(consumer.expression.unwrap_or_default().into()),
        assignment: assignment(call, member.partitions),
        target_assignment: assignment(call, consumer.target),
        member_type: if consumer.is_classic { CLASSIC_MEMBER } else { CONSUMER_MEMBER },
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

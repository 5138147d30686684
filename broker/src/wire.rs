//! Views of groups as messages, for the services and for the live view alike.

use runnel_proto::v1::{
    GroupMember, GroupPartition, GroupState as WireState, GroupType as WireType, TopicPartitions,
};

use crate::coordinator::group::{GroupDescription, GroupState, GroupType};
use crate::operations::PartitionProgress;

/// The state of a group.
pub(crate) fn group_state(state: GroupState) -> WireState {
    match state {
        GroupState::Empty => WireState::Empty,
        GroupState::PreparingRebalance => WireState::PreparingRebalance,
        GroupState::CompletingRebalance => WireState::CompletingRebalance,
        GroupState::Stable => WireState::Stable,
        GroupState::Assigning => WireState::Assigning,
        GroupState::Reconciling => WireState::Reconciling,
        GroupState::Dead => WireState::Dead,
    }
}

/// The protocol of a group.
pub(crate) fn group_type(kind: GroupType) -> WireType {
    match kind {
        GroupType::Classic => WireType::Classic,
        GroupType::Consumer => WireType::Consumer,
        GroupType::Share => WireType::Share,
    }
}

/// A group's members, by id.
pub(crate) fn members(group: &GroupDescription) -> Vec<GroupMember> {
    let members = group.members.iter().map(|member| GroupMember {
        member_id: member.member_id.clone(),
        instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        assignment: member
            .assigned()
            .into_iter()
            .map(|(topic, partitions)| TopicPartitions { topic, partitions })
            .collect(),
        epoch: member.consumer.as_ref().map(|member| member.epoch),
        target: member.consumer.as_ref().map(|member| member.target.clone()).unwrap_or_default(),
        classic: member.consumer.as_ref().is_some_and(|member| member.is_classic),
    });
    members.collect()
}

/// How far a group is in one partition.
pub(crate) fn partition(progress: &PartitionProgress) -> GroupPartition {
    let committed = progress.committed.as_ref();
    GroupPartition {
        topic: progress.partition.topic.clone(),
        partition: progress.partition.partition,
        committed_offset: committed.map(|committed| committed.offset),
        log_start_offset: progress.log_start_offset,
        end_offset: progress.end_offset,
        lag: progress.lag(),
        time_lag_ms: progress.time_lag_ms,
        member_id: progress.member_id.clone(),
        metadata: committed.map(|committed| committed.metadata.clone()).unwrap_or_default(),
        commit_time_ms: committed.map_or(0, |committed| committed.commit_time_ms),
    }
}

//! What can be seen of a group of the consumer protocol.

use bytes::Bytes;

use super::rows::{MemberRow, Rows};
use crate::coordinator::group::state::{Group, GroupState};
use crate::coordinator::group::topics::Topics;
use crate::coordinator::group::views::{
    ConsumerMember, GroupDescription, GroupSummary, GroupType, MemberDescription,
};

impl Rows {
    /// Where the group stands between one target assignment and the next.
    pub(in super::super) fn state(&self) -> GroupState {
        let is_there = |id| self.current(id).is_reconciled_to(self.target_epoch);
        if !self.has_members() {
            GroupState::Empty
        } else if self.epoch() > self.target_epoch {
            GroupState::Assigning
        } else if self.members.keys().all(|id| is_there(id)) {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }
}

impl Group {
    pub(in super::super) fn consumer_summary(&self) -> GroupSummary {
        GroupSummary {
            group: self.name.clone(),
            kind: GroupType::Consumer,
            state: self.rows.state(),
            protocol_type: "consumer".to_owned(),
            members: self.rows.members.len(),
            version: self.version,
        }
    }

    pub(in super::super) fn describe_consumer(&self, topics: &Topics, assignor: String) -> GroupDescription {
        let members = self.rows.members.iter().map(|(id, row)| self.describe_member(id, row, topics));
        GroupDescription {
            summary: self.consumer_summary(),
            protocol: assignor,
            generation: self.rows.epoch(),
            assignment_epoch: Some(self.rows.target_epoch),
            leader: String::new(),
            members: members.collect(),
        }
    }

    fn describe_member(&self, id: &str, row: &MemberRow, topics: &Topics) -> MemberDescription {
        let current = self.rows.current(id);
        let target = self.rows.targets.get(id);
        MemberDescription {
            member_id: id.to_owned(),
            instance_id: row.instance_id.clone(),
            client_id: row.client_id.clone(),
            client_host: row.client_host.clone(),
            subscription: Bytes::new(),
            assignment: Bytes::new(),
            partitions: topics.named(&current.assigned),
            consumer: Some(ConsumerMember {
                epoch: current.epoch,
                state: current.state,
                rack_id: row.rack_id.clone(),
                topics: row.topics.iter().cloned().collect(),
                expression: row.expression().map(str::to_owned),
                is_classic: row.classic.is_some(),
                target: target.map(|target| topics.named(target)).unwrap_or_default(),
            }),
        }
    }
}

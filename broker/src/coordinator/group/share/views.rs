//! What can be seen of a share group.

use bytes::Bytes;

use super::rows::MemberRow;
use crate::coordinator::group::consumer::MemberState;
use crate::coordinator::group::state::{Group, GroupState};
use crate::coordinator::group::topics::Topics;
use crate::coordinator::group::views::{
    ConsumerMember, GroupDescription, GroupSummary, GroupType, MemberDescription,
};

/// The one assignor that there is.
const ASSIGNOR: &str = "simple";

impl Group {
    pub(in super::super) fn share_summary(&self) -> GroupSummary {
        let members = self.share.rows.members.len();
        GroupSummary {
            group: self.name.clone(),
            kind: GroupType::Share,
            state: if members == 0 { GroupState::Empty } else { GroupState::Stable },
            protocol_type: "share".to_owned(),
            members,
            version: self.version,
        }
    }

    pub(in super::super) fn describe_share(&self, topics: &Topics) -> GroupDescription {
        let rows = &self.share.rows;
        GroupDescription {
            summary: self.share_summary(),
            protocol: ASSIGNOR.to_owned(),
            generation: rows.epoch(),
            assignment_epoch: Some(rows.target_epoch),
            leader: String::new(),
            members: rows
                .members
                .iter()
                .map(|(id, row)| self.describe_share_member(id, row, topics))
                .collect(),
        }
    }

    fn describe_share_member(&self, id: &str, row: &MemberRow, topics: &Topics) -> MemberDescription {
        let current = self.share.rows.currents.get(id).cloned().unwrap_or_default();
        let target = self.share.rows.targets.get(id).map(|target| topics.named(target));
        MemberDescription {
            member_id: id.to_owned(),
            instance_id: None,
            client_id: row.client_id.clone(),
            client_host: row.client_host.clone(),
            subscription: Bytes::new(),
            assignment: Bytes::new(),
            partitions: topics.named(&current.assigned),
            consumer: Some(ConsumerMember {
                epoch: current.epoch,
                state: MemberState::Stable,
                rack_id: row.rack_id.clone(),
                topics: row.topics.iter().cloned().collect(),
                expression: None,
                is_classic: false,
                target: target.unwrap_or_default(),
            }),
        }
    }
}

//! What can be seen of groups without asking them.

use bytes::Bytes;
use runnel_proto::group::TopicPartitions;

use super::state::{Group, GroupState};
use super::subscription::assigned_partitions;

/// One line about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSummary {
    /// The name.
    pub group: String,
    /// Its state.
    pub state: GroupState,
    /// `consumer` for consumers; empty when only offsets were committed.
    pub protocol_type: String,
    /// How many members.
    pub members: usize,
    /// Higher than before whenever the group, its members or its offsets have changed.
    pub version: u64,
}

/// Everything about a group but its offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// The summary.
    pub summary: GroupSummary,
    /// The chosen protocol; empty while there is none.
    pub protocol: String,
    /// The generation.
    pub generation: i32,
    /// The leader's member id; empty while there is none.
    pub leader: String,
    /// By member id.
    pub members: Vec<MemberDescription>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDescription {
    /// The member id.
    pub member_id: String,
    /// The own name of a static member.
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// What it said for the chosen protocol; empty but in a stable group.
    pub subscription: Bytes,
    /// What it got; empty but in a stable group.
    pub assignment: Bytes,
    /// The assignment as it can be read: for consumers.
    pub partitions: Vec<TopicPartitions>,
}

impl Group {
    pub(super) fn summary(&self) -> GroupSummary {
        GroupSummary {
            group: self.name.clone(),
            state: self.state,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            members: self.members.len(),
            version: self.version,
        }
    }

    pub(super) fn describe(&self) -> GroupDescription {
        let is_stable = self.state == GroupState::Stable;
        let protocol = self.protocol.clone().unwrap_or_default();
        let members = self.members.values().map(|member| MemberDescription {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            subscription: if is_stable { member.metadata(&protocol) } else { Bytes::new() },
            assignment: if is_stable { member.assignment.clone() } else { Bytes::new() },
            partitions: if is_stable && self.is_of_consumers() {
                assigned_partitions(&member.assignment)
            } else {
                Vec::new()
            },
        });
        GroupDescription {
            summary: self.summary(),
            members: members.collect(),
            protocol: protocol.clone(),
            generation: self.generation,
            leader: self.leader.clone().unwrap_or_default(),
        }
    }
}

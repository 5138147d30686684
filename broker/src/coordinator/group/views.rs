//! What can be seen of groups without asking them.

use std::fmt;

use bytes::Bytes;
use runnel_proto::group::TopicPartitions;

use super::consumer::MemberState;
use super::settings::GroupSettings;
use super::state::{Group, GroupState};
use super::subscription::assigned_partitions;
use super::topics::Topics;

/// Which protocol a group speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupType {
    /// Its members assign among themselves; or only offsets were committed.
    Classic,
    /// The broker assigns (KIP-848).
    Consumer,
    /// Several members read the same partitions, and acknowledge each record (KIP-932).
    Share,
}

impl fmt::Display for GroupType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
            Self::Share => "share",
        })
    }
}

/// One line about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSummary {
    /// The name.
    pub group: String,
    /// Its protocol.
    pub kind: GroupType,
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
    /// The chosen protocol, empty but in a stable group; the broker's assignor.
    pub protocol: String,
    /// The generation, or the group's epoch.
    pub generation: i32,
    /// The epoch of the target assignment; `None` for a classic group.
    pub assignment_epoch: Option<i32>,
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
    /// What it got last.
    pub assignment: Bytes,
    /// The assignment as it can be read: for consumers.
    pub partitions: Vec<TopicPartitions>,
    /// What only groups of the consumer protocol know of their members.
    pub consumer: Option<ConsumerMember>,
}

/// A member of a group of the consumer protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerMember {
    /// Its epoch; -2 while a static member is away.
    pub epoch: i32,
    /// Where it stands on its way to its target.
    pub state: MemberState,
    /// Where it runs.
    pub rack_id: Option<String>,
    /// The topics that it reads, by name.
    pub topics: Vec<String>,
    /// It reads all topics that match.
    pub expression: Option<String>,
    /// It speaks the classic protocol.
    pub is_classic: bool,
    /// What it is to have.
    pub target: Vec<TopicPartitions>,
}

impl Group {
    pub(super) fn summary(&self) -> GroupSummary {
        if self.rows.exists() {
            return self.consumer_summary();
        }
        if self.share.exists() {
            return self.share_summary();
        }
        GroupSummary {
            group: self.name.clone(),
            kind: GroupType::Classic,
            state: self.state,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            members: self.members.len(),
            version: self.version,
        }
    }

    pub(super) fn describe(&self, topics: &Topics, settings: &GroupSettings) -> GroupDescription {
        if self.rows.exists() {
            let assignor = self.rows.assignor(&settings.consumer_assignors);
            return self.describe_consumer(topics, assignor.name().to_owned());
        }
        if self.share.exists() {
            return self.describe_share(topics);
        }
        let is_stable = self.state == GroupState::Stable;
        let protocol = self.protocol.clone().unwrap_or_default();
        let members = self.members.values().map(|member| MemberDescription {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            subscription: if is_stable { member.metadata(&protocol) } else { Bytes::new() },
            assignment: member.assignment.clone(),
            partitions: if self.is_of_consumers() {
                assigned_partitions(&member.assignment)
            } else {
                Vec::new()
            },
            consumer: None,
        });
        GroupDescription {
            summary: self.summary(),
            members: members.collect(),
            protocol: if is_stable { protocol.clone() } else { String::new() },
            generation: self.generation,
            assignment_epoch: None,
            leader: self.leader.clone().unwrap_or_default(),
        }
    }
}

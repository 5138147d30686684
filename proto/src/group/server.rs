//! The assignors that run on the broker (KIP-848): it knows what everybody reads and had, and shares out by itself.

use std::collections::BTreeMap;
use std::fmt;

use super::assignor::{Group, range};
use super::{Assignment, Subscription, TopicPartitions, sticky};

/// How the broker shares out the partitions of a group that speaks the consumer protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerAssignor {
    /// As evenly as the subscriptions allow, moving as few partitions as that takes.
    Uniform,
    /// Topic by topic, each member gets a contiguous range; static members first, by their own names, so that one that comes
    /// back under a new id gets the same.
    Range,
}

/// A member, as a broker's assignor sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerMember {
    /// The own name of a static member.
    pub instance_id: Option<String>,
    /// The names of the topics it reads.
    pub topics: Vec<String>,
    /// What it was to have so far.
    pub target: Vec<TopicPartitions>,
}

impl ServerAssignor {
    /// All of them; the first is the one for groups whose members do not care.
    pub const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// The name by which members ask for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The assignor of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// Shares out all partitions of the members' topics among those who subscribe to them. Topics without a count are left
    /// out. Every member is in the result, and every list in it is sorted. The same input always gives the same.
    pub fn assign(
        self,
        members: &BTreeMap<String, ServerMember>,
        partition_counts: &BTreeMap<String, i32>,
    ) -> BTreeMap<String, Assignment> {
        let order = |(id, member): (&String, &ServerMember)| match &member.instance_id {
            Some(instance) => (0, instance.clone(), id.clone()),
            None => (1, String::new(), id.clone()),
        };
        let mut order: Vec<_> = members.iter().map(order).collect();
        order.sort_unstable();
        let subscriptions: Vec<_> = (0..)
            .zip(&order)
            .map(|(place, (_, _, id)): (usize, _)| (format!("{place:010}"), subscription(&members[id])))
            .collect();
        let group = Group::new(&subscriptions, partition_counts);
        let shares = match self {
            Self::Uniform => sticky::assign(&group, &sticky::remembered(&group)),
            Self::Range => range(&group),
        };
        let assignments = shares.into_iter().map(|share| group.assignment(share));
        order.into_iter().map(|(_, _, id)| id).zip(assignments).collect()
    }
}

fn subscription(member: &ServerMember) -> Subscription {
    let (topics, owned_partitions) = (member.topics.clone(), member.target.clone());
    Subscription { topics, owned_partitions, generation: 0, ..Subscription::default() }
}

impl fmt::Display for ServerAssignor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

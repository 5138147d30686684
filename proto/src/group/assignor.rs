//! The four ways to share out partitions, with Kafka's names and meaning.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use super::protocol::{encode_generation, encode_sticky_memory};
use super::sticky;
use super::{Assignment, Subscription, TopicPartitions};

/// How the leader of a group shares out the partitions of its topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Assignor {
    /// Topic by topic, each member gets a contiguous range; the first ones by member id get one more. Members get the
    /// same numbers of every topic, so that topics with equal keys can be joined.
    Range,
    /// One partition after the other, over all topics, to one member after the other.
    RoundRobin,
    /// Evenly, moving as few partitions as possible from where they were.
    Sticky,
    /// As [`Self::Sticky`], and nobody stops reading what stays: a partition that moves is first only taken away, and
    /// given out in the rebalance that follows (KIP-429).
    CooperativeSticky,
}

/// No assignor has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an assignor; there are range, roundrobin, sticky and cooperative-sticky")]
pub struct UnknownAssignor(pub String);

impl Assignor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    /// The name by which members offer it, a protocol's name in JoinGroup.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// Whether members keep reading their partitions through a rebalance. If not, they give up all before they join.
    pub fn is_cooperative(self) -> bool {
        self == Self::CooperativeSticky
    }

    /// What a member that got `owned` in `generation` puts into [`Subscription::user_data`] for this assignor.
    pub fn user_data(self, owned: &[TopicPartitions], generation: i32) -> Option<Bytes> {
        match self {
            Self::Range | Self::RoundRobin => None,
            // Having given up all, it tells here what it had.
            Self::Sticky if owned.is_empty() => None,
            Self::Sticky => Some(encode_sticky_memory(owned, generation)),
            Self::CooperativeSticky => Some(encode_generation(generation)),
        }
    }

    /// Shares out all partitions of the members' topics among those who subscribe to them. Topics without a count are
    /// left out. Every member is in the result, and every list in it is sorted. The same input always gives the same.
    pub fn assign(
        self,
        members: &[(String, Subscription)],
        partition_counts: &BTreeMap<String, i32>,
    ) -> BTreeMap<String, Assignment> {
        let group = Group::new(members, partition_counts);
        let shares = match self {
            Self::Range => range(&group),
            Self::RoundRobin => round_robin(&group),
            Self::Sticky => sticky::assign(&group, &sticky::remembered(&group)),
            Self::CooperativeSticky => sticky::assign_cooperatively(&group),
        };
        let assignments = shares.into_iter().map(|share| group.assignment(share));
        group.members.iter().map(|(id, _)| (*id).to_owned()).zip(assignments).collect()
    }
}

impl fmt::Display for Assignor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Assignor {
    type Err = UnknownAssignor;

    fn from_str(name: &str) -> Result<Self, UnknownAssignor> {
        let found = Self::ALL.into_iter().find(|assignor| assignor.name() == name);
        found.ok_or_else(|| UnknownAssignor(name.to_owned()))
    }
}

/// A partition of the topic at this place in [`Group::topics`].
pub(super) type Partition = (usize, i32);

/// What each member gets, in the order of [`Group::members`].
pub(super) type Shares = Vec<Vec<Partition>>;

/// The input, indexed: members and topics are numbers, in the order of their names.
pub(super) struct Group<'a> {
    pub(super) members: Vec<(&'a str, &'a Subscription)>,
    pub(super) topics: Vec<Topic<'a>>,
}

/// A topic that somebody subscribes to and that exists.
pub(super) struct Topic<'a> {
    name: &'a str,
    pub(super) partitions: i32,
    /// Ascending, never empty.
    pub(super) subscribers: Vec<usize>,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        members: &'a [(String, Subscription)],
        partition_counts: &'a BTreeMap<String, i32>,
    ) -> Self {
        let mut members: Vec<_> = members.iter().map(|(id, wants)| (id.as_str(), wants)).collect();
        members.sort_by_key(|(id, _)| *id);
        let mut subscribers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (member, (_, wants)) in members.iter().enumerate() {
            for topic in &wants.topics {
                subscribers.entry(topic).or_default().insert(member);
            }
        }
        let existing = subscribers.into_iter().filter_map(|(name, subscribers)| {
            let partitions = *partition_counts.get(name)?;
            Some(Topic { name, partitions, subscribers: subscribers.into_iter().collect() })
        });
        let topics = existing.collect();
        Self { members, topics }
    }

    /// Where a topic stands, if it is one of the group's.
    pub(super) fn topic(&self, name: &str) -> Option<usize> {
        self.topics.binary_search_by_key(&name, |topic| topic.name).ok()
    }

    pub(super) fn assignment(&self, mut share: Vec<Partition>) -> Assignment {
        share.sort_unstable();
        let by_topic = share.chunk_by(|a, b| a.0 == b.0).map(|partitions| TopicPartitions {
            topic: self.topics[partitions[0].0].name.to_owned(),
            partitions: partitions.iter().map(|(_, partition)| *partition).collect(),
        });
        Assignment { partitions: by_topic.collect(), user_data: None }
    }
}

pub(super) fn range(group: &Group<'_>) -> Shares {
    let mut shares = vec![Vec::new(); group.members.len()];
    for (index, topic) in group.topics.iter().enumerate() {
        let members = i32::try_from(topic.subscribers.len()).expect("a group has less than 2^31 members");
        let (each, more) = (topic.partitions / members, topic.partitions % members);
        let mut next = 0;
        for (place, member) in (0..).zip(&topic.subscribers) {
            let end = next + each + i32::from(place < more);
            shares[*member].extend((next..end).map(|partition| (index, partition)));
            next = end;
        }
    }
    shares
}

fn round_robin(group: &Group<'_>) -> Shares {
    let mut shares = vec![Vec::new(); group.members.len()];
    let mut turn = 0;
    for (index, topic) in group.topics.iter().enumerate() {
        for partition in 0..topic.partitions {
            // Whoever does not subscribe loses the turn, as with Kafka.
            let after = topic.subscribers.partition_point(|member| *member < turn);
            let member = topic.subscribers.get(after).copied().unwrap_or(topic.subscribers[0]);
            shares[member].push((index, partition));
            turn = (member + 1) % group.members.len();
        }
    }
    shares
}

//! One consumer group, as the broker told.

use std::collections::BTreeMap;

use runnel_proto::v1::{GroupMember, GroupPartition, GroupSample, GroupState};

use super::figure::Figure;
use super::series::Series;

/// One group with its members, its partitions by topic, their sums, and the history of its lag.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) state: GroupState,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) generation: i32,
    /// The epoch that its partitions were last assigned for, if the broker assigns them.
    pub(crate) assignment_epoch: Option<i32>,
    pub(crate) members: Vec<GroupMember>,
    pub(crate) topics: BTreeMap<String, BTreeMap<i32, GroupPartition>>,
    pub(crate) sums: GroupSums,
    /// Records not yet committed.
    pub(crate) lags: Series,
}

/// Sums over a group's partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct GroupSums {
    pub(crate) partitions: usize,
    /// None when the group has no partitions: there is nothing to lag behind.
    pub(crate) lag: Option<Figure>,
    /// The oldest record not yet committed.
    pub(crate) time_lag_ms: Option<Figure>,
}

impl Group {
    /// How far back a group's history goes, in samples.
    const HISTORY: usize = 240;
    /// A partition with a lag and no commit for so long is called stuck.
    pub(crate) const STUCK_AFTER_MS: i64 = 60_000;

    /// A group that was not there before.
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            state: GroupState::Unspecified,
            protocol_type: String::new(),
            protocol: String::new(),
            generation: 0,
            assignment_epoch: None,
            members: Vec::new(),
            topics: BTreeMap::new(),
            sums: GroupSums::default(),
            lags: Series::new(Self::HISTORY),
        }
    }

    /// Takes over a sample, full or of what changed. An end offset that went back means that a log was cut or created
    /// anew: the history starts again.
    pub(crate) fn apply(&mut self, sample: GroupSample, full: bool) {
        self.state = sample.state();
        self.protocol_type = sample.protocol_type;
        self.protocol = sample.protocol;
        self.generation = sample.generation;
        self.assignment_epoch = sample.assignment_epoch;
        self.members = sample.members;
        for removed in sample.removed_partitions {
            if let Some(partitions) = self.topics.get_mut(&removed.topic) {
                removed.partitions.iter().for_each(|partition| drop(partitions.remove(partition)));
                if partitions.is_empty() {
                    self.topics.remove(&removed.topic);
                }
            }
        }
        let mut old = if full { std::mem::take(&mut self.topics) } else { BTreeMap::new() };
        for partition in sample.partitions {
            let (number, end_offset) = (partition.partition, partition.end_offset);
            let forgotten = old.get_mut(&partition.topic).and_then(|partitions| partitions.remove(&number));
            let partitions = self.topics.entry(partition.topic.clone()).or_default();
            let before =
                partitions.insert(number, partition).or(forgotten).and_then(|before| before.end_offset);
            if before.zip(end_offset).is_some_and(|(before, now)| now < before) {
                self.lags.clear();
            }
        }
        self.sums = self.sum();
    }

    /// Its partitions, by topic and number.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &GroupPartition> {
        self.topics.values().flat_map(BTreeMap::values)
    }

    /// One of them.
    pub(crate) fn partition(&self, topic: &str, partition: i32) -> Option<&GroupPartition> {
        self.topics.get(topic)?.get(&partition)
    }

    /// The member of that id.
    pub(crate) fn member(&self, member_id: &str) -> Option<&GroupMember> {
        self.members.iter().find(|member| member.member_id == member_id)
    }

    fn sum(&self) -> GroupSums {
        let partitions = self.partitions().count();
        GroupSums {
            partitions,
            lag: (partitions > 0).then(|| lag(self.partitions())),
            time_lag_ms: time_lag_ms(self.partitions()),
        }
    }
}

/// Records not yet committed over these partitions.
pub(crate) fn lag<'a>(partitions: impl Iterator<Item = &'a GroupPartition>) -> Figure {
    Figure::sum(partitions.map(|partition| partition.lag.map(|lag| lag as f64)))
}

/// The largest time lag of these partitions; None without partitions.
pub(crate) fn time_lag_ms<'a>(partitions: impl Iterator<Item = &'a GroupPartition>) -> Option<Figure> {
    Figure::max(partitions.map(|partition| partition.time_lag_ms.map(|age_ms| age_ms as f64)))
}

/// Milliseconds since the last commit of a partition that lags; None unless that is long ago.
pub(crate) fn stuck_for_ms(partition: &GroupPartition, time_ms: i64) -> Option<i64> {
    let since_ms = time_ms.saturating_sub(partition.commit_time_ms);
    let stuck = partition.lag? > 0 && partition.commit_time_ms > 0 && since_ms >= Group::STUCK_AFTER_MS;
    stuck.then_some(since_ms)
}

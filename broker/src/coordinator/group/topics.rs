//! The topics there are, as groups see them that are assigned partitions by the broker.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use runnel_proto::group::TopicPartitions;

use crate::types::TopicId;

/// Partitions by topic; no set is empty.
pub type Partitions = BTreeMap<TopicId, BTreeSet<i32>>;

/// One state of the topics. A newer one has a higher version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topics {
    version: u64,
    by_name: BTreeMap<String, (TopicId, i32)>,
    by_id: HashMap<TopicId, String>,
}

impl Topics {
    /// These topics: name, id, and how many partitions. The broker's own are left out: no group is assigned them.
    pub fn new(version: u64, topics: impl IntoIterator<Item = (String, TopicId, i32)>) -> Self {
        let by_name: BTreeMap<_, _> =
            topics.into_iter().map(|(name, id, partitions)| (name, (id, partitions))).collect();
        let by_id = by_name.iter().map(|(name, (id, _))| (*id, name.clone())).collect();
        Self { version, by_name, by_id }
    }

    /// Higher than before whenever a topic was made, changed or deleted; 0 before the first state.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A topic's id and number of partitions.
    pub(super) fn get(&self, name: &str) -> Option<(TopicId, i32)> {
        self.by_name.get(name).copied()
    }

    pub(super) fn name(&self, id: TopicId) -> Option<&str> {
        self.by_id.get(&id).map(String::as_str)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Tells apart two states of these topics (FNV-1a); 0 when none of them exists.
    pub(super) fn hash(&self, names: BTreeSet<&str>) -> i64 {
        let existing = names.into_iter().filter_map(|name| Some((name, self.get(name)?)));
        let mut hash = 0;
        for (name, (id, partitions)) in existing {
            let bytes = name.bytes().chain(*id.as_bytes()).chain(partitions.to_be_bytes());
            let seed = if hash == 0 { 0xcbf2_9ce4_8422_2325 } else { hash };
            hash = bytes.fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        }
        hash as i64
    }

    /// The partitions by their topics' names. Topics that are gone are left out.
    pub(super) fn named(&self, partitions: &Partitions) -> Vec<TopicPartitions> {
        let mut named: Vec<_> = partitions
            .iter()
            .filter_map(|(id, numbers)| {
                let topic = self.name(*id)?.to_owned();
                Some(TopicPartitions { topic, partitions: numbers.iter().copied().collect() })
            })
            .collect();
        named.sort_unstable_by(|a, b| a.topic.cmp(&b.topic));
        named
    }

    /// The partitions by their topics' ids. Topics that are gone are left out.
    pub(super) fn identified(&self, named: &[TopicPartitions]) -> Partitions {
        let mut partitions = Partitions::new();
        for row in named.iter().filter(|row| !row.partitions.is_empty()) {
            if let Some((id, _)) = self.get(&row.topic) {
                partitions.entry(id).or_default().extend(&row.partitions);
            }
        }
        partitions
    }
}

/// Whether a partition is among them.
pub(super) fn has(partitions: &Partitions, topic: TopicId, partition: i32) -> bool {
    partitions.get(&topic).is_some_and(|numbers| numbers.contains(&partition))
}

/// Each of them.
pub(super) fn each(partitions: &Partitions) -> impl Iterator<Item = (TopicId, i32)> {
    partitions.iter().flat_map(|(topic, numbers)| numbers.iter().map(move |number| (*topic, *number)))
}

/// Those for which a condition holds.
pub(super) fn only(partitions: &Partitions, is_wanted: impl Fn(TopicId, i32) -> bool) -> Partitions {
    let mut found = Partitions::new();
    for (topic, number) in each(partitions).filter(|(topic, number)| is_wanted(*topic, *number)) {
        found.entry(topic).or_default().insert(number);
    }
    found
}

/// Those of both.
pub(super) fn union(a: &Partitions, b: &Partitions) -> Partitions {
    let mut all = a.clone();
    for (topic, numbers) in b {
        all.entry(*topic).or_default().extend(numbers);
    }
    all
}

//! The offsets that a group has committed.

use std::collections::BTreeMap;

use super::api::{CommittedOffset, FetchRequest, FetchedOffset, NamedPartition, Reply};
use super::state::Group;

/// Committed offsets, by topic and partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offsets {
    // Never holds an empty topic.
    topics: BTreeMap<String, BTreeMap<i32, CommittedOffset>>,
}

impl Offsets {
    /// Nothing is committed.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// The offset of one partition.
    pub fn get(&self, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.topics.get(topic)?.get(&partition)
    }

    /// All of them, by topic and partition.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i32, &CommittedOffset)> {
        self.topics.iter().flat_map(|(topic, partitions)| {
            partitions.iter().map(move |(partition, committed)| (topic.as_str(), *partition, committed))
        })
    }

    /// The topics with an offset, by name.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.keys().map(String::as_str)
    }

    /// The partitions of a topic with an offset.
    pub(super) fn partitions(&self, topic: &str) -> impl Iterator<Item = i32> {
        self.topics.get(topic).into_iter().flat_map(|partitions| partitions.keys().copied())
    }

    /// Takes over what a record says.
    pub(super) fn replay(&mut self, partition: NamedPartition, committed: Option<CommittedOffset>) {
        match committed {
            Some(committed) => {
                self.topics.entry(partition.topic).or_default().insert(partition.partition, committed);
            }
            None => {
                let Some(partitions) = self.topics.get_mut(&partition.topic) else { return };
                partitions.remove(&partition.partition);
                if partitions.is_empty() {
                    self.topics.remove(&partition.topic);
                }
            }
        }
    }
}

impl Group {
    /// Reads what is in the log. A partition without an offset is no error.
    pub(super) fn fetch(&self, request: &FetchRequest) -> Reply {
        Reply::Fetched(match &request.partitions {
            Some(partitions) => partitions
                .iter()
                .map(|partition| FetchedOffset {
                    committed: self.offsets.get(&partition.topic, partition.partition).cloned(),
                    partition: partition.clone(),
                })
                .collect(),
            None => self
                .offsets
                .iter()
                .map(|(topic, partition, committed)| FetchedOffset {
                    partition: NamedPartition { topic: topic.to_owned(), partition },
                    committed: Some(committed.clone()),
                })
                .collect(),
        })
    }
}

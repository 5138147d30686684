//! The offsets that a group has committed.

use std::collections::BTreeMap;

use super::api::{CommittedOffset, FetchRequest, FetchedOffset, NamedPartition, Reply};
use super::state::Group;
use crate::error::BrokerError;

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
    pub(super) fn fetch(&self, request: &FetchRequest) -> Result<Reply, BrokerError> {
        if let Some((member, epoch)) = request.member.as_ref().filter(|_| self.rows.exists()) {
            self.check_member_epoch(member, *epoch)?;
        }
        Ok(Reply::Fetched(match &request.partitions {
            Some(partitions) => partitions
                .iter()
                .map(|partition| self.fetch_one(partition.clone(), request.require_stable))
                .collect(),
            None => self
                .offsets
                .iter()
                .map(|(topic, partition, _)| NamedPartition { topic: topic.to_owned(), partition })
                .map(|partition| self.fetch_one(partition, request.require_stable))
                .collect(),
        }))
    }

    fn fetch_one(&self, partition: NamedPartition, require_stable: bool) -> FetchedOffset {
        let NamedPartition { topic, partition: number } = &partition;
        let is_unstable = require_stable && self.pending_offsets.is_on(topic, *number);
        let committed = match is_unstable {
            true => Err(BrokerError::UnstableOffset { topic: topic.clone(), partition: *number }),
            false => Ok(self.offsets.get(topic, *number).cloned()),
        };
        FetchedOffset { partition, committed }
    }
}

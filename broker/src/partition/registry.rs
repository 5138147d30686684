//! The topics that are served now, by name and by id.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use super::Partition;
use crate::config::TopicConfig;
use crate::error::BrokerError;
use crate::types::TopicId;

/// One topic as it is served: replaced as a whole when partitions are added.
#[derive(Debug)]
pub struct Topic {
    /// Its identity.
    pub id: TopicId,
    /// Its name.
    pub name: Arc<str>,
    /// Belongs to the broker itself.
    pub internal: bool,
    /// The settings in force.
    pub config: Arc<TopicConfig>,
    /// By number.
    pub partitions: Vec<Arc<Partition>>,
}

impl Topic {
    /// Whether offsets may stand for no record: then there are fewer records than offsets. Compaction leaves such, and
    /// transactions: their markers, and records that are aborted.
    pub fn has_gaps(&self) -> bool {
        self.config.cleanup_policy.compact || self.partitions.iter().any(|partition| partition.has_markers())
    }

    /// The partition of that number, for those who write to it.
    ///
    /// # Errors
    /// [`BrokerError::PolicyViolation`] where the broker alone writes, [`BrokerError::UnknownPartition`].
    pub fn writable_partition(&self, partition: i32) -> Result<&Arc<Partition>, BrokerError> {
        if self.internal {
            return Err(BrokerError::PolicyViolation {
                topic: self.name.to_string(),
                reason: "the broker alone writes to its internal topics",
            });
        }
        self.partition(partition)
    }

    /// The partition of that number.
    pub fn partition(&self, partition: i32) -> Result<&Arc<Partition>, BrokerError> {
        usize::try_from(partition).ok().and_then(|index| self.partitions.get(index)).ok_or_else(|| {
            BrokerError::UnknownPartition {
                topic: self.name.to_string(),
                partition,
                count: self.partitions.len() as i32,
            }
        })
    }
}

/// The topics there are. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<RwLock<Topics>>);

#[derive(Debug, Default)]
struct Topics {
    by_name: BTreeMap<Arc<str>, Arc<Topic>>,
    by_id: HashMap<TopicId, Arc<Topic>>,
    /// Rises with every change.
    version: u64,
}

impl Registry {
    /// Serves a topic; it takes the place of one with the same id.
    pub fn put(&self, topic: Topic) {
        let topic = Arc::new(topic);
        let mut topics = self.0.write().expect("no one panics while holding the registry");
        topics.version += 1;
        topics.by_name.insert(Arc::clone(&topic.name), Arc::clone(&topic));
        topics.by_id.insert(topic.id, topic);
    }

    /// Serves a topic no longer.
    pub fn remove(&self, id: TopicId) -> Option<Arc<Topic>> {
        let mut topics = self.0.write().expect("no one panics while holding the registry");
        let topic = topics.by_id.remove(&id)?;
        topics.version += 1;
        topics.by_name.remove(&topic.name);
        Some(topic)
    }

    /// The topic of that name.
    pub fn topic(&self, name: &str) -> Result<Arc<Topic>, BrokerError> {
        self.read()
            .by_name
            .get(name)
            .cloned()
            .ok_or_else(|| BrokerError::UnknownTopic { topic: name.to_owned() })
    }

    /// The topic of that id.
    pub fn topic_by_id(&self, id: TopicId) -> Option<Arc<Topic>> {
        self.read().by_id.get(&id).cloned()
    }

    /// One partition.
    pub fn partition(&self, topic: &str, partition: i32) -> Result<Arc<Partition>, BrokerError> {
        Ok(Arc::clone(self.topic(topic)?.partition(partition)?))
    }

    /// All topics, by name.
    pub fn all(&self) -> Vec<Arc<Topic>> {
        self.read().by_name.values().cloned().collect()
    }

    /// All topics, with the version of this state of them, if that is not the version `seen`.
    pub fn changed_since(&self, seen: u64) -> Option<(u64, Vec<Arc<Topic>>)> {
        let topics = self.read();
        (topics.version != seen).then(|| (topics.version, topics.by_name.values().cloned().collect()))
    }

    fn read(&self) -> RwLockReadGuard<'_, Topics> {
        self.0.read().expect("no one panics while holding the registry")
    }
}

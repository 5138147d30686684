//! What the metadata log comes to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::record::{MetadataRecord, RecordError};
use crate::error::BrokerError;
use crate::types::{TopicId, UnixMillis, Uuid};

/// A topic as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its identity for life.
    pub id: TopicId,
    /// Its name, unique among the living topics.
    pub name: String,
    /// How many partitions it has, from 1; never shrinks.
    pub partitions: i32,
    /// The settings that it was given, by Kafka's names; all others are the broker's.
    pub configs: BTreeMap<String, String>,
    /// When it was created.
    pub created_ms: UnixMillis,
    /// Belongs to the broker itself.
    pub internal: bool,
}

/// Who the cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// Stays the same for the life of the data directory.
    pub id: Uuid,
    /// When the data directory was made.
    pub created_ms: UnixMillis,
}

/// All metadata at one point of the log. Cloning shares the topics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataImage {
    cluster: Option<ClusterIdentity>,
    topics: HashMap<TopicId, Arc<Topic>>,
    ids_by_name: BTreeMap<String, TopicId>,
    /// By [`collision_key`]: two names that differ only in `.` and `_` would be one name to a metrics system.
    ids_by_collision_key: HashMap<String, TopicId>,
    broker_configs: BTreeMap<String, String>,
    /// By group; none is empty.
    group_configs: BTreeMap<String, BTreeMap<String, String>>,
    broker_epoch: i32,
    feature_levels: BTreeMap<String, i16>,
    /// Of the last change of them.
    features_epoch: Option<i64>,
}

impl MetadataImage {
    /// Takes in one record of the log: the only way to change an image. Taking in a stretch of the log again, in its order,
    /// changes nothing in the end.
    ///
    /// # Errors
    /// When the record can't be understood; the image is then as it was.
    pub fn replay(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), RecordError> {
        match MetadataRecord::decode(key, value)? {
            MetadataRecord::Cluster { cluster_id: id, created_ms } => {
                self.cluster = Some(ClusterIdentity { id, created_ms });
            }
            MetadataRecord::Topic(topic) => self.put_topic(topic),
            MetadataRecord::TopicDeleted(id) => self.remove_topic(id),
            MetadataRecord::BrokerConfig { key, value: Some(value) } => {
                self.broker_configs.insert(key, value);
            }
            MetadataRecord::BrokerConfig { key, value: None } => {
                self.broker_configs.remove(&key);
            }
            MetadataRecord::GroupConfigs { group, configs } if configs.is_empty() => {
                self.group_configs.remove(&group);
            }
            MetadataRecord::GroupConfigs { group, configs } => {
                self.group_configs.insert(group, configs);
            }
            MetadataRecord::BrokerEpoch(epoch) => self.broker_epoch = epoch,
            MetadataRecord::Feature { name, level, epoch } => {
                self.feature_levels.insert(name, level);
                self.features_epoch = self.features_epoch.max(Some(epoch));
            }
        }
        Ok(())
    }

    /// Who the cluster is; `None` until the data directory is set up.
    pub fn cluster(&self) -> Option<ClusterIdentity> {
        self.cluster
    }

    /// The topic of that name.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopic`].
    pub fn topic(&self, name: &str) -> Result<&Arc<Topic>, BrokerError> {
        self.find_topic(name).ok_or_else(|| BrokerError::UnknownTopic { topic: name.to_owned() })
    }

    /// The topic of that name, if there is one.
    pub fn find_topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.ids_by_name.get(name).and_then(|id| self.topics.get(id))
    }

    /// The topic of that id, if it lives.
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.topics.get(&id)
    }

    /// All topics, internal ones included, by name.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = &Arc<Topic>> {
        self.ids_by_name.values().map(|id| &self.topics[id])
    }

    /// The topic whose name differs from this one in no more than `.` and `_`, or not at all.
    pub(super) fn colliding_topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.ids_by_collision_key.get(&collision_key(name)).and_then(|id| self.topics.get(id))
    }

    /// The broker settings that were changed while it ran, by name.
    pub fn broker_configs(&self) -> &BTreeMap<String, String> {
        &self.broker_configs
    }

    /// The settings that a group was given, by Kafka's names; all others are the broker's. There may be no such group.
    pub fn group_configs(&self, group: &str) -> BTreeMap<String, String> {
        self.group_configs.get(group).cloned().unwrap_or_default()
    }

    /// All groups that were given settings, by name, with these.
    pub fn configured_groups(&self) -> impl ExactSizeIterator<Item = (&str, &BTreeMap<String, String>)> {
        self.group_configs.iter().map(|(group, configs)| (group.as_str(), configs))
    }

    /// Raised at every start that follows an unclean stop; 0 in a new data directory.
    pub fn broker_epoch(&self) -> i32 {
        self.broker_epoch
    }

    /// The finalized level of a feature; 0: it is not in force.
    pub fn feature_level(&self, name: &str) -> i16 {
        self.feature_levels.get(name).copied().unwrap_or(0)
    }

    /// Rises with each change of finalized levels; -1 before the first.
    pub fn features_epoch(&self) -> i64 {
        self.features_epoch.unwrap_or(-1)
    }

    fn put_topic(&mut self, topic: Topic) {
        self.remove_topic(topic.id);
        self.ids_by_name.insert(topic.name.clone(), topic.id);
        self.ids_by_collision_key.insert(collision_key(&topic.name), topic.id);
        self.topics.insert(topic.id, Arc::new(topic));
        // A name that is taken over hides its former owner: it can only be one that a later record deletes.
        debug_assert!(self.ids_by_name.len() <= self.topics.len());
    }

    fn remove_topic(&mut self, id: TopicId) {
        let Some(topic) = self.topics.remove(&id) else { return };
        // When a stretch of the log is replayed a second time, the name may belong to a later topic already.
        if self.ids_by_name.get(&topic.name) == Some(&id) {
            self.ids_by_name.remove(&topic.name);
        }
        let collision_key = collision_key(&topic.name);
        if self.ids_by_collision_key.get(&collision_key) == Some(&id) {
            self.ids_by_collision_key.remove(&collision_key);
        }
    }
}

fn collision_key(name: &str) -> String {
    name.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(id: u128, name: &str) -> MetadataRecord {
        MetadataRecord::Topic(Topic {
            id: Uuid::from_u128(id),
            name: name.into(),
            partitions: 1,
            configs: BTreeMap::new(),
            created_ms: 0,
            internal: false,
        })
    }

    fn group(name: &str, keys: &[&str]) -> MetadataRecord {
        let configs = keys.iter().map(|key| ((*key).to_owned(), "1".to_owned())).collect();
        MetadataRecord::GroupConfigs { group: name.into(), configs }
    }

    fn replay_all(image: &mut MetadataImage, records: &[MetadataRecord]) {
        for record in records {
            let record = record.encode();
            image.replay(&record.key, record.value.as_deref()).unwrap();
        }
    }

    #[test]
    fn replaying_a_tail_twice_changes_nothing() {
        let records = [
            MetadataRecord::Cluster { cluster_id: Uuid::from_u128(1), created_ms: 3 },
            topic(1, "a.b"),
            MetadataRecord::BrokerConfig { key: "k".into(), value: Some("1".into()) },
            MetadataRecord::BrokerEpoch(1),
            group("g", &["x", "y"]),
            MetadataRecord::TopicDeleted(Uuid::from_u128(1)),
            topic(2, "a_b"),
            MetadataRecord::BrokerConfig { key: "k".into(), value: None },
            group("h", &["x"]),
            group("g", &[]),
            MetadataRecord::TopicDeleted(Uuid::from_u128(2)),
            topic(3, "a.b"),
            MetadataRecord::BrokerEpoch(2),
        ];
        let mut once = MetadataImage::default();
        replay_all(&mut once, &records);
        assert_eq!(once.topics().map(|topic| topic.id.as_u128()).collect::<Vec<_>>(), [3]);
        assert_eq!(once.broker_epoch(), 2);
        assert_eq!(once.configured_groups().map(|(group, _)| group).collect::<Vec<_>>(), ["h"]);
        for from in 0..records.len() {
            let mut twice = once.clone();
            replay_all(&mut twice, &records[from..]);
            assert_eq!(twice, once, "from record {from}");
        }
    }

    #[test]
    fn a_record_that_is_refused_changes_nothing() {
        let mut image = MetadataImage::default();
        replay_all(&mut image, &[topic(1, "a")]);
        let before = image.clone();
        assert!(image.replay(&topic(1, "a").encode().key, Some(&[9, 9])).is_err());
        assert!(image.replay(&[], None).is_err());
        assert_eq!(image, before);
    }
}

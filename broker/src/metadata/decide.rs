//! Which records a request comes to, or why it is refused. Nothing here changes anything: the caller makes the records
//! durable and replays them.

use std::collections::BTreeMap;

use super::features::initial_records;
use super::image::{MetadataImage, Topic};
use super::record::{MAX_PARTITIONS, MAX_VALUE_BYTES, MetadataRecord, check_topic_name};
use crate::error::BrokerError;
use crate::types::{LogRecord, TopicId, UnixMillis, Uuid};

/// Checks the settings that somebody gave, all of one resource together.
pub type CheckConfigs<'a> = &'a dyn Fn(&BTreeMap<String, String>) -> Result<(), BrokerError>;

/// Names that start so are for the broker's own topics.
pub const INTERNAL_PREFIX: &str = "__";

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// A random id that was never used before.
    pub id: TopicId,
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// Settings under Kafka's names.
    pub configs: BTreeMap<String, String>,
    /// Belongs to the broker itself.
    pub internal: bool,
}

/// Settings to change, all or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigChange {
    /// Keys to give values.
    pub set: BTreeMap<String, String>,
    /// Keys to return to their defaults.
    pub unset: Vec<String>,
}

impl MetadataImage {
    /// Gives a new data directory its identity, and the levels of features that it begins with; no record when it has one.
    pub fn register_cluster(&self, cluster_id: Uuid, now_ms: UnixMillis) -> Vec<LogRecord> {
        match self.cluster() {
            Some(_) => Vec::new(),
            None => {
                let cluster = MetadataRecord::Cluster { cluster_id, created_ms: now_ms }.encode();
                std::iter::once(cluster).chain(initial_records()).collect()
            }
        }
    }

    /// Raises the broker's epoch by one: for a start that follows an unclean stop.
    pub fn raise_broker_epoch(&self) -> Vec<LogRecord> {
        vec![MetadataRecord::BrokerEpoch(self.broker_epoch().saturating_add(1)).encode()]
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// An illegal, reserved or taken name, a partition count outside 1 to [`MAX_PARTITIONS`], a setting that `check` refuses.
    pub fn create_topic(
        &self,
        request: NewTopic,
        now_ms: UnixMillis,
        check: CheckConfigs<'_>,
    ) -> Result<Vec<LogRecord>, BrokerError> {
        let NewTopic { id, name, partitions, configs, internal } = request;
        self.check_new_name(&name, internal)?;
        check_partitions(&name, partitions)?;
        check(&configs)?;
        assert!(self.topic_by_id(id).is_none(), "a new topic's id must be new");
        let topic = Topic { id, name, partitions, configs, created_ms: now_ms, internal };
        Ok(vec![bounded(MetadataRecord::Topic(topic))?])
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// An unknown topic, or one of the broker's own.
    pub fn delete_topic(&self, name: &str) -> Result<Vec<LogRecord>, BrokerError> {
        let topic = self.topic(name)?;
        refuse_internal(topic, "the broker itself needs it")?;
        Ok(vec![MetadataRecord::TopicDeleted(topic.id).encode()])
    }

    /// Grows a topic to `total` partitions.
    ///
    /// # Errors
    /// An unknown topic, one of the broker's own, a total that is not more than now or above [`MAX_PARTITIONS`].
    pub fn create_partitions(&self, name: &str, total: i32) -> Result<Vec<LogRecord>, BrokerError> {
        let topic = self.topic(name)?;
        refuse_internal(topic, "the broker counts on its number of partitions")?;
        if total <= topic.partitions {
            let reason = format!("it has {} already, and their number can only grow", topic.partitions);
            return Err(BrokerError::InvalidPartitions { topic: name.to_owned(), count: total, reason });
        }
        check_partitions(name, total)?;
        Ok(vec![bounded(MetadataRecord::Topic(Topic { partitions: total, ..Topic::clone(topic) }))?])
    }

    /// Sets and unsets settings of a topic; no record when that changes nothing.
    ///
    /// # Errors
    /// An unknown topic, one of the broker's own, a key both set and unset, a setting that `check` refuses.
    pub fn alter_topic_configs(
        &self,
        name: &str,
        change: &ConfigChange,
        check: CheckConfigs<'_>,
    ) -> Result<Vec<LogRecord>, BrokerError> {
        let topic = self.topic(name)?;
        refuse_internal(topic, "the broker counts on its settings")?;
        let configs = change.apply(&topic.configs)?;
        check(&configs)?;
        if configs == topic.configs {
            return Ok(Vec::new());
        }
        Ok(vec![bounded(MetadataRecord::Topic(Topic { configs, ..Topic::clone(topic) }))?])
    }

    /// Sets and unsets settings of the broker while it runs; no record when that changes nothing.
    ///
    /// # Errors
    /// A key both set and unset, a setting that `check` refuses.
    pub fn alter_broker_configs(
        &self,
        change: &ConfigChange,
        check: CheckConfigs<'_>,
    ) -> Result<Vec<LogRecord>, BrokerError> {
        let before = self.broker_configs();
        let after = change.apply(before)?;
        check(&after)?;
        let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key, None));
        let new = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
        let record = |(key, value): (&String, Option<&String>)| {
            bounded(MetadataRecord::BrokerConfig { key: key.clone(), value: value.cloned() })
        };
        gone.chain(new.map(|(key, value)| (key, Some(value)))).map(record).collect()
    }

    /// Sets and unsets settings of a group, which need not exist; no record when that changes nothing.
    ///
    /// # Errors
    /// A key both set and unset, a setting that `check` refuses.
    pub fn alter_group_configs(
        &self,
        group: &str,
        change: &ConfigChange,
        check: CheckConfigs<'_>,
    ) -> Result<Vec<LogRecord>, BrokerError> {
        let before = self.group_configs(group);
        let configs = change.apply(&before)?;
        check(&configs)?;
        if configs == before {
            return Ok(Vec::new());
        }
        Ok(vec![bounded(MetadataRecord::GroupConfigs { group: group.to_owned(), configs })?])
    }

    fn check_new_name(&self, name: &str, internal: bool) -> Result<(), BrokerError> {
        let refused = |reason| Err(BrokerError::InvalidName { name: name.to_owned(), reason });
        if let Err(reason) = check_topic_name(name) {
            return refused(reason);
        }
        if !internal && name.starts_with(INTERNAL_PREFIX) {
            return refused("names that start with __ are for the broker's own topics");
        }
        match self.colliding_topic(name) {
            None => Ok(()),
            Some(topic) if topic.name == name => Err(BrokerError::TopicExists { topic: name.to_owned() }),
            Some(_) => refused(
                "a topic exists whose name differs from it only in . and _, which metrics can't tell apart",
            ),
        }
    }
}

impl ConfigChange {
    fn apply(&self, configs: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, BrokerError> {
        let mut configs = configs.clone();
        for key in &self.unset {
            if self.set.contains_key(key) {
                let reason = "it is both set and unset in one request; choose one".to_owned();
                return Err(BrokerError::InvalidConfig { key: key.clone(), reason });
            }
            configs.remove(key);
        }
        configs.extend(self.set.clone());
        Ok(configs)
    }
}

fn check_partitions(topic: &str, count: i32) -> Result<(), BrokerError> {
    if (1..=MAX_PARTITIONS).contains(&count) {
        return Ok(());
    }
    let reason = format!("use 1 to {MAX_PARTITIONS}");
    Err(BrokerError::InvalidPartitions { topic: topic.to_owned(), count, reason })
}

fn refuse_internal(topic: &Topic, reason: &'static str) -> Result<(), BrokerError> {
    match topic.internal {
        false => Ok(()),
        true => Err(BrokerError::PolicyViolation { topic: topic.name.clone(), reason }),
    }
}

/// Encodes a record, unless it would be too large to be read again.
fn bounded(record: MetadataRecord) -> Result<LogRecord, BrokerError> {
    let encoded = record.encode();
    let size_bytes = encoded.key.len() + encoded.value.as_ref().map_or(0, |value| value.len());
    if size_bytes <= MAX_VALUE_BYTES {
        return Ok(encoded);
    }
    let name = match record {
        MetadataRecord::Topic(topic) => topic.name,
        MetadataRecord::BrokerConfig { key, .. } => key,
        _ => String::new(),
    };
    let reason =
        format!("the settings come to {size_bytes} bytes, more than {MAX_VALUE_BYTES}; shorten them");
    Err(BrokerError::InvalidArgument { name, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(_: &BTreeMap<String, String>) -> Result<(), BrokerError> {
        Ok(())
    }

    /// Refuses the key `bad`.
    fn picky(configs: &BTreeMap<String, String>) -> Result<(), BrokerError> {
        match configs.get("bad") {
            Some(_) => {
                Err(BrokerError::InvalidConfig { key: "bad".into(), reason: "no such setting".into() })
            }
            None => Ok(()),
        }
    }

    fn configs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn new_topic(name: &str) -> NewTopic {
        NewTopic {
            id: Uuid::new_v4(),
            name: name.into(),
            partitions: 2,
            configs: configs(&[]),
            internal: false,
        }
    }

    fn apply(image: &mut MetadataImage, records: Vec<LogRecord>) {
        for record in records {
            image.replay(&record.key, record.value.as_deref()).unwrap();
        }
    }

    fn with_topics(names: &[&str]) -> MetadataImage {
        let mut image = MetadataImage::default();
        for name in names {
            let request = NewTopic { internal: name.starts_with(INTERNAL_PREFIX), ..new_topic(name) };
            let records = image.create_topic(request, 1, &accept).unwrap();
            apply(&mut image, records);
        }
        image
    }

    #[test]
    fn topics_are_created_once() {
        let image = with_topics(&["a.b", "orders"]);
        let topic = image.topic("orders").unwrap();
        assert_eq!((topic.partitions, topic.created_ms, topic.internal), (2, 1, false));
        assert_eq!(image.topic_by_id(topic.id), Some(topic));
        assert_eq!(image.topics().map(|topic| topic.name.as_str()).collect::<Vec<_>>(), ["a.b", "orders"]);
        let refused = image.create_topic(new_topic("orders"), 1, &accept);
        assert_eq!(refused, Err(BrokerError::TopicExists { topic: "orders".into() }));
    }

    #[test]
    fn names_that_cant_be_used_are_refused() {
        let image = with_topics(&["a.b"]);
        for name in ["", ".", "..", "a b", "a_b", "__mine", "x\u{202e}y", &"x".repeat(250)] {
            let refused = image.create_topic(new_topic(name), 1, &accept);
            assert!(matches!(refused, Err(BrokerError::InvalidName { .. })), "{name:?}: {refused:?}");
        }
    }

    #[test]
    fn partition_counts_have_limits() {
        let image = MetadataImage::default();
        for (partitions, good) in
            [(i32::MIN, false), (0, false), (1, true), (100_000, true), (100_001, false)]
        {
            let decided = image.create_topic(NewTopic { partitions, ..new_topic("a") }, 1, &accept);
            assert_eq!(decided.is_ok(), good, "{partitions}: {decided:?}");
        }
    }

    #[test]
    fn a_deleted_topics_name_is_free_again_under_another_id() {
        let mut image = with_topics(&["a"]);
        let first = image.topic("a").unwrap().id;
        let records = image.delete_topic("a").unwrap();
        apply(&mut image, records);
        assert_eq!(image.delete_topic("a"), Err(BrokerError::UnknownTopic { topic: "a".into() }));
        let records = image.create_topic(new_topic("a"), 2, &accept).unwrap();
        apply(&mut image, records);
        assert_ne!(image.topic("a").unwrap().id, first);
        assert_eq!(image.topic_by_id(first), None);
    }

    #[test]
    fn partitions_only_grow() {
        let mut image = with_topics(&["a"]);
        for total in [-1, 0, 1, 2, 100_001] {
            let refused = image.create_partitions("a", total);
            assert!(matches!(refused, Err(BrokerError::InvalidPartitions { .. })), "{total}: {refused:?}");
        }
        let before = image.topic("a").unwrap().clone();
        let records = image.create_partitions("a", 5).unwrap();
        apply(&mut image, records);
        assert_eq!(**image.topic("a").unwrap(), Topic { partitions: 5, ..Topic::clone(&before) });
        assert!(matches!(image.create_partitions("b", 5), Err(BrokerError::UnknownTopic { .. })));
    }

    #[test]
    fn the_brokers_own_topics_are_left_alone() {
        let image = with_topics(&["__consumer_offsets"]);
        let name = "__consumer_offsets";
        let change = ConfigChange { set: configs(&[("retention.ms", "1")]), unset: vec![] };
        for refused in [
            image.delete_topic(name),
            image.create_partitions(name, 100),
            image.alter_topic_configs(name, &change, &accept),
        ] {
            assert!(matches!(refused, Err(BrokerError::PolicyViolation { .. })), "{refused:?}");
        }
    }

    #[test]
    fn topic_settings_change_all_or_none() {
        let mut image = with_topics(&["a"]);
        let change = ConfigChange { set: configs(&[("x", "1"), ("y", "2")]), unset: vec!["z".into()] };
        let records = image.alter_topic_configs("a", &change, &picky).unwrap();
        apply(&mut image, records);
        assert_eq!(
            image.alter_topic_configs("a", &change, &picky),
            Ok(vec![]),
            "nothing to change, nothing to write"
        );

        let refused = ConfigChange { set: configs(&[("x", "9"), ("bad", "1")]), unset: vec![] };
        assert!(image.alter_topic_configs("a", &refused, &picky).is_err());
        let torn = ConfigChange { set: configs(&[("x", "9")]), unset: vec!["x".into()] };
        assert!(matches!(
            image.alter_topic_configs("a", &torn, &picky),
            Err(BrokerError::InvalidConfig { .. })
        ));
        assert_eq!(image.topic("a").unwrap().configs, configs(&[("x", "1"), ("y", "2")]));

        let unset = ConfigChange { set: configs(&[]), unset: vec!["x".into()] };
        let records = image.alter_topic_configs("a", &unset, &picky).unwrap();
        apply(&mut image, records);
        assert_eq!(image.topic("a").unwrap().configs, configs(&[("y", "2")]));
    }

    #[test]
    fn settings_too_large_to_be_read_again_are_refused() {
        let image = with_topics(&["a"]);
        let change = ConfigChange { set: configs(&[("x", &"v".repeat(MAX_VALUE_BYTES))]), unset: vec![] };
        let refused = image.alter_topic_configs("a", &change, &accept);
        assert!(matches!(refused, Err(BrokerError::InvalidArgument { .. })), "{refused:?}");
        assert!(image.alter_broker_configs(&change, &accept).is_err());
    }

    #[test]
    fn broker_settings_change_key_by_key() {
        let mut image = MetadataImage::default();
        let change = ConfigChange { set: configs(&[("x", "1"), ("y", "2")]), unset: vec![] };
        let records = image.alter_broker_configs(&change, &picky).unwrap();
        assert_eq!(records.len(), 2);
        apply(&mut image, records);
        let change = ConfigChange { set: configs(&[("y", "2")]), unset: vec!["x".into(), "z".into()] };
        let records = image.alter_broker_configs(&change, &picky).unwrap();
        assert_eq!(records.len(), 1, "only what changes is written");
        apply(&mut image, records);
        assert_eq!(image.broker_configs(), &configs(&[("y", "2")]));
    }

    #[test]
    fn group_settings_change_all_or_none_and_leave_nothing_behind() {
        let mut image = MetadataImage::default();
        let change = ConfigChange { set: configs(&[("x", "1"), ("y", "2")]), unset: vec!["z".into()] };
        let records = image.alter_group_configs("g", &change, &picky).unwrap();
        apply(&mut image, records);
        assert_eq!(image.alter_group_configs("g", &change, &picky), Ok(vec![]), "nothing changes");
        let refused = ConfigChange { set: configs(&[("x", "9"), ("bad", "1")]), unset: vec![] };
        assert!(image.alter_group_configs("g", &refused, &picky).is_err());
        assert_eq!(image.group_configs("g"), configs(&[("x", "1"), ("y", "2")]));
        let unset = ConfigChange { set: configs(&[]), unset: vec!["x".into(), "y".into()] };
        let records = image.alter_group_configs("g", &unset, &picky).unwrap();
        assert_eq!(records.iter().map(|record| record.value.is_none()).collect::<Vec<_>>(), [true]);
        apply(&mut image, records);
        assert_eq!(image, MetadataImage::default());
    }

    #[test]
    fn the_cluster_is_registered_once_and_its_epoch_rises() {
        let mut image = MetadataImage::default();
        let records = image.register_cluster(Uuid::from_u128(5), 9);
        apply(&mut image, records);
        assert_eq!(image.register_cluster(Uuid::from_u128(6), 10), vec![]);
        assert_eq!(image.cluster().unwrap().id, Uuid::from_u128(5));
        for epoch in 1..4 {
            let records = image.raise_broker_epoch();
            apply(&mut image, records);
            assert_eq!(image.broker_epoch(), epoch);
        }
    }
}

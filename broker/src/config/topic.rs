//! What a topic's settings come to, typed.

use std::collections::BTreeMap;

use super::BrokerConfig;
use super::broker::number;
use super::key::items;
use super::own::Owner;
use crate::error::BrokerError;

/// What happens to old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Old segments are deleted, by age and by size.
    pub delete: bool,
    /// Only the newest record of each key is kept.
    pub compact: bool,
}

/// Whose clock a record's timestamp is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's, when it appends.
    LogAppendTime,
}

/// The settings in force for one topic: its own over the broker's over the defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicConfig {
    /// `cleanup.policy`.
    pub cleanup_policy: CleanupPolicy,
    /// `delete.retention.ms`: how long a tombstone is kept after compaction first met it.
    pub delete_retention_ms: i64,
    /// `flush.messages`: unsynced records that may be acknowledged; 1: none (every ack is on disk).
    pub flush_messages: i64,
    /// `flush.ms`: how long a record may be acknowledged and unsynced, with `flush.messages` above 1.
    pub flush_ms: i64,
    /// `index.interval.bytes`: log bytes between two entries of an index.
    pub index_interval_bytes: u32,
    /// `max.compaction.lag.ms`: a record is compacted at the latest after this.
    pub max_compaction_lag_ms: i64,
    /// `max.message.bytes`: the largest record batch, compressed.
    pub max_message_bytes: usize,
    /// `message.timestamp.type`.
    pub message_timestamp_type: TimestampType,
    /// `message.timestamp.after.max.ms`: how far in the future a timestamp may lie.
    pub message_timestamp_after_max_ms: i64,
    /// `message.timestamp.before.max.ms`: how far in the past a timestamp may lie.
    pub message_timestamp_before_max_ms: i64,
    /// `min.cleanable.dirty.ratio`: the share of not yet compacted bytes that starts a compaction.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: a record is left alone for so long.
    pub min_compaction_lag_ms: i64,
    /// `retention.bytes`: the size of a partition above which old segments go; `None`: no limit.
    pub retention_bytes: Option<u64>,
    /// `retention.ms`: the age above which segments go; `None`: no limit.
    pub retention_ms: Option<i64>,
    /// `segment.bytes`: the size at which a segment is closed.
    pub segment_bytes: u64,
    /// `segment.ms`: the age at which a segment is closed.
    pub segment_ms: i64,
}

/// Those of a topic that sets nothing, under a broker that sets nothing.
impl Default for TopicConfig {
    fn default() -> Self {
        Self::resolve(&BrokerConfig::default(), &BTreeMap::new()).expect("the defaults go together")
    }
}

impl TopicConfig {
    /// A topic's settings over the broker's over the defaults.
    ///
    /// # Errors
    ///
    /// [`BrokerError::InvalidConfig`] for the first of `overrides`, by name, that is unknown or has a value outside its
    /// range. Overrides that were accepted once stay acceptable whatever the broker's settings become.
    pub fn resolve(broker: &BrokerConfig, overrides: &BTreeMap<String, String>) -> Result<Self, BrokerError> {
        Owner::Topic.check(overrides)?;
        let value = |name| Owner::Topic.value(broker, overrides, name);
        let min_compaction_lag_ms = number(value("min.compaction.lag.ms"));
        Ok(Self {
            cleanup_policy: CleanupPolicy {
                delete: items(value("cleanup.policy")).any(|policy| policy == "delete"),
                compact: items(value("cleanup.policy")).any(|policy| policy == "compact"),
            },
            delete_retention_ms: number(value("delete.retention.ms")),
            flush_messages: number(value("flush.messages")),
            flush_ms: number(value("flush.ms")),
            index_interval_bytes: number(value("index.interval.bytes")),
            // One of them may be the broker's and change under the other.
            max_compaction_lag_ms: number::<i64>(value("max.compaction.lag.ms")).max(min_compaction_lag_ms),
            max_message_bytes: number(value("max.message.bytes")),
            message_timestamp_type: match value("message.timestamp.type") {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            message_timestamp_after_max_ms: number(value("message.timestamp.after.max.ms")),
            message_timestamp_before_max_ms: number(value("message.timestamp.before.max.ms")),
            min_cleanable_dirty_ratio: number(value("min.cleanable.dirty.ratio")),
            min_compaction_lag_ms,
            retention_bytes: u64::try_from(number::<i64>(value("retention.bytes"))).ok(),
            retention_ms: Some(number(value("retention.ms"))).filter(|ms| *ms >= 0),
            segment_bytes: number(value("segment.bytes")),
            segment_ms: number(value("segment.ms")),
        })
    }

    /// Whether a topic may be given these settings.
    ///
    /// # Errors
    /// Those of [`Self::resolve`], and lags of its own that contradict each other or the broker's.
    pub fn accept(broker: &BrokerConfig, overrides: &BTreeMap<String, String>) -> Result<(), BrokerError> {
        let lags = ["min.compaction.lag.ms", "max.compaction.lag.ms"];
        Self::resolve(broker, overrides)?;
        let [min_ms, max_ms] = lags.map(|name| number::<i64>(Owner::Topic.value(broker, overrides, name)));
        if min_ms <= max_ms || lags.iter().all(|name| !overrides.contains_key(*name)) {
            return Ok(());
        }
        let reason = format!("it is {min_ms}, above max.compaction.lag.ms, which is {max_ms}");
        Err(BrokerError::InvalidConfig { key: lags[0].to_owned(), reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn resolve(overrides: &[(&str, &str)]) -> Result<TopicConfig, BrokerError> {
        TopicConfig::resolve(&BrokerConfig::default(), &map(overrides))
    }

    #[test]
    fn the_defaults_are_these() {
        const HOUR_MS: i64 = 3_600_000;
        let expected = TopicConfig {
            cleanup_policy: CleanupPolicy { delete: true, compact: false },
            delete_retention_ms: 24 * HOUR_MS,
            flush_messages: 1,
            flush_ms: i64::MAX,
            index_interval_bytes: 4096,
            max_compaction_lag_ms: i64::MAX,
            max_message_bytes: 1_048_588,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_after_max_ms: HOUR_MS,
            message_timestamp_before_max_ms: i64::MAX,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            retention_bytes: None,
            retention_ms: Some(7 * 24 * HOUR_MS),
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * HOUR_MS,
        };
        assert_eq!(TopicConfig::default(), expected);
    }

    #[test]
    fn every_setting_reaches_its_field() {
        let config = resolve(&[
            ("cleanup.policy", "compact, delete"),
            ("delete.retention.ms", "1"),
            ("flush.messages", "2"),
            ("flush.ms", "3"),
            ("index.interval.bytes", "4"),
            ("max.compaction.lag.ms", "15"),
            ("max.message.bytes", "6"),
            ("message.timestamp.type", "LogAppendTime"),
            ("message.timestamp.after.max.ms", "7"),
            ("message.timestamp.before.max.ms", "8"),
            ("min.cleanable.dirty.ratio", "0.9"),
            ("min.compaction.lag.ms", "10"),
            ("retention.bytes", "11"),
            ("retention.ms", " 12 "),
            ("segment.bytes", "1300"),
            ("segment.ms", "14"),
        ]);
        let expected = TopicConfig {
            cleanup_policy: CleanupPolicy { delete: true, compact: true },
            delete_retention_ms: 1,
            flush_messages: 2,
            flush_ms: 3,
            index_interval_bytes: 4,
            max_compaction_lag_ms: 15,
            max_message_bytes: 6,
            message_timestamp_type: TimestampType::LogAppendTime,
            message_timestamp_after_max_ms: 7,
            message_timestamp_before_max_ms: 8,
            min_cleanable_dirty_ratio: 0.9,
            min_compaction_lag_ms: 10,
            retention_bytes: Some(11),
            retention_ms: Some(12),
            segment_bytes: 1300,
            segment_ms: 14,
        };
        assert_eq!(config, Ok(expected));
    }

    #[test]
    fn minus_one_lifts_a_limit_and_zero_is_one() {
        let config = resolve(&[("retention.ms", "-1"), ("retention.bytes", "0")]).expect("good");
        assert_eq!((config.retention_ms, config.retention_bytes), (None, Some(0)));
        assert_eq!(resolve(&[("retention.ms", "0")]).expect("good").retention_ms, Some(0));
    }

    #[test]
    fn the_brokers_settings_hold_where_the_topic_has_none() {
        let broker = BrokerConfig::default();
        let broker = broker
            .with_dynamic(&map(&[("log.retention.ms", "-1"), ("message.max.bytes", "9")]))
            .expect("good");
        let config = TopicConfig::resolve(&broker, &map(&[("max.message.bytes", "10")])).expect("good");
        assert_eq!((config.retention_ms, config.max_message_bytes), (None, 10));
    }

    #[test]
    fn a_lag_of_the_brokers_can_not_spoil_the_topics_own() {
        let broker =
            BrokerConfig::default().with_dynamic(&map(&[("log.cleaner.max.compaction.lag.ms", "5")]));
        let config = TopicConfig::resolve(&broker.expect("good"), &map(&[("min.compaction.lag.ms", "9")]))
            .expect("good");
        assert_eq!((config.min_compaction_lag_ms, config.max_compaction_lag_ms), (9, 9));
    }

    #[test]
    fn lags_that_contradict_each_other_are_not_accepted() {
        let broker = BrokerConfig::default();
        let lags = |min, max| map(&[("min.compaction.lag.ms", min), ("max.compaction.lag.ms", max)]);
        assert_eq!(TopicConfig::accept(&broker, &lags("8", "8")), Ok(()));
        let refused = TopicConfig::accept(&broker, &lags("9", "8")).expect_err("9 is above 8");
        assert!(refused.to_string().contains("above max.compaction.lag.ms"), "{refused}");
        assert!(TopicConfig::resolve(&broker, &lags("9", "8")).is_ok(), "what was accepted once goes on");
    }

    #[test]
    fn a_mistake_is_told_with_what_is_meant() {
        let cases = [
            (
                "retentoin.ms",
                "1",
                r#"setting "retentoin.ms": there is no such setting; did you mean "retention.ms"?"#,
            ),
            (
                "log.retention.ms",
                "1",
                r#"setting "log.retention.ms": there is no such setting; did you mean "retention.ms"?"#,
            ),
            (
                "retention.ms",
                "7d",
                r#"setting "retention.ms": "7d" is not a whole number from -1 to 9223372036854775807"#,
            ),
            (
                "max.message.bytes",
                "104857601",
                r#"setting "max.message.bytes": "104857601" is not a whole number from 0 to 104857600"#,
            ),
            (
                "cleanup.policy",
                "keep",
                r#"setting "cleanup.policy": "keep" is not one or more of compact, delete, with commas"#,
            ),
        ];
        for (key, value, error) in cases {
            assert_eq!(resolve(&[(key, value)]).expect_err(key).to_string(), error);
        }
    }

    #[test]
    fn kafkas_settings_are_accepted_when_they_mean_what_is_anyway() {
        for (key, value) in [
            ("compression.type", "producer"),
            ("min.insync.replicas", "1"),
            ("preallocate", "false"),
            ("unclean.leader.election.enable", "false"),
        ] {
            assert_eq!(resolve(&[(key, value)]), Ok(TopicConfig::default()), "{key}");
        }
        let refused = resolve(&[("compression.type", "zstd")]).expect_err("nothing is compressed again");
        assert!(refused.to_string().contains("only be producer: Batches are stored"), "{refused}");
    }
}

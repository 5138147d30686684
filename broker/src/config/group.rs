//! What a group's settings come to, typed.

use std::collections::BTreeMap;

use super::BrokerConfig;
use super::broker::number;
use super::offset_reset::OffsetReset;
use super::own::Owner;
use crate::error::BrokerError;

/// The settings in force for one group: its own over the broker's over the defaults. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupConfig {
    /// `consumer.heartbeat.interval.ms`: how often members of the consumer protocol are to show signs of life.
    pub consumer_heartbeat_interval_ms: i32,
    /// `consumer.session.timeout.ms`: how long they may be silent.
    pub consumer_session_timeout_ms: i32,
    /// `share.auto.offset.reset`: where a share group begins in a partition that is new to it.
    pub share_auto_offset_reset: OffsetReset,
    /// `share.heartbeat.interval.ms`: how often members of a share group are to show signs of life.
    pub share_heartbeat_interval_ms: i32,
    /// `share.isolation.level`: only records of transactions that are committed are given out.
    pub share_reads_committed: bool,
    /// `share.record.lock.duration.ms`: how long a member has a record to itself.
    pub share_record_lock_duration_ms: i32,
    /// `share.session.timeout.ms`: how long members of a share group may be silent.
    pub share_session_timeout_ms: i32,
}

/// That of a group that sets nothing, under a broker that sets nothing.
impl Default for GroupConfig {
    fn default() -> Self {
        Self::of_all(&BrokerConfig::default())
    }
}

impl GroupConfig {
    /// That of all groups that set nothing.
    pub fn of_all(broker: &BrokerConfig) -> Self {
        Self::resolve(broker, &BTreeMap::new()).expect("nothing is set that could be refused")
    }

    /// A group's settings over the broker's over the defaults.
    ///
    /// # Errors
    ///
    /// [`BrokerError::InvalidConfig`] for the first of `overrides`, by name, that is unknown or has a value that no broker
    /// takes. What was accepted once stays acceptable whatever the broker's bounds become.
    pub fn resolve(broker: &BrokerConfig, overrides: &BTreeMap<String, String>) -> Result<Self, BrokerError> {
        Owner::Group.check(overrides)?;
        let value = |name| Owner::Group.value(broker, overrides, name);
        Ok(Self {
            consumer_heartbeat_interval_ms: number(value(CONSUMER_INTERVAL)),
            consumer_session_timeout_ms: number(value(CONSUMER_TIMEOUT)),
            share_auto_offset_reset: value("share.auto.offset.reset").parse().expect("it was checked"),
            share_heartbeat_interval_ms: number(value(SHARE_INTERVAL)),
            share_reads_committed: value("share.isolation.level") == "read_committed",
            share_record_lock_duration_ms: number(value(SHARE_LOCK)),
            share_session_timeout_ms: number(value(SHARE_TIMEOUT)),
        })
    }

    /// Whether a group may be given these settings.
    ///
    /// # Errors
    /// Those of [`Self::resolve`], a time beyond the broker's bounds for it, and a session that ends before a sign of life is
    /// due. Bounds are for what a group sets; what the broker sets for all groups is its operator's word.
    pub fn accept(broker: &BrokerConfig, overrides: &BTreeMap<String, String>) -> Result<(), BrokerError> {
        Self::resolve(broker, overrides)?;
        let value_ms = |key| number::<i32>(Owner::Group.value(broker, overrides, key));
        for key in BOUNDED.into_iter().filter(|key| overrides.contains_key(*key)) {
            let ms = value_ms(key);
            let [min, max] = bounds_of(key);
            let [min_ms, max_ms] = [&min, &max].map(|bound| number::<i32>(broker.in_force(bound).0));
            if ms < min_ms {
                return Err(refused(key, format!("{ms} is below {min}, which is {min_ms}")));
            }
            if ms > max_ms {
                return Err(refused(key, format!("{ms} is above {max}, which is {max_ms}")));
            }
        }
        for (interval, timeout) in [(CONSUMER_INTERVAL, CONSUMER_TIMEOUT), (SHARE_INTERVAL, SHARE_TIMEOUT)] {
            let is_own = overrides.contains_key(interval) || overrides.contains_key(timeout);
            let (interval_ms, timeout_ms) = (value_ms(interval), value_ms(timeout));
            if is_own && timeout_ms <= interval_ms {
                let reason = format!("{timeout_ms} is not above {interval}, which is {interval_ms}");
                return Err(refused(timeout, reason));
            }
        }
        Ok(())
    }
}

const CONSUMER_INTERVAL: &str = "consumer.heartbeat.interval.ms";
const CONSUMER_TIMEOUT: &str = "consumer.session.timeout.ms";
const SHARE_INTERVAL: &str = "share.heartbeat.interval.ms";
const SHARE_LOCK: &str = "share.record.lock.duration.ms";
const SHARE_TIMEOUT: &str = "share.session.timeout.ms";

/// Settings of a group that have bounds among the broker's.
pub(super) const BOUNDED: [&str; 5] =
    [CONSUMER_INTERVAL, CONSUMER_TIMEOUT, SHARE_INTERVAL, SHARE_LOCK, SHARE_TIMEOUT];

/// The broker's settings that bound a group's, from below and from above.
pub(super) fn bounds_of(key: &str) -> [String; 2] {
    let (protocol, rest) = key.split_once('.').expect("it is of a protocol");
    ["min", "max"].map(|bound| format!("group.{protocol}.{bound}.{rest}"))
}

fn refused(key: &str, reason: String) -> BrokerError {
    BrokerError::InvalidConfig { key: key.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn broker(pairs: &[(&str, &str)]) -> BrokerConfig {
        let sets: Vec<_> = map(pairs).into_iter().collect();
        BrokerConfig::load(None, &sets).expect("they go together")
    }

    #[test]
    fn every_setting_reaches_its_field() {
        let config = map(&[
            (CONSUMER_INTERVAL, "6000"),
            (CONSUMER_TIMEOUT, "46000"),
            ("share.auto.offset.reset", "by_duration:PT1S"),
            (SHARE_INTERVAL, "7000"),
            ("share.isolation.level", "read_committed"),
            (SHARE_LOCK, "16000"),
            (SHARE_TIMEOUT, "47000"),
            ("streams.num.standby.replicas", "0"),
        ]);
        let expected = GroupConfig {
            consumer_heartbeat_interval_ms: 6000,
            consumer_session_timeout_ms: 46_000,
            share_auto_offset_reset: OffsetReset::ByDuration(1000),
            share_heartbeat_interval_ms: 7000,
            share_reads_committed: true,
            share_record_lock_duration_ms: 16_000,
            share_session_timeout_ms: 47_000,
        };
        assert_eq!(GroupConfig::resolve(&BrokerConfig::default(), &config), Ok(expected));
        assert_eq!(GroupConfig::accept(&BrokerConfig::default(), &config), Ok(()));
    }

    #[test]
    fn the_brokers_settings_hold_where_the_group_has_none() {
        let broker =
            broker(&[("group.consumer.session.timeout.ms", "1"), ("group.share.heartbeat.interval.ms", "2")]);
        let config = GroupConfig::resolve(&broker, &map(&[(SHARE_TIMEOUT, "50000")])).expect("good");
        assert_eq!(config.consumer_session_timeout_ms, 1);
        assert_eq!((config.share_heartbeat_interval_ms, config.share_session_timeout_ms), (2, 50_000));
        // What the broker says is beyond its own bounds, and shorter than a heartbeat: the group has not said it.
        assert_eq!(GroupConfig::accept(&broker, &map(&[(SHARE_TIMEOUT, "50000")])), Ok(()));
    }

    #[test]
    fn a_group_keeps_within_the_brokers_bounds() {
        let loose = broker(&[
            ("group.consumer.min.session.timeout.ms", "100"),
            ("group.consumer.max.heartbeat.interval.ms", "46000"),
        ]);
        for (broker, key, value, words) in [
            (
                &BrokerConfig::default(),
                CONSUMER_INTERVAL,
                "4999",
                "below group.consumer.min.heartbeat.interval.ms, which is 5000",
            ),
            (
                &BrokerConfig::default(),
                CONSUMER_TIMEOUT,
                "60001",
                "above group.consumer.max.session.timeout.ms, which is 60000",
            ),
            (&BrokerConfig::default(), SHARE_LOCK, "14999", "below group.share.min.record.lock.duration.ms"),
            (
                &BrokerConfig::default(),
                "streams.session.timeout.ms",
                "50000",
                "can only be 45000: Groups of the streams",
            ),
            (&BrokerConfig::default(), "consumer.sesion.timeout.ms", "1", "did you mean"),
            (
                &loose,
                CONSUMER_TIMEOUT,
                "5000",
                "5000 is not above consumer.heartbeat.interval.ms, which is 5000",
            ),
            (
                &loose,
                CONSUMER_INTERVAL,
                "46000",
                "45000 is not above consumer.heartbeat.interval.ms, which is 46000",
            ),
        ] {
            let error = GroupConfig::accept(broker, &map(&[(key, value)])).expect_err(key);
            assert!(error.to_string().contains(words), "{error}");
        }
        let loose =
            GroupConfig::accept(&loose, &map(&[(CONSUMER_TIMEOUT, "200"), (CONSUMER_INTERVAL, "5000")]));
        assert!(loose.is_err(), "a session of 200 ms ends before a sign of life is due");
    }

    #[test]
    fn what_was_accepted_once_is_taken_under_other_bounds() {
        let strict = broker(&[("group.consumer.min.session.timeout.ms", "60000")]);
        let config = map(&[(CONSUMER_TIMEOUT, "50000")]);
        assert!(GroupConfig::accept(&strict, &config).is_err());
        assert_eq!(GroupConfig::resolve(&strict, &config).expect("good").consumer_session_timeout_ms, 50_000);
    }
}

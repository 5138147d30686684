//! What the broker's settings come to, typed.

use std::collections::BTreeMap;
use std::path::Path;

use runnel_proto::client::Address;
use runnel_proto::v1::ConfigSource;

use super::file::{self, ConfigFileError};
use super::group::{BOUNDED, bounds_of};
use super::key::items;
use super::problem::Problem;
use super::tables::{BROKER_KEYS, find};
use crate::error::BrokerError;

/// How what is acknowledged gets onto the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMethod {
    /// Whichever is faster for the number of files.
    Auto,
    /// One file after the other.
    Fdatasync,
    /// The whole file system at once.
    Syncfs,
}

/// The broker's settings in force: those set while it ran over its file's and command line's over the defaults.
///
/// Each field is the setting of the same name with dots; `docs/CONFIG.md` explains them. Settings that are only defaults
/// of topics or groups, or bounds of theirs, have no field: [`super::TopicConfig`] and [`super::GroupConfig`] look them up.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokerConfig {
    /// Host and port that Kafka clients are told; `None`: those by which they came.
    pub advertised_listeners: Option<(String, u16)>,
    pub auto_create_topics_enable: bool,
    pub broker_id: i32,
    pub group_consumer_assignors: Vec<String>,
    pub group_consumer_max_size: usize,
    pub group_consumer_migration_policy: String,
    pub group_initial_rebalance_delay_ms: i32,
    pub group_max_session_timeout_ms: i32,
    pub group_max_size: usize,
    pub group_min_session_timeout_ms: i32,
    pub group_share_delivery_count_limit: i32,
    pub group_share_max_share_sessions: usize,
    pub group_share_max_size: usize,
    pub group_share_partition_max_record_locks: i32,
    /// `None`: never.
    pub idle_exit_ms: Option<i64>,
    /// TCP addresses only; empty: the data directory's socket alone.
    pub listeners: Vec<Address>,
    pub log_retention_check_interval_ms: i64,
    pub log_scrub_interval_ms: i64,
    pub log_sync_method: SyncMethod,
    pub max_connections: usize,
    pub num_partitions: i32,
    pub offset_metadata_max_bytes: usize,
    pub offsets_retention_minutes: i32,
    pub producer_id_expiration_ms: i64,
    pub offsets_salvage_enable: bool,
    pub queued_max_request_bytes: usize,
    /// `socket.request.max.bytes`.
    pub socket_request_max_bytes: usize,
    pub transaction_max_timeout_ms: i32,
    pub transactional_id_expiration_ms: i32,
    pub transactions_salvage_enable: bool,
    settings: Settings,
}

/// The settings that somebody set, checked.
#[derive(Debug, Clone, Default, PartialEq)]
struct Settings {
    set: BTreeMap<&'static str, (String, ConfigSource)>,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self::from_settings(Settings::default()).expect("the defaults go together")
    }
}

impl BrokerConfig {
    /// The settings of a file, if there is one, and over them `sets` (key and value, from a command line; the last one of
    /// a key holds).
    ///
    /// # Errors
    ///
    /// The first unreadable, unknown, repeated or ill-valued setting, with file and line.
    pub fn load(file: Option<&Path>, sets: &[(String, String)]) -> Result<Self, ConfigFileError> {
        let mut settings = Settings::default();
        if let Some(path) = file {
            for file::Line { key, value, .. } in file::read(path)? {
                settings.set(&key, &value, ConfigSource::StaticBroker).map_err(setting)?;
            }
        }
        for (key, value) in sets {
            settings.set(key, value, ConfigSource::StaticBroker).map_err(setting)?;
        }
        Self::from_settings(settings).map_err(setting)
    }

    /// This configuration, as it was loaded, under the settings made while the broker runs.
    ///
    /// # Errors
    ///
    /// [`BrokerError::InvalidConfig`] for the first setting, by name, that is unknown, ill-valued or fixed at the start.
    pub fn with_dynamic(&self, dynamic: &BTreeMap<String, String>) -> Result<Self, BrokerError> {
        let mut settings = self.settings.clone();
        for (key, value) in dynamic {
            if find(&BROKER_KEYS, key).is_some_and(|known| known.read_only) {
                let reason =
                    "it is fixed while the broker runs; set it in the configuration file and restart"
                        .to_owned();
                return Err(Problem::Refused { key: key.clone(), reason }.into());
            }
            settings.set(key, value, ConfigSource::DynamicBroker)?;
        }
        Ok(Self::from_settings(settings)?)
    }

    /// The value in force of a setting that exists, as text, and where it comes from.
    pub(super) fn in_force(&self, key: &str) -> (&str, ConfigSource) {
        self.settings.in_force(key)
    }

    fn from_settings(settings: Settings) -> Result<Self, Problem> {
        settings.check_together()?;
        let value = |key| settings.in_force(key).0;
        let advertised = items(value("advertised.listeners")).map(number).find_map(|address| match address {
            Address::Tcp { host, port } => Some((host, port)),
            Address::Unix(_) => None,
        });
        Ok(Self {
            advertised_listeners: advertised,
            auto_create_topics_enable: number(value("auto.create.topics.enable")),
            broker_id: number(value("broker.id")),
            group_consumer_assignors: items(value("group.consumer.assignors")).map(str::to_owned).collect(),
            group_consumer_max_size: number(value("group.consumer.max.size")),
            group_consumer_migration_policy: value("group.consumer.migration.policy").to_owned(),
            group_initial_rebalance_delay_ms: number(value("group.initial.rebalance.delay.ms")),
            group_max_session_timeout_ms: number(value("group.max.session.timeout.ms")),
            group_max_size: number(value("group.max.size")),
            group_min_session_timeout_ms: number(value("group.min.session.timeout.ms")),
            group_share_delivery_count_limit: number(value("group.share.delivery.count.limit")),
            group_share_max_share_sessions: number(value("group.share.max.share.sessions")),
            group_share_max_size: number(value("group.share.max.size")),
            group_share_partition_max_record_locks: number(value("group.share.partition.max.record.locks")),
            idle_exit_ms: Some(number(value("idle.exit.ms"))).filter(|ms| *ms > 0),
            listeners: items(value("listeners")).map(number).collect(),
            log_retention_check_interval_ms: number(value("log.retention.check.interval.ms")),
            log_scrub_interval_ms: number(value("log.scrub.interval.ms")),
            log_sync_method: match value("log.sync.method") {
                "fdatasync" => SyncMethod::Fdatasync,
                "syncfs" => SyncMethod::Syncfs,
                _ => SyncMethod::Auto,
            },
            max_connections: number(value("max.connections")),
            num_partitions: number(value("num.partitions")),
            offset_metadata_max_bytes: number(value("offset.metadata.max.bytes")),
            offsets_retention_minutes: number(value("offsets.retention.minutes")),
            producer_id_expiration_ms: number(value("producer.id.expiration.ms")),
            offsets_salvage_enable: number(value("offsets.salvage.enable")),
            queued_max_request_bytes: number(value("queued.max.request.bytes")),
            socket_request_max_bytes: number(value("socket.request.max.bytes")),
            transaction_max_timeout_ms: number(value("transaction.max.timeout.ms")),
            transactional_id_expiration_ms: number(value("transactional.id.expiration.ms")),
            transactions_salvage_enable: number(value("transactions.salvage.enable")),
            settings,
        })
    }
}

impl Settings {
    fn set(&mut self, key: &str, value: &str, source: ConfigSource) -> Result<(), Problem> {
        let known = find(&BROKER_KEYS, key).ok_or_else(|| Problem::unknown(key, &BROKER_KEYS))?;
        let checked = known.kind.check(value);
        let value = checked.map_err(|reason| Problem::Refused { key: key.to_owned(), reason })?;
        self.set.insert(known.name, (value.to_owned(), source));
        Ok(())
    }

    fn in_force(&self, key: &str) -> (&str, ConfigSource) {
        match self.set.get(key) {
            Some((value, source)) => (value, *source),
            None => {
                let known = find(&BROKER_KEYS, key).expect("only settings of the table are asked for");
                (known.default, ConfigSource::Default)
            }
        }
    }

    fn check_together(&self) -> Result<(), Problem> {
        self.check_advertised()?;
        let sessions = ["group.min.session.timeout.ms", "group.max.session.timeout.ms"].map(str::to_owned);
        for [min_key, max_key] in BOUNDED.into_iter().map(bounds_of).chain([sessions]) {
            let [min, max] = [&min_key, &max_key].map(|key| number::<i32>(self.in_force(key).0));
            if min > max {
                let reason = format!("{min} is more than {max_key}, {max}; change either");
                return Err(Problem::Refused { key: min_key, reason });
            }
        }
        Ok(())
    }
}

impl Settings {
    /// Clients know a broker by one address, and can't reach port 0.
    fn check_advertised(&self) -> Result<(), Problem> {
        let key = "advertised.listeners";
        let mut addresses = items(self.in_force(key).0).map(number::<Address>);
        let reason = match (addresses.next(), addresses.next()) {
            (Some(_), Some(_)) => "it takes one address",
            (Some(Address::Tcp { port: 0, .. }), _) => "port 0 can't be reached; name the port",
            _ => return Ok(()),
        };
        Err(Problem::Refused { key: key.to_owned(), reason: reason.to_owned() })
    }
}

/// A value that its kind has accepted.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> T {
    match text.parse() {
        Ok(value) => value,
        Err(_) => panic!("{text:?} was checked when it was set"),
    }
}

fn setting(problem: Problem) -> ConfigFileError {
    ConfigFileError::Setting { problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs(entries).into_iter().collect()
    }

    #[test]
    fn the_defaults_are_these() {
        let config = BrokerConfig::load(None, &[]).expect("defaults");
        assert_eq!(config, BrokerConfig::default());
        assert_eq!(config.listeners, ["127.0.0.1:9092".parse().expect("an address")]);
        assert_eq!((config.num_partitions, config.broker_id), (1, 1));
        assert!(config.auto_create_topics_enable);
        assert_eq!(config.idle_exit_ms, None);
        assert_eq!(config.log_sync_method, SyncMethod::Auto);
    }

    #[test]
    fn one_address_is_advertised() {
        let load = |value| BrokerConfig::load(None, &pairs(&[("advertised.listeners", value)]));
        assert_eq!(load("").expect("none").advertised_listeners, None);
        let advertised = load("kafka.example:19092").expect("one").advertised_listeners;
        assert_eq!(advertised, Some(("kafka.example".to_owned(), 19092)));
        let advertised = load("[::1]:9092").expect("one").advertised_listeners;
        assert_eq!(advertised, Some(("::1".to_owned(), 9092)));
        for (value, words) in [("a:1,b:2", "takes one address"), ("a:0", "name the port")] {
            let error = load(value).expect_err(value).to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("runnel.toml");
        std::fs::write(&path, "num.partitions = 3\nbroker.id = 7\nlisteners = [\"0.0.0.0:1\", \"[::]:2\"]\n")
            .expect("written");
        let sets = pairs(&[("num.partitions", "4"), ("idle.exit.ms", "600000"), ("num.partitions", "5")]);
        let config = BrokerConfig::load(Some(&path), &sets).expect("all good");
        assert_eq!((config.num_partitions, config.broker_id, config.idle_exit_ms), (5, 7, Some(600_000)));
        assert_eq!(config.listeners.len(), 2);
        assert_eq!(config.in_force("broker.id"), ("7", ConfigSource::StaticBroker));

        let none = BrokerConfig::load(None, &pairs(&[("listeners", "")])).expect("the socket alone");
        assert_eq!(none.listeners, []);
    }

    #[test]
    fn a_mistake_names_file_and_line_or_the_setting() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("runnel.toml");
        std::fs::write(&path, "\n\nnum.partition = 3\n").expect("written");
        let error = BrokerConfig::load(Some(&path), &[]).expect_err("a typo").to_string();
        assert!(
            error.ends_with(
                r#"runnel.toml:3: unknown setting "num.partition"; did you mean "num.partitions"?"#
            ),
            "{error}"
        );
        let error = BrokerConfig::load(None, &pairs(&[("log.sync.method", "fsync")])).expect_err("no method");
        assert_eq!(
            error.to_string(),
            r#"setting "log.sync.method": "fsync" is not one of auto, fdatasync, syncfs"#
        );
        let torn = pairs(&[("group.min.session.timeout.ms", "20"), ("group.max.session.timeout.ms", "10")]);
        let error = BrokerConfig::load(None, &torn).expect_err("min above max").to_string();
        assert!(error.contains("20 is more than group.max.session.timeout.ms, 10"), "{error}");
    }

    #[test]
    fn settings_made_while_it_runs_go_first() {
        let loaded = BrokerConfig::load(None, &pairs(&[("num.partitions", "3")])).expect("good");
        let config = loaded.with_dynamic(&map(&[("num.partitions", "8")])).expect("it is not fixed");
        assert_eq!(config.num_partitions, 8);
        assert_eq!(config.in_force("num.partitions"), ("8", ConfigSource::DynamicBroker));
        assert_eq!(loaded.with_dynamic(&BTreeMap::new()), Ok(loaded));
    }

    #[test]
    fn what_is_fixed_unknown_or_wrong_can_not_be_set_while_it_runs() {
        let config = BrokerConfig::default();
        for (key, value, words) in [
            ("broker.id", "2", "fixed while the broker runs"),
            ("retention.ms", "2", "did you mean \"log.retention.ms\"?"),
            ("log.retention.ms", "-2", "a whole number from -1 to"),
        ] {
            let error = config.with_dynamic(&map(&[(key, value)])).expect_err(key);
            assert!(
                matches!(&error, BrokerError::InvalidConfig { key: named, reason }
                if named == key && reason.contains(words)),
                "{error}"
            );
        }
    }
}

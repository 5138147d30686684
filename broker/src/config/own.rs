//! Settings that a topic or a group has of its own, over the broker's.

use std::collections::BTreeMap;

use runnel_proto::v1::ConfigSource;

use super::BrokerConfig;
use super::key::{Key, Kind};
use super::problem::Problem;
use super::tables::{GROUP_KEYS, TOPIC_KEYS, find};

/// What has settings of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A topic.
    Topic,
    /// A group.
    Group,
}

impl Owner {
    /// All its settings, by name.
    pub(super) fn keys(self) -> &'static [Key] {
        match self {
            Self::Topic => &TOPIC_KEYS,
            Self::Group => &GROUP_KEYS,
        }
    }

    /// Where a value comes from that was set on it.
    pub(super) fn source(self) -> ConfigSource {
        match self {
            Self::Topic => ConfigSource::Topic,
            Self::Group => ConfigSource::Group,
        }
    }

    /// The value in force of one of its settings, and where it comes from.
    pub(super) fn in_force<'a>(
        self,
        broker: &'a BrokerConfig,
        set: &'a BTreeMap<String, String>,
        key: &Key,
    ) -> (&'a str, ConfigSource) {
        match (set.get(key.name), key.twin) {
            (Some(value), _) => (value.trim(), self.source()),
            (None, Some(twin)) => broker.in_force(twin),
            (None, None) => (key.default, ConfigSource::Default),
        }
    }

    /// The value in force of a setting of the table.
    pub(super) fn value<'a>(
        self,
        broker: &'a BrokerConfig,
        set: &'a BTreeMap<String, String>,
        name: &str,
    ) -> &'a str {
        let key = find(self.keys(), name).expect("only settings of the table are asked for");
        self.in_force(broker, set, key).0
    }

    /// Whether each of these settings exists and takes its value.
    pub(super) fn check(self, set: &BTreeMap<String, String>) -> Result<(), Problem> {
        for (name, value) in set {
            let key = find(self.keys(), name).ok_or_else(|| Problem::unknown(name, self.keys()))?;
            let refused = |reason| Problem::Refused {
                key: name.clone(),
                reason: match key.kind {
                    Kind::Only { .. } => {
                        format!("it can only be {}: {}", key.kind, key.documentation.trim_end_matches('.'))
                    }
                    _ => reason,
                },
            };
            key.kind.check(value).map_err(refused)?;
        }
        Ok(())
    }
}

//! Settings as clients are told of them.

use std::collections::BTreeMap;

use runnel_proto::v1::{ConfigEntry, ConfigSource};

use super::BrokerConfig;
use super::key::Key;
use super::own::Owner;
use super::tables::{BROKER_KEYS, find};

/// Every setting of a topic or a group with these settings of its own, by name.
pub fn describe_own(owner: Owner, broker: &BrokerConfig, own: &BTreeMap<String, String>) -> Vec<ConfigEntry> {
    let entry = |key| entry(key, owner.in_force(broker, own, key));
    owner.keys().iter().map(entry).collect()
}

/// Every setting of a broker that was loaded with `loaded`, under the settings made while it runs, by name.
pub fn describe_broker(loaded: &BrokerConfig, dynamic: &BTreeMap<String, String>) -> Vec<ConfigEntry> {
    let entry = |key: &Key| match dynamic.get(key.name) {
        Some(value) if !key.read_only => entry(key, (value, ConfigSource::DynamicBroker)),
        _ => entry(key, loaded.in_force(key.name)),
    };
    BROKER_KEYS.iter().map(entry).collect()
}

/// A place that a setting's value may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The setting's name there.
    pub key: &'static str,
    /// Its value there.
    pub value: String,
    /// The place.
    pub source: ConfigSource,
}

/// All places that give a setting a value, the one in force first: a topic's or group's own settings, if it is such a one's,
/// those made while the broker runs, those it was loaded with, the default. None for an unknown setting.
pub fn synonyms(
    loaded: &BrokerConfig,
    dynamic: &BTreeMap<String, String>,
    own: Option<(Owner, &BTreeMap<String, String>)>,
    key: &str,
) -> Vec<ConfigSynonym> {
    let keys = own.map_or(&BROKER_KEYS[..], |(owner, _)| owner.keys());
    let Some(key) = find(keys, key) else { return Vec::new() };
    let brokers = if own.is_some() { key.twin } else { Some(key.name) };
    let own = own.and_then(|(owner, own)| Some((key.name, &**own.get(key.name)?, owner.source())));
    let made = brokers.and_then(|name| Some((name, &**dynamic.get(name)?, ConfigSource::DynamicBroker)));
    let given = brokers.map(|name| (name, loaded.in_force(name)));
    let given = given.filter(|(_, (_, source))| *source != ConfigSource::Default);
    let given = given.map(|(name, (value, source))| (name, value, source));
    let default = (brokers.unwrap_or(key.name), key.default, ConfigSource::Default);
    let places = own.into_iter().chain(made).chain(given).chain([default]);
    places.map(|(key, value, source)| ConfigSynonym { key, value: value.to_owned(), source }).collect()
}

fn entry(key: &Key, (value, source): (&str, ConfigSource)) -> ConfigEntry {
    ConfigEntry {
        key: key.name.to_owned(),
        value: value.to_owned(),
        default_value: key.default.to_owned(),
        source: source.into(),
        r#type: key.kind.wire_name().to_owned(),
        documentation: key.documentation.to_owned(),
        read_only: key.read_only,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn told(entries: &[ConfigEntry], key: &str) -> (String, ConfigSource) {
        let entry = entries.iter().find(|entry| entry.key == key).expect(key);
        (entry.value.clone(), entry.source())
    }

    #[test]
    fn a_topics_value_comes_from_the_nearest_place() {
        let sets =
            [("log.retention.ms".to_owned(), "5".to_owned()), ("log.roll.ms".to_owned(), "6".to_owned())];
        let loaded = BrokerConfig::load(None, &sets).expect("good");
        let broker =
            loaded.with_dynamic(&map(&[("log.roll.ms", "7"), ("log.segment.bytes", "9000")])).expect("good");
        let entries = describe_own(Owner::Topic, &broker, &map(&[("segment.bytes", "8000")]));
        assert_eq!(entries.len(), Owner::Topic.keys().len());
        assert_eq!(told(&entries, "segment.bytes"), ("8000".to_owned(), ConfigSource::Topic));
        assert_eq!(told(&entries, "segment.ms"), ("7".to_owned(), ConfigSource::DynamicBroker));
        assert_eq!(told(&entries, "retention.ms"), ("5".to_owned(), ConfigSource::StaticBroker));
        assert_eq!(told(&entries, "retention.bytes"), ("-1".to_owned(), ConfigSource::Default));
    }

    #[test]
    fn synonyms_are_all_places_and_the_nearest_comes_first() {
        let loaded =
            BrokerConfig::load(None, &[("log.retention.ms".to_owned(), "5".to_owned())]).expect("good");
        let dynamic = map(&[("log.retention.ms", "6")]);
        let own = map(&[("retention.ms", "7")]);
        let told = |own: Option<&BTreeMap<String, String>>, key: &str| -> Vec<(&'static str, String)> {
            let own = own.map(|own| (Owner::Topic, own));
            let synonyms = synonyms(&loaded, &dynamic, own, key);
            synonyms.into_iter().map(|synonym| (synonym.key, synonym.value)).collect()
        };
        let of_broker =
            [("log.retention.ms", "6"), ("log.retention.ms", "5"), ("log.retention.ms", "604800000")];
        let of_broker = of_broker.map(|(key, value)| (key, value.to_owned()));
        assert_eq!(told(None, "log.retention.ms"), of_broker);
        assert_eq!(told(Some(&own), "retention.ms")[0], ("retention.ms", "7".to_owned()));
        assert_eq!(told(Some(&own), "retention.ms")[1..], of_broker);
        assert_eq!(told(Some(&own), "preallocate"), [("preallocate", "false".to_owned())]);
        assert_eq!(told(None, "retention.ms"), []);
    }

    #[test]
    fn a_brokers_value_comes_from_the_nearest_place() {
        let loaded =
            BrokerConfig::load(None, &[("num.partitions".to_owned(), "3".to_owned())]).expect("good");
        let entries = describe_broker(&loaded, &map(&[("log.retention.ms", "-1")]));
        assert_eq!(entries.len(), BROKER_KEYS.len());
        assert_eq!(told(&entries, "log.retention.ms"), ("-1".to_owned(), ConfigSource::DynamicBroker));
        assert_eq!(told(&entries, "num.partitions"), ("3".to_owned(), ConfigSource::StaticBroker));
        assert_eq!(told(&entries, "broker.id"), ("1".to_owned(), ConfigSource::Default));
        let id = entries.iter().find(|entry| entry.key == "broker.id").expect("listed");
        assert!(id.read_only && id.r#type == "int" && id.default_value == "1");
    }
}

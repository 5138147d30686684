//! Settings of the broker, of topics and of groups: tell, change.

use std::collections::BTreeMap;
use std::sync::Arc;

use runnel_proto::v1::{ConfigEntry, ConfigSource};

use super::Operations;
use crate::config::{self, BrokerConfig, GroupConfig, TopicConfig};
pub use crate::config::{ConfigSynonym, Owner};
use crate::coordinator::group::check_name;
use crate::error::BrokerError;
use crate::metadata::ConfigChange;
use crate::partition::Topic;

impl Operations {
    /// Every setting of a topic.
    pub fn describe_topic_configs(&self, topic: &str) -> Result<Vec<ConfigEntry>, BrokerError> {
        let view = self.describe_topic(topic)?;
        Ok(config::describe_own(Owner::Topic, &self.config(), &view.configs))
    }

    /// Every setting of a group, which need not exist.
    pub fn describe_group_configs(&self, group: &str) -> Result<Vec<ConfigEntry>, BrokerError> {
        check_name(group)?;
        Ok(config::describe_own(Owner::Group, &self.config(), &self.group_configs(group)))
    }

    /// The settings that a group was given.
    pub fn group_configs(&self, group: &str) -> BTreeMap<String, String> {
        self.image(|image| image.group_configs(group))
    }

    /// All groups that were given settings.
    pub fn configured_groups(&self) -> Vec<String> {
        self.image(|image| image.configured_groups().map(|(group, _)| group.to_owned()).collect())
    }

    /// All places that give a setting of a topic or group with these settings of its own, or of the broker, a value.
    pub fn config_synonyms(
        &self,
        own: Option<(Owner, &BTreeMap<String, String>)>,
        key: &str,
    ) -> Vec<ConfigSynonym> {
        let loaded = &self.shared.static_config;
        self.image(|image| config::synonyms(loaded, image.broker_configs(), own, key))
    }

    /// Every setting of a topic that would have these of its own.
    pub fn preview_topic_configs(&self, configs: &BTreeMap<String, String>) -> Vec<ConfigEntry> {
        config::describe_own(Owner::Topic, &self.config(), configs)
    }

    /// The broker's settings made while it runs.
    pub fn dynamic_broker_configs(&self) -> BTreeMap<String, String> {
        self.image(|image| image.broker_configs().clone())
    }

    /// Every setting of the broker.
    pub fn describe_broker_configs(&self) -> Vec<ConfigEntry> {
        let mut entries =
            self.image(|image| config::describe_broker(&self.shared.static_config, image.broker_configs()));
        // Whoever started the broker may have chosen others than the file's and the defaults.
        let listening = self.broker().listeners.iter().filter(|address| !address.starts_with("unix:"));
        let listening = listening.map(String::as_str).collect::<Vec<_>>().join(",");
        for entry in entries.iter_mut().filter(|entry| entry.key == "listeners" && entry.value != listening) {
            entry.value.clone_from(&listening);
            entry.source = ConfigSource::StaticBroker.into();
        }
        entries
    }

    /// Changes settings of a topic, all or none; in force on return.
    pub async fn alter_topic_configs(
        &self,
        topic: String,
        change: ConfigChange,
        validate_only: bool,
    ) -> Result<(), BrokerError> {
        self.unhurried(move |operations| async move {
            let served = operations.registry().topic(&topic)?;
            let broker = operations.config();
            let check = |configs: &BTreeMap<String, String>| TopicConfig::accept(&broker, configs);
            let records = operations.image(|image| image.alter_topic_configs(&topic, &change, &check))?;
            if !validate_only {
                operations.persist(&records).await?;
                operations.refresh(&served, &broker)?;
                operations.tell(&format!("topic {topic}: {}", told(&change)));
            }
            Ok(())
        })
        .await
    }

    /// Changes settings of a group, which need not exist, all or none; in force on return.
    pub async fn alter_group_configs(
        &self,
        group: String,
        change: ConfigChange,
        validate_only: bool,
    ) -> Result<(), BrokerError> {
        check_name(&group)?;
        self.unhurried(move |operations| async move {
            let broker = operations.config();
            let check = |configs: &BTreeMap<String, String>| GroupConfig::accept(&broker, configs);
            let records = operations.image(|image| image.alter_group_configs(&group, &change, &check))?;
            if !validate_only {
                operations.persist(&records).await?;
                let configs = operations.group_configs(&group);
                let own =
                    (!configs.is_empty()).then(|| GroupConfig::resolve(&broker, &configs)).transpose()?;
                operations.groups().configure(&group, own);
                operations.tell(&format!("group {group:?}: {}", told(&change)));
            }
            Ok(())
        })
        .await
    }

    /// Changes settings of the broker, all or none; in force on return.
    pub async fn alter_broker_configs(
        &self,
        change: ConfigChange,
        validate_only: bool,
    ) -> Result<(), BrokerError> {
        self.unhurried(move |operations| async move {
            let fixed = &operations.shared.static_config;
            let check = |configs: &BTreeMap<String, String>| fixed.with_dynamic(configs).map(|_| ());
            let records = operations.image(|image| image.alter_broker_configs(&change, &check))?;
            if !validate_only {
                operations.persist(&records).await?;
                operations.refresh_all()?;
                operations.tell(&format!("broker: {}", told(&change)));
            }
            Ok(())
        })
        .await
    }

    /// Puts the broker's settings in force, for itself and for every topic that has none of its own.
    fn refresh_all(&self) -> Result<(), BrokerError> {
        let fixed = &self.shared.static_config;
        let broker = Arc::new(self.image(|image| fixed.with_dynamic(image.broker_configs()))?);
        *self.shared.config.write().expect("no one panics while holding the settings") = Arc::clone(&broker);
        for topic in self.registry().all().iter().filter(|topic| !topic.internal) {
            self.refresh(topic, &broker)?;
        }
        Ok(())
    }

    fn refresh(&self, topic: &Topic, broker: &BrokerConfig) -> Result<(), BrokerError> {
        let configs = self.image(|image| image.topic(&topic.name).map(|topic| topic.configs.clone()))?;
        let config = Arc::new(TopicConfig::resolve(broker, &configs)?);
        for partition in &topic.partitions {
            partition.set_config(Arc::clone(&config));
        }
        self.registry().put(Topic {
            id: topic.id,
            name: Arc::clone(&topic.name),
            internal: topic.internal,
            config,
            partitions: topic.partitions.clone(),
        });
        Ok(())
    }
}

/// A change in words, for those who watch.
fn told(change: &ConfigChange) -> String {
    let set = change.set.iter().map(|(key, value)| format!("{key}={value}"));
    let unset = change.unset.iter().map(|key| format!("{key} back to its default"));
    set.chain(unset).collect::<Vec<_>>().join(", ")
}

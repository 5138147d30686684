//! Topics: list, describe, create, delete, grow, trim.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DELETED, Operations, partition_dir, topic_dir};
use crate::clock;
use crate::config::TopicConfig;
use crate::error::BrokerError;
use crate::log::{Log, LogError};
use crate::metadata::NewTopic;
use crate::partition::{Partition, Topic};
use crate::types::{Offset, TopicId, TopicPartition, Uuid};

/// A topic to create.
#[derive(Debug, Clone)]
pub struct CreateTopic {
    /// The name.
    pub name: String,
    /// How many partitions; 0: the broker's `num.partitions`.
    pub partitions: i32,
    /// Settings under Kafka's names.
    pub configs: BTreeMap<String, String>,
    /// Succeed when the topic exists.
    pub if_not_exists: bool,
    /// Somebody produces to it: refused when `auto.create.topics.enable` is off.
    pub auto_create: bool,
    /// Check everything, create nothing.
    pub validate_only: bool,
}

/// A topic that exists now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its identity.
    pub id: TopicId,
    /// How many partitions it has.
    pub partitions: i32,
    /// False when it existed already.
    pub created: bool,
}

/// A topic and the settings that it was given.
#[derive(Debug, Clone)]
pub struct TopicView {
    /// The topic as it is served.
    pub topic: Arc<Topic>,
    /// The settings that differ from the broker's.
    pub configs: BTreeMap<String, String>,
}

impl Operations {
    /// The topics, by name.
    pub fn list_topics(&self, include_internal: bool) -> Vec<Arc<Topic>> {
        let mut topics = self.registry().all();
        topics.retain(|topic| include_internal || !topic.internal);
        topics
    }

    /// One topic.
    pub fn describe_topic(&self, name: &str) -> Result<TopicView, BrokerError> {
        let topic = self.registry().topic(name)?;
        let configs = self.image(|image| image.topic(name).map(|topic| topic.configs.clone()));
        // The broker's own topics are not in the image: they keep the newest record of each key, and nobody may change that.
        let own = || BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
        Ok(TopicView { topic, configs: configs.unwrap_or_else(|_| own()) })
    }

    /// Creates a topic: durable and served on return.
    pub async fn create_topic(&self, request: CreateTopic) -> Result<CreatedTopic, BrokerError> {
        self.unhurried(|operations| async move { operations.create_topic_in_turn(request).await }).await
    }

    async fn create_topic_in_turn(&self, request: CreateTopic) -> Result<CreatedTopic, BrokerError> {
        if let Ok(topic) = self.registry().topic(&request.name) {
            let partitions = topic.partitions.len() as i32;
            let there = CreatedTopic { id: topic.id, partitions, created: false };
            return if request.if_not_exists {
                Ok(there)
            } else {
                Err(BrokerError::TopicExists { topic: request.name })
            };
        }
        let broker = self.config();
        if request.auto_create && !broker.auto_create_topics_enable {
            return Err(BrokerError::UnknownTopic { topic: request.name });
        }
        let partitions = if request.partitions == 0 { broker.num_partitions } else { request.partitions };
        let new = NewTopic {
            id: Uuid::new_v4(),
            name: request.name.clone(),
            partitions,
            configs: request.configs.clone(),
            internal: false,
        };
        let id = new.id;
        let check = |configs: &BTreeMap<String, String>| TopicConfig::accept(&broker, configs);
        let records = self.image(|image| image.create_topic(new, clock::now_ms(), &check))?;
        let created = CreatedTopic { id, partitions, created: true };
        if request.validate_only {
            return Ok(created);
        }
        // Offsets of an earlier topic of that name: a crash, or a full disk, may have kept its deletion from taking them along.
        self.groups().forget_topic(&request.name).await?;
        let config = Arc::new(TopicConfig::resolve(&broker, &request.configs)?);
        let name: Arc<str> = request.name.into();
        // Files first: a crash in between leaves empty folders, which the next start removes.
        let count = partitions;
        let partitions = self.create_partition_files(&name, id, 0..count, &config).await?;
        if let Err(error) = self.persist(&records).await {
            self.remove_topic_files(id);
            return Err(error);
        }
        self.tell(&format!("topic {name} was created with {}", counted(count as usize, "partition")));
        self.registry().put(Topic { id, name, internal: false, config, partitions });
        Ok(created)
    }

    /// Deletes a topic, its records and all groups' offsets of it. Its readers and producers are told.
    pub async fn delete_topic(&self, name: String) -> Result<(), BrokerError> {
        self.unhurried(|operations| async move { operations.delete_topic_in_turn(&name).await }).await
    }

    async fn delete_topic_in_turn(&self, name: &str) -> Result<(), BrokerError> {
        let topic = self.registry().topic(name)?;
        if topic.internal {
            let reason = "the broker needs its own records";
            return Err(BrokerError::PolicyViolation { topic: name.to_owned(), reason });
        }
        // Offsets of it that can't be deleted now would come up again.
        self.groups().check()?;
        let records = self.image(|image| image.delete_topic(name))?;
        self.persist(&records).await?;
        self.registry().remove(topic.id);
        for partition in &topic.partitions {
            partition.end(BrokerError::UnknownTopic { topic: name.to_owned() });
        }
        // In this turn, so that no new topic of that name is there to lose its offsets. The topic is gone from the registry: no
        // commit comes after.
        if let Err(error) = self.groups().forget_topic(name).await {
            tracing::warn!(topic = name, %error, "offsets of a deleted topic stay until its name is used again");
        }
        self.tell(&format!("topic {name} was deleted"));
        self.remove_topic_files(topic.id);
        Ok(())
    }

    /// Deletes the committed offsets of topics whose deletion was cut short by a crash.
    pub async fn forget_gone_topics(&self) -> Result<(), BrokerError> {
        self.unhurried(|operations| async move {
            for topic in operations.groups().topics() {
                if operations.registry().topic(&topic).is_err() {
                    operations.groups().forget_topic(&topic).await?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Grows a topic to `total` partitions.
    pub async fn create_partitions(&self, name: String, total: i32) -> Result<(), BrokerError> {
        self.unhurried(
            move |operations| async move { operations.create_partitions_in_turn(&name, total).await },
        )
        .await
    }

    async fn create_partitions_in_turn(&self, name: &str, total: i32) -> Result<(), BrokerError> {
        let topic = self.registry().topic(name)?;
        let records = self.image(|image| image.create_partitions(name, total))?;
        let first = topic.partitions.len() as i32;
        let added = self.create_partition_files(&topic.name, topic.id, first..total, &topic.config).await?;
        self.persist(&records).await?;
        let partitions = topic.partitions.iter().cloned().chain(added).collect();
        self.tell(&format!("topic {name} has {} now", counted(total as usize, "partition")));
        let (name, config) = (Arc::clone(&topic.name), Arc::clone(&topic.config));
        self.registry().put(Topic { id: topic.id, name, internal: topic.internal, config, partitions });
        Ok(())
    }

    /// Deletes the records of one partition before an offset; -1: all of them. Returns where it starts now.
    pub async fn delete_records(
        &self,
        topic: &str,
        partition: i32,
        before: Offset,
    ) -> Result<Offset, BrokerError> {
        let topic = self.registry().topic(topic)?;
        if topic.internal {
            let reason = "the broker needs its own records";
            return Err(BrokerError::PolicyViolation { topic: topic.name.to_string(), reason });
        }
        if topic.config.cleanup_policy.compact && !topic.config.cleanup_policy.delete {
            let reason = "its cleanup.policy is compact, which keeps the newest record of every key; \
                          produce tombstones instead";
            return Err(BrokerError::PolicyViolation { topic: topic.name.to_string(), reason });
        }
        let partition = Arc::clone(topic.partition(partition)?);
        let (name, number) = (Arc::clone(&topic.name), partition.id().partition);
        let start = blocking(move || partition.truncate_before(before)).await?;
        self.tell(&format!("{name}/{number} was trimmed: it starts at offset {start}"));
        Ok(start)
    }

    /// Makes empty logs, all or none.
    async fn create_partition_files(
        &self,
        name: &Arc<str>,
        id: TopicId,
        numbers: std::ops::Range<i32>,
        config: &Arc<TopicConfig>,
    ) -> Result<Vec<Arc<Partition>>, BrokerError> {
        let shared = self.shared.partitions.clone();
        let (disk, name, config) = (self.disk().clone(), Arc::clone(name), Arc::clone(config));
        blocking(move || {
            let sync = disk.defer_sync();
            let create = |partition| {
                let id = TopicPartition { topic_id: id, partition };
                let log = Log::create_deferred(disk.clone(), partition_dir(id), Arc::clone(&config), &sync)?;
                Ok(Partition::serve(Arc::clone(&name), id, log, shared.clone()))
            };
            let first = numbers.start;
            let created = numbers.map(create).collect::<Result<Vec<_>, LogError>>().and_then(|created| {
                sync.finish().map_err(|error| LogError::sync("creating partitions", &error))?;
                Ok(created)
            });
            created.map_err(|error| {
                remove_partition_files(&disk, id, first);
                match error {
                    LogError::DiskFull => BrokerError::DiskFull,
                    error => BrokerError::StorageFailed { reason: error.to_string() },
                }
            })
        })
        .await
    }

    /// Removes a topic's files; nobody waits for that, since no other topic has its id. What a crash leaves of them the next
    /// start removes, by the folder's name.
    fn remove_topic_files(&self, id: TopicId) {
        let disk = self.disk().clone();
        tokio::task::spawn_blocking(move || {
            let deleted = topic_dir(id).with_extension(DELETED);
            let removed = disk.rename(&topic_dir(id), &deleted).and_then(|()| disk.remove_dir_all(&deleted));
            if let Err(error) = removed {
                tracing::warn!(topic_id = %id, %error, "files of a deleted topic could not be removed");
            }
        });
    }
}

/// Removes the folders of the partitions from `first` on, after some of them could not be made.
fn remove_partition_files(disk: &crate::storage::Disk, topic_id: TopicId, first: i32) {
    for partition in first.. {
        if disk.remove_dir_all(&partition_dir(TopicPartition { topic_id, partition })).is_err() {
            break;
        }
    }
    if first == 0 {
        // Best effort: an empty folder that stays does no harm.
        let _ = disk.remove_dir_all(&topic_dir(topic_id));
    }
}

pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Runs disk work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BrokerError> + Send + 'static,
) -> Result<T, BrokerError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(BrokerError::Internal { reason: error.to_string() }))
}

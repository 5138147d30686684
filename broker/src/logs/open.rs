//! What a start does with the disk: open and verify every log, replay the broker's own, bring folders in line with metadata.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Logs;
use super::own::{METADATA, OFFSETS, OwnTopic, group_log};
use bytes::Bytes;

use tokio::runtime::Handle;

use crate::clock;
use crate::config::{BrokerConfig, TopicConfig};
use crate::coordinator::group::{GroupCoordinator, GroupSettings};
use crate::coordinator::runtime::{self, CheckTopic, Groups};
use crate::error::BrokerError;
use crate::events::Events;
use crate::log::checkpoint::Image;
use crate::log::{Checkpoint, Log, LogError, SyncPoint};
use crate::metadata::{MetadataImage, Mirror, Place};
use crate::operations::{TOPICS_DIR, partition_dir};
use crate::partition::{self, Committer, Fatal, Partition, Registry, Reserve, Topic};
use crate::start::StartError;
use crate::storage::{DeferredSync, Disk};
use crate::types::{TopicPartition, Uuid};

/// Opening sled may hang on damaged files; its content can always be had from the logs.
const IMAGE_DEADLINE: Duration = Duration::from_secs(10);
const IMAGE_DIR: &str = "image";
const CHECKPOINT: &str = "checkpoint";

/// What an opened data directory holds.
pub struct Opened {
    /// Where the files are.
    pub disk: Disk,
    /// The topics served.
    pub registry: Registry,
    /// What new partitions share.
    pub partitions: partition::Shared,
    /// What `__metadata` comes to.
    pub image: MetadataImage,
    /// `__metadata`.
    pub metadata_log: Arc<Partition>,
    /// The images' mirror.
    pub mirror: Arc<Mirror>,
    /// The group coordinator.
    pub groups: Groups,
    /// What happened.
    pub events: Events,
}

pub(super) fn open(
    data_dir: &Path,
    config: &BrokerConfig,
    fatal: Fatal,
    runtime: &Handle,
) -> Result<(Logs, Opened), StartError> {
    let disk = Disk::open_root(data_dir)?;
    // From here on this start counts as unclean until it has stopped in order.
    let (checkpoint, remembered) = Checkpoint::open(&disk, CHECKPOINT)?;
    let clean = remembered.as_ref().is_some_and(|remembered| remembered.clean);
    let opener = Opener { disk: &disk, remembered: remembered.as_ref() };
    let mirror = Arc::new(Mirror::open(Place::Directory(data_dir.join(IMAGE_DIR)), IMAGE_DEADLINE));

    let log = opener.own(METADATA)?;
    let mut image = MetadataImage::default();
    METADATA
        .replay(&log, &mirror, |key, value| image.replay(key, value).map_err(|error| error.to_string()))?;
    let mut records = image.register_cluster(Uuid::new_v4(), clock::now_ms());
    if !clean && records.is_empty() {
        records.extend(image.raise_broker_epoch());
    }

    let (committer, committer_thread) = Committer::start(disk.clone(), fatal.clone());
    let leader_epoch = image.broker_epoch() + i32::from(!clean && image.cluster().is_some());
    let shared = partition::Shared {
        committer: committer.clone(),
        fatal,
        reserve: Reserve::new(disk.clone()),
        leader_epoch,
    };
    let registry = Registry::default();
    let metadata_log = serve_own(METADATA, log, &shared, &registry);
    if !records.is_empty() {
        let next_offset = metadata_log.append_records(&records, clock::now_ms())?;
        runtime.block_on(metadata_log.durable(next_offset))?;
        let first = next_offset - records.len() as i64;
        for record in &records {
            image
                .replay(&record.key, record.value.as_deref())
                .map_err(|error| BrokerError::Internal { reason: error.to_string() })?;
        }
        mirror.record(METADATA.log, first..next_offset, (first..).zip(&records));
    }

    let broker = config.with_dynamic(image.broker_configs())?;
    opener.topics(&image, &broker, &shared, &registry)?;
    opener.tell_orphans(&image);

    let log = opener.own(OFFSETS)?;
    let events = Events::default();
    let mut coordinator = GroupCoordinator::new(group_settings(&broker), Uuid::new_v4().as_u128());
    OFFSETS.replay(&log, &mirror, |key, value| {
        coordinator.replay(&Bytes::copy_from_slice(key), value.map(Bytes::copy_from_slice).as_ref());
        Ok(())
    })?;
    let offsets_log = serve_own(OFFSETS, log, &shared, &registry);
    let tell = events.clone();
    let on_event = Box::new(move |message| tell.tell(clock::now_ms(), message));
    let log = group_log(offsets_log, Arc::clone(&mirror));
    let (groups, groups_task) = {
        let _in_runtime = runtime.enter();
        runtime::start(coordinator, log, check_topic(registry.clone()), on_event, clock::now_ms())
    };

    let logs = Logs {
        registry: registry.clone(),
        groups: groups.clone(),
        groups_task,
        mirror: Arc::clone(&mirror),
        committer,
        committer_thread,
        checkpoint: Arc::new(Mutex::new(Some(checkpoint))),
    };
    let opened = Opened { disk, registry, partitions: shared, image, metadata_log, mirror, groups, events };
    Ok((logs, opened))
}

fn serve_own(own: OwnTopic, log: Log, shared: &partition::Shared, registry: &Registry) -> Arc<Partition> {
    let partition = Partition::serve(own.name.into(), own.partition(), log, shared.clone());
    registry.put(Topic {
        id: own.topic_id(),
        name: own.name.into(),
        internal: true,
        config: own.config(),
        partitions: vec![Arc::clone(&partition)],
    });
    partition
}

/// Offsets are kept of what exists, and of the very topic that was read.
fn check_topic(registry: Registry) -> CheckTopic {
    Arc::new(move |partition, id| {
        let topic = registry.topic(&partition.topic)?;
        if id.is_some_and(|id| id != topic.id) {
            return Err(BrokerError::TopicReplaced { topic: partition.topic.clone() });
        }
        topic.partition(partition.partition).map(|_| ())
    })
}

fn group_settings(config: &BrokerConfig) -> GroupSettings {
    GroupSettings {
        initial_rebalance_delay_ms: config.group_initial_rebalance_delay_ms.into(),
        min_session_timeout_ms: config.group_min_session_timeout_ms,
        max_session_timeout_ms: config.group_max_session_timeout_ms,
        max_size: config.group_max_size,
        offset_metadata_max_bytes: config.offset_metadata_max_bytes,
        offsets_retention_ms: i64::from(config.offsets_retention_minutes) * 60_000,
        ..GroupSettings::default()
    }
}

struct Opener<'a> {
    disk: &'a Disk,
    remembered: Option<&'a Image>,
}

impl Opener<'_> {
    /// Opens one of the broker's own logs. Without it nothing can be right, so damage ends the start, with all files kept.
    fn own(&self, own: OwnTopic) -> Result<Log, StartError> {
        let refused =
            |error: LogError| StartError::InternalLog { topic: own.name, reason: error.to_string() };
        let sync = self.disk.defer_sync();
        let log = self.log(own.partition(), own.config(), &sync).map_err(refused)?;
        sync.finish()?;
        Ok(log)
    }

    /// Opens one log, or makes it when there is none and there never was anything in it. It is durable when `sync` is
    /// finished.
    fn log(
        &self,
        id: TopicPartition,
        config: Arc<TopicConfig>,
        sync: &DeferredSync<'_>,
    ) -> Result<Log, LogError> {
        let dir = partition_dir(id);
        // A partition that the checkpoint does not know was made after it.
        let point = self.remembered.map(|remembered| remembered.sync_point(&id));
        if self.disk.list(&dir).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            if point.is_some_and(|point| point.offset > 0) {
                return Err(LogError::Corrupt { reason: "its files are gone".into() });
            }
            return Log::create_deferred(self.disk.clone(), dir, config, sync);
        }
        let clean = self.remembered.is_some_and(|remembered| remembered.clean);
        let (log, recovery) = Log::open_deferred(self.disk.clone(), dir, config, point, clean, sync)?;
        if recovery.cut_bytes > 0 {
            tracing::warn!(
                partition = %id,
                cut_bytes = recovery.cut_bytes,
                "a torn tail was cut off; nothing of it had been acknowledged"
            );
        }
        Ok(log)
    }

    /// Opens the logs of all topics, as many at once as there are processors.
    fn topics(
        &self,
        image: &MetadataImage,
        broker: &BrokerConfig,
        shared: &partition::Shared,
        registry: &Registry,
    ) -> Result<(), StartError> {
        let mut configs = HashMap::new();
        for topic in image.topics() {
            configs.insert(topic.id, Arc::new(TopicConfig::resolve(broker, &topic.configs)?));
        }
        let jobs: Vec<_> = image
            .topics()
            .flat_map(|topic| (0..topic.partitions).map(move |partition| (topic, partition)))
            .collect();
        let sync = self.disk.defer_sync();
        let mut opened = in_parallel(&jobs, |(topic, partition)| {
            let id = TopicPartition { topic_id: topic.id, partition: *partition };
            self.partition(&topic.name, id, &configs[&topic.id], shared, &sync)
        })
        .into_iter();
        sync.finish()?;
        for topic in image.topics() {
            let partitions = opened.by_ref().take(topic.partitions as usize).collect::<Result<Vec<_>, _>>();
            registry.put(Topic {
                id: topic.id,
                name: topic.name.as_str().into(),
                internal: false,
                config: Arc::clone(&configs[&topic.id]),
                partitions: partitions.map_err(|error| io::Error::other(error.to_string()))?,
            });
        }
        Ok(())
    }

    /// Opens one partition; damage quarantines it alone.
    fn partition(
        &self,
        topic: &str,
        id: TopicPartition,
        config: &Arc<TopicConfig>,
        shared: &partition::Shared,
        sync: &DeferredSync<'_>,
    ) -> Result<Arc<Partition>, LogError> {
        match self.log(id, Arc::clone(config), sync) {
            Ok(log) => Ok(Partition::serve(topic.into(), id, log, shared.clone())),
            Err(LogError::Corrupt { reason }) => {
                tracing::error!(topic, partition = id.partition, reason, "quarantined");
                let synced = self.remembered.map_or(SyncPoint::DAMAGED, |image| image.sync_point(&id));
                Ok(Partition::quarantined(topic.into(), id, reason, synced, shared.clone()))
            }
            Err(error) => Err(error),
        }
    }

    /// Tells of folders that belong to no topic. They are kept: a deletion that a crash cut short leaves one, and so would a
    /// lost topic.
    fn tell_orphans(&self, image: &MetadataImage) {
        for name in self.disk.list(Path::new(TOPICS_DIR)).unwrap_or_default() {
            let own = [METADATA, OFFSETS].iter().any(|own| own.topic_id().to_string() == name);
            let known = Uuid::parse_str(&name).is_ok_and(|id| image.topic_by_id(id).is_some());
            if !own && !known {
                tracing::warn!(folder = %Path::new(TOPICS_DIR).join(&name).display(), "a folder belongs to no topic");
            }
        }
    }
}

/// Does all jobs, as many at once as there are processors; results in the order of the jobs.
fn in_parallel<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = jobs.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let shares: Vec<_> = jobs
            .chunks(share)
            .map(|jobs| scope.spawn(|| jobs.iter().map(&work).collect::<Vec<_>>()))
            .collect();
        shares.into_iter().flat_map(|share| share.join().expect("opening a log does not panic")).collect()
    })
}

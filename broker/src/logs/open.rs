//! What a start does with the disk: open and verify every log, replay the broker's own, bring folders in line with metadata.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Logs;
use super::own::{self, METADATA, OwnTopic};
use super::{groups, transactions};

use tokio::runtime::Handle;

use crate::clock;
use crate::config::{BrokerConfig, TopicConfig};
use crate::coordinator::runtime::Groups;
use crate::coordinator::transaction_runtime::Transactions;
use crate::error::BrokerError;
use crate::events::Events;
use crate::log::checkpoint::Image;
use crate::log::{Checkpoint, Log, LogError, SyncPoint};
use crate::metadata::{MetadataImage, Mirror, Place};
use crate::operations::{DELETED, TOPICS_DIR, partition_dir};
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
    /// The transaction coordinator.
    pub transactions: Transactions,
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
    let events = Events::default();
    if !clean && remembered.is_some() {
        let message = "the broker had not stopped in order; what is not known to be on disk is verified";
        events.warn(clock::now_ms(), message);
    }
    let opener = Opener { disk: &disk, remembered: remembered.as_ref(), events: &events };
    let mirror = Arc::new(Mirror::open(Place::Directory(data_dir.join(IMAGE_DIR)), IMAGE_DEADLINE));

    let refused = |error| refused_log(METADATA, error);
    let log = opener.own(METADATA).map_err(refused)?;
    let mut image = MetadataImage::default();
    let loaded = mirror.load(METADATA.log, log.end_offset());
    METADATA
        .replay(&log, loaded, &mirror, |key, value| {
            image.replay(key, value).map_err(|error| error.to_string())
        })
        .map_err(refused)?;
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
        events: events.clone(),
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
    opener.clear_up(&image);
    let (groups, groups_task) = groups::Start {
        opener: &opener,
        broker: &broker,
        image: &image,
        mirror: &mirror,
        shared: &shared,
        registry: &registry,
    }
    .run(runtime)?;

    // Last: it may have markers to write to all the others.
    let (transactions, transactions_task) = transactions::Start {
        opener: &opener,
        broker: &broker,
        mirror: &mirror,
        shared: &shared,
        registry: &registry,
        groups: &groups,
    }
    .run(runtime)?;

    let logs = Logs {
        registry: registry.clone(),
        groups: groups.clone(),
        groups_task,
        transactions: transactions.clone(),
        transactions_task,
        mirror: Arc::clone(&mirror),
        committer,
        committer_thread,
        checkpoint: Arc::new(Mutex::new(Some(checkpoint))),
    };
    let opened = Opened {
        disk,
        registry,
        partitions: shared,
        image,
        metadata_log,
        mirror,
        groups,
        transactions,
        events,
    };
    Ok((logs, opened))
}

pub(super) fn serve_own(
    own: OwnTopic,
    log: Log,
    shared: &partition::Shared,
    registry: &Registry,
) -> Arc<Partition> {
    let partition = Partition::serve(own.name.into(), own.partition(), log, shared.clone());
    own.serve(Arc::clone(&partition), registry);
    partition
}

fn refused_log(own: OwnTopic, error: LogError) -> StartError {
    let topic = own.name;
    match error {
        LogError::Corrupt { reason } => StartError::DamagedLog { topic, reason },
        error => StartError::InternalLog { topic, reason: error.to_string() },
    }
}

pub(super) struct Opener<'a> {
    pub(super) disk: &'a Disk,
    pub(super) remembered: Option<&'a Image>,
    pub(super) events: &'a Events,
}

impl Opener<'_> {
    /// Opens one of the broker's own logs.
    pub(super) fn own(&self, own: OwnTopic) -> Result<Log, LogError> {
        let sync = self.disk.defer_sync();
        let log = self.log(own.name, own.partition(), own.config(), &sync)?;
        sync.finish().map_err(|error| LogError::sync("opening a log", &error))?;
        Ok(log)
    }

    /// Opens one log, or makes it when there is none and there never was anything in it. It is durable when `sync` is
    /// finished.
    fn log(
        &self,
        topic: &str,
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
            let message = format!(
                "{topic}/{}: a torn tail of {} bytes was cut off; nothing of it had been acknowledged",
                id.partition, recovery.cut_bytes
            );
            self.events.warn(clock::now_ms(), &message);
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
        match self.log(topic, id, Arc::clone(config), sync) {
            Ok(log) => Ok(Partition::serve(topic.into(), id, log, shared.clone())),
            Err(LogError::Corrupt { reason }) => {
                let synced = self.remembered.map_or(SyncPoint::DAMAGED, |image| image.sync_point(&id));
                Ok(Partition::quarantined(topic.into(), id, reason, synced, shared.clone()))
            }
            Err(error) => Err(error),
        }
    }

    /// Finishes the removal of deleted topics, and tells of folders that belong to no topic. Those are kept: a lost topic would
    /// leave one.
    fn clear_up(&self, image: &MetadataImage) {
        for name in self.disk.list(Path::new(TOPICS_DIR)).unwrap_or_default() {
            let dir = Path::new(TOPICS_DIR).join(&name);
            let topic = |id: &str| Uuid::parse_str(id).ok();
            let own = own::ALL.iter().any(|own| topic(&name) == Some(own.topic_id()));
            let known = |id| image.topic_by_id(id).is_some();
            if let Some(id) = name.strip_suffix(&format!(".{DELETED}")).and_then(topic)
                && !known(id)
            {
                if let Err(error) = self.disk.remove_dir_all(&dir) {
                    tracing::warn!(folder = %dir.display(), %error, "files of a deleted topic could not be removed");
                }
            } else if !own && !topic(&name).is_some_and(known) {
                tracing::warn!(folder = %dir.display(), "a folder belongs to no topic");
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

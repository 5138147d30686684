//! The groups' start: their log replayed, and what happens when it is damaged.
//!
//! The mirror has most of what the log says, and the batches around the damage are whole. When these two together miss nothing,
//! the log is written anew and the damaged files are set aside. Else some offsets are lost, and nobody can say whose: groups are
//! refused, and everything else serves, until `offsets.salvage.enable` says to go on with what there is.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use runnel_proto::group::ServerAssignor;
use runnel_proto::records::{BatchBuilder, BatchReader, Compression};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::open::{Opener, serve_own};
use super::own::{LARGEST_BATCH_BYTES, OFFSETS, coordinator_log, keyed_records};
use crate::clock;
use crate::config::{BrokerConfig, GroupConfig};
use crate::coordinator::group::{GroupCoordinator, GroupSettings, MigrationPolicy, ShareLimits, Topics};
use crate::coordinator::runtime::{self, CheckTopic, Groups, TopicAccess, TopicsSince};
use crate::error::BrokerError;
use crate::log::{Log, LogError, SyncPoint, ValidBatch, salvage};
use crate::metadata::{Loaded, MetadataImage, Mirror};
use crate::operations::partition_dir;
use crate::partition::{self, Partition, Registry};
use crate::start::StartError;
use crate::types::{LogRecord, Offset, Uuid};

/// Bytes of records in one batch of a log that is written anew.
const BATCH_BYTES: usize = 1 << 20;

/// What the groups start with.
pub(super) struct Start<'a> {
    pub(super) opener: &'a Opener<'a>,
    pub(super) broker: &'a BrokerConfig,
    pub(super) image: &'a MetadataImage,
    pub(super) mirror: &'a Arc<Mirror>,
    pub(super) shared: &'a partition::Shared,
    pub(super) registry: &'a Registry,
}

impl Start<'_> {
    /// Replays the groups and lets them go.
    pub(super) fn run(&self, runtime: &Handle) -> Result<(Groups, JoinHandle<()>), StartError> {
        self.finish_swap()?;
        let (partition, mut machine, refusal) = match self.replayed() {
            Ok((log, machine)) => (serve_own(OFFSETS, log, self.shared, self.registry), machine, None),
            Err(LogError::Corrupt { reason }) => {
                let partition = self.quarantined(reason.clone());
                let refusal = BrokerError::PartitionQuarantined {
                    topic: OFFSETS.name.to_owned(),
                    partition: 0,
                    reason: format!(
                        "{reason}; groups are refused until it is put back from a copy, or the broker is started with \
                         --set offsets.salvage.enable=true to go on with what can be read of it"
                    ),
                };
                (partition, self.machine(), Some(refusal))
            }
            Err(error) => {
                return Err(StartError::InternalLog { topic: OFFSETS.name, reason: error.to_string() });
            }
        };
        for (group, configs) in self.image.configured_groups() {
            machine.configure(group, Some(GroupConfig::resolve(self.broker, configs)?));
        }
        let tell = self.opener.events.clone();
        let on_event = Box::new(move |message: String| tell.tell(clock::now_ms(), &message));
        let log = coordinator_log(OFFSETS, partition, Arc::clone(self.mirror));
        let _in_runtime = runtime.enter();
        let topics = TopicAccess {
            check: check_topic(self.registry.clone()),
            since: topics_since(self.registry.clone()),
        };
        let (groups, task) = runtime::start(machine, log, topics, on_event, clock::now_ms());
        Ok((refusal.map_or(groups.clone(), |error| groups.refusing(error)), task))
    }

    fn machine(&self) -> GroupCoordinator {
        GroupCoordinator::new(group_settings(self.broker), Uuid::new_v4().as_u128())
    }

    fn replayed(&self) -> Result<(Log, GroupCoordinator), LogError> {
        let opened = self.opener.own(OFFSETS);
        let end = opened.as_ref().map_or(Offset::MAX, Log::end_offset);
        let loaded = self.mirror.load(OFFSETS.log, end);
        let replayed = opened.and_then(|log| {
            verify(&log)?;
            Ok((self.replay(&log, loaded.clone())?, log))
        });
        match replayed {
            Ok((machine, log)) => Ok((log, machine)),
            Err(LogError::Corrupt { reason }) => {
                let log = self.salvaged(&loaded, reason)?;
                Ok((self.replay(&log, loaded).map(|machine| (log, machine)))?)
            }
            Err(error) => Err(error),
        }
    }

    fn replay(&self, log: &Log, loaded: Loaded) -> Result<GroupCoordinator, LogError> {
        let mut machine = self.machine();
        OFFSETS.replay(log, loaded, self.mirror, |key, value| {
            machine.replay(&Bytes::copy_from_slice(key), value.map(Bytes::copy_from_slice).as_ref());
            Ok(())
        })?;
        Ok(machine)
    }

    fn quarantined(&self, reason: String) -> Arc<Partition> {
        let id = OFFSETS.partition();
        let synced = self.opener.remembered.map_or(SyncPoint::DAMAGED, |image| image.sync_point(&id));
        let partition = Partition::quarantined(OFFSETS.name.into(), id, reason, synced, self.shared.clone());
        OFFSETS.serve(Arc::clone(&partition), self.registry);
        partition
    }

    /// A new log with all that the mirror and the damaged log tell, which goes on from the damaged one's end.
    fn salvaged(&self, loaded: &Loaded, reason: String) -> Result<Log, LogError> {
        let (disk, dir) = (self.opener.disk, partition_dir(OFFSETS.partition()));
        let point = self.opener.remembered.map(|image| image.sync_point(&OFFSETS.partition()));
        let point = point.filter(|point| *point != SyncPoint::DAMAGED);
        let mut newest: BTreeMap<Bytes, Option<Bytes>> =
            loaded.rows.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        let mut reader = BatchReader::new(LARGEST_BATCH_BYTES);
        let mut unreadable = Vec::new();
        let salvaged = salvage(disk, &dir, point, |header, batch| match keyed_records(&mut reader, batch) {
            Ok(records) => {
                let news = records.into_iter().filter(|(offset, _)| *offset >= loaded.resume);
                newest.extend(news.map(|(_, LogRecord { key, value })| (key, value)));
            }
            Err(_) => unreadable.push(header.base_offset..header.next_offset()),
        })?;
        // Before that, the mirror knows.
        let is_lost = |range: &Range<Offset>| range.end > loaded.resume;
        let lost: i64 = salvaged
            .lost
            .iter()
            .chain(&unreadable)
            .filter(|range| is_lost(range))
            .map(|range| range.end - range.start.max(loaded.resume))
            .sum();
        if lost > 0 && !self.broker.offsets_salvage_enable {
            return Err(LogError::Corrupt { reason });
        }
        let now_ms = clock::now_ms();
        let kept = dir.with_file_name(format!("0.damaged-{now_ms}"));
        self.rewrite(&newest, salvaged.end.max(loaded.applied), now_ms)?;
        self.swap(&dir, &kept).map_err(|error| LogError::sync("setting damaged files aside", &error))?;
        let what = match lost {
            0 => "nothing of it is lost".to_owned(),
            lost => format!(
                "up to {lost} of its records are lost: groups may read records again or not find their offsets"
            ),
        };
        let kept = kept.display();
        self.opener.events.warn(
            now_ms,
            &format!(
                "{} was damaged ({reason}) and is written anew; {what}; the damaged files are kept in {kept}",
                OFFSETS.name
            ),
        );
        // Verified whole: the sync point that is remembered is the damaged log's.
        Log::open(disk.clone(), dir, OFFSETS.config(), None, false).map(|(log, _)| log)
    }

    /// Writes the log anew beside the damaged one. Tombstones go along: the mirror may still have their keys.
    fn rewrite(
        &self,
        newest: &BTreeMap<Bytes, Option<Bytes>>,
        start: Offset,
        now_ms: i64,
    ) -> Result<(), LogError> {
        let (disk, dir) = (self.opener.disk, fresh_dir());
        remove_if_there(disk.remove_dir_all(&dir))
            .map_err(|error| LogError::sync("writing a log anew", &error))?;
        let mut log = Log::create_at(disk.clone(), dir, OFFSETS.config(), start)?;
        let mut builder = BatchBuilder::new(Compression::None);
        let mut append = |builder: &mut BatchBuilder| {
            let built = builder.build().and_then(ValidBatch::internal);
            let batch = built.map_err(|error| LogError::Failed { reason: error.to_string() })?;
            log.append(&batch, self.shared.leader_epoch, now_ms).map(|_| ())
        };
        for (key, value) in newest {
            builder.push(now_ms, Some(key), value.as_deref(), &[]);
            if builder.size_bytes() > BATCH_BYTES {
                append(&mut builder)?;
            }
        }
        if !builder.is_empty() {
            append(&mut builder)?;
        }
        log.close().map(|_| ())
    }

    fn swap(&self, dir: &Path, kept: &Path) -> io::Result<()> {
        let disk = self.opener.disk;
        remove_if_there(disk.rename(dir, kept))?;
        disk.rename(&fresh_dir(), dir)?;
        disk.sync_dir(dir.parent().expect("it lies in its topic's folder"))
    }

    /// Goes on where a crash came between the two halves of [`Self::swap`].
    fn finish_swap(&self) -> io::Result<()> {
        let (disk, dir) = (self.opener.disk, partition_dir(OFFSETS.partition()));
        let is_there = |dir: &Path| disk.list(dir).is_ok();
        if !is_there(&dir) && is_there(&fresh_dir()) {
            disk.rename(&fresh_dir(), &dir)?;
        }
        Ok(())
    }
}

/// The mirror has most of what is in the log, so a replay need not come past damage; found later, it would keep groups from
/// committing when it could no longer be repaired.
fn verify(log: &Log) -> Result<(), LogError> {
    let mut from = 0;
    while let Some(plan) = log.plan_scrub(from)? {
        from = plan.run(u64::MAX)?.next_offset;
    }
    Ok(())
}

fn fresh_dir() -> PathBuf {
    partition_dir(OFFSETS.partition()).with_file_name("0.rewritten")
}

fn remove_if_there(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
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

fn topics_since(registry: Registry) -> TopicsSince {
    Arc::new(move |seen| {
        let (version, topics) = registry.changed_since(seen)?;
        let topics = topics.iter().filter(|topic| !topic.internal);
        let rows = topics.map(|topic| (topic.name.to_string(), topic.id, topic.partitions.len() as i32));
        Some(Topics::new(version, rows))
    })
}

fn group_settings(config: &BrokerConfig) -> GroupSettings {
    GroupSettings {
        initial_rebalance_delay_ms: config.group_initial_rebalance_delay_ms.into(),
        min_session_timeout_ms: config.group_min_session_timeout_ms,
        max_session_timeout_ms: config.group_max_session_timeout_ms,
        max_size: config.group_max_size,
        each: GroupConfig::of_all(config),
        consumer_max_size: config.group_consumer_max_size,
        consumer_assignors: config
            .group_consumer_assignors
            .iter()
            .filter_map(|name| ServerAssignor::named(name))
            .collect(),
        consumer_migration: MigrationPolicy::named(&config.group_consumer_migration_policy),
        share: ShareLimits {
            max_size: config.group_share_max_size,
            delivery_count_limit: config.group_share_delivery_count_limit as i16,
            max_record_locks: config.group_share_partition_max_record_locks.into(),
        },
        offset_metadata_max_bytes: config.offset_metadata_max_bytes,
        offsets_retention_ms: i64::from(config.offsets_retention_minutes) * 60_000,
        ..GroupSettings::default()
    }
}

//! The start of a log of a coordinator's: replayed, and what happens when it is damaged.
//!
//! The mirror has most of what the log says, and the batches around the damage are whole. When these two together miss nothing,
//! the log is written anew and the damaged files are set aside. Else some records are lost, and nobody can say which: the
//! coordinator refuses, and everything else serves, until a setting says to go on with what there is.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use runnel_proto::records::{BatchBuilder, BatchReader, Compression};

use super::open::{Opener, serve_own};
use super::own::{LARGEST_BATCH_BYTES, OwnTopic, keyed_records};
use crate::clock;
use crate::error::BrokerError;
use crate::log::{Log, LogError, SyncPoint, ValidBatch, salvage};
use crate::metadata::{Loaded, Mirror};
use crate::operations::partition_dir;
use crate::partition::{self, Partition, Registry};
use crate::start::StartError;
use crate::types::{LogRecord, Offset};

/// Bytes of records in one batch of a log that is written anew.
const BATCH_BYTES: usize = 1 << 20;

/// What a log says, by key; none: a tombstone.
pub(super) type Rows = BTreeMap<Bytes, Option<Bytes>>;

/// Replays a log, and repairs it if need be.
pub(super) struct Repair<'a> {
    pub(super) opener: &'a Opener<'a>,
    pub(super) mirror: &'a Arc<Mirror>,
    pub(super) shared: &'a partition::Shared,
    pub(super) registry: &'a Registry,
    pub(super) own: OwnTopic,
    /// Who is refused when records are lost.
    pub(super) refused: &'static str,
    /// The setting that says to go on without them, and whether it does.
    pub(super) setting: &'static str,
    pub(super) goes_on: bool,
    /// What it means to go on without them.
    pub(super) loss: &'static str,
    /// Makes up for so many records that are lost.
    pub(super) amend: fn(&mut Rows, lost: i64),
}

/// What a replay came to.
pub(super) struct Replayed<M> {
    /// The log, served or quarantined.
    pub(super) partition: Arc<Partition>,
    /// What the log says; nothing when it is quarantined.
    pub(super) machine: M,
    /// Why nobody can be served.
    pub(super) refusal: Option<BrokerError>,
}

impl Repair<'_> {
    /// Replays the log into a machine that knows nothing yet.
    pub(super) fn run<M>(
        &self,
        new: impl Fn() -> M,
        replay: impl Fn(&mut M, &Bytes, Option<&Bytes>),
    ) -> Result<Replayed<M>, StartError> {
        self.finish_swap()?;
        match self.replayed(&new, &replay) {
            Ok((log, machine)) => {
                let partition = serve_own(self.own, log, self.shared, self.registry);
                Ok(Replayed { partition, machine, refusal: None })
            }
            Err(LogError::Corrupt { reason }) => {
                let reason = format!(
                    "{reason}; {} are refused until it is put back from a copy, or the broker is started with --set \
                     {}=true to go on with what can be read of it",
                    self.refused, self.setting
                );
                let partition = self.quarantined(reason.clone());
                let topic = self.own.name.to_owned();
                let refusal = BrokerError::PartitionQuarantined { topic, partition: 0, reason };
                Ok(Replayed { partition, machine: new(), refusal: Some(refusal) })
            }
            Err(error) => Err(StartError::InternalLog { topic: self.own.name, reason: error.to_string() }),
        }
    }

    fn replayed<M>(
        &self,
        new: &impl Fn() -> M,
        replay: &impl Fn(&mut M, &Bytes, Option<&Bytes>),
    ) -> Result<(Log, M), LogError> {
        let opened = self.opener.own(self.own);
        let end = opened.as_ref().map_or(Offset::MAX, Log::end_offset);
        let loaded = self.mirror.load(self.own.log, end);
        let machine = |log: &Log, loaded| -> Result<M, LogError> {
            let mut machine = new();
            self.own.replay(log, loaded, self.mirror, |key, value| {
                replay(
                    &mut machine,
                    &Bytes::copy_from_slice(key),
                    value.map(Bytes::copy_from_slice).as_ref(),
                );
                Ok(())
            })?;
            Ok(machine)
        };
        let replayed = opened.and_then(|log| {
            verify(&log)?;
            Ok((machine(&log, loaded.clone())?, log))
        });
        match replayed {
            Ok((machine, log)) => Ok((log, machine)),
            Err(LogError::Corrupt { reason }) => {
                let log = self.salvaged(&loaded, reason)?;
                let machine = machine(&log, loaded)?;
                Ok((log, machine))
            }
            Err(error) => Err(error),
        }
    }

    fn quarantined(&self, reason: String) -> Arc<Partition> {
        let id = self.own.partition();
        let synced = self.opener.remembered.map_or(SyncPoint::DAMAGED, |image| image.sync_point(&id));
        let partition = Partition::quarantined(self.own.name.into(), id, reason, synced, self.shared.clone());
        self.own.serve(Arc::clone(&partition), self.registry);
        partition
    }

    /// A new log with all that the mirror and the damaged log tell, which goes on from the damaged one's end.
    fn salvaged(&self, loaded: &Loaded, reason: String) -> Result<Log, LogError> {
        let (disk, dir) = (self.opener.disk, partition_dir(self.own.partition()));
        let point = self.opener.remembered.map(|image| image.sync_point(&self.own.partition()));
        let point = point.filter(|point| *point != SyncPoint::DAMAGED);
        let mut newest: Rows =
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
        if lost > 0 && !self.goes_on {
            return Err(LogError::Corrupt { reason });
        }
        if lost > 0 {
            (self.amend)(&mut newest, lost);
        }
        let now_ms = clock::now_ms();
        let kept = dir.with_file_name(format!("0.damaged-{now_ms}"));
        self.rewrite(&newest, salvaged.end.max(loaded.applied), now_ms)?;
        self.swap(&dir, &kept).map_err(|error| LogError::sync("setting damaged files aside", &error))?;
        let what = match lost {
            0 => "nothing of it is lost".to_owned(),
            lost => format!("up to {lost} of its records are lost: {}", self.loss),
        };
        let kept = kept.display();
        self.opener.events.warn(
            now_ms,
            &format!(
                "{} was damaged ({reason}) and is written anew; {what}; the damaged files are kept in {kept}",
                self.own.name
            ),
        );
        // Verified whole: the sync point that is remembered is the damaged log's.
        Log::open(disk.clone(), dir, self.own.config(), None, false).map(|(log, _)| log)
    }

    /// Writes the log anew beside the damaged one. Tombstones go along: the mirror may still have their keys.
    fn rewrite(&self, newest: &Rows, start: Offset, now_ms: i64) -> Result<(), LogError> {
        let (disk, dir) = (self.opener.disk, self.fresh_dir());
        remove_if_there(disk.remove_dir_all(&dir))
            .map_err(|error| LogError::sync("writing a log anew", &error))?;
        let mut log = Log::create_at(disk.clone(), dir, self.own.config(), start)?;
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
        disk.rename(&self.fresh_dir(), dir)?;
        disk.sync_dir(dir.parent().expect("it lies in its topic's folder"))
    }

    /// Goes on where a crash came between the two halves of [`Self::swap`].
    fn finish_swap(&self) -> io::Result<()> {
        let (disk, dir) = (self.opener.disk, partition_dir(self.own.partition()));
        let is_there = |dir: &Path| disk.list(dir).is_ok();
        if !is_there(&dir) && is_there(&self.fresh_dir()) {
            disk.rename(&self.fresh_dir(), &dir)?;
        }
        Ok(())
    }

    fn fresh_dir(&self) -> PathBuf {
        partition_dir(self.own.partition()).with_file_name("0.rewritten")
    }
}

/// The mirror has most of what is in the log, so a replay need not come past damage; found later, it would keep the
/// coordinator from writing when it could no longer be repaired.
fn verify(log: &Log) -> Result<(), LogError> {
    let mut from = 0;
    while let Some(plan) = log.plan_scrub(from)? {
        from = plan.run(u64::MAX)?.next_offset;
    }
    Ok(())
}

fn remove_if_there(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

//! One partition's records: a directory of segments.
//!
//! ```text
//! <base offset, 20 digits>.log     record batches, as they came, one after the other; behind the last one of all, zeros
//! <base offset, 20 digits>.index   where some of them start, a rebuildable hint
//! <base offset, 20 digits>.txnindex  which transactions were aborted in a sealed segment, if any
//! <offset, 20 digits>.snapshot     what was known of producers there, a rebuildable hint
//! start                            the first offset readers may see, once that is not 0
//! compaction                       how far the log is compacted, a hint
//! *.cleaned, *.swap, *.new         work in progress; finished or removed on open
//! ```
//!
//! Three rules carry everything else. The last segment alone is written. A segment is created, durably, only after
//! the one before it is synced whole; hence whatever is wrong before the last segment is damage, never a torn write.
//! And each segment starts at the offset where the one before ends, compacted or not; hence none goes missing unseen.
//!
//! A [`Log`] is not shared: its owner locks it. What takes long (reads, compaction, verification) is planned under
//! that lock and done without it.

mod ahead;
pub mod checkpoint;
mod compaction;
mod epochs;
mod error;
mod index;
mod locate;
mod lookup;
mod producers;
mod read;
mod recovery;
mod retention;
mod salvage;
mod scan;
mod scrub;
mod segment;
mod start;
#[cfg(test)]
mod tests;
mod transactions;
pub mod validate;

use std::path::PathBuf;
use std::sync::Arc;

pub use checkpoint::{Checkpoint, SyncPoint};
pub use compaction::{Compacted, CompactionPlan, CompactionResult};
pub use epochs::EpochEnd;
use epochs::Epochs;
pub use error::LogError;
pub use locate::FileBatches;
pub use producers::{ProducerView, SnapshotPlan, WrittenSnapshot};
use producers::{Producers, Snapshots, Verdict};
pub use read::{Batches, ReadPlan};
pub use recovery::Recovery;
pub use retention::Deleted;
pub use salvage::{Salvaged, salvage};
pub use scrub::{ScrubPlan, Scrubbed};
use segment::Segment;
pub use transactions::AbortedTransaction;
pub use validate::ValidBatch;

use crate::config::TopicConfig;
use crate::storage::{DeferredSync, Disk, DiskFile};
use crate::types::{Offset, UnixMillis};

/// Bytes before a batch's magic: base offset, length, leader epoch. The broker writes the first and the last.
const STAMPED_BYTES: usize = 16;

/// One partition's records on disk.
pub struct Log {
    disk: Disk,
    dir: PathBuf,
    config: Arc<TopicConfig>,
    /// Ascending; the last one is active, and there always is one.
    segments: Vec<Segment>,
    start: Offset,
    compaction: compaction::State,
    epochs: Epochs,
    producers: Producers,
    snapshots: Snapshots,
    /// The index of some segment lacks aborted transactions; that of the active one has none.
    aborts_unsaved: bool,
    /// Everything before is on disk.
    synced: SyncPoint,
    /// The active segment's file, held open while it has bytes that are not synced: closing it could lose the
    /// report of a failed write.
    unsynced_file: Option<Arc<DiskFile>>,
    /// When the active segment got its first batch.
    first_append_ms: Option<UnixMillis>,
    /// Set by the first failed write: nothing is written any more.
    failed: Option<LogError>,
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first record.
    pub base_offset: Offset,
    /// The offset after its last.
    pub next_offset: Offset,
    /// Its records' timestamp, if the broker gives it.
    pub log_append_time_ms: Option<UnixMillis>,
    /// The producer had sent it before, and this is where it went then.
    pub duplicate: bool,
}

/// What is to be synced for everything before a point to be durable.
pub struct Unsynced {
    /// The files; none when everything is durable.
    pub files: Vec<Arc<DiskFile>>,
    /// The point; pass it to [`Log::synced`] after the files are synced.
    pub point: SyncPoint,
}

impl Appended {
    /// A batch that was appended before.
    fn before(sent: &producers::SentBatch) -> Self {
        Self {
            base_offset: sent.base_offset,
            next_offset: sent.next_offset(),
            log_append_time_ms: sent.append_time.then_some(sent.timestamp_ms),
            duplicate: true,
        }
    }
}

impl Log {
    /// A new log in `dir`, durable on return. The directory may exist, if it holds no records.
    ///
    /// # Errors
    /// [`LogError::DiskFull`], or [`LogError::Failed`], also when the directory holds records.
    pub fn create(disk: Disk, dir: PathBuf, config: Arc<TopicConfig>) -> Result<Self, LogError> {
        let sync = disk.defer_sync();
        let log = Self::create_deferred(disk.clone(), dir, config, &sync)?;
        sync.finish().map_err(|error| LogError::sync("creating a log", &error))?;
        Ok(log)
    }

    /// A new log in `dir` that goes on from an offset, durable on return.
    ///
    /// # Errors
    /// As [`Log::create`].
    pub fn create_at(
        disk: Disk,
        dir: PathBuf,
        config: Arc<TopicConfig>,
        start: Offset,
    ) -> Result<Self, LogError> {
        let sync = disk.defer_sync();
        let log = Self::create_from(disk.clone(), dir.clone(), config, start, &sync)?;
        sync.finish().map_err(|error| LogError::sync("creating a log", &error))?;
        start::write(&disk, &dir, start)
            .map_err(|error| LogError::write("writing the start offset", &error))?;
        Ok(log)
    }

    /// As [`Log::create`], durable only when `sync` is finished: the log must not be used before.
    ///
    /// # Errors
    /// As [`Log::create`].
    pub fn create_deferred(
        disk: Disk,
        dir: PathBuf,
        config: Arc<TopicConfig>,
        sync: &DeferredSync<'_>,
    ) -> Result<Self, LogError> {
        Self::create_from(disk, dir, config, 0, sync)
    }

    fn create_from(
        disk: Disk,
        dir: PathBuf,
        config: Arc<TopicConfig>,
        start: Offset,
        sync: &DeferredSync<'_>,
    ) -> Result<Self, LogError> {
        let doing = || format!("creating {}", dir.display());
        disk.create_dir_all(&dir).map_err(|error| LogError::write(&doing(), &error))?;
        for name in disk.list(&dir).map_err(|error| LogError::write(&doing(), &error))? {
            let path = dir.join(name);
            if !matches!(disk.len(&path), Ok(0)) {
                return Err(LogError::Failed {
                    reason: format!("{}: {} exists already", doing(), path.display()),
                });
            }
            disk.remove_file(&path).map_err(|error| LogError::write(&doing(), &error))?;
        }
        let segment = Segment::create(&disk, &dir, start, sync)?;
        recovery::sync_names(sync, &dir).map_err(|error| LogError::sync(&doing(), &error))?;
        Ok(Self::of_segments(disk, dir, config, vec![segment], start))
    }

    /// The log of `segments`, all of it durable.
    fn of_segments(
        disk: Disk,
        dir: PathBuf,
        config: Arc<TopicConfig>,
        segments: Vec<Segment>,
        start: Offset,
    ) -> Self {
        let synced = SyncPoint::START;
        let compaction = compaction::State::read(&disk, &dir);
        let mut log = Self {
            disk,
            dir,
            config,
            segments,
            start,
            compaction,
            epochs: Epochs::default(),
            producers: Producers::default(),
            snapshots: Snapshots::default(),
            aborts_unsaved: false,
            synced,
            unsynced_file: None,
            first_append_ms: None,
            failed: None,
        };
        log.synced = log.end_point();
        log
    }

    /// The settings in force.
    pub fn config(&self) -> &Arc<TopicConfig> {
        &self.config
    }

    /// Puts other settings in force.
    pub fn set_config(&mut self, config: Arc<TopicConfig>) {
        self.config = config;
    }

    /// The first offset readers may see.
    pub fn start_offset(&self) -> Offset {
        self.start
    }

    /// The offset that the next record gets.
    pub fn end_offset(&self) -> Offset {
        self.active().end
    }

    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size).sum()
    }

    /// How many segments there are.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Everything before is on disk.
    pub fn sync_point(&self) -> SyncPoint {
        self.synced
    }

    /// Appends a batch: in the page cache on return, durable after the next sync. Starts a new segment when the
    /// active one is full or old. A batch that its producer sends again is not appended again; it is durable when all
    /// is that lies before `next_offset`.
    ///
    /// # Errors
    /// [`LogError::Refused`] by what is known of its producer, [`LogError::DiskFull`]: nothing was written.
    /// [`LogError::Failed`]: now and for every later append.
    pub fn append(
        &mut self,
        batch: &ValidBatch,
        leader_epoch: i32,
        now_ms: UnixMillis,
    ) -> Result<Appended, LogError> {
        self.check_failed()?;
        let marker = if batch.header.is_control() { producers::marker_in(&batch.bytes)? } else { None };
        if batch.header.producer_id >= 0
            && let Verdict::Duplicate(sent) =
                self.producers.check(&batch.header, marker, batch.bumps_epoch)?
        {
            return Ok(Appended::before(&sent));
        }
        let base_offset = self.end_offset();
        let next_offset = base_offset + Offset::from(batch.header.last_offset_delta) + 1;
        if self.is_full_for(batch.bytes.len(), next_offset) {
            self.roll()?;
        }
        self.roll_if_due(now_ms)?;
        let mut header = batch.header;
        (header.base_offset, header.leader_epoch) = (base_offset, leader_epoch);
        self.write(&batch.bytes, base_offset, leader_epoch)?;
        let interval_bytes = u64::from(self.config.index_interval_bytes);
        let active = self.active_mut();
        if let Some(entry) = active.add(&header, interval_bytes)? {
            active.files.index.push(entry);
        }
        self.epochs.appended(leader_epoch, base_offset);
        if header.producer_id >= 0
            && let Some(aborted) = self.producers.replay(&header, marker, Some(now_ms))
        {
            let active = self.active_mut();
            active.aborted.push(aborted);
            active.aborted_unsaved = true;
            self.aborts_unsaved = true;
        }
        self.snapshots.appended(batch.bytes.len());
        self.first_append_ms.get_or_insert(now_ms);
        let log_append_time_ms = batch.log_append_time_ms();
        Ok(Appended { base_offset, next_offset, log_append_time_ms, duplicate: false })
    }

    /// What is remembered of the producers of the last time.
    pub fn producers(&self) -> Vec<ProducerView> {
        self.producers.views()
    }

    /// Forgets the producers that were silent for `expiration_ms` and have no transaction open.
    pub fn expire_producers(&mut self, now_ms: UnixMillis, expiration_ms: i64) {
        self.producers.expire(now_ms, expiration_ms);
    }

    /// What is to be synced so that everything appended until now is durable.
    pub fn unsynced(&self) -> Unsynced {
        Unsynced { files: self.unsynced_file.iter().cloned().collect(), point: self.end_point() }
    }

    /// Bytes that are not known to be on disk.
    pub fn unsynced_bytes(&self) -> u64 {
        let active = self.active();
        let synced = if self.synced.segment == active.files.base { self.synced.position } else { 0 };
        active.size - synced
    }

    /// Whether a write or a sync failed: what is on disk is unknown from then on.
    pub fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Takes note that everything before `point` is durable.
    pub fn synced(&mut self, point: &SyncPoint) {
        if point.offset > self.synced.offset {
            self.synced = *point;
        }
        if self.synced.offset >= self.end_offset()
            && let Some(file) = self.unsynced_file.take()
        {
            self.active().files.log.keep(file);
        }
    }

    /// Starts a new segment if the active one has records and is older than `segment.ms`. True if it did.
    ///
    /// # Errors
    /// [`LogError::DiskFull`] or [`LogError::Failed`].
    pub fn roll_if_due(&mut self, now_ms: UnixMillis) -> Result<bool, LogError> {
        let age_ms = self.first_append_ms.map_or(0, |first| now_ms.saturating_sub(first));
        let due = self.active().size > 0 && age_ms >= self.config.segment_ms;
        if due {
            self.roll()?;
        }
        Ok(due)
    }

    /// Makes all records durable, writes the index and lets go of the files, without zeros at their ends; should those
    /// come back, the next start cuts them. The log can be used on.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn close(&mut self) -> Result<SyncPoint, LogError> {
        self.check_failed()?;
        self.sync()?;
        self.save_producers()?;
        self.cut_zeros()?;
        for segment in &self.segments {
            _ = segment.files.index.flush();
            segment.files.index.close();
            segment.files.log.close();
        }
        Ok(self.synced)
    }

    fn active(&self) -> &Segment {
        self.segments.last().expect("a log has an active segment")
    }

    fn active_mut(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log has an active segment")
    }

    fn end_point(&self) -> SyncPoint {
        let active = self.active();
        SyncPoint {
            offset: active.end,
            segment: active.files.base,
            position: active.size,
            producers: self.is_stateful(),
        }
    }

    fn is_full_for(&self, size_bytes: usize, next_offset: Offset) -> bool {
        let active = self.active();
        let exceeds = active.size + size_bytes as u64 > self.config.segment_bytes;
        active.size > 0 && (exceeds || !active.fits(size_bytes, next_offset))
    }

    /// One positional write of the stamped bytes and the rest, as it lies in memory; before it now and then one of zeros.
    fn write(&mut self, batch: &[u8], base_offset: Offset, leader_epoch: i32) -> Result<(), LogError> {
        let file = self.file()?;
        let mut stamped = [0; STAMPED_BYTES];
        stamped[0..8].copy_from_slice(&base_offset.to_be_bytes());
        stamped[8..12].copy_from_slice(&batch[8..12]);
        stamped[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
        let zeros = self.zeros_after(batch.len());
        let written = self.active_mut().write(&file, &stamped, &batch[STAMPED_BYTES..], zeros);
        self.unsynced_file = Some(file);
        written.map_err(|error| self.failed_by(error))
    }

    /// The zeros that go ahead of the log's end with a batch, if its file grows and is synced right away.
    fn zeros_after(&self, size_bytes: usize) -> &'static [u8] {
        let active = self.active();
        if self.config.flush_messages > 1 || !active.grows_with(size_bytes) {
            return &[];
        }
        let added = size_bytes as u64;
        ahead::zeros(active.size + added, self.unsynced_bytes() + added, self.config.segment_bytes)
    }

    /// The active segment's file.
    fn file(&mut self) -> Result<Arc<DiskFile>, LogError> {
        match &self.unsynced_file {
            Some(file) => Ok(file.clone()),
            None => self.active().open_log().map_err(|error| self.failed_by(error)),
        }
    }

    fn cut_zeros(&mut self) -> Result<(), LogError> {
        self.active_mut().cut_zeros().map_err(|error| self.failed_by(error))
    }

    /// Seals the active segment and starts the next one.
    fn roll(&mut self) -> Result<(), LogError> {
        self.check_failed()?;
        self.cut_zeros()?;
        // Synced even if no batch waits for it: since it was opened its length may be one that only the page cache knows.
        self.unsynced_file = Some(self.file()?);
        self.sync()?;
        let sync = DeferredSync::at_once(&self.disk);
        let next = Segment::create(&self.disk, &self.dir, self.end_offset(), &sync);
        let next = next.map_err(|error| self.failed_by(error))?;
        self.active().seal();
        self.segments.push(next);
        self.snapshots.rolled();
        self.first_append_ms = None;
        self.synced = self.end_point();
        Ok(())
    }

    /// Makes everything durable, now.
    fn sync(&mut self) -> Result<(), LogError> {
        let Unsynced { files, point } = self.unsynced();
        let synced = self.disk.sync_files(&files);
        synced.map_err(|error| {
            let doing = format!("syncing {}", self.dir.display());
            self.failed_by(LogError::sync(&doing, &error))
        })?;
        self.synced(&point);
        Ok(())
    }

    fn check_failed(&self) -> Result<(), LogError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Remembers a failure after which nothing may be written; a full disk is none.
    fn failed_by(&mut self, error: LogError) -> LogError {
        if matches!(error, LogError::Failed { .. }) {
            self.failed = Some(error.clone());
        }
        error
    }
}

//! When snapshots are taken: now and then while the log is written, before segments are deleted, and at a close.

use std::path::PathBuf;

use super::snapshot::{Snapshot, path};
use crate::log::Log;
use crate::log::error::LogError;
use crate::log::segment::remove_if_there;
use crate::log::transactions;
use crate::storage::Disk;
use crate::types::{Offset, UnixMillis};

/// After so many bytes a start would have too much to read again.
const DUE_BYTES: u64 = 16 << 20;
/// A log that grows slower than that has its snapshot after so long.
const DUE_MS: i64 = 60_000;

/// Which snapshots there are, and how far the newest has fallen behind.
#[derive(Default)]
pub(in crate::log) struct Snapshots {
    /// All files, whether intact or not.
    pub(super) files: Vec<Offset>,
    /// The newest that is intact and durable.
    pub(super) newest: Option<Offset>,
    /// One that waits until what it speaks of is on disk.
    pending: Option<SnapshotPlan>,
    /// A segment was begun since the last one.
    rolled: bool,
    /// Appended since the last one.
    bytes: u64,
    planned_ms: UnixMillis,
}

/// A snapshot to write, without the log's lock.
pub struct SnapshotPlan {
    disk: Disk,
    path: PathBuf,
    content: Vec<u8>,
    offset: Offset,
    bytes: u64,
}

/// A snapshot that is on disk; pass it to [`Log::finish_snapshot`].
pub struct WrittenSnapshot {
    offset: Offset,
    bytes: u64,
}

impl Snapshots {
    pub(in crate::log) fn appended(&mut self, size_bytes: usize) {
        self.bytes += size_bytes as u64;
    }

    /// The newest one on disk.
    pub(in crate::log) fn newest(&self) -> Option<Offset> {
        self.newest
    }

    pub(in crate::log) fn rolled(&mut self) {
        self.rolled = true;
    }
}

impl Log {
    /// Whether a start has to read anything about producers or aborted transactions, beside the indexes of the latter.
    pub(in crate::log) fn is_stateful(&self) -> bool {
        self.aborts_unsaved || !self.producers.is_empty()
    }

    /// Plans to write a snapshot of what is known of producers, when there is something to know and the last one is
    /// too far behind. None while what it would speak of is not on disk yet.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn plan_snapshot(&mut self, now_ms: UnixMillis) -> Result<Option<SnapshotPlan>, LogError> {
        self.check_failed()?;
        if self.snapshots.pending.is_none() && self.snapshot_is_due(now_ms) {
            self.snapshots.planned_ms = now_ms;
            self.snapshots.rolled = false;
            self.snapshots.pending = self.capture()?;
        }
        let synced = self.synced.offset;
        Ok(self.snapshots.pending.take_if(|pending| pending.offset <= synced))
    }

    /// Takes note of a snapshot, and removes those before it.
    pub fn finish_snapshot(&mut self, written: &WrittenSnapshot) {
        let WrittenSnapshot { offset, bytes } = *written;
        let snapshots = &mut self.snapshots;
        snapshots.bytes = snapshots.bytes.saturating_sub(bytes);
        snapshots.newest = snapshots.newest.max(Some(offset));
        snapshots.files.push(offset);
        let (disk, dir, newest) = (&self.disk, &self.dir, snapshots.newest);
        // What can't be removed now is removed with the next ones.
        snapshots.files.retain(|&old| Some(old) == newest || remove_if_there(disk, &path(dir, old)).is_err());
    }

    /// Writes a snapshot of all that is known, which has to be on disk. On a full disk there is none.
    pub(in crate::log) fn save_producers(&mut self) -> Result<(), LogError> {
        assert_eq!(self.synced.offset, self.end_offset(), "a snapshot speaks of what is on disk");
        if !self.is_stateful() || self.snapshots.newest == Some(self.end_offset()) {
            return Ok(());
        }
        self.snapshots.pending = None;
        let Some(plan) = self.capture()? else { return Ok(()) };
        if let Some(written) = plan.run().map_err(|error| self.failed_by(error))? {
            self.finish_snapshot(&written);
        }
        Ok(())
    }

    fn snapshot_is_due(&self, now_ms: UnixMillis) -> bool {
        let Snapshots { newest, rolled, bytes, planned_ms, .. } = self.snapshots;
        let late = rolled || bytes >= DUE_BYTES || now_ms.saturating_sub(planned_ms) >= DUE_MS;
        late && self.is_stateful() && newest != Some(self.end_offset())
    }

    /// `None` if the indexes that it relies on can't be written.
    fn capture(&mut self) -> Result<Option<SnapshotPlan>, LogError> {
        if !self.save_aborted()? {
            return Ok(None);
        }
        let offset = self.end_offset();
        let sealed = &self.segments[..self.segments.len() - 1];
        let indexed = sealed.iter().filter(|segment| !segment.aborted.is_empty());
        let snapshot = Snapshot {
            offset,
            producers: self.producers.clone(),
            aborted: self.active().aborted.clone(),
            indexed: indexed.map(|segment| segment.files.base).collect(),
        };
        Ok(Some(SnapshotPlan {
            disk: self.disk.clone(),
            path: path(&self.dir, offset),
            content: snapshot.encode(),
            offset,
            bytes: self.snapshots.bytes,
        }))
    }

    /// Has an index of aborted transactions for every sealed segment with some, durable. False if it cannot be written.
    pub(super) fn save_aborted(&mut self) -> Result<bool, LogError> {
        if !self.aborts_unsaved {
            return Ok(true);
        }
        let last = self.segments.len() - 1;
        for number in 0..last {
            let segment = &self.segments[number];
            if !segment.aborted_unsaved {
                continue;
            }
            let base = segment.files.base;
            let content = transactions::encode(base, &segment.aborted);
            let written = self.disk.write_new(&transactions::path(&self.dir, base), &content);
            if let Err(error) = written {
                return refuse_if_failed(&self.disk, &error)
                    .map(|()| false)
                    .map_err(|error| self.failed_by(error));
            }
            self.segments[number].aborted_unsaved = false;
        }
        self.aborts_unsaved = self.segments[last].aborted_unsaved;
        Ok(true)
    }
}

impl SnapshotPlan {
    /// Writes it. `None` if that did no good and no harm either: the disk is full, or the log was deleted.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn run(self) -> Result<Option<WrittenSnapshot>, LogError> {
        match self.disk.write_new(&self.path, &self.content) {
            Ok(()) => Ok(Some(WrittenSnapshot { offset: self.offset, bytes: self.bytes })),
            Err(error) => refuse_if_failed(&self.disk, &error).map(|()| None),
        }
    }
}

/// What could not be written is a hint, unless it is the disk that fails.
fn refuse_if_failed(disk: &Disk, error: &std::io::Error) -> Result<(), LogError> {
    if disk.has_failed() {
        return Err(LogError::sync("writing what is known of producers", error));
    }
    Ok(())
}

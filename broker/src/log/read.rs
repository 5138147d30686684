//! Reading: what to read is found under the owner's lock, the bytes are read without it.

use std::sync::Arc;

use bytes::Bytes;
use runnel_proto::records::{split_batches, verify_crc};

use super::Log;
use super::error::LogError;
use super::index::{Doubt, Entry};
use super::scan::{Depth, header_at};
use super::segment::{Files, Segment};
use crate::storage::DiskFile;
use crate::types::Offset;

/// Whole batches, as they were stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batches {
    /// The batches, one after the other. The first may begin before the offset asked for.
    pub bytes: Bytes,
    /// Where to read on.
    pub next_offset: Offset,
}

/// What to read. It holds on to its file: whatever happens to the segment does it no harm.
pub struct ReadPlan {
    pub(super) view: Option<View>,
    pub(super) offset: Offset,
    pub(super) max_bytes: usize,
    pub(super) upper: Offset,
    pub(super) at_least_one: bool,
}

/// A segment as it was when a read was planned.
pub(super) struct View {
    pub(super) files: Arc<Files>,
    pub(super) file: Arc<DiskFile>,
    /// Bytes of whole batches.
    pub(super) size: u64,
    /// The offset after them.
    pub(super) end: Offset,
    /// An offset in it whose place is known, and the place: what is on disk ends there, and mostly what is visible.
    pub(super) synced: (Offset, u64),
    /// Whether it is the segment that is appended to: it is in the page cache, as a rule.
    active: bool,
}

impl Log {
    /// Plans to read from `offset` what lies below `upper`, about `max_bytes` of it, and always a whole batch. Empty
    /// at the end.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] before the start or beyond the end; [`LogError::Unreadable`] or
    /// [`LogError::Corrupt`] if the file cannot be opened.
    pub fn plan_read(&self, offset: Offset, max_bytes: usize, upper: Offset) -> Result<ReadPlan, LogError> {
        let (start, end) = (self.start_offset(), self.end_offset());
        if offset < start || offset > end {
            return Err(LogError::OutOfRange { offset, start, end });
        }
        let view = if offset < end.min(upper) { Some(self.view_at(offset)?) } else { None };
        Ok(ReadPlan { view, offset, max_bytes, upper, at_least_one: true })
    }

    /// The segment with `offset`, which the log must have.
    pub(super) fn view_at(&self, offset: Offset) -> Result<View, LogError> {
        let number = self.segments.partition_point(|segment| segment.end <= offset);
        self.view(&self.segments[number])
    }

    pub(super) fn view(&self, segment: &Segment) -> Result<View, LogError> {
        let synced = match self.synced.segment == segment.files.base {
            true => (self.synced.offset, self.synced.position),
            false => (segment.files.base, 0),
        };
        Ok(View {
            files: segment.files.clone(),
            file: segment.open_log()?,
            size: segment.size,
            end: segment.end,
            synced,
            active: segment.files.base == self.active().files.base,
        })
    }
}

impl ReadPlan {
    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.view.is_none()
    }

    /// The same without a first batch that is larger than what was asked for.
    pub fn within_max_bytes(self) -> Self {
        let view = self.view.filter(|_| self.max_bytes > 0);
        Self { view, at_least_one: false, ..self }
    }

    /// Whether what it reads was appended lately, so that no disk is waited for, as a rule.
    pub fn is_recent(&self) -> bool {
        self.view.as_ref().is_none_or(|view| view.active)
    }

    /// The offset before which the batches end that it may read: a plan stays within a segment.
    pub fn end_offset(&self) -> Offset {
        self.view.as_ref().map_or(self.offset, |view| view.end)
    }

    /// Reads.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] when the bytes are no batches any more, [`LogError::Unreadable`].
    pub fn read(&self) -> Result<Batches, LogError> {
        let found = self.locate()?;
        let (Some(view), Some(range)) = (&self.view, found.range) else {
            return Ok(Batches { bytes: Bytes::new(), next_offset: self.offset });
        };
        let bytes = Bytes::from(range.read().map_err(|error| view.files.read_error(&error))?);
        for batch in split_batches(&bytes) {
            batch.map_err(|error| view.corrupt(range.position(), &error.to_string()))?;
        }
        Ok(Batches { bytes, next_offset: found.next_offset })
    }

    /// The same, and verifies the batches' sums.
    ///
    /// # Errors
    /// As [`ReadPlan::read`]; [`LogError::Corrupt`] also when a batch is not what was written.
    pub fn read_verified(&self) -> Result<Batches, LogError> {
        let batches = self.read()?;
        let Some(view) = &self.view else { return Ok(batches) };
        for batch in split_batches(&batches.bytes) {
            let sound = batch.and_then(|(_, bytes)| verify_crc(bytes));
            sound.map_err(|error| LogError::Corrupt {
                reason: format!("{}: {error}", view.files.log.path().display()),
            })?;
        }
        Ok(batches)
    }
}

impl View {
    /// The entry that `find` names, if the batch that it leads to is there. On any doubt the index is rebuilt.
    pub(super) fn seek(&self, find: impl Fn() -> Result<Option<Entry>, Doubt>) -> Option<Entry> {
        match find().and_then(|entry| self.check(entry)) {
            Ok(entry) => entry,
            Err(Doubt) => {
                tracing::warn!(index = %self.files.index.path().display(), "the index is damaged and is rebuilt");
                self.rebuild_index();
                find().and_then(|entry| self.check(entry)).unwrap_or(None)
            }
        }
    }

    fn check(&self, entry: Option<Entry>) -> Result<Option<Entry>, Doubt> {
        let Some(entry) = entry else { return Ok(None) };
        match header_at(&self.file, entry.position, self.size) {
            Ok(header) if header.base_offset == entry.offset => Ok(Some(entry)),
            _ => Err(Doubt),
        }
    }

    /// In memory; the log's owner writes it in time. Damage to the log itself shows when that is read.
    fn rebuild_index(&self) {
        _ = Segment::over(self.files.clone()).rebuild_index(&self.file, Depth::Headers, self.size);
    }

    pub(super) fn read(&self, position: u64, wanted: usize) -> Result<Vec<u8>, LogError> {
        let left = usize::try_from(self.size.saturating_sub(position)).unwrap_or(usize::MAX);
        let mut chunk = vec![0; wanted.min(left)];
        let read = self.file.read_exact_at(&mut chunk, position);
        read.map_err(|error| {
            LogError::read(&format!("reading {}", self.files.log.path().display()), &error)
        })?;
        Ok(chunk)
    }

    pub(super) fn corrupt(&self, position: u64, what: &str) -> LogError {
        LogError::Corrupt {
            reason: format!("{} at byte {position}: {what}", self.files.log.path().display()),
        }
    }
}

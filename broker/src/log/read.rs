//! Reading: what to read is found under the owner's lock, the bytes are read without it.

use std::sync::Arc;

use bytes::Bytes;
use runnel_proto::records::{BatchHeader, HEADER_BYTES, split_batches, verify_crc};

use super::Log;
use super::error::LogError;
use super::index::{Doubt, Entry};
use super::scan::{Depth, header_at};
use super::segment::{Files, Segment};
use crate::storage::DiskFile;
use crate::types::Offset;

/// Bytes read beside those asked for, since the index knows not every batch.
const SLACK_BYTES: usize = 4096 + HEADER_BYTES;

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
    view: Option<View>,
    offset: Offset,
    max_bytes: usize,
    upper: Offset,
}

/// A segment as it was when a read was planned.
pub(super) struct View {
    pub(super) files: Arc<Files>,
    pub(super) file: Arc<DiskFile>,
    /// Bytes of whole batches.
    pub(super) size: u64,
    /// The offset after them.
    pub(super) end: Offset,
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
        Ok(ReadPlan { view, offset, max_bytes, upper })
    }

    /// The segment with `offset`, which the log must have.
    pub(super) fn view_at(&self, offset: Offset) -> Result<View, LogError> {
        let number = self.segments.partition_point(|segment| segment.end <= offset);
        self.view(&self.segments[number])
    }

    pub(super) fn view(&self, segment: &Segment) -> Result<View, LogError> {
        Ok(View {
            files: segment.files.clone(),
            file: segment.open_log()?,
            size: segment.size,
            end: segment.end,
        })
    }
}

impl ReadPlan {
    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.view.is_none()
    }

    /// The offset before which the batches end that it may read: a plan stays within a segment.
    pub fn end_offset(&self) -> Offset {
        self.view.as_ref().map_or(self.offset, |view| view.end)
    }

    /// Reads. Usually one read of the file; two when the first batch is larger than asked for.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] when the bytes are no batches any more, [`LogError::Unreadable`].
    pub fn read(self) -> Result<Batches, LogError> {
        let nothing = Batches { bytes: Bytes::new(), next_offset: self.offset };
        let Some(view) = &self.view else { return Ok(nothing) };
        let (mut position, slack) = match view.seek(|| view.files.index.find_offset(self.offset)) {
            Some(entry) if entry.offset == self.offset => (entry.position, 0),
            Some(entry) => (entry.position, SLACK_BYTES),
            None => (0, SLACK_BYTES),
        };
        let mut wanted = self.max_bytes.max(HEADER_BYTES).saturating_add(slack);
        loop {
            let chunk = view.read(position, wanted)?;
            let skipped = self.skip(view, position, &chunk)?;
            match skipped.found {
                None if position + skipped.bytes as u64 >= view.size => {
                    return Err(view.corrupt(view.size, &format!("no batch has offset {}", self.offset)));
                }
                // More than was read lies before the batch.
                None => {}
                Some(header) if header.next_offset() > self.upper => return Ok(nothing),
                Some(header) if skipped.bytes + header.size_bytes > chunk.len() => {
                    wanted = header.size_bytes.max(self.max_bytes);
                }
                Some(_) => {
                    let (end, next_offset) = self.take(view, position, &chunk, skipped.bytes)?;
                    return Ok(Batches { bytes: Bytes::from(chunk).slice(skipped.bytes..end), next_offset });
                }
            }
            position += skipped.bytes as u64;
        }
    }

    /// The same, and verifies the batches' sums.
    ///
    /// # Errors
    /// As [`ReadPlan::read`]; [`LogError::Corrupt`] also when a batch is not what was written.
    pub fn read_verified(self) -> Result<Batches, LogError> {
        let files = self.view.as_ref().map(|view| Arc::clone(&view.files));
        let batches = self.read()?;
        for batch in split_batches(&batches.bytes) {
            let sound = batch.and_then(|(header, bytes)| verify_crc(bytes).map(|()| header));
            if let (Err(error), Some(files)) = (sound, &files) {
                return Err(LogError::Corrupt { reason: format!("{}: {error}", files.log.path().display()) });
            }
        }
        Ok(batches)
    }

    /// How many bytes of `chunk` are batches before the offset, and the header of the next one if it is there.
    fn skip(&self, view: &View, position: u64, chunk: &[u8]) -> Result<Skipped, LogError> {
        let mut at = 0;
        while let Some(bytes) = chunk.get(at..at + HEADER_BYTES) {
            let header = view.parse(position + at as u64, bytes)?;
            if header.next_offset() > self.offset {
                return Ok(Skipped { bytes: at, found: Some(header) });
            }
            at += header.size_bytes;
        }
        Ok(Skipped { bytes: at, found: None })
    }

    /// Where the batches that fit end in `chunk`, from the one at `start` on, and the offset after them.
    fn take(
        &self,
        view: &View,
        position: u64,
        chunk: &[u8],
        start: usize,
    ) -> Result<(usize, Offset), LogError> {
        let (mut end, mut next_offset) = (start, self.offset);
        while next_offset < self.upper
            && let Some(bytes) = chunk.get(end..end + HEADER_BYTES)
        {
            let header = view.parse(position + end as u64, bytes)?;
            let fits = end == start || end + header.size_bytes - start <= self.max_bytes;
            if header.next_offset() > self.upper || !fits || end + header.size_bytes > chunk.len() {
                break;
            }
            end += header.size_bytes;
            next_offset = header.next_offset();
        }
        Ok((end, next_offset))
    }
}

/// What [`ReadPlan::skip`] came past.
struct Skipped {
    bytes: usize,
    found: Option<BatchHeader>,
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

    fn parse(&self, position: u64, bytes: &[u8]) -> Result<BatchHeader, LogError> {
        let header = BatchHeader::parse(bytes).map_err(|error| self.corrupt(position, &error.to_string()))?;
        if position + header.size_bytes as u64 > self.size {
            return Err(self.corrupt(position, "the batch exceeds the segment"));
        }
        Ok(header)
    }

    pub(super) fn corrupt(&self, position: u64, what: &str) -> LogError {
        LogError::Corrupt {
            reason: format!("{} at byte {position}: {what}", self.files.log.path().display()),
        }
    }
}

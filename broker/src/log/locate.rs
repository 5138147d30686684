//! Where the batches of a read lie, so that they can be sent from the page cache without passing through memory.
//!
//! Only the two ends are looked for: the index leads near both, and between them nothing is read. That is enough, since
//! what lies there was verified when it came in, or by [`ReadPlan::locate_verified`].

use std::sync::Arc;

use runnel_proto::records::BatchHeader;

use super::error::LogError;
use super::read::{ReadPlan, View};
use super::scan::{Depth, Scan, Scanned};
use super::segment::Files;
use crate::storage::FileRange;
use crate::types::Offset;

/// Whole batches where they are stored.
#[derive(Clone, Default)]
pub struct FileBatches {
    /// Where they are, one after the other; `None` if there are none. The first may begin before the offset asked for.
    pub range: Option<FileRange>,
    /// Where to read on.
    pub next_offset: Offset,
    files: Option<Arc<Files>>,
}

impl FileBatches {
    /// How many bytes they have.
    pub fn size_bytes(&self) -> usize {
        self.range.as_ref().map_or(0, FileRange::size_bytes)
    }

    /// Has them in the page cache, if need be after waiting for the disk.
    pub fn load(&self) {
        // Whoever sends them finds out if that was not to be.
        _ = self.range.as_ref().map(FileRange::load);
    }

    /// The headers of the first of them, as long as more are wanted, and where in the file each batch begins.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] or [`LogError::Unreadable`].
    pub fn headers(
        &self,
        mut wants_more: impl FnMut(&BatchHeader) -> bool,
    ) -> Result<Vec<(u64, BatchHeader)>, LogError> {
        let (Some(range), Some(files)) = (&self.range, &self.files) else { return Ok(Vec::new()) };
        let end = range.position() + range.size_bytes() as u64;
        let mut scan = Scan::nearby(range.file(), range.position(), end);
        let mut headers = Vec::new();
        while let Some(Scanned { position, header }) = scan.next().map_err(|error| files.scan_error(error))? {
            let is_last = !wants_more(&header);
            headers.push((position, header));
            if is_last {
                break;
            }
        }
        Ok(headers)
    }

    /// Whether one of them is `wanted`. Looks at every header.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] or [`LogError::Unreadable`].
    pub fn any(&self, wanted: impl Fn(&BatchHeader) -> bool) -> Result<bool, LogError> {
        let (Some(range), Some(files)) = (&self.range, &self.files) else { return Ok(false) };
        let end = range.position() + range.size_bytes() as u64;
        let mut scan = Scan::new(range.file(), Depth::Headers, range.position(), end);
        while let Some(batch) = scan.next().map_err(|error| files.scan_error(error))? {
            if wanted(&batch.header) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl ReadPlan {
    /// Finds the batches. Some small reads, or none, beside those of the index.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] when no batch lies where one must, [`LogError::Unreadable`].
    pub fn locate(&self) -> Result<FileBatches, LogError> {
        let nothing = FileBatches { next_offset: self.offset, ..Default::default() };
        let Some(view) = &self.view else { return Ok(nothing) };
        let first = self.first(view)?;
        let exceeds = first.header.size_bytes > self.max_bytes && !self.at_least_one;
        if exceeds || first.header.next_offset() > self.upper {
            return Ok(nothing);
        }
        let (end, next_offset) = self.end(view, &first)?;
        // No more than was asked for, or one batch, both of which have a `usize`.
        let range = FileRange::new(view.file.clone(), first.position, (end - first.position) as usize);
        Ok(FileBatches { range: Some(range), next_offset, files: Some(view.files.clone()) })
    }

    /// The same, and verifies the batches' sums.
    ///
    /// # Errors
    /// As [`ReadPlan::locate`]; [`LogError::Corrupt`] also when a batch is not what was written.
    pub fn locate_verified(&self) -> Result<FileBatches, LogError> {
        let found = self.locate()?;
        if let (Some(view), Some(range)) = (&self.view, &found.range) {
            let end = range.position() + range.size_bytes() as u64;
            let mut scan = Scan::new(&view.file, Depth::Batches, range.position(), end);
            while view.next(&mut scan)?.is_some() {}
        }
        Ok(found)
    }

    /// The batch with the offset.
    fn first(&self, view: &View) -> Result<Scanned, LogError> {
        let entry = view.seek(|| view.files.index.find_offset(self.offset));
        let mut scan = view.walk(entry.map_or(0, |entry| entry.position));
        while let Some(batch) = view.next(&mut scan)? {
            if batch.header.next_offset() > self.offset {
                return Ok(batch);
            }
        }
        Err(view.corrupt(view.size, &format!("no batch has offset {}", self.offset)))
    }

    /// Where the batches that fit end, from `first` on, and the offset after them.
    fn end(&self, view: &View, first: &Scanned) -> Result<(u64, Offset), LogError> {
        let limit = first.position.saturating_add(self.max_bytes as u64);
        // Readers at the end, most of them.
        for (offset, position) in [(view.end, view.size), view.synced] {
            if offset == self.upper.min(view.end) && position <= limit && position > first.position {
                return Ok((position, offset));
            }
        }
        let mut end = (first.position + first.header.size_bytes as u64, first.header.next_offset());
        if end.0 >= limit {
            return Ok(end);
        }
        let near = view.seek(|| view.files.index.find_place(limit, self.upper.min(view.end)));
        if let Some(near) = near.filter(|near| near.position > end.0) {
            end = (near.position, near.offset);
        }
        let mut scan = view.walk(end.0);
        while end.0 < limit
            && end.1 < self.upper
            && let Some(batch) = view.next(&mut scan)?
        {
            let after = (batch.position + batch.header.size_bytes as u64, batch.header.next_offset());
            if after.0 > limit || after.1 > self.upper {
                break;
            }
            end = after;
        }
        Ok(end)
    }
}

impl View {
    /// A walk over a few batches.
    fn walk(&self, position: u64) -> Scan<'_> {
        Scan::nearby(&self.file, position, self.size)
    }

    fn next(&self, scan: &mut Scan<'_>) -> Result<Option<Scanned>, LogError> {
        scan.next().map_err(|error| self.files.scan_error(error))
    }
}

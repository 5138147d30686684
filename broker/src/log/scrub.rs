//! Looking after old bytes: a bit that flipped on disk shows before somebody asks for the record.

use super::Log;
use super::error::LogError;
use super::read::View;
use super::scan::{Depth, Scan, ScanError};
use crate::types::Offset;

/// Some of the bytes before the sync point to verify.
pub struct ScrubPlan {
    view: View,
    from: Offset,
}

/// What was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrubbed {
    /// Where to go on.
    pub next_offset: Offset,
    /// How much was read for it.
    pub bytes: u64,
}

impl Log {
    /// Plans to verify batches from `from` on, or from the start if that was deleted. `None` at the sync point: what follows may
    /// rightly be torn; begin anew at 0, some other day.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] or [`LogError::Unreadable`] if the file cannot be opened.
    pub fn plan_scrub(&self, from: Offset) -> Result<Option<ScrubPlan>, LogError> {
        let (from, synced) = (from.max(self.start_offset()), self.sync_point());
        if from >= synced.offset {
            return Ok(None);
        }
        let mut view = self.view_at(from)?;
        if view.files.base == synced.segment {
            (view.size, view.end) = (synced.position, synced.offset);
        }
        Ok(Some(ScrubPlan { view, from }))
    }
}

impl ScrubPlan {
    /// Verifies about `max_bytes`.
    ///
    /// # Errors
    /// [`LogError::Corrupt`]: a batch is not what was written. [`LogError::Unreadable`].
    pub fn run(self, max_bytes: u64) -> Result<Scrubbed, LogError> {
        let Self { view, from } = self;
        let start = view.seek(|| view.files.index.find_offset(from)).map_or(0, |entry| entry.position);
        let mut scan = Scan::new(&view.file, Depth::Batches, start, view.size);
        let (mut next, mut end) = (from, view.files.base);
        loop {
            match scan.next() {
                Ok(None) if end != view.end => {
                    return Err(view.corrupt(view.size, &format!("it ends at {end}, not at {}", view.end)));
                }
                Ok(None) => return Ok(Scrubbed { next_offset: view.end, bytes: view.size - start }),
                Ok(Some(batch)) if batch.position - start >= max_bytes && next > from => {
                    return Ok(Scrubbed { next_offset: next, bytes: batch.position - start });
                }
                // The offset lies outside the batch's sum.
                Ok(Some(batch)) if batch.header.base_offset < end => {
                    let what = format!("offset {} follows {end}", batch.header.base_offset);
                    return Err(view.corrupt(batch.position, &what));
                }
                Ok(Some(batch)) => {
                    end = batch.header.next_offset();
                    next = end.max(next);
                }
                Err(ScanError::Bad { position, error }) => {
                    return Err(view.corrupt(position, &error.to_string()));
                }
                Err(ScanError::Read(error)) => {
                    return Err(LogError::read(
                        &format!("verifying {}", view.files.log.path().display()),
                        &error,
                    ));
                }
            }
        }
    }
}

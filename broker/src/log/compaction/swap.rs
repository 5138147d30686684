//! Putting compacted segments in place so that a crash at any step leaves all of the old or all of the new.
//!
//! ```text
//! .log.cleaned   written and synced: removed on open
//! .log.swap      renamed, and the directory synced: from here on, the new segment counts
//!                the segments it replaces are removed, and the directory synced
//! .log           renamed, and the directory synced
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pass::{Cleaned, CompactionResult};
use super::swap_path;
use crate::log::Log;
use crate::log::error::LogError;
use crate::log::scan::{Depth, Scan};
use crate::log::segment::{Segment, index_path, log_path, remove_if_there};
use crate::log::transactions;
use crate::storage::{Disk, Open};
use crate::types::{Offset, UnixMillis};

/// What a compaction changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// Segments before.
    pub segments_before: usize,
    /// Segments in their place.
    pub segments_after: usize,
    /// Bytes before.
    pub bytes_before: u64,
    /// Bytes in their place.
    pub bytes_after: u64,
}

impl Log {
    /// Puts what a pass wrote in place, as far as the segments it read are still there.
    ///
    /// # Errors
    /// [`LogError::DiskFull`] or [`LogError::Failed`].
    pub fn finish_compaction(
        &mut self,
        result: CompactionResult,
        now_ms: UnixMillis,
    ) -> Result<Compacted, LogError> {
        self.check_failed()?;
        let CompactionResult { cleaned, clean_until, tombstones_until, new_tombstones } = result;
        let (wanted, stale): (Vec<Cleaned>, Vec<Cleaned>) =
            cleaned.into_iter().partition(|cleaned| self.place_of(cleaned).is_some());
        for path in stale.iter().flat_map(Cleaned::paths) {
            _ = remove_if_there(&self.disk, path);
        }
        let mut compacted = Compacted::default();
        if !wanted.is_empty() {
            self.swap(&wanted).map_err(|error| self.failed_by(error))?;
        }
        for cleaned in wanted {
            self.put_in_place(cleaned, &mut compacted);
        }
        self.compaction.note(clean_until, tombstones_until, new_tombstones, now_ms);
        if let Err(error) = self.compaction.write(&self.disk, &self.dir)
            && self.disk.has_failed()
        {
            return Err(self.failed_by(LogError::sync("writing how far the log is compacted", &error)));
        }
        Ok(compacted)
    }

    /// Where the sources are among the segments, if they all are.
    fn place_of(&self, cleaned: &Cleaned) -> Option<usize> {
        let base = cleaned.segment.files.base;
        let first = self.segments.binary_search_by_key(&base, |segment| segment.files.base).ok()?;
        let segments = self.segments.get(first..first + cleaned.sources.len())?;
        let same = segments.iter().zip(&cleaned.sources).all(|(a, b)| Arc::ptr_eq(&a.files, &b.files));
        same.then_some(first)
    }

    fn swap(&self, cleaned: &[Cleaned]) -> Result<(), LogError> {
        let (disk, dir) = (&self.disk, &self.dir);
        let doing = || format!("swapping segments of {}", dir.display());
        let log_of = |cleaned: &Cleaned| log_path(dir, cleaned.segment.files.base);
        let mut names = cleaned.iter().map(|cleaned| (&cleaned.path, swap_path(&log_of(cleaned))));
        if let Err(error) = names.try_for_each(|(path, swap)| disk.rename(path, &swap)) {
            // Nothing is replaced yet. A full disk has no room for a longer name, perhaps.
            for cleaned in cleaned {
                let undone = cleaned
                    .paths()
                    .try_for_each(|path| remove_if_there(disk, path))
                    .and_then(|()| remove_if_there(disk, &swap_path(&log_of(cleaned))));
                undone.map_err(|error| LogError::sync(&doing(), &error))?;
            }
            disk.sync_dir(dir).map_err(|error| LogError::sync(&doing(), &error))?;
            return Err(LogError::write(&doing(), &error));
        }
        // From here on it has to be finished, by the next start if not now.
        let replace = || {
            disk.sync_dir(dir)?;
            for cleaned in cleaned {
                let replaced = cleaned.sources.iter().map(|source| source.files.base);
                remove_replaced(disk, dir, cleaned.segment.files.base, replaced)?;
            }
            disk.sync_dir(dir)?;
            for cleaned in cleaned {
                if let Some(path) = &cleaned.aborted_path {
                    disk.rename(path, &transactions::path(dir, cleaned.segment.files.base))?;
                }
            }
            for path in cleaned.iter().map(log_of) {
                disk.rename(&swap_path(&path), &path)?;
            }
            disk.sync_dir(dir)
        };
        replace().map_err(|error: io::Error| LogError::sync(&doing(), &error))
    }

    fn put_in_place(&mut self, cleaned: Cleaned, compacted: &mut Compacted) {
        let first = self.place_of(&cleaned).expect("the segments are there, the log is locked");
        let segment = cleaned.segment;
        segment.files.index.replace(cleaned.entries);
        segment.seal();
        compacted.segments_before += cleaned.sources.len();
        compacted.segments_after += 1;
        compacted.bytes_before += cleaned.sources.iter().map(|source| source.size).sum::<u64>();
        compacted.bytes_after += segment.size;
        let replaced = self.segments.splice(first..first + cleaned.sources.len(), [segment]);
        for old in replaced {
            old.files.log.close();
            old.files.index.close();
        }
    }
}

impl Cleaned {
    /// What was written, under temporary names.
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.path).chain(&self.aborted_path)
    }
}

/// Removes the segments that the one at `base` replaces; its own name is taken over by the rename.
fn remove_replaced(
    disk: &Disk,
    dir: &Path,
    base: Offset,
    replaced: impl Iterator<Item = Offset>,
) -> io::Result<()> {
    for old in replaced {
        remove_if_there(disk, &index_path(dir, old))?;
        remove_if_there(disk, &transactions::path(dir, old))?;
        if old != base {
            remove_if_there(disk, &log_path(dir, old))?;
        }
    }
    Ok(())
}

/// Finishes the swaps that a crash interrupted. `bases`: the segments that have a `.log` file; `swaps`: those that
/// have a `.log.swap` file.
pub(in crate::log) fn finish_swaps(
    disk: &Disk,
    dir: &Path,
    bases: &mut Vec<Offset>,
    swaps: &[Offset],
) -> Result<(), LogError> {
    for &base in swaps {
        let end = end_of_swap(disk, dir, base)?;
        let doing = || format!("finishing the compaction of {}", dir.display());
        let replaced: Vec<Offset> = bases.iter().copied().filter(|old| (base..end).contains(old)).collect();
        let path = log_path(dir, base);
        let finished = remove_replaced(disk, dir, base, replaced.into_iter())
            // Which transactions were aborted in it has to be found anew.
            .and_then(|()| remove_if_there(disk, &transactions::path(dir, base)))
            .and_then(|()| disk.open(&transactions::path(dir, base), Open::CreateNew).map(|_| ()))
            .and_then(|()| disk.sync_dir(dir))
            .and_then(|()| disk.rename(&swap_path(&path), &path))
            .and_then(|()| disk.sync_dir(dir));
        finished.map_err(|error| LogError::sync(&doing(), &error))?;
        bases.retain(|old| !(base..end).contains(old));
        let place = bases.partition_point(|&other| other < base);
        bases.insert(place, base);
    }
    Ok(())
}

/// Where the segment ends that was about to replace others. It was synced before it got this name.
fn end_of_swap(disk: &Disk, dir: &Path, base: Offset) -> Result<Offset, LogError> {
    let mut segment = Segment::empty(disk, dir, base);
    let path = swap_path(&log_path(dir, base));
    let read = |error| LogError::read(&format!("reading {}", path.display()), &error);
    let file = disk.open(&path, Open::Read).map_err(read)?;
    let size = file.len().map_err(read)?;
    let mut scan = Scan::new(&file, Depth::Headers, 0, size);
    while let Some(batch) = scan.next().map_err(|error| segment.scan_error(error))? {
        segment.add(&batch.header, u64::MAX)?;
    }
    Ok(segment.end)
}

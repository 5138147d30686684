//! What an opened log knows of its producers: the newest intact snapshot, and the headers of the batches after it.
//!
//! A log without such knowledge costs nothing: its sync point says that there was none, and only what was written after
//! it is looked at. Whatever is in doubt is found by walking through all batches.

use std::path::Path;

use super::snapshot::{Snapshot, path};
use super::{Producers, marker_in};
use crate::log::error::LogError;
use crate::log::recovery::base_of;
use crate::log::scan::{Depth, Scan};
use crate::log::segment::remove_if_there;
use crate::log::transactions::{self, AbortedTransaction};
use crate::log::{Log, SyncPoint};
use crate::storage::DeferredSync;
use crate::types::Offset;

impl Log {
    /// `names`: those in the log's directory. `point`: what the checkpoint says.
    pub(in crate::log) fn recover_producers(
        &mut self,
        names: &[String],
        point: Option<SyncPoint>,
        sync: &DeferredSync<'_>,
    ) -> Result<(), LogError> {
        let offsets = |extension| {
            let mut offsets: Vec<_> = names.iter().filter_map(|name| base_of(name, extension)).collect();
            offsets.sort_unstable();
            offsets
        };
        self.snapshots.files = offsets(".snapshot");
        self.forget_later_snapshots(sync)?;
        let indexed = offsets(transactions::EXTENSION);
        let (begin, known) = self.newest_known(point);
        // Without any knowledge all batches are walked through, and the indexes found anew by that.
        let loaded =
            known.as_ref().map_or(Some(Vec::new()), |snapshot| self.load_aborted(snapshot, &indexed));
        let producers = known.map(|snapshot| snapshot.producers).unwrap_or_default();
        self.producers = self.replay_from(begin, producers, loaded.as_deref().unwrap_or_default())?;
        if loaded.is_none() {
            tracing::warn!(dir = %self.dir.display(), "an index of aborted transactions is damaged; all are found anew");
            self.segments.iter_mut().for_each(|segment| segment.aborted.clear());
            self.replay_from(self.segments[0].files.base, Producers::default(), &[])?;
        }
        self.producers.forget_ended(self.end_offset());
        for segment in &mut self.segments {
            let base = segment.files.base;
            let intact = loaded.as_ref().is_some_and(|loaded| loaded.contains(&base));
            segment.aborted_unsaved =
                !intact && (!segment.aborted.is_empty() || indexed.binary_search(&base).is_ok());
        }
        // What can't be written now stays in doubt on disk.
        self.aborts_unsaved = self.segments.iter().any(|segment| segment.aborted_unsaved);
        self.save_aborted()?;
        self.synced = self.end_point();
        Ok(())
    }

    /// Where to begin, and what is known there: by the newest snapshot, or since there was nothing to know.
    fn newest_known(&mut self, point: Option<SyncPoint>) -> (Offset, Option<Snapshot>) {
        let first = self.segments[0].files.base;
        let nothing =
            point.filter(|point| !point.producers && point.offset >= first).map(|point| point.offset);
        // One from before the first segment misses what was deleted since.
        let candidates = self.snapshots.files.iter().rev().take_while(|&&offset| offset >= first);
        let mut newer = candidates.take_while(|&&offset| nothing.is_none_or(|nothing| offset > nothing));
        let snapshot = newer.find_map(|&offset| Snapshot::read(&self.disk, &self.dir, offset));
        self.snapshots.newest = snapshot.as_ref().map(|snapshot| snapshot.offset);
        let known = snapshot.or_else(|| nothing.map(|offset| Snapshot { offset, ..Snapshot::default() }));
        (known.as_ref().map_or(first, |known| known.offset), known)
    }

    /// Takes what is known of aborted transactions: by the indexes of sealed segments, which are told, and by the
    /// snapshot of what was the active one. `None` if an index is damaged or missing.
    fn load_aborted(&mut self, snapshot: &Snapshot, indexed: &[Offset]) -> Option<Vec<Offset>> {
        let last = self.segments.len() - 1;
        let mut loaded = Vec::new();
        for (number, segment) in self.segments.iter_mut().enumerate() {
            let base = segment.files.base;
            if number < last && (indexed.binary_search(&base).is_ok() || snapshot.indexed.contains(&base)) {
                let bytes = self.disk.read(&transactions::path(&self.dir, base)).unwrap_or_default();
                segment.aborted = transactions::decode(base, segment.end, &bytes)?;
                loaded.push(base);
            } else {
                let here = |aborted: &&AbortedTransaction| (base..segment.end).contains(&aborted.last_offset);
                segment.aborted = snapshot.aborted.iter().filter(here).copied().collect();
            }
        }
        Some(loaded)
    }

    /// Walks over the batches from `begin` on and notes those of producers.
    /// Aborted transactions of segments that are `loaded` are known already.
    fn replay_from(
        &mut self,
        begin: Offset,
        mut producers: Producers,
        loaded: &[Offset],
    ) -> Result<Producers, LogError> {
        let first = self.segments.partition_point(|segment| segment.end <= begin);
        for number in first..self.segments.len() {
            let view = self.view(&self.segments[number])?;
            let entry = view.seek(|| view.files.index.find_offset(begin));
            let position = entry.map_or(0, |entry| entry.position);
            let mut scan = Scan::new(&view.file, Depth::Headers, position, view.size);
            let mut aborted = Vec::new();
            while let Some(batch) = scan.next().map_err(|error| self.segments[number].scan_error(error))? {
                let header = &batch.header;
                if header.producer_id < 0 || header.base_offset < begin {
                    continue;
                }
                let marker = match header.is_control() {
                    true => match marker_in(&view.read(batch.position, header.size_bytes)?)? {
                        // Emptied: nothing is left of its transaction.
                        None => continue,
                        marker => marker,
                    },
                    false => None,
                };
                aborted.extend(producers.replay(header, marker, None));
            }
            let segment = &mut self.segments[number];
            if !loaded.contains(&segment.files.base) {
                segment.aborted.extend(aborted);
            }
        }
        Ok(producers)
    }

    /// Removes the snapshots beyond the end, which a damaged tail may have left: other batches will have their offsets.
    fn forget_later_snapshots(&mut self, sync: &DeferredSync<'_>) -> Result<(), LogError> {
        let end = self.end_offset();
        let later =
            self.snapshots.files.split_off(self.snapshots.files.partition_point(|&offset| offset <= end));
        for &offset in &later {
            remove(&self.disk, &path(&self.dir, offset))?;
        }
        if !later.is_empty() {
            let synced = sync.dir(&self.dir);
            synced.map_err(|error| LogError::sync("removing snapshots of producers", &error))?;
        }
        Ok(())
    }
}

fn remove(disk: &crate::storage::Disk, path: &Path) -> Result<(), LogError> {
    remove_if_there(disk, path)
        .map_err(|error| LogError::write(&format!("removing {}", path.display()), &error))
}

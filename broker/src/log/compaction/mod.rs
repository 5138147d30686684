//! Compaction: of each key, the newest record stays.
//!
//! A pass reads what was appended since the last one and notes the last offset of each key, as many keys as fit in
//! memory; then it writes every segment from the start up to there anew, without the records that a later one
//! supersedes. What stays keeps its offset, timestamp and headers. The last batch of each segment stays too, empty
//! if need be, so that a segment still ends where the next begins.
//!
//! A record without a value, a tombstone, hides the records before it and then has to go itself, but not before
//! every reader had the time to see it. Each pass that keeps new tombstones is noted with its time; once
//! `delete.retention.ms` is over since, the next pass drops the tombstones that were there. (Kafka writes that time
//! into the batches, KIP-534; a note beside them leaves the batches as their producers made them, and follows a
//! change of the setting.)
//!
//! Nothing at or above the last stable offset is touched. Records of aborted transactions go at once, and supersede
//! nothing. A marker is like a tombstone: it has its time from the first pass that meets it, and then goes with a pass
//! that finds no batch of its transaction any more, and its entry in the index of aborted transactions with it. The
//! batches and markers that producers are known from stay, without records if need be.

mod keys;
mod pass;
mod swap;
#[cfg(test)]
mod tests;
mod transactions;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use pass::CompactionResult;
use pass::Source;
pub use swap::Compacted;
pub(super) use swap::finish_swaps;
use transactions::Aborted;

use super::Log;
use super::scan::header_at;
use super::segment::Segment;
use crate::storage::Disk;
use crate::types::{Offset, UnixMillis};

/// Keys noted at a time: about 25 MiB.
const MAX_KEYS: usize = 1 << 19;

/// Passes with tombstones that are told apart.
const MAX_PASSES: usize = 32;

/// A pass to run. It works on the files as they were when it was planned; the log goes on meanwhile.
pub struct CompactionPlan {
    disk: Disk,
    dir: PathBuf,
    /// From the first segment on.
    sources: Vec<Source>,
    /// Records before are gone already.
    start: Offset,
    /// Before, no record is superseded by another one before.
    clean_until: Offset,
    /// Tombstones before may go.
    tombstones_until: Offset,
    /// Records of these transactions go; nobody is to read them.
    aborted: Aborted,
    /// Batches and markers that producers are known from, by base offset.
    remembered: HashSet<Offset>,
    segment_bytes: u64,
    max_keys: usize,
}

/// How far a log is compacted. Written as a hint: without it, the next pass begins at the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    clean_until: Offset,
    /// Passes that kept tombstones for their time: up to which offset, and when. Ascending.
    passes: Vec<(Offset, UnixMillis)>,
}

impl Log {
    /// Plans a compaction pass if the topic's policy wants one and it is worth it: enough bytes are new
    /// (`min.cleanable.dirty.ratio`), or something is there for too long (`max.compaction.lag.ms`,
    /// `delete.retention.ms`). Nothing at or above `upper` is touched, nor the active segment, nor what is newer than
    /// `min.compaction.lag.ms`.
    pub fn plan_compaction(&self, now_ms: UnixMillis, upper: Offset) -> Option<CompactionPlan> {
        if !self.config.cleanup_policy.compact || self.failed.is_some() {
            return None;
        }
        let upper = self.last_stable_offset(upper);
        let newest_ms = match self.config.min_compaction_lag_ms {
            ..=0 => UnixMillis::MAX,
            lag_ms => now_ms.saturating_sub(lag_ms),
        };
        let old = |segment: &&Segment| segment.end <= upper && segment.max_timestamp_ms <= newest_ms;
        let sealed = &self.segments[..self.segments.len() - 1];
        let ready = &sealed[..sealed.iter().take_while(old).count()];
        let tombstones_until = self.compaction.tombstones_until(now_ms, self.config.delete_retention_ms);
        if ready.is_empty() || !(tombstones_until > 0 || self.is_dirty(ready, now_ms)) {
            return None;
        }
        let (first, end) = (ready[0].files.base, ready[ready.len() - 1].end);
        Some(CompactionPlan {
            aborted: Aborted::new(self.aborted_transactions(first, end)),
            remembered: self.producers.remembered(),
            disk: self.disk.clone(),
            dir: self.dir.clone(),
            sources: ready.iter().map(Source::of).collect(),
            start: self.start,
            clean_until: self.compaction.clean_until,
            tombstones_until,
            segment_bytes: self.config.segment_bytes,
            max_keys: MAX_KEYS,
        })
    }

    fn is_dirty(&self, ready: &[Segment], now_ms: UnixMillis) -> bool {
        let clean = ready.partition_point(|segment| segment.end <= self.compaction.clean_until);
        let bytes = |segments: &[Segment]| segments.iter().map(|segment| segment.size).sum::<u64>() as f64;
        let Some(first) = ready.get(clean) else { return false };
        let dirty_bytes = bytes(&ready[clean..]);
        let worth_it = dirty_bytes >= bytes(ready) * self.config.min_cleanable_dirty_ratio;
        worth_it || oldest_ms(first) < now_ms.saturating_sub(self.config.max_compaction_lag_ms)
    }
}

impl CompactionPlan {
    /// Notes so many keys at a time.
    #[cfg(test)]
    pub(super) fn with_max_keys(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys;
        self
    }
}

impl State {
    /// What is known about the log in `dir`; nothing, on any doubt.
    pub(super) fn read(disk: &Disk, dir: &Path) -> Self {
        disk.read(&path(dir)).ok().and_then(|bytes| Self::decode(&bytes)).unwrap_or_default()
    }

    fn write(&self, disk: &Disk, dir: &Path) -> io::Result<()> {
        disk.write_new(&path(dir), &self.encode())
    }

    /// Before which offset the tombstones had their time.
    fn tombstones_until(&self, now_ms: UnixMillis, retention_ms: i64) -> Offset {
        let over =
            |&&(_, passed_ms): &&(Offset, UnixMillis)| now_ms.saturating_sub(passed_ms) >= retention_ms;
        self.passes.iter().take_while(over).last().map_or(0, |&(until, _)| until)
    }

    /// Notes a pass up to `until`.
    fn note(&mut self, until: Offset, dropped_until: Offset, new_tombstones: bool, now_ms: UnixMillis) {
        self.clean_until = until;
        self.passes.retain(|&(until, _)| until > dropped_until);
        if new_tombstones {
            // The clock may have been set back.
            let last_ms = self.passes.last().map_or(UnixMillis::MIN, |&(_, passed_ms)| passed_ms);
            self.passes.push((until, now_ms.max(last_ms)));
        }
        if self.passes.len() > MAX_PASSES {
            // The tombstones of the first wait for those of the second.
            self.passes.remove(0);
        }
    }

    /// Eight bytes each, big-endian: `clean_until`, then the passes; then four of CRC-32C.
    fn encode(&self) -> Vec<u8> {
        let fields = self.passes.iter().flat_map(|&(until, passed_ms)| [until, passed_ms]);
        let mut bytes: Vec<u8> =
            std::iter::once(self.clean_until).chain(fields).flat_map(i64::to_be_bytes).collect();
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(content).to_be_bytes() != *sum || content.len() % 16 != 8 {
            return None;
        }
        let fields: Vec<i64> = content
            .chunks_exact(8)
            .map(|field| i64::from_be_bytes(*field.first_chunk().expect("8 bytes")))
            .collect();
        let passes = fields[1..].chunks_exact(2).map(|pass| (pass[0], pass[1])).collect();
        Some(Self { clean_until: fields[0], passes })
    }
}

/// When the segment's first batch was made; what cannot be read is not old.
fn oldest_ms(segment: &Segment) -> UnixMillis {
    let header = segment.open_log().ok().and_then(|file| header_at(&file, 0, segment.size).ok());
    header.map_or(UnixMillis::MAX, |header| header.max_timestamp_ms)
}

fn path(dir: &Path) -> PathBuf {
    dir.join("compaction")
}

/// The file of a segment written anew, in its two stages.
fn cleaned_path(log: &Path) -> PathBuf {
    crate::storage::suffixed(log, ".cleaned")
}

fn swap_path(log: &Path) -> PathBuf {
    crate::storage::suffixed(log, ".swap")
}

impl Source {
    fn of(segment: &Segment) -> Self {
        Self {
            files: Arc::clone(&segment.files),
            size: segment.size,
            end: segment.end,
            aborted: segment.aborted.clone(),
        }
    }
}

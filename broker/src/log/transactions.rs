//! Transactions as a reader of committed records sees them (KIP-98): how far it may read, and what to leave out.

use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut, TryGetError};

use super::Log;
use crate::types::Offset;

/// What the index of a sealed segment's aborted transactions is called after the segment's base offset. It holds those
/// whose markers are in the segment, 32 bytes each, big-endian, and 4 bytes of CRC-32C of the base offset and all of
/// them. A segment without any has no index; one that is empty stands for doubt.
pub(super) const EXTENSION: &str = ".txnindex";

const SUM_BYTES: usize = 4;

/// A transaction whose records are to be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer_id: i64,
    /// Where it began.
    pub first_offset: Offset,
    /// Where its marker is.
    pub last_offset: Offset,
    /// The last stable offset once it was aborted: transactions aborted later begin there or after.
    pub last_stable_offset: Offset,
}

impl AbortedTransaction {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_i64(self.producer_id);
        out.put_i64(self.first_offset);
        out.put_i64(self.last_offset);
        out.put_i64(self.last_stable_offset);
    }

    pub(super) fn take(fields: &mut &[u8]) -> Result<Self, TryGetError> {
        Ok(Self {
            producer_id: fields.try_get_i64()?,
            first_offset: fields.try_get_i64()?,
            last_offset: fields.try_get_i64()?,
            last_stable_offset: fields.try_get_i64()?,
        })
    }

    fn overlaps(&self, from: Offset, to: Offset) -> bool {
        self.last_offset >= from && self.first_offset < to
    }
}

impl Log {
    /// The offset below which every transaction has ended, its marker below `high_watermark`: readers of committed
    /// records see what lies before.
    pub fn last_stable_offset(&self, high_watermark: Offset) -> Offset {
        self.producers.last_stable_offset(high_watermark).max(self.start.min(high_watermark))
    }

    /// The same, for a high watermark that will not fall again.
    pub(crate) fn advance_last_stable_offset(&mut self, high_watermark: Offset) -> Offset {
        self.producers.forget_ended(high_watermark);
        self.last_stable_offset(high_watermark)
    }

    /// Whether a producer is remembered that ended a transaction, or a transaction that was aborted.
    pub(crate) fn has_markers(&self) -> bool {
        self.producers.has_markers() || self.segments.iter().any(|segment| !segment.aborted.is_empty())
    }

    /// The aborted transactions with records from `from` on and before `to`, by the offset of their markers. `to` must
    /// not exceed the last stable offset.
    pub fn aborted_transactions(&self, from: Offset, to: Offset) -> Vec<AbortedTransaction> {
        let first = self.segments.partition_point(|segment| segment.end <= from);
        let mut found = Vec::new();
        for segment in &self.segments[first..] {
            let ended = segment.aborted.partition_point(|aborted| aborted.last_offset < from);
            for aborted in &segment.aborted[ended..] {
                if aborted.overlaps(from, to) {
                    found.push(*aborted);
                }
                if aborted.last_stable_offset >= to {
                    return found;
                }
            }
        }
        found
    }
}

/// The index's file for the segment at `base`.
pub(super) fn path(dir: &Path, base: Offset) -> PathBuf {
    dir.join(format!("{base:020}{EXTENSION}"))
}

pub(super) fn encode(base: Offset, aborted: &[AbortedTransaction]) -> Vec<u8> {
    let mut out = Vec::new();
    aborted.iter().for_each(|aborted| aborted.put(&mut out));
    let sum = sum(base, &out);
    out.put_u32(sum);
    out
}

/// What an index says about the segment from `base` to `end`; `None` if it is damaged.
pub(super) fn decode(base: Offset, end: Offset, bytes: &[u8]) -> Option<Vec<AbortedTransaction>> {
    let (mut entries, stored) = bytes.split_last_chunk::<SUM_BYTES>()?;
    if sum(base, entries).to_be_bytes() != *stored {
        return None;
    }
    let mut aborted = Vec::new();
    while !entries.is_empty() {
        aborted.push(AbortedTransaction::take(&mut entries).ok()?);
    }
    let ours = aborted.iter().all(|aborted| (base..end).contains(&aborted.last_offset));
    (ours && aborted.is_sorted_by_key(|aborted| aborted.last_offset)).then_some(aborted)
}

fn sum(base: Offset, entries: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&base.to_be_bytes()), entries)
}

//! Transactions as a reader of committed records sees them (KIP-98): how far it may read, and what to leave out.

use super::Log;
use crate::types::Offset;

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

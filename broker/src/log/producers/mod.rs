//! What a partition remembers of its idempotent and transactional producers (KIP-98): enough to take a batch that is
//! sent again for the one it has, to refuse one that leaves a gap, and to know which transactions are open.
//!
//! [`check`] decides about a batch before it is appended; [`Producers::replay`] notes it afterwards, when it is
//! appended as when the log is opened. What is on disk about it is a hint ([`snapshot`]): the batches themselves,
//! replayed in order, come to the same.

mod check;
mod recover;
mod save;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use runnel_proto::records::{BatchHeader, BatchReader, ControlType, TransactionMarker};

pub(in crate::log) use check::Verdict;
pub(in crate::log) use save::Snapshots;
pub use save::{SnapshotPlan, WrittenSnapshot};
pub use state::ProducerView;
pub(in crate::log) use state::{Producer, SentBatch};

use super::error::LogError;
use super::transactions::AbortedTransaction;
use crate::error::BrokerError;
use crate::types::{Offset, UnixMillis};

/// All producers that one partition remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::log) struct Producers {
    by_id: HashMap<i64, Producer>,
    /// Open transactions: first offset, producer id.
    open: BTreeMap<Offset, i64>,
    /// Ended transactions whose marker may be lost yet: first offset, the marker's offset.
    ending: BTreeMap<Offset, Offset>,
}

impl Producers {
    /// Decides about a batch before it is appended. `bumps_epoch`: see [`ValidBatch`](super::ValidBatch).
    ///
    /// # Errors
    /// Those of [`check::check`] and [`check::check_marker`].
    pub(in crate::log) fn check(
        &self,
        header: &BatchHeader,
        marker: Option<TransactionMarker>,
        bumps_epoch: bool,
    ) -> Result<Verdict, BrokerError> {
        let known = self.by_id.get(&header.producer_id);
        match marker {
            Some(marker) => check::check_marker(known, header, marker, bumps_epoch).map(|()| Verdict::Append),
            None => check::check(known, header, bumps_epoch),
        }
    }

    /// Notes a batch that is in the log: one with a producer id, a marker if it is a control batch. `seen_ms`: when it
    /// came, if that is known. If it aborts a transaction, what readers have to know of that.
    pub(in crate::log) fn replay(
        &mut self,
        header: &BatchHeader,
        marker: Option<TransactionMarker>,
        seen_ms: Option<UnixMillis>,
    ) -> Option<AbortedTransaction> {
        let producer = self.by_id.entry(header.producer_id).or_insert_with(|| Producer::new(header));
        producer.last_seen_ms = seen_ms;
        let Some(marker) = marker else {
            if producer.note_data(header) {
                self.open.insert(header.base_offset, header.producer_id);
            }
            return None;
        };
        let first_offset = producer.note_marker(header, marker)?;
        self.open.remove(&first_offset);
        self.ending.insert(first_offset, header.base_offset);
        (marker.control_type == ControlType::Abort).then(|| AbortedTransaction {
            producer_id: header.producer_id,
            first_offset,
            last_offset: header.base_offset,
            last_stable_offset: self.first_open().unwrap_or(header.next_offset()),
        })
    }

    /// Everything below is decided and its markers are below `high_watermark`.
    pub(in crate::log) fn last_stable_offset(&self, high_watermark: Offset) -> Offset {
        let ending = self.ending.iter().find(|&(_, &marker)| marker >= high_watermark);
        let unstable = [self.first_open(), ending.map(|(&first, _)| first)];
        unstable.into_iter().flatten().fold(high_watermark, Offset::min)
    }

    /// Forgets the ended transactions whose markers can't be lost any more.
    pub(in crate::log) fn forget_ended(&mut self, high_watermark: Offset) {
        if !self.ending.is_empty() {
            self.ending.retain(|_, marker| *marker >= high_watermark);
        }
    }

    /// Forgets the producers without an open transaction that were silent for `expiration_ms`.
    pub(in crate::log) fn expire(&mut self, now_ms: UnixMillis, expiration_ms: i64) {
        self.by_id.retain(|_, producer| {
            // After a start it is not known when most of them sent something last: they get their time anew.
            let seen_ms = *producer.last_seen_ms.get_or_insert(now_ms);
            producer.open_transaction.is_some() || now_ms.saturating_sub(seen_ms) < expiration_ms
        });
    }

    /// Whether nothing is remembered.
    pub(in crate::log) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether one of them has ended a transaction.
    pub(in crate::log) fn has_markers(&self) -> bool {
        self.by_id.values().any(|producer| producer.last_marker.is_some())
    }

    /// The batches that a log compacted must keep, if without records: from them all is known again.
    pub(in crate::log) fn remembered(&self) -> HashSet<Offset> {
        self.by_id.values().flat_map(Producer::remembered).collect()
    }

    /// What there is to tell about each, by id.
    pub(in crate::log) fn views(&self) -> Vec<ProducerView> {
        let mut views: Vec<_> = self.by_id.iter().map(|(&id, producer)| producer.view(id)).collect();
        views.sort_unstable_by_key(|view| view.producer_id);
        views
    }

    fn first_open(&self) -> Option<Offset> {
        self.open.keys().next().copied()
    }
}

/// The marker in a control batch; `None` also when compaction has emptied it.
///
/// # Errors
/// [`LogError::Corrupt`] if it is none.
pub(in crate::log) fn marker_in(batch: &[u8]) -> Result<Option<TransactionMarker>, LogError> {
    // A marker is a few bytes, never compressed.
    const MAX_BYTES: usize = 1 << 16;
    let mut reader = BatchReader::new(MAX_BYTES);
    let marker = reader.read(batch).and_then(|mut records| match records.next() {
        Some(record) => TransactionMarker::read(&record?),
        None => Ok(None),
    });
    marker.map_err(|error| LogError::Corrupt { reason: format!("a control batch is damaged: {error}") })
}

//! Transactions in a partition: their ends, and what readers of committed records see.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use runnel_proto::records::{BatchHeader, TransactionMarker, control_batch, split_batches};

use super::Partition;
use crate::error::BrokerError;
use crate::log::{AbortedTransaction, Appended, Batches, ProducerView, ValidBatch};
use crate::types::{Offset, UnixMillis};

/// What a reader of committed records gets.
#[derive(Debug, Clone, Default)]
pub struct Committed {
    /// The batches, those of aborted transactions among them.
    pub batches: Batches,
    /// The aborted transactions that overlap them: their records are to be left out.
    pub aborted: Vec<AbortedTransaction>,
    /// The last stable offset when it was read.
    pub last_stable_offset: Offset,
}

impl Committed {
    /// The batches that are committed, and how many records the others hold, which are left out.
    ///
    /// # Errors
    /// What was read are no batches.
    pub fn without_aborted(&self) -> Result<(Bytes, i64), BrokerError> {
        if self.aborted.is_empty() {
            return Ok((self.batches.bytes.clone(), 0));
        }
        let (mut kept, mut left_out) = (BytesMut::with_capacity(self.batches.bytes.len()), 0);
        for batch in split_batches(&self.batches.bytes) {
            let (header, batch) =
                batch.map_err(|error| BrokerError::Internal { reason: error.to_string() })?;
            if is_aborted(&self.aborted, &header) {
                left_out += i64::from(header.record_count);
            } else {
                kept.extend_from_slice(batch);
            }
        }
        Ok((kept.freeze(), left_out))
    }
}

/// Whether a batch is one of these transactions'.
pub(super) fn is_aborted(aborted: &[AbortedTransaction], header: &BatchHeader) -> bool {
    let is_within = |aborted: &AbortedTransaction| {
        aborted.producer_id == header.producer_id
            && (aborted.first_offset..aborted.last_offset).contains(&header.base_offset)
    };
    header.is_transactional() && !header.is_control() && aborted.iter().any(is_within)
}

impl Partition {
    /// Ends a producer's transaction: appends its marker, as [`Partition::append`] does a batch. One that ends no open
    /// transaction is appended all the same, since the coordinator may have to repeat itself. `bumps_epoch`: the epoch is above
    /// the transaction's (KIP-890).
    pub fn append_marker(
        self: &Arc<Self>,
        producer_id: i64,
        producer_epoch: i16,
        marker: TransactionMarker,
        bumps_epoch: bool,
        now_ms: UnixMillis,
    ) -> Result<Appended, BrokerError> {
        let bytes = control_batch(marker, producer_id, producer_epoch, now_ms);
        let batch = ValidBatch::internal(bytes)
            .map_err(|error| BrokerError::Internal { reason: error.to_string() })?;
        let batch = ValidBatch { bumps_epoch, ..batch };
        self.despite_full_disk(|| self.append(&batch, now_ms))
    }

    /// The offset after the last record that readers of committed records may see: where the oldest open transaction
    /// begins, or the high watermark.
    pub fn last_stable_offset(&self) -> Offset {
        self.progress.borrow().last_stable_offset
    }

    /// What it remembers of idempotent and transactional producers, by id.
    pub fn producers(&self) -> Result<Vec<ProducerView>, BrokerError> {
        self.with_log(|log| Ok(log.producers()))
    }

    /// Whether it is known to hold markers of transactions; no longer, when their producers and what they aborted are forgotten.
    pub fn has_markers(&self) -> bool {
        self.with_log(|log| Ok(log.has_markers())).unwrap_or(false)
    }

    /// Waits until readers of committed records may see something at or after `offset`.
    pub async fn readable_committed(&self, offset: Offset) -> Result<(), BrokerError> {
        self.wait(|progress| progress.stable(offset + 1)).await
    }

    /// Reads below the last stable offset, and tells what of it was aborted.
    pub async fn read_committed(&self, offset: Offset, max_bytes: usize) -> Result<Committed, BrokerError> {
        let last_stable_offset = self.last_stable_offset();
        // Under one lock: what retention deletes afterwards, the plan and the list both have still.
        let (plan, mut aborted) = self.with_log(|log| {
            let plan = log.plan_read(offset, max_bytes, last_stable_offset)?;
            let end = plan.end_offset().min(last_stable_offset);
            Ok((plan, log.aborted_transactions(offset, end)))
        })?;
        let batches = self.run_read(plan, offset).await?;
        aborted.retain(|aborted| aborted.first_offset < batches.next_offset);
        Ok(Committed { batches, aborted, last_stable_offset })
    }
}

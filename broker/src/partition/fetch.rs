//! A partition's part of a fetch: what a reader is told of it, and where the batches lie that it gets.

use std::sync::atomic::Ordering;

use runnel_proto::records::BatchHeader;

use super::Partition;
use super::transactions::is_aborted;
use crate::error::BrokerError;
use crate::log::{AbortedTransaction, FileBatches, ReadPlan};
use crate::types::Offset;

/// Which records of transactions a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationLevel {
    /// All, at once.
    ReadUncommitted,
    /// Those that are committed; it waits for what is not decided.
    ReadCommitted,
}

/// What a reader wants of a partition.
#[derive(Debug, Clone, Copy)]
pub struct FetchPosition {
    /// The first offset wanted.
    pub offset: Offset,
    /// About how much.
    pub max_bytes: usize,
    /// Whether a first batch above `max_bytes` comes all the same, since its reader would stop there for good.
    pub at_least_one: bool,
    /// Which records it sees.
    pub isolation: IsolationLevel,
}

/// What it gets.
#[derive(Clone, Default)]
pub struct Fetched {
    /// The batches; those of aborted transactions among them.
    pub batches: FileBatches,
    /// For readers of committed records: the aborted transactions that overlap the batches.
    pub aborted: Vec<AbortedTransaction>,
    /// The first offset that still exists.
    pub log_start_offset: Offset,
    /// The offset after the last record that readers may see.
    pub high_watermark: Offset,
    /// The offset after the last record that readers of committed records may see.
    pub last_stable_offset: Offset,
}

impl Fetched {
    /// Whether a batch is one of an aborted transaction, as far as that was asked for.
    pub fn is_aborted(&self, header: &BatchHeader) -> bool {
        is_aborted(&self.aborted, header)
    }
}

impl Partition {
    /// Finds the batches that a reader gets: none at the end.
    ///
    /// # Errors
    /// [`BrokerError::OffsetOutOfRange`] before the start or beyond the log's end; what ended the partition.
    pub async fn fetch(&self, position: &FetchPosition) -> Result<Fetched, BrokerError> {
        let FetchPosition { offset, max_bytes, at_least_one, isolation } = *position;
        let (high_watermark, last_stable_offset) = {
            let progress = self.progress.borrow();
            (progress.high_watermark, progress.last_stable_offset)
        };
        let upper = match isolation {
            IsolationLevel::ReadUncommitted => high_watermark,
            IsolationLevel::ReadCommitted => last_stable_offset,
        };
        // Under one lock: what retention deletes afterwards, the plan and the list both have still.
        let (plan, mut aborted, log_start_offset) = self.with_log(|log| {
            let mut plan = log.plan_read(offset, max_bytes, upper)?;
            if !at_least_one {
                plan = plan.within_max_bytes();
            }
            let aborted = match isolation {
                IsolationLevel::ReadCommitted if !plan.is_empty() => {
                    log.aborted_transactions(offset, plan.end_offset().min(upper))
                }
                _ => Vec::new(),
            };
            Ok((plan, aborted, log.start_offset()))
        })?;
        let batches = self.locate(plan, offset).await?;
        aborted.retain(|aborted| aborted.first_offset < batches.next_offset);
        Ok(Fetched { batches, aborted, log_start_offset, high_watermark, last_stable_offset })
    }

    async fn locate(&self, plan: ReadPlan, offset: Offset) -> Result<FileBatches, BrokerError> {
        let verify = self.is_doubtful(offset);
        if plan.is_empty() || (plan.is_recent() && !verify) {
            // A few microseconds, from the page cache.
            return plan.locate().map_err(|error| self.refuse(error));
        }
        let locate = move || {
            let found = if verify { plan.locate_verified() } else { plan.locate() }?;
            found.load();
            Ok(found)
        };
        let found = tokio::task::spawn_blocking(locate)
            .await
            .map_err(|error| BrokerError::Internal { reason: error.to_string() })?;
        found.map_err(|error| self.refuse(error))
    }

    /// Whether the disk may have changed what was found there when the broker started; no reader shall be the first to
    /// notice.
    pub(super) fn is_doubtful(&self, offset: Offset) -> bool {
        offset < self.found_end && self.verified.load(Ordering::Relaxed) < self.found_end
    }
}

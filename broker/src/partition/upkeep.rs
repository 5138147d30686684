//! What a partition needs done now and then: segments closed by age, old ones deleted, keys compacted, old bytes checked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Partition;
use crate::error::BrokerError;
use crate::log::Scrubbed;
use crate::types::{Offset, UnixMillis};

/// What one round of upkeep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Segments that retention deleted.
    pub segments_deleted: usize,
    /// Bytes that retention deleted.
    pub bytes_deleted: u64,
    /// Whether a compaction ran.
    pub compacted: bool,
}

impl Partition {
    /// Does what is due; producers silent for `producer_expiration_ms` are forgotten. Blocks on the disk: call it off the
    /// async threads.
    pub fn upkeep(
        self: &Arc<Self>,
        now_ms: UnixMillis,
        producer_expiration_ms: i64,
    ) -> Result<Upkeep, BrokerError> {
        let upper = self.high_watermark();
        let deleted = self.with_log(|log| {
            log.expire_producers(now_ms, producer_expiration_ms);
            log.roll_if_due(now_ms)?;
            log.apply_retention(now_ms, upper)
        })?;
        let compacted = self.compact(now_ms)?;
        Ok(Upkeep { segments_deleted: deleted.segments, bytes_deleted: deleted.bytes, compacted })
    }

    /// Writes what is known of producers, if that is due. The lock is not held while it is written.
    pub fn save_producers(&self, now_ms: UnixMillis) -> Result<(), BrokerError> {
        let Some(plan) = self.with_log(|log| log.plan_snapshot(now_ms))? else { return Ok(()) };
        match plan.run().map_err(|error| self.refuse(error))? {
            Some(written) => self.with_log(|log| {
                log.finish_snapshot(&written);
                Ok(())
            }),
            None => Ok(()),
        }
    }

    /// Compacts closed segments when enough of them is not yet compacted. The lock is held at both ends only.
    fn compact(&self, now_ms: UnixMillis) -> Result<bool, BrokerError> {
        // Whether the records of an open transaction count is not decided.
        let upper = self.last_stable_offset();
        let Some(plan) = self.with_log(|log| Ok(log.plan_compaction(now_ms, upper)))? else {
            return Ok(false);
        };
        let result = plan.run().map_err(|error| self.refuse(error))?;
        self.with_log(|log| log.finish_compaction(result, now_ms))?;
        Ok(true)
    }

    /// Checks about `max_bytes` of what is known to be on disk from `from` on; damage ends the partition's service. `None` at
    /// the end. Blocks on the disk.
    pub fn scrub(&self, from: Offset, max_bytes: u64) -> Result<Option<Scrubbed>, BrokerError> {
        let Some(plan) = self.with_log(|log| log.plan_scrub(from))? else { return Ok(None) };
        let scrubbed = plan.run(max_bytes).map_err(|error| self.refuse(error))?;
        if from <= self.verified.load(Ordering::Relaxed) {
            self.verified.fetch_max(scrubbed.next_offset, Ordering::Relaxed);
        }
        Ok(Some(scrubbed))
    }
}

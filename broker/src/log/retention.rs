//! What expires: whole segments by age and by size, and what the user deletes.

use super::Log;
use super::error::LogError;
use super::segment::{Segment, remove_if_there};
use super::start;
use crate::types::{Offset, UnixMillis};

/// What a clean-up removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deleted {
    /// Segments.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Log {
    /// Removes the segments that `retention.ms` and `retention.bytes` no longer keep, if the topic's policy is to
    /// delete. Nothing at or above `upper` goes. Durable on return.
    ///
    /// # Errors
    /// [`LogError::DiskFull`] or [`LogError::Failed`].
    pub fn apply_retention(&mut self, now_ms: UnixMillis, upper: Offset) -> Result<Deleted, LogError> {
        self.check_failed()?;
        for segment in &self.segments {
            // What was rebuilt in memory, or could not be written before.
            _ = segment.files.index.flush();
        }
        if !self.config.cleanup_policy.delete {
            return Ok(Deleted::default());
        }
        // The active segment can go only as a sealed one.
        if self.active().size > 0 && self.active().end <= upper && self.expired(now_ms) == self.segments.len()
        {
            self.roll()?;
        }
        let expired = self.expired(now_ms).max(self.oversized()).min(self.segments.len() - 1);
        let gone = self.segments[..expired].partition_point(|segment| segment.end <= upper);
        self.delete_first(gone)
    }

    /// Removes every record before `offset` (Kafka's DeleteRecords): durable on return, and the new start. Segments
    /// that hold no other records are removed with them.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] beyond the end, [`LogError::DiskFull`] or [`LogError::Failed`].
    pub fn truncate_before(&mut self, offset: Offset) -> Result<Offset, LogError> {
        self.check_failed()?;
        if offset > self.end_offset() {
            return Err(LogError::OutOfRange { offset, start: self.start, end: self.end_offset() });
        }
        if offset > self.start {
            // The start must not outlive the records that it follows.
            self.sync()?;
            self.write_start(offset)?;
        }
        let gone =
            self.segments[..self.segments.len() - 1].partition_point(|segment| segment.end <= self.start);
        self.delete_first(gone)?;
        Ok(self.start)
    }

    /// How many segments from the first on hold old records only.
    fn expired(&self, now_ms: UnixMillis) -> usize {
        let Some(retention_ms) = self.config.retention_ms else { return 0 };
        let oldest_ms = now_ms.saturating_sub(retention_ms);
        self.segments
            .iter()
            .take_while(|segment| segment.size > 0 && segment.max_timestamp_ms < oldest_ms)
            .count()
    }

    /// How many segments from the first on are too much; what remains is not smaller than the limit.
    fn oversized(&self) -> usize {
        let Some(limit) = self.config.retention_bytes else { return 0 };
        let mut excess = self.size_bytes().saturating_sub(limit);
        let goes = |segment: &&Segment| {
            let goes = segment.size <= excess;
            excess -= if goes { segment.size } else { 0 };
            goes
        };
        self.segments.iter().take_while(goes).count()
    }

    /// Removes the first `count` segments, none of them the active one.
    fn delete_first(&mut self, count: usize) -> Result<Deleted, LogError> {
        if count == 0 {
            return Ok(Deleted::default());
        }
        assert!(count < self.segments.len(), "the active segment stays");
        let first_kept = self.segments[count].files.base;
        // The hints go first: on a full disk they make room for the start.
        for segment in &self.segments[..count] {
            segment.files.index.close();
            remove_if_there(&self.disk, segment.files.index.path())
                .map_err(|error| LogError::write("removing an index", &error))?;
        }
        if first_kept > self.start {
            self.write_start(first_kept)?;
        }
        let gone: Vec<Segment> = self.segments.drain(..count).collect();
        for segment in &gone {
            let doing = format!("removing {}", segment.files.log.path().display());
            segment.remove(&self.disk).map_err(|error| LogError::write(&doing, &error))?;
        }
        Ok(Deleted { segments: gone.len(), bytes: gone.iter().map(|segment| segment.size).sum() })
    }

    /// Durable before any segment goes, so that a segment that is missing without it shows.
    fn write_start(&mut self, start: Offset) -> Result<(), LogError> {
        if self.is_stateful() && self.snapshots.newest() < Some(start) {
            // What is known of producers from the batches before must be known without them.
            self.sync()?;
            self.save_producers()?;
        }
        let written = start::write(&self.disk, &self.dir, start);
        written.map_err(|error| {
            let doing = format!("writing the start offset in {}", self.dir.display());
            self.failed_by(LogError::write(&doing, &error))
        })?;
        self.start = start;
        Ok(())
    }
}

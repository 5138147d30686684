//! Offsets by description: the start, the end, a time.

use super::{IsolationLevel, Operations};
use crate::error::BrokerError;
use crate::types::{Offset, UnixMillis};

/// A way to name an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first offset that still exists.
    Earliest,
    /// The offset after the last record that readers may see.
    Latest,
    /// The first record at or after a time; the end when there is none.
    Timestamp(UnixMillis),
}

impl Operations {
    /// The offset meant, and the timestamp of the record there when it was looked at.
    pub fn list_offset(
        &self,
        topic: &str,
        partition: i32,
        spec: OffsetSpec,
        isolation_level: IsolationLevel,
    ) -> Result<(Offset, Option<UnixMillis>), BrokerError> {
        let partition = self.registry().partition(topic, partition)?;
        let figures = partition.figures()?;
        let end = match isolation_level {
            IsolationLevel::ReadUncommitted => figures.high_watermark,
            IsolationLevel::ReadCommitted => figures.last_stable_offset,
        };
        Ok(match spec {
            OffsetSpec::Earliest => (figures.log_start_offset, None),
            OffsetSpec::Latest => (end, None),
            OffsetSpec::Timestamp(at_ms) => match partition.offset_for_timestamp(at_ms)? {
                Some((offset, timestamp_ms)) if offset < end => (offset, Some(timestamp_ms)),
                _ => (end, None),
            },
        })
    }
}

//! How far a partition's readers may see, and why it may have ended. Everyone who waits on a partition waits on this.

use crate::error::BrokerError;
use crate::types::Offset;

/// What those who wait on a partition are told.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The offset after the last record that readers may see.
    pub high_watermark: Offset,
    /// The offset after the last record that readers of committed records may see.
    pub last_stable_offset: Offset,
    /// Set once, when the partition stops serving.
    pub ended: Option<BrokerError>,
}

impl Progress {
    /// Whether everything below `offset` may be acknowledged: `None` while it must be waited for.
    pub fn reached(&self, offset: Offset) -> Option<Result<(), BrokerError>> {
        self.passed(self.high_watermark, offset)
    }

    /// Whether every transaction that began below `offset` has ended: `None` while it must be waited for.
    pub fn stable(&self, offset: Offset) -> Option<Result<(), BrokerError>> {
        self.passed(self.last_stable_offset, offset)
    }

    fn passed(&self, reached: Offset, offset: Offset) -> Option<Result<(), BrokerError>> {
        if reached >= offset {
            return Some(Ok(()));
        }
        self.ended.clone().map(Err)
    }
}

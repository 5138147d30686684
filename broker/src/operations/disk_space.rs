//! Whether the disk has room, as writes find it: told when that changes.

use std::sync::atomic::{AtomicI64, Ordering};

use super::Operations;
use crate::error::BrokerError;
use crate::types::UnixMillis;

/// How long the disk must have had room before that is told: when it is nearly full, small batches fit and large ones do not.
const SPACE_BACK_MS: UnixMillis = 5_000;

/// When the disk was last full, in Unix milliseconds; 0: it is not known to be.
#[derive(Debug, Default)]
pub(super) struct DiskSpace {
    last_full_ms: AtomicI64,
}

/// What is worth telling.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Full,
    SpaceBack,
}

impl DiskSpace {
    fn note<T>(&self, outcome: &Result<T, BrokerError>, now_ms: UnixMillis) -> Option<News> {
        let last_full_ms = self.last_full_ms.load(Ordering::Relaxed);
        match outcome {
            Err(BrokerError::DiskFull) => {
                (self.last_full_ms.swap(now_ms.max(1), Ordering::Relaxed) == 0).then_some(News::Full)
            }
            Ok(_) if last_full_ms != 0 && now_ms - last_full_ms >= SPACE_BACK_MS => {
                (self.last_full_ms.swap(0, Ordering::Relaxed) != 0).then_some(News::SpaceBack)
            }
            _ => None,
        }
    }
}

impl Operations {
    /// Tells when the disk is full, and when that is over, by what came of a write.
    pub(super) fn tell_of_space<T>(&self, outcome: &Result<T, BrokerError>, now_ms: UnixMillis) {
        match self.shared.disk_space.note(outcome, now_ms) {
            Some(News::Full) => self.events().warn(
                now_ms,
                "the disk is full: records are refused until there is space; what is stored can be read",
            ),
            Some(News::SpaceBack) => {
                self.events().tell(now_ms, "the disk has space again: records are taken")
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_its_end_are_told_once() {
        let space = DiskSpace::default();
        let (full, taken) = (Err::<(), _>(BrokerError::DiskFull), Ok(()));
        assert_eq!(space.note(&taken, 1), None);
        assert_eq!(space.note(&full, 2), Some(News::Full));
        assert_eq!(space.note(&taken, 3), None, "a small batch that fits is no end of it");
        assert_eq!(space.note(&full, 1_000), None);
        assert_eq!(space.note(&taken, 5_999), None);
        assert_eq!(space.note(&taken, 6_000), Some(News::SpaceBack));
        assert_eq!(space.note(&taken, 60_000), None);
        assert_eq!(space.note(&full, 60_001), Some(News::Full));
    }
}

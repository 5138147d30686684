//! Produce: a batch in, an acknowledgement out once it is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::Operations;
use crate::clock;
use crate::error::BrokerError;
use crate::log::Appended;
use crate::log::validate;
use crate::partition::{Partition, Topic};
use crate::types::{Offset, UnixMillis};

/// A batch that is appended and not yet acknowledged.
#[derive(Debug)]
pub struct Pending {
    partition: Arc<Partition>,
    appended: Appended,
    // Given back when the batch is answered: what is in flight is what is paid for.
    _budget: Option<OwnedSemaphorePermit>,
}

impl Operations {
    /// Takes room for `size_bytes` of a batch in flight, waiting until others are answered. The caller stops reading
    /// its connection meanwhile, so the budget holds for all clients together.
    pub async fn admit(&self, size_bytes: usize) -> Result<OwnedSemaphorePermit, BrokerError> {
        let wanted = size_bytes.min(self.shared.produce_budget_bytes) as u32;
        let budget = Arc::clone(&self.shared.produce_budget);
        budget.acquire_many_owned(wanted).await.map_err(|_| BrokerError::ShuttingDown)
    }

    /// Checks one batch and appends it byte for byte.
    pub fn produce(
        &self,
        topic: &str,
        partition: i32,
        batch: Bytes,
        budget: OwnedSemaphorePermit,
    ) -> Result<Pending, BrokerError> {
        let topic = self.registry().topic(topic)?;
        let (partition, appended) = self.append(&topic, partition, batch)?;
        Ok(Pending { partition, appended, _budget: Some(budget) })
    }

    /// The same for a topic that is known; the caller holds what its request was admitted with.
    pub fn produce_to(&self, topic: &Topic, partition: i32, batch: Bytes) -> Result<Pending, BrokerError> {
        let (partition, appended) = self.append(topic, partition, batch)?;
        Ok(Pending { partition, appended, _budget: None })
    }

    fn append(
        &self,
        topic: &Topic,
        partition: i32,
        batch: Bytes,
    ) -> Result<(Arc<Partition>, Appended), BrokerError> {
        if topic.internal {
            return Err(BrokerError::PolicyViolation {
                topic: topic.name.to_string(),
                reason: "the broker alone writes to its internal topics",
            });
        }
        let partition = Arc::clone(topic.partition(partition)?);
        let now_ms = clock::now_ms();
        let batch = validate::check(batch, &topic.config, &topic.name, now_ms)?;
        let appended = partition.append(&batch, now_ms);
        self.tell_of_space(&appended, now_ms);
        Ok((partition, appended?))
    }
}

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
    fn tell_of_space<T>(&self, outcome: &Result<T, BrokerError>, now_ms: UnixMillis) {
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

impl Pending {
    /// What the log gave the batch, on disk or not.
    pub fn written(&self) -> &Appended {
        &self.appended
    }

    /// The first offset of its partition that still exists; -1 when the partition has ended.
    pub fn log_start_offset(&self) -> Offset {
        self.partition.figures().map_or(-1, |figures| figures.log_start_offset)
    }

    /// Waits until the batch is on disk.
    pub async fn durable(self) -> Result<Appended, BrokerError> {
        self.partition.durable(self.appended.next_offset).await?;
        Ok(self.appended)
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

//! Produce: a batch in, an acknowledgement out once it is on disk.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::Operations;
use crate::clock;
use crate::error::BrokerError;
use crate::log::{Appended, ValidBatch, validate};
use crate::partition::{Partition, Topic};
use crate::types::Offset;

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

    /// Waits while too much has gathered for the disk.
    pub async fn disk_room(&self) {
        self.shared.partitions.committer.room().await;
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
        let (partition, appended) = self.append(&topic, partition, batch, false)?;
        Ok(Pending { partition, appended, _budget: Some(budget) })
    }

    /// The same for a topic that is known; the caller holds what its request was admitted with. `bumps_epoch`: the epoch of the
    /// batch's producer rises with each transaction.
    pub fn produce_to(
        &self,
        topic: &Topic,
        partition: i32,
        batch: Bytes,
        bumps_epoch: bool,
    ) -> Result<Pending, BrokerError> {
        let (partition, appended) = self.append(topic, partition, batch, bumps_epoch)?;
        Ok(Pending { partition, appended, _budget: None })
    }

    fn append(
        &self,
        topic: &Topic,
        partition: i32,
        batch: Bytes,
        bumps_epoch: bool,
    ) -> Result<(Arc<Partition>, Appended), BrokerError> {
        let partition = Arc::clone(topic.writable_partition(partition)?);
        let now_ms = clock::now_ms();
        let batch = validate::check(batch, &topic.config, &topic.name, now_ms)?;
        let batch = ValidBatch { bumps_epoch, ..batch };
        let appended = partition.append(&batch, now_ms);
        self.tell_of_space(&appended, now_ms);
        Ok((partition, appended?))
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

//! What the broker does now and then without being asked: upkeep of every partition, and a slow check of old bytes.

use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::error::BrokerError;
use crate::operations::Operations;
use crate::partition::Partition;

/// So much is checked at once, and then the disk is left alone for a while: at most 80 MiB a second.
const SCRUB_BYTES: u64 = 8 << 20;
const SCRUB_PAUSE: Duration = Duration::from_millis(100);
/// What opening a partition's file counts for, so that thousands of small ones take their time, too.
const SCRUB_OPEN_BYTES: u64 = 64 << 10;

/// Rolls, deletes and compacts, round after round, until the broker stops.
pub async fn run(operations: Operations) {
    loop {
        let pause = Duration::from_millis(operations.config().log_retention_check_interval_ms.max(1) as u64);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = operations.stopped() => return,
        }
        let reserve = operations.clone();
        let refilled = tokio::task::spawn_blocking(move || reserve.refill_reserve());
        if let Err(error) = refilled.await {
            tracing::error!(%error, "putting space aside broke off");
        }
        let expiration_ms = operations.config().producer_id_expiration_ms;
        for partition in all_partitions(&operations) {
            if let Err(error) = tokio::task::spawn_blocking(move || upkeep(&partition, expiration_ms)).await {
                tracing::error!(%error, "upkeep of a partition broke off");
            }
        }
    }
}

/// Checks every partition at the start and then every `log.scrub.interval.ms`. Damage quarantines the partition.
pub async fn scrub(operations: Operations) {
    loop {
        tokio::select! {
            () = scrub_all(&operations) => {}
            () = operations.stopped() => return,
        }
        let pause = Duration::from_millis(operations.config().log_scrub_interval_ms.max(1) as u64);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = operations.stopped() => return,
        }
    }
}

async fn scrub_all(operations: &Operations) {
    let mut unpaused_bytes = 0;
    for partition in all_partitions(operations) {
        let mut from = 0;
        loop {
            let partition = Arc::clone(&partition);
            let checked = tokio::task::spawn_blocking(move || partition.scrub(from, SCRUB_BYTES));
            // A partition that ends has told why.
            let Ok(Ok(Some(scrubbed))) = checked.await else { break };
            from = scrubbed.next_offset;
            unpaused_bytes += scrubbed.bytes + SCRUB_OPEN_BYTES;
            if unpaused_bytes >= SCRUB_BYTES {
                unpaused_bytes = 0;
                tokio::time::sleep(SCRUB_PAUSE).await;
            }
        }
    }
}

fn all_partitions(operations: &Operations) -> Vec<Arc<Partition>> {
    operations.registry().all().iter().flat_map(|topic| topic.partitions.iter().cloned()).collect()
}

fn upkeep(partition: &Arc<Partition>, producer_expiration_ms: i64) {
    match partition.upkeep(clock::now_ms(), producer_expiration_ms) {
        Ok(done) if done.segments_deleted > 0 || done.compacted => {
            tracing::debug!(
                topic = %partition.topic(),
                partition = partition.id().partition,
                segments_deleted = done.segments_deleted,
                bytes_deleted = done.bytes_deleted,
                compacted = done.compacted,
                "upkeep"
            );
        }
        // Ended partitions have told why already.
        Ok(_) | Err(BrokerError::PartitionQuarantined { .. } | BrokerError::UnknownTopic { .. }) => {}
        Err(error) => tracing::warn!(%error, "upkeep of a partition failed; it is tried again"),
    }
}

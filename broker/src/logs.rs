//! All the logs of a broker: opened and verified at the start, remembered in checkpoints, closed at the end.

mod groups;
mod markers;
mod open;
mod own;
mod repair;
mod transactions;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub use open::Opened;

use crate::clock;
use crate::config::BrokerConfig;
use crate::coordinator::runtime::Groups;
use crate::coordinator::transaction_runtime::Transactions;
use crate::error::BrokerError;
use crate::log::{Checkpoint, Log, SyncPoint};
use crate::metadata::Mirror;
use crate::operations::Operations;
use crate::partition::{Committer, Fatal, Registry};
use crate::start::StartError;
use crate::types::TopicPartition;

type Points = BTreeMap<TopicPartition, SyncPoint>;

/// How often sync points are remembered. What is synced after the last one is verified by the next start if this one does
/// not stop in order.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(1);

/// The open logs, and what must be done to close them.
pub struct Logs {
    registry: Registry,
    groups: Groups,
    groups_task: tokio::task::JoinHandle<()>,
    transactions: Transactions,
    transactions_task: tokio::task::JoinHandle<()>,
    mirror: Arc<Mirror>,
    committer: Committer,
    committer_thread: JoinHandle<()>,
    /// Taken out for the last, clean one.
    checkpoint: Arc<Mutex<Option<Checkpoint>>>,
}

impl Logs {
    /// Opens everything below the data directory.
    pub async fn open(
        data_dir: &Path,
        config: &BrokerConfig,
        fatal: Fatal,
    ) -> Result<(Self, Opened), StartError> {
        let (data_dir, config) = (data_dir.to_owned(), config.clone());
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || open::open(&data_dir, &config, fatal, &runtime))
            .await
            .unwrap_or_else(|error| Err(BrokerError::Internal { reason: error.to_string() }.into()))
    }

    /// Remembers sync points, until the broker stops.
    pub fn checkpoints(&self, operations: Operations) -> impl Future<Output = ()> + Send + use<> {
        let (registry, checkpoint) = (self.registry.clone(), Arc::clone(&self.checkpoint));
        async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(CHECKPOINT_PAUSE) => {}
                    () = operations.stopped() => return,
                }
                let (registry, checkpoint) = (registry.clone(), Arc::clone(&checkpoint));
                let written = tokio::task::spawn_blocking(move || {
                    save_producers(&registry);
                    let points = sync_points(&registry);
                    let mut checkpoint =
                        checkpoint.lock().expect("no one panics while holding the checkpoint");
                    checkpoint.as_mut().map_or(Ok(()), |checkpoint| checkpoint.write(&points))
                });
                // An older checkpoint only makes the next start verify more.
                if let Ok(Err(error)) = written.await {
                    tracing::warn!(%error, "the checkpoint could not be written; it is tried again");
                }
            }
        }
    }

    /// Stops in order: everything acknowledged is on disk already, everything else is synced now, and the next start need not
    /// verify anything.
    pub async fn close(mut self) -> Result<(), BrokerError> {
        // Before the groups, to which it may have markers to bring.
        self.transactions.close().await;
        // The tasks end by themselves; a panic in one has been told.
        let _ = (&mut self.transactions_task).await;
        self.groups.close().await;
        let _ = (&mut self.groups_task).await;
        tokio::task::spawn_blocking(move || self.close_blocking())
            .await
            .unwrap_or_else(|error| Err(BrokerError::Internal { reason: error.to_string() }))
    }

    fn close_blocking(self) -> Result<(), BrokerError> {
        self.committer.stop();
        // The thread ends by itself; a panic in it has been told.
        let _ = self.committer_thread.join();
        let failed = |error: &dyn std::fmt::Display| BrokerError::StorageFailed { reason: error.to_string() };
        let mut points = sync_points(&self.registry);
        for (id, mut log) in end_all(&self.registry, &BrokerError::ShuttingDown) {
            points.insert(id, log.close().map_err(|error| failed(&error))?);
        }
        let checkpoint = self.checkpoint.lock().expect("no one panics while holding the checkpoint").take();
        if let Some(checkpoint) = checkpoint {
            checkpoint.write_clean(&points).map_err(|error| failed(&error))?;
        }
        self.mirror.close();
        Ok(())
    }

    /// Stops without trusting the disk any more: whoever waits is told, and the next start verifies.
    pub fn abandon(&self, reason: &str) {
        end_all(&self.registry, &BrokerError::StorageFailed { reason: reason.to_owned() });
    }
}

/// Has each partition write what it knows of producers, where that is due.
fn save_producers(registry: &Registry) {
    let now_ms = clock::now_ms();
    for partition in registry.all().iter().flat_map(|topic| &topic.partitions) {
        // A partition that ends has told why.
        let _ = partition.save_producers(now_ms);
    }
}

fn sync_points(registry: &Registry) -> Points {
    let topics = registry.all();
    let partitions = topics.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|partition| (partition.id(), partition.sync_point())).collect()
}

fn end_all(registry: &Registry, reason: &BrokerError) -> Vec<(TopicPartition, Box<Log>)> {
    let topics = registry.all();
    let partitions = topics.iter().flat_map(|topic| &topic.partitions);
    partitions.filter_map(|partition| Some((partition.id(), partition.end(reason.clone())?))).collect()
}

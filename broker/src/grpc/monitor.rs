//! `runnel.v1.Monitor`: a full snapshot, then what changed, once an interval.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, stream};
use runnel_proto::v1::monitor_server::Monitor;
use runnel_proto::v1::{Snapshot, WatchRequest};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::{Request, Response, Status};

use super::stopping;
use crate::clock;
use crate::monitor::Watcher;
use crate::operations::Operations;

const DEFAULT_INTERVAL_MS: u32 = 1_000;
const SHORTEST_INTERVAL_MS: u32 = 100;
const LONGEST_INTERVAL_MS: u32 = 60_000;

/// The service.
#[derive(Clone)]
pub(super) struct MonitorService {
    /// What it watches.
    pub(super) operations: Operations,
}

#[tonic::async_trait]
impl Monitor for MonitorService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Snapshot, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let interval_ms = match request.into_inner().interval_ms {
            0 => DEFAULT_INTERVAL_MS,
            interval_ms => interval_ms.clamp(SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS),
        };
        let mut ticks = interval(Duration::from_millis(interval_ms.into()));
        // A watcher that was slow gets the newest state, not a backlog.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watcher = Watcher::new(self.operations.clone());
        let snapshots = stream::unfold((watcher, ticks), |(watcher, ticks)| next(watcher, ticks));
        Ok(Response::new(stopping(&self.operations, snapshots)))
    }
}

type Step = (Result<Snapshot, Status>, (Watcher, Interval));

async fn next(watcher: Watcher, mut ticks: Interval) -> Option<Step> {
    ticks.tick().await;
    // Time lags are read from the disk.
    let taken = tokio::task::spawn_blocking(move || {
        let mut watcher = watcher;
        let snapshot = watcher.snapshot(clock::now_ms());
        (snapshot, watcher)
    });
    let (snapshot, watcher) = taken.await.ok()?;
    Some((Ok(snapshot), (watcher, ticks)))
}

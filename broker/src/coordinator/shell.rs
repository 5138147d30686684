//! What the tasks around both machines share: their log, their clock, their ear.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use crate::error::BrokerError;
use crate::types::{LogRecord, Offset, UnixMillis};

/// Requests that wait for a task; whoever comes next waits with its request in hand.
pub(super) const MAILBOX: usize = 1_024;

/// Appends records as one batch, without waiting for the disk.
pub type Append = Box<dyn Fn(&[LogRecord], UnixMillis) -> Result<Offset, BrokerError> + Send>;

/// Where a machine's records go: its internal partition, or a stand-in.
pub struct CoordinatorLog {
    /// Appends records as one batch, without waiting for the disk. Returns the offset after them; after an error none is in
    /// the log.
    pub append: Append,
    /// Waits until everything before an offset is on disk.
    pub durable: Box<dyn Fn(Offset) -> BoxFuture<'static, Result<(), BrokerError>> + Send>,
}

impl CoordinatorLog {
    /// Appends now; the future ends when the records are on disk, or with what was in the way.
    pub(super) fn write(
        &self,
        records: &[LogRecord],
        now: UnixMillis,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send + use<> {
        let appended = (self.append)(records, now).map(|next_offset| (self.durable)(next_offset));
        async move {
            match appended {
                Ok(durable) => durable.await,
                Err(error) => Err(error),
            }
        }
    }
}

/// What people should learn of, line by line.
pub type OnEvent = Box<dyn Fn(String) + Send>;

/// Unix time that runs on evenly from the start, whatever happens to the wall clock: nothing must time out because somebody
/// set the date.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    started_ms: UnixMillis,
}

impl Clock {
    pub(super) fn start(now_ms: UnixMillis) -> Self {
        Self { started: Instant::now(), started_ms: now_ms }
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.started_ms + self.started.elapsed().as_millis() as UnixMillis
    }

    pub(super) fn instant(&self, at: UnixMillis) -> Instant {
        self.started + Duration::from_millis(u64::try_from(at - self.started_ms).unwrap_or(0))
    }
}

pub(super) async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

//! Partitions: each a log with one writer at a time, a high watermark that its readers see, and everyone who waits on it.

mod committer;
mod fatal;
mod fetch;
mod gathered;
mod progress;
mod registry;
mod reserve;
mod transactions;
mod upkeep;
mod waits;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use runnel_proto::records::{BatchBuilder, Compression};
use tokio::sync::watch;

pub use committer::Committer;
pub use fatal::Fatal;
pub use fetch::{FetchPosition, Fetched, IsolationLevel};
pub use progress::Progress;
pub use registry::{Registry, Topic};
pub use reserve::Reserve;
pub use transactions::Committed;
pub use waits::Waits;

use crate::clock;
use crate::config::TopicConfig;
use crate::error::BrokerError;
use crate::events::Events;
use crate::log::{Appended, Batches, EpochEnd, Log, LogError, ReadPlan, SyncPoint, Unsynced, ValidBatch};
use crate::types::{LogRecord, Offset, TopicPartition, UnixMillis};

/// What every partition of a broker shares.
#[derive(Clone)]
pub struct Shared {
    /// Makes appended records durable.
    pub committer: Committer,
    /// Raised when the disk fails.
    pub fatal: Fatal,
    /// Given back when the broker's own work meets a full disk.
    pub reserve: Reserve,
    /// Learns of quarantines.
    pub events: Events,
    /// Stamped on every batch; raised by each start after an unclean stop.
    pub leader_epoch: i32,
}

/// One partition. All methods may be called from any thread; appends take turns.
pub struct Partition {
    topic: Arc<str>,
    id: TopicPartition,
    shared: Shared,
    state: Mutex<State>,
    progress: watch::Sender<Progress>,
    /// Whether the committer has the partition in its queue already.
    queued: AtomicBool,
    /// Bytes that wait for the committer to begin with them.
    gathered_bytes: AtomicUsize,
    /// Where the log ended when this start found it. What came after was checked on its way in.
    found_end: Offset,
    /// Before it, what was found has been verified since.
    verified: AtomicI64,
    traffic: Traffic,
}

enum State {
    Serving(Box<Log>),
    /// The log's last sync point is remembered on: only by it the next start can tell damage from a torn tail.
    Ended {
        reason: BrokerError,
        synced: SyncPoint,
    },
}

impl State {
    fn sync_point(&self) -> SyncPoint {
        match self {
            Self::Serving(log) => log.sync_point(),
            Self::Ended { synced, .. } => *synced,
        }
    }
}

/// Counters since the broker started.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Records appended.
    pub records_in: AtomicU64,
    /// Bytes appended.
    pub bytes_in: AtomicU64,
    /// Records sent to readers, as the span of offsets sent.
    pub records_out: AtomicU64,
    /// Bytes sent to readers.
    pub bytes_out: AtomicU64,
}

/// A partition's figures at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// The first offset that still exists.
    pub log_start_offset: Offset,
    /// The offset after the last record that readers may see.
    pub high_watermark: Offset,
    /// The offset after the last record that readers of committed records may see.
    pub last_stable_offset: Offset,
    /// The offset that the next record gets.
    pub log_end_offset: Offset,
    /// Bytes in its segment files, without zeros ahead of the end.
    pub size_bytes: u64,
    /// How many segments.
    pub segments: u32,
}

impl Partition {
    /// A partition that serves `log`, all of which is durable.
    pub fn serve(topic: Arc<str>, id: TopicPartition, log: Log, shared: Shared) -> Arc<Self> {
        let high_watermark = log.end_offset();
        let last_stable_offset = log.last_stable_offset(high_watermark);
        let progress = Progress { high_watermark, last_stable_offset, ended: None };
        Arc::new(Self::new(topic, id, shared, State::Serving(Box::new(log)), progress))
    }

    /// A partition whose files are damaged before their last sync point, `synced`: kept, and not served.
    pub fn quarantined(
        topic: Arc<str>,
        id: TopicPartition,
        reason: String,
        synced: SyncPoint,
        shared: Shared,
    ) -> Arc<Self> {
        let reason = quarantine(&topic, id.partition, reason);
        shared.events.warn(clock::now_ms(), &reason.to_string());
        let progress = Progress { high_watermark: 0, last_stable_offset: 0, ended: Some(reason.clone()) };
        Arc::new(Self::new(topic, id, shared, State::Ended { reason, synced }, progress))
    }

    fn new(topic: Arc<str>, id: TopicPartition, shared: Shared, state: State, progress: Progress) -> Self {
        Self {
            found_end: progress.high_watermark,
            verified: AtomicI64::new(0),
            topic,
            id,
            shared,
            state: Mutex::new(state),
            progress: watch::Sender::new(progress),
            queued: AtomicBool::new(false),
            gathered_bytes: AtomicUsize::new(0),
            traffic: Traffic::default(),
        }
    }

    /// The topic's name.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// Which partition this is.
    pub fn id(&self) -> TopicPartition {
        self.id
    }

    /// The counters.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The leader epoch that appended batches get.
    pub fn leader_epoch(&self) -> i32 {
        self.shared.leader_epoch
    }

    /// Appends a batch; it may be acknowledged once [`Partition::durable`] says so for its `next_offset`.
    ///
    /// Runs on the caller's thread under a short lock, with no hand-over: the write goes to the page cache.
    pub fn append(self: &Arc<Self>, batch: &ValidBatch, now_ms: UnixMillis) -> Result<Appended, BrokerError> {
        let (appended, flush, last_stable_offset) = self.with_log(|log| {
            let appended = log.append(batch, self.shared.leader_epoch, now_ms)?;
            let flush = Flush::after(&appended, &log.sync_point(), log.config());
            let visible = if matches!(flush, Flush::Now) { None } else { Some(appended.next_offset) };
            Ok((appended, flush, visible.map(|visible| log.advance_last_stable_offset(visible))))
        })?;
        if !appended.duplicate {
            // A marker is no record of anybody's.
            let records = if batch.header.is_control() { 0 } else { batch.header.record_count.max(0) };
            self.traffic.records_in.fetch_add(records as u64, Ordering::Relaxed);
            self.traffic.bytes_in.fetch_add(batch.bytes.len() as u64, Ordering::Relaxed);
        }
        if let Some(last_stable_offset) = last_stable_offset {
            self.advance(appended.next_offset, last_stable_offset);
        }
        match flush {
            Flush::Now => {
                // In this order: the committer takes from the sum what it finds here.
                self.shared.committer.gather(batch.bytes.len());
                self.gathered_bytes.fetch_add(batch.bytes.len(), Ordering::Relaxed);
                self.enqueue();
            }
            Flush::Within(delay) => {
                self.shared.committer.enqueue_at(Arc::clone(self), Instant::now() + delay);
            }
            Flush::Later => {}
        }
        Ok(appended)
    }

    /// Appends keyed records as one batch, for the broker's own logs. Returns the offset after them.
    pub fn append_records(
        self: &Arc<Self>,
        records: &[LogRecord],
        now_ms: UnixMillis,
    ) -> Result<Offset, BrokerError> {
        let mut builder = BatchBuilder::new(Compression::None);
        for record in records {
            builder.push(now_ms, Some(&record.key), record.value.as_deref(), &[]);
        }
        let bytes = builder.build().map_err(|error| BrokerError::Internal { reason: error.to_string() })?;
        let batch = ValidBatch::internal(bytes)
            .map_err(|error| BrokerError::Internal { reason: error.to_string() })?;
        Ok(self.despite_full_disk(|| self.append(&batch, now_ms))?.next_offset)
    }

    /// Waits until everything below `next_offset` is on disk and visible.
    pub async fn durable(&self, next_offset: Offset) -> Result<(), BrokerError> {
        self.wait(|progress| progress.reached(next_offset)).await
    }

    /// Waits until readers may see something at or after `offset`.
    pub async fn readable(&self, offset: Offset) -> Result<(), BrokerError> {
        self.wait(|progress| progress.reached(offset + 1)).await
    }

    async fn wait(
        &self,
        reached: impl Fn(&Progress) -> Option<Result<(), BrokerError>>,
    ) -> Result<(), BrokerError> {
        let mut progress = self.progress.subscribe();
        let seen = progress.wait_for(|progress| reached(progress).is_some()).await;
        // The sender lives in `self`, so the channel is open for as long as anybody can wait here.
        seen.ok().and_then(|progress| reached(&progress)).unwrap_or(Err(BrokerError::ShuttingDown))
    }

    /// The offset after the last record that readers may see.
    pub fn high_watermark(&self) -> Offset {
        self.progress.borrow().high_watermark
    }

    /// Reads whole batches from `offset` on; empty at the end. At least one batch even when it is above `max_bytes`.
    pub async fn read(&self, offset: Offset, max_bytes: usize) -> Result<Batches, BrokerError> {
        let upper = self.high_watermark();
        let plan = self.with_log(|log| log.plan_read(offset, max_bytes, upper))?;
        self.run_read(plan, offset).await
    }

    async fn run_read(&self, plan: ReadPlan, offset: Offset) -> Result<Batches, BrokerError> {
        if plan.is_empty() {
            return Ok(Batches { bytes: Bytes::new(), next_offset: offset });
        }
        let doubtful = self.is_doubtful(offset);
        let read = move || if doubtful { plan.read_verified() } else { plan.read() };
        let read = tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| BrokerError::Internal { reason: error.to_string() })?;
        read.map_err(|error| self.refuse(error))
    }

    /// Counts what was sent to a reader.
    pub fn sent(&self, records: u64, bytes: u64) {
        self.traffic.records_out.fetch_add(records, Ordering::Relaxed);
        self.traffic.bytes_out.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The first record at or after a time, that readers may see: its offset and timestamp.
    pub fn offset_for_timestamp(
        &self,
        timestamp_ms: UnixMillis,
    ) -> Result<Option<(Offset, UnixMillis)>, BrokerError> {
        let upper = self.high_watermark();
        self.with_log(|log| log.offset_for_timestamp(timestamp_ms, upper))
    }

    /// The first of the newest records that readers may see: its offset and timestamp.
    pub fn newest_record(&self) -> Result<Option<(Offset, UnixMillis)>, BrokerError> {
        let upper = self.high_watermark();
        self.with_log(|log| log.newest_record(upper))
    }

    /// The greatest leader epoch that is not above `epoch`, and where its records end; `None` when there is none. The
    /// epoch in force has no end yet: the log's end stands for it.
    pub fn epoch_end(&self, epoch: i32) -> Result<Option<EpochEnd>, BrokerError> {
        let current = self.shared.leader_epoch;
        self.with_log(|log| match epoch {
            _ if epoch > current => Ok(None),
            _ if epoch == current => Ok(Some(EpochEnd { epoch, offset: log.end_offset() })),
            _ => log.epoch_end(epoch),
        })
    }

    /// The timestamp of the record at `offset`, exact to its batch; `None` when there is no such record.
    pub fn timestamp_at(&self, offset: Offset) -> Result<Option<UnixMillis>, BrokerError> {
        self.with_log(|log| log.timestamp_at(offset))
    }

    /// Deletes the records before `offset`; -1 means all that readers may see. Returns where the log starts now.
    pub fn truncate_before(&self, offset: Offset) -> Result<Offset, BrokerError> {
        let upper = self.high_watermark();
        let offset = if offset == -1 { upper } else { offset };
        self.despite_full_disk(|| {
            self.with_log(|log| {
                if offset < 0 || offset > upper {
                    return Err(LogError::OutOfRange { offset, start: log.start_offset(), end: upper });
                }
                log.truncate_before(offset)
            })
        })
    }

    /// Does the broker's own work, if need be with the space put aside for it.
    fn despite_full_disk<T>(&self, work: impl Fn() -> Result<T, BrokerError>) -> Result<T, BrokerError> {
        match work() {
            Err(BrokerError::DiskFull) if self.shared.reserve.release() => work(),
            outcome => outcome,
        }
    }

    /// Puts new settings in force.
    pub fn set_config(&self, config: Arc<TopicConfig>) {
        if let State::Serving(log) = &mut *self.lock() {
            log.set_config(config);
        }
    }

    /// The figures now; `Err` when the partition is not served.
    pub fn figures(&self) -> Result<Figures, BrokerError> {
        let high_watermark = self.high_watermark();
        self.with_log(|log| {
            Ok(Figures {
                log_start_offset: log.start_offset(),
                high_watermark,
                last_stable_offset: log.last_stable_offset(high_watermark),
                log_end_offset: log.end_offset(),
                size_bytes: log.size_bytes(),
                segments: log.segment_count() as u32,
            })
        })
    }

    /// Stops serving: readers and producers get `reason`. Returns the log when there was one.
    pub fn end(&self, reason: BrokerError) -> Option<Box<Log>> {
        let state = {
            let mut state = self.lock();
            let synced = state.sync_point();
            std::mem::replace(&mut *state, State::Ended { reason: reason.clone(), synced })
        };
        self.progress.send_modify(|progress| progress.ended = Some(reason));
        match state {
            State::Serving(log) => Some(log),
            State::Ended { .. } => None,
        }
    }

    /// The last point known to be on disk, or known to have been when the partition was last served.
    pub fn sync_point(&self) -> SyncPoint {
        self.lock().sync_point()
    }

    /// What must be synced so that all that is appended so far is durable, `None` when the partition is not served; and
    /// how much of it waited for the committer.
    fn take_unsynced(&self) -> (usize, Option<Unsynced>) {
        self.queued.store(false, Ordering::Release);
        let unsynced = match &*self.lock() {
            State::Serving(log) => Some(log.unsynced()),
            State::Ended { .. } => None,
        };
        (self.gathered_bytes.swap(0, Ordering::Relaxed), unsynced)
    }

    /// Bytes that are not known to be on disk.
    fn unsynced_bytes(&self) -> u64 {
        match &*self.lock() {
            State::Serving(log) => log.unsynced_bytes(),
            State::Ended { .. } => 0,
        }
    }

    /// Everything up to `point` is on disk.
    fn committed(&self, point: &SyncPoint) {
        let last_stable_offset = match &mut *self.lock() {
            // Another sync of the same file, for a new segment, may have been told the error that this one was not.
            State::Serving(log) if log.has_failed() => return,
            State::Serving(log) => {
                log.synced(point);
                log.advance_last_stable_offset(point.offset)
            }
            State::Ended { .. } => 0,
        };
        self.advance(point.offset, last_stable_offset);
    }

    /// The last stable offset is the one that goes with this high watermark, or with a later one.
    fn advance(&self, high_watermark: Offset, last_stable_offset: Offset) {
        self.progress.send_if_modified(|progress| {
            let further =
                high_watermark > progress.high_watermark || last_stable_offset > progress.last_stable_offset;
            progress.high_watermark = progress.high_watermark.max(high_watermark);
            progress.last_stable_offset = progress.last_stable_offset.max(last_stable_offset);
            further
        });
    }

    fn enqueue(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.shared.committer.enqueue(Arc::clone(self));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no one panics while holding a partition's log")
    }

    fn with_log<T>(&self, work: impl FnOnce(&mut Log) -> Result<T, LogError>) -> Result<T, BrokerError> {
        let outcome = match &mut *self.lock() {
            State::Serving(log) => work(log),
            State::Ended { reason, .. } => return Err(reason.clone()),
        };
        outcome.map_err(|error| self.refuse(error))
    }

    /// Turns a log's error into a refusal, and draws its consequence for the partition or the broker.
    fn refuse(&self, error: LogError) -> BrokerError {
        match error {
            LogError::OutOfRange { offset, start, end } => BrokerError::OffsetOutOfRange {
                topic: self.topic.to_string(),
                partition: self.id.partition,
                offset,
                start,
                end,
            },
            LogError::DiskFull => BrokerError::DiskFull,
            LogError::Refused(error) => error,
            LogError::Unreadable { reason } => BrokerError::Internal { reason },
            LogError::Corrupt { reason } => {
                let error = quarantine(&self.topic, self.id.partition, reason);
                // Whoever finds it first tells it.
                if self.end(error.clone()).is_some() {
                    self.shared.events.warn(clock::now_ms(), &error.to_string());
                }
                error
            }
            LogError::Failed { reason } => {
                self.shared.fatal.raise(&reason);
                BrokerError::StorageFailed { reason }
            }
        }
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition").field("topic", &self.topic).field("id", &self.id).finish_non_exhaustive()
    }
}

fn quarantine(topic: &str, partition: i32, reason: String) -> BrokerError {
    BrokerError::PartitionQuarantined { topic: topic.to_owned(), partition, reason }
}

/// When what was appended is synced.
enum Flush {
    /// Before it is acknowledged: the default.
    Now,
    /// After it was acknowledged, in so long (`flush.ms`).
    Within(Duration),
    /// An earlier batch has set the time already, or a full count or the segment's end will.
    Later,
}

impl Flush {
    fn after(appended: &Appended, synced: &SyncPoint, config: &TopicConfig) -> Self {
        if appended.next_offset - synced.offset >= config.flush_messages {
            return Self::Now;
        }
        let first_unsynced = appended.base_offset <= synced.offset;
        match u64::try_from(config.flush_ms) {
            Ok(delay_ms) if first_unsynced && config.flush_ms < i64::MAX => {
                Self::Within(Duration::from_millis(delay_ms))
            }
            _ => Self::Later,
        }
    }
}

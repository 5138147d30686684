//! `Fetch`: stored batches as they lie on disk, at once when there are enough, else when some come.
//!
//! The answer tells where its records are in the files; few are read into memory here. A request that waits looks again
//! at those partitions alone that have changed.

use std::sync::Arc;
use std::time::Duration;

use runnel_proto::kafka::messages::fetch_request::FetchPartition;
use runnel_proto::kafka::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use runnel_proto::kafka::messages::{FetchRequest, FetchResponse};
use runnel_proto::kafka::{ErrorCode, Records, Uuid};
use runnel_proto::records::{BatchHeader, Compression};
use tokio::time::{Instant, sleep_until};

use super::check_epoch;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::kafka::session::{Plan, Wanted};
use crate::log::{self, FileBatches};
use crate::operations::Taken;
use crate::partition::{FetchPosition, IsolationLevel, Partition, Waits};
use crate::storage::FileRange;

/// The most that one answer carries, whatever the client asks for.
pub(super) const ANSWER_BYTES: usize = 56 << 20;
/// Zstandard came with this version; older clients can't read it.
const ZSTD_SINCE: i16 = 10;
const READ_COMMITTED: i8 = 1;
/// Up to here a partition's records are read and sent with what lies around them: `sendfile` costs more.
const COPIED_BYTES: usize = 16 << 10;
/// An answer holds so much of them in memory, however many partitions it has.
const COPIED_BYTES_IN_ALL: usize = 64 << 10;

/// What a request comes to, and until when it may wait; of its frame it keeps nothing.
pub(in crate::kafka) struct Asked {
    plan: Result<Plan, ErrorCode>,
    limits: Limits,
    deadline: Instant,
}

/// Sees what a request asks for.
pub(in crate::kafka) fn plan(call: &Call, request: FetchRequest) -> Asked {
    let deadline = Instant::now() + Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let limits = Limits {
        min_bytes: usize::try_from(request.min_bytes).unwrap_or(0),
        max_bytes: usize::try_from(request.max_bytes).unwrap_or(0).min(ANSWER_BYTES),
        isolation: match request.isolation_level {
            READ_COMMITTED => IsolationLevel::ReadCommitted,
            _ => IsolationLevel::ReadUncommitted,
        },
        reads_zstd: call.version >= ZSTD_SINCE,
    };
    let mut sessions = call.client.sessions();
    let plan = sessions.begin(request, call.version, session_id).map(|plan| {
        let has_room = call.client.has_room(&call.operations, sessions.size_bytes());
        if has_room { plan } else { sessions.end(plan) }
    });
    Asked { plan, limits, deadline }
}

/// Answers a request: with the response, and where its records are that are elsewhere, in its order. One that has `taken`
/// much memory does not wait while others want some.
pub(in crate::kafka) async fn handle(
    call: &Call,
    asked: Asked,
    taken: &Taken,
) -> (FetchResponse, Vec<FileRange>) {
    let Asked { plan, limits, deadline } = asked;
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            let refused = FetchResponse { error_code: error.code(), ..Default::default() };
            return (refused, Vec::new());
        }
    };
    let mut looked = Looked::at_all(call, &plan, limits).await;
    if !looked.is_complete() && Instant::now() < deadline {
        tokio::select! {
            () = looked.until_complete(&plan) => {}
            () = sleep_until(deadline) => {}
            () = call.operations.stopped() => {}
            () = taken.wanted() => {}
        }
    }
    answer(call, plan, looked)
}

/// Any number but 0, which stands for no session; nobody else may guess it.
fn session_id() -> i32 {
    (Uuid::new_v4().as_u128() as i32 & i32::MAX).max(1)
}

fn answer(call: &Call, mut plan: Plan, looked: Looked) -> (FetchResponse, Vec<FileRange>) {
    let (mut ranges, mut copied_bytes) = (Vec::new(), 0);
    let mut found = Vec::with_capacity(looked.found.len());
    for (wanted, Found { mut data, batches, partition }) in
        std::mem::take(&mut plan.partitions).into_iter().zip(looked.found)
    {
        if let (Some(partition), Some(range)) = (partition, batches.range) {
            let records = u64::try_from(batches.next_offset - wanted.row.fetch_offset).unwrap_or(0);
            partition.sent(records, range.size_bytes() as u64);
            data.records = Some(put_records(range, &mut copied_bytes, &mut ranges));
        }
        found.push((wanted, data));
    }
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    for (Wanted { topic, topic_id, .. }, data) in call.client.sessions().finish(&plan, found) {
        match responses.last_mut().filter(|last| last.topic == topic && last.topic_id == topic_id) {
            Some(last) => last.partitions.push(data),
            None => responses.push(FetchableTopicResponse { topic, topic_id, partitions: vec![data] }),
        }
    }
    (FetchResponse { session_id: plan.session_id, responses, ..Default::default() }, ranges)
}

/// Lets few records be in the answer's memory, and others be sent from their file, after those `ranges` that come before.
pub(super) fn put_records(
    range: FileRange,
    copied_bytes: &mut usize,
    ranges: &mut Vec<FileRange>,
) -> Records {
    let copies = range.size_bytes() <= COPIED_BYTES.min(COPIED_BYTES_IN_ALL - *copied_bytes);
    match if copies { range.read().ok() } else { None } {
        Some(bytes) => {
            *copied_bytes += bytes.len();
            Records::Here(bytes.into())
        }
        // What can't be read is found out, and told, by whoever sends it.
        None => {
            let size_bytes = range.size_bytes();
            ranges.push(range);
            Records::Elsewhere { size_bytes }
        }
    }
}

struct Limits {
    min_bytes: usize,
    max_bytes: usize,
    isolation: IsolationLevel,
    reads_zstd: bool,
}

/// What was found in the partitions of a plan, in its order.
struct Looked {
    limits: Limits,
    sources: Vec<Source>,
    found: Vec<Found>,
    /// Bytes of all batches.
    size_bytes: usize,
    /// Some partition has something to tell at once.
    urgent: bool,
}

type Source = Result<Arc<Partition>, ErrorCode>;

struct Found {
    data: PartitionData,
    batches: FileBatches,
    /// Where the batches are from, if there are any.
    partition: Option<Arc<Partition>>,
}

fn find(call: &Call, wanted: &Wanted) -> Source {
    let topic = call.topic(&wanted.topic, wanted.topic_id)?;
    let partition = topic.partition(wanted.row.partition).map_err(|error| code(&error))?;
    check_epoch(partition, wanted.row.current_leader_epoch)?;
    Ok(Arc::clone(partition))
}

impl Looked {
    async fn at_all(call: &Call, plan: &Plan, limits: Limits) -> Self {
        let sources: Vec<_> = plan.partitions.iter().map(|wanted| find(call, wanted)).collect();
        let found = Vec::with_capacity(sources.len());
        let mut looked = Self { limits, sources, found, size_bytes: 0, urgent: false };
        for (number, wanted) in plan.partitions.iter().enumerate() {
            let found = looked.look(number, &wanted.row).await;
            looked.size_bytes += found.batches.size_bytes();
            looked.urgent |= found.is_urgent();
            looked.found.push(found);
        }
        looked
    }

    fn is_complete(&self) -> bool {
        self.urgent || self.size_bytes >= self.limits.min_bytes
    }

    /// Waits until there is enough, and looks meanwhile at what changes.
    async fn until_complete(&mut self, plan: &Plan) {
        let mut waits = Waits::default();
        for number in 0..self.sources.len() {
            self.wait(&mut waits, number, plan);
        }
        while !self.is_complete() {
            let number = waits.next().await;
            let wanted = &plan.partitions[number];
            self.size_bytes -= self.found[number].batches.size_bytes();
            let found = self.look(number, &wanted.row).await;
            self.size_bytes += found.batches.size_bytes();
            self.urgent |= found.is_urgent();
            self.found[number] = found;
            self.wait(&mut waits, number, plan);
        }
    }

    fn wait(&self, waits: &mut Waits<usize>, number: usize, plan: &Plan) {
        if let Ok(partition) = &self.sources[number] {
            let seen = self.found[number].batches.next_offset;
            let offset = seen.max(plan.partitions[number].row.fetch_offset);
            waits.push(number, Arc::clone(partition), offset, self.limits.isolation);
        }
    }

    async fn look(&self, number: usize, row: &FetchPartition) -> Found {
        let found = match &self.sources[number] {
            Ok(partition) => self.fetch(partition, row).await,
            Err(error) => Err(*error),
        };
        found.unwrap_or_else(|error| Found::failed(row.partition, error))
    }

    async fn fetch(&self, partition: &Arc<Partition>, row: &FetchPartition) -> Result<Found, ErrorCode> {
        if let Some(diverging_epoch) = diverging(partition, row)? {
            let figures = partition.figures().map_err(|error| code(&error))?;
            let data = PartitionData {
                diverging_epoch,
                high_watermark: figures.high_watermark,
                last_stable_offset: partition.last_stable_offset(),
                log_start_offset: figures.log_start_offset,
                aborted_transactions: self.aborted_transactions(&[]),
                ..empty(row.partition)
            };
            return Ok(Found { data, batches: FileBatches::default(), partition: None });
        }
        let left_bytes = self.limits.max_bytes.saturating_sub(self.size_bytes);
        let position = FetchPosition {
            offset: row.fetch_offset,
            max_bytes: left_bytes.min(usize::try_from(row.partition_max_bytes).unwrap_or(0)),
            // The first records come whatever the limits say, or a large batch would stop its reader for good.
            at_least_one: self.size_bytes == 0,
            isolation: self.limits.isolation,
        };
        let fetched = partition.fetch(&position).await.map_err(|error| code(&error))?;
        if !self.limits.reads_zstd && has_zstd(&fetched.batches)? {
            return Err(ErrorCode::UnsupportedCompressionType);
        }
        let data = PartitionData {
            high_watermark: fetched.high_watermark,
            last_stable_offset: fetched.last_stable_offset,
            log_start_offset: fetched.log_start_offset,
            aborted_transactions: self.aborted_transactions(&fetched.aborted),
            ..empty(row.partition)
        };
        let partition = fetched.batches.range.is_some().then(|| Arc::clone(partition));
        Ok(Found { data, batches: fetched.batches, partition })
    }

    /// Null to those who read all.
    fn aborted_transactions(&self, aborted: &[log::AbortedTransaction]) -> Option<Vec<AbortedTransaction>> {
        let row = |aborted: &log::AbortedTransaction| AbortedTransaction {
            producer_id: aborted.producer_id,
            first_offset: aborted.first_offset,
        };
        (self.limits.isolation == IsolationLevel::ReadCommitted).then(|| aborted.iter().map(row).collect())
    }
}

impl Found {
    fn failed(partition_index: i32, error: ErrorCode) -> Self {
        let data = PartitionData {
            error_code: error.code(),
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted_transactions: Some(Vec::new()),
            ..empty(partition_index)
        };
        Self { data, batches: FileBatches::default(), partition: None }
    }

    /// Whether the client is to be told of it at once.
    fn is_urgent(&self) -> bool {
        self.data.error_code != 0 || self.data.diverging_epoch != EpochEndOffset::default()
    }
}

fn empty(partition_index: i32) -> PartitionData {
    // Records are never null: older librdkafka breaks on it.
    PartitionData { partition_index, records: Some(Records::default()), ..Default::default() }
}

/// Where the client's history parts from the log's, when it read records that were lost since (KIP-595).
fn diverging(partition: &Partition, row: &FetchPartition) -> Result<Option<EpochEndOffset>, ErrorCode> {
    if row.last_fetched_epoch < 0 {
        return Ok(None);
    }
    let end = partition.epoch_end(row.last_fetched_epoch).map_err(|error| code(&error))?;
    let end = end.ok_or(ErrorCode::OffsetOutOfRange)?;
    let parts = end.epoch < row.last_fetched_epoch || end.offset < row.fetch_offset;
    Ok(parts.then_some(EpochEndOffset { epoch: end.epoch, end_offset: end.offset }))
}

fn has_zstd(batches: &FileBatches) -> Result<bool, ErrorCode> {
    let is_zstd = |header: &BatchHeader| header.compression() == Ok(Compression::Zstd);
    batches.any(is_zstd).map_err(|_| ErrorCode::UnknownServerError)
}

//! `Fetch`: stored batches as they lie on disk, at once when there are enough, else when some come.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::select_all;
use runnel_proto::kafka::messages::fetch_request::FetchPartition;
use runnel_proto::kafka::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use runnel_proto::kafka::messages::{FetchRequest, FetchResponse};
use runnel_proto::kafka::{ErrorCode, Uuid};
use runnel_proto::records::{BatchHeader, Compression, split_batches};
use tokio::time::{Instant, sleep_until};

use super::check_epoch;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::kafka::session::{Plan, Wanted};
use crate::log;
use crate::partition::Partition;
use crate::types::Offset;

/// The most that one answer carries, whatever the client asks for.
const ANSWER_BYTES: usize = 56 << 20;
/// Zstandard came with this version; older clients can't read it.
const ZSTD_SINCE: i16 = 10;
const READ_COMMITTED: i8 = 1;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: FetchRequest) -> FetchResponse {
    let deadline = Instant::now() + Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let limits = Limits {
        min_bytes: usize::try_from(request.min_bytes).unwrap_or(0),
        max_bytes: usize::try_from(request.max_bytes).unwrap_or(0).min(ANSWER_BYTES),
        read_committed: request.isolation_level == READ_COMMITTED,
    };
    let plan = call.client.sessions().begin(request, call.version, session_id());
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return FetchResponse { error_code: error.code(), ..Default::default() },
    };
    let sources: Vec<_> = plan.partitions.iter().map(|wanted| find(call, wanted)).collect();
    loop {
        let found = read_all(call.version, &plan, &sources, &limits).await;
        if found.complete || Instant::now() >= deadline || !call.operations.ready() {
            return answer(call, &plan, found.partitions);
        }
        wait(call, &sources, &found.next_offsets, &limits, deadline).await;
    }
}

/// Any number but 0, which stands for no session; nobody else may guess it.
fn session_id() -> i32 {
    (Uuid::new_v4().as_u128() as i32 & i32::MAX).max(1)
}

fn answer(call: &Call, plan: &Plan, found: Vec<PartitionData>) -> FetchResponse {
    let found = plan.partitions.iter().cloned().zip(found).collect();
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    for (Wanted { topic, topic_id, .. }, data) in call.client.sessions().finish(plan, found) {
        match responses.last_mut().filter(|last| last.topic == topic && last.topic_id == topic_id) {
            Some(last) => last.partitions.push(data),
            None => responses.push(FetchableTopicResponse { topic, topic_id, partitions: vec![data] }),
        }
    }
    FetchResponse { session_id: plan.session_id, responses, ..Default::default() }
}

struct Limits {
    min_bytes: usize,
    max_bytes: usize,
    read_committed: bool,
}

type Source = Result<Arc<Partition>, ErrorCode>;

fn find(call: &Call, wanted: &Wanted) -> Source {
    let topic = call.topic(&wanted.topic, wanted.topic_id)?;
    let partition = topic.partition(wanted.row.partition).map_err(|error| code(&error))?;
    check_epoch(partition, wanted.row.current_leader_epoch)?;
    Ok(Arc::clone(partition))
}

/// What was found at one look, in the order of the plan.
struct Found {
    partitions: Vec<PartitionData>,
    /// Where each was read to.
    next_offsets: Vec<Offset>,
    /// Enough bytes, or something to tell at once.
    complete: bool,
}

async fn read_all(version: i16, plan: &Plan, sources: &[Source], limits: &Limits) -> Found {
    let mut found = Found {
        partitions: Vec::with_capacity(sources.len()),
        next_offsets: Vec::with_capacity(sources.len()),
        complete: false,
    };
    let mut size_bytes = 0;
    for (wanted, source) in plan.partitions.iter().zip(sources) {
        let row = &wanted.row;
        // The first records come whatever the limits say, or a large batch would stop its reader for good.
        let room = Room { bytes: limits.max_bytes.saturating_sub(size_bytes), first: size_bytes == 0 };
        let read = match source {
            Ok(partition) => read(version, partition, row, &room, limits).await,
            Err(error) => Err(*error),
        };
        let (data, next_offset) =
            read.unwrap_or_else(|error| (failed(row.partition, error), row.fetch_offset));
        size_bytes += data.records.as_ref().map_or(0, Bytes::len);
        found.complete |= data.error_code != 0 || data.diverging_epoch != EpochEndOffset::default();
        found.partitions.push(data);
        found.next_offsets.push(next_offset);
    }
    found.complete |= size_bytes >= limits.min_bytes;
    found
}

struct Room {
    bytes: usize,
    first: bool,
}

async fn read(
    version: i16,
    partition: &Arc<Partition>,
    row: &FetchPartition,
    room: &Room,
    limits: &Limits,
) -> Result<(PartitionData, Offset), ErrorCode> {
    let figures = partition.figures().map_err(|error| code(&error))?;
    let mut data = PartitionData {
        partition_index: row.partition,
        high_watermark: figures.high_watermark,
        last_stable_offset: partition.last_stable_offset(),
        log_start_offset: figures.log_start_offset,
        aborted_transactions: limits.read_committed.then(Vec::new),
        // Never null: older librdkafka breaks on it.
        records: Some(Bytes::new()),
        ..Default::default()
    };
    if let Some(end) = diverging(partition, row)? {
        data.diverging_epoch = end;
        return Ok((data, row.fetch_offset));
    }
    if row.fetch_offset < figures.log_start_offset || row.fetch_offset > figures.log_end_offset {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    let wanted = room.bytes.min(usize::try_from(row.partition_max_bytes).unwrap_or(0));
    let visible = if limits.read_committed { data.last_stable_offset } else { figures.high_watermark };
    if row.fetch_offset >= visible || (wanted == 0 && !room.first) {
        return Ok((data, row.fetch_offset));
    }
    let batches = if limits.read_committed {
        let read = partition.read_committed(row.fetch_offset, wanted).await.map_err(|error| code(&error))?;
        data.aborted_transactions = Some(read.aborted.iter().map(aborted).collect());
        read.batches
    } else {
        partition.read(row.fetch_offset, wanted).await.map_err(|error| code(&error))?
    };
    // Only the first partition that has something may go beyond the limits.
    if !room.first && batches.bytes.len() > wanted {
        return Ok((data, row.fetch_offset));
    }
    if version < ZSTD_SINCE && has_zstd(&batches.bytes) {
        return Err(ErrorCode::UnsupportedCompressionType);
    }
    let records = u64::try_from(batches.next_offset - row.fetch_offset).unwrap_or(0);
    partition.sent(records, batches.bytes.len() as u64);
    data.records = Some(batches.bytes);
    Ok((data, batches.next_offset))
}

/// Where the client's history parts from the log's, when it read records that were lost since (KIP-595).
fn diverging(partition: &Partition, row: &FetchPartition) -> Result<Option<EpochEndOffset>, ErrorCode> {
    if row.last_fetched_epoch < 0 {
        return Ok(None);
    }
    let end = partition.epoch_end(row.last_fetched_epoch).map_err(|error| code(&error))?;
    let parts = end.filter(|end| end.epoch < row.last_fetched_epoch || end.offset < row.fetch_offset);
    Ok(parts.map(|end| EpochEndOffset { epoch: end.epoch, end_offset: end.offset }))
}

fn aborted(transaction: &log::AbortedTransaction) -> AbortedTransaction {
    AbortedTransaction { producer_id: transaction.producer_id, first_offset: transaction.first_offset }
}

fn has_zstd(bytes: &[u8]) -> bool {
    let is_zstd = |header: BatchHeader| header.compression() == Ok(Compression::Zstd);
    split_batches(bytes).any(|batch| batch.is_ok_and(|(header, _)| is_zstd(header)))
}

fn failed(partition_index: i32, error: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index,
        error_code: error.code(),
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        records: Some(Bytes::new()),
        ..Default::default()
    }
}

/// Until one of the partitions has more than was found, the time is over, or the broker stops.
async fn wait(call: &Call, sources: &[Source], next_offsets: &[Offset], limits: &Limits, deadline: Instant) {
    let readable = |partition: Arc<Partition>, offset| async move {
        match limits.read_committed {
            true => partition.readable_committed(offset).await,
            false => partition.readable(offset).await,
        }
    };
    let sources = sources.iter().zip(next_offsets);
    let waits: Vec<_> = sources
        .filter_map(|(source, offset)| Some(Box::pin(readable(Arc::clone(source.as_ref().ok()?), *offset))))
        .collect();
    let more = async {
        if waits.is_empty() {
            std::future::pending::<()>().await;
        }
        let _ = select_all(waits).await;
    };
    tokio::select! {
        () = more => {}
        () = sleep_until(deadline) => {}
        () = call.operations.stopped() => {}
    }
}

//! `Fetch`: stored batches as they lie on disk, at once when there are enough, else when some come.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::select_all;
use runnel_proto::kafka::messages::fetch_request::FetchPartition;
use runnel_proto::kafka::messages::fetch_response::{
    EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, PartitionData,
};
use runnel_proto::kafka::messages::{FetchRequest, FetchResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};
use runnel_proto::records::{BatchHeader, Compression, split_batches};
use tokio::time::{Instant, sleep_until};

use super::check_epoch;
use crate::kafka::api::Call;
use crate::kafka::errors::code;
use crate::partition::Partition;
use crate::types::Offset;
use std::sync::Arc;

/// The most that one answer carries, whatever the client asks for.
const ANSWER_BYTES: usize = 56 << 20;
/// Zstandard came with this version; older clients can't read it.
const ZSTD_SINCE: i16 = 10;
const READ_COMMITTED: i8 = 1;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: FetchRequest) -> FetchResponse {
    // Incremental sessions are declined (session id 0), which the protocol allows: clients then name all partitions.
    if request.session_id != 0 {
        let error_code = ErrorCode::FetchSessionIdNotFound.code();
        return FetchResponse { error_code, ..Default::default() };
    }
    let deadline = Instant::now() + Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let limits = Limits {
        min_bytes: usize::try_from(request.min_bytes).unwrap_or(0),
        max_bytes: usize::try_from(request.max_bytes).unwrap_or(0).min(ANSWER_BYTES),
        read_committed: request.isolation_level == READ_COMMITTED,
    };
    let topics: Vec<_> = request
        .topics
        .into_iter()
        .map(|topic| Asked::new(call, topic.topic, topic.topic_id, topic.partitions))
        .collect();
    loop {
        let answer = read_all(call, &topics, &limits).await;
        if answer.complete || Instant::now() >= deadline || !call.operations.ready() {
            return FetchResponse { responses: answer.topics, ..Default::default() };
        }
        wait(call, &topics, &answer, deadline).await;
    }
}

struct Limits {
    min_bytes: usize,
    max_bytes: usize,
    read_committed: bool,
}

/// A topic's partitions as the client named them, looked up once.
struct Asked {
    topic: StrBytes,
    topic_id: Uuid,
    partitions: Vec<(FetchPartition, Result<Arc<Partition>, ErrorCode>)>,
}

impl Asked {
    fn new(call: &Call, name: StrBytes, topic_id: Uuid, partitions: Vec<FetchPartition>) -> Self {
        let topic = call.topic(&name, topic_id);
        let partitions = partitions.into_iter().map(|asked| {
            let found = topic.clone().and_then(|topic| {
                let partition = topic.partition(asked.partition).map_err(|error| code(&error))?;
                check_epoch(partition, asked.current_leader_epoch)?;
                Ok(Arc::clone(partition))
            });
            (asked, found)
        });
        Self { topic: name, topic_id, partitions: partitions.collect() }
    }
}

/// What was found at one look.
struct Found {
    topics: Vec<FetchableTopicResponse>,
    /// Where each readable partition was read to, in the order of the request.
    next_offsets: Vec<Offset>,
    /// Enough bytes, or something to tell at once.
    complete: bool,
}

async fn read_all(call: &Call, topics: &[Asked], limits: &Limits) -> Found {
    let mut found =
        Found { topics: Vec::with_capacity(topics.len()), next_offsets: Vec::new(), complete: false };
    let mut size_bytes = 0;
    for topic in topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for (asked, partition) in &topic.partitions {
            // The first records come whatever the limits say, or a large batch would stop its reader for good.
            let room = limits.max_bytes.saturating_sub(size_bytes);
            let data = match partition {
                Ok(partition) => {
                    let read = read(call.version, partition, asked, room, size_bytes == 0, limits).await;
                    found
                        .next_offsets
                        .push(read.as_ref().map_or(asked.fetch_offset, |read| read.next_offset));
                    read.map(|read| read.data)
                }
                Err(error) => Err(*error),
            };
            let data = data.unwrap_or_else(|error| failed(asked.partition, error));
            size_bytes += data.records.as_ref().map_or(0, Bytes::len);
            found.complete |= data.error_code != 0 || data.diverging_epoch != EpochEndOffset::default();
            partitions.push(data);
        }
        found.topics.push(FetchableTopicResponse {
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
            partitions,
        });
    }
    found.complete |= size_bytes >= limits.min_bytes;
    found
}

struct Read {
    data: PartitionData,
    next_offset: Offset,
}

async fn read(
    version: i16,
    partition: &Arc<Partition>,
    asked: &FetchPartition,
    room: usize,
    first: bool,
    limits: &Limits,
) -> Result<Read, ErrorCode> {
    let figures = partition.figures().map_err(|error| code(&error))?;
    let mut data = PartitionData {
        partition_index: asked.partition,
        high_watermark: figures.high_watermark,
        last_stable_offset: figures.high_watermark,
        log_start_offset: figures.log_start_offset,
        aborted_transactions: limits.read_committed.then(Vec::new),
        current_leader: LeaderIdAndEpoch::default(),
        // Never null: older librdkafka breaks on it.
        records: Some(Bytes::new()),
        ..Default::default()
    };
    if let Some(end) = diverging(partition, asked)? {
        data.diverging_epoch = end;
        return Ok(Read { data, next_offset: asked.fetch_offset });
    }
    if asked.fetch_offset < figures.log_start_offset || asked.fetch_offset > figures.log_end_offset {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    let wanted = room.min(usize::try_from(asked.partition_max_bytes).unwrap_or(0));
    if asked.fetch_offset >= figures.high_watermark || (wanted == 0 && !first) {
        return Ok(Read { data, next_offset: asked.fetch_offset });
    }
    let batches = partition.read(asked.fetch_offset, wanted).await.map_err(|error| code(&error))?;
    // Only the first partition that has something may go beyond the limits.
    if !first && batches.bytes.len() > wanted {
        return Ok(Read { data, next_offset: asked.fetch_offset });
    }
    if version < ZSTD_SINCE && has_zstd(&batches.bytes) {
        return Err(ErrorCode::UnsupportedCompressionType);
    }
    let records = u64::try_from(batches.next_offset - asked.fetch_offset).unwrap_or(0);
    partition.sent(records, batches.bytes.len() as u64);
    data.records = Some(batches.bytes);
    Ok(Read { data, next_offset: batches.next_offset })
}

/// Where the client's history parts from the log's, when it read records that were lost since (KIP-595).
fn diverging(partition: &Partition, asked: &FetchPartition) -> Result<Option<EpochEndOffset>, ErrorCode> {
    // What lies in the newest epoch can only have been lost when its end is before the client's place.
    if asked.last_fetched_epoch < 0 {
        return Ok(None);
    }
    let end = partition.epoch_end(asked.last_fetched_epoch).map_err(|error| code(&error))?;
    Ok(match end {
        Some(end) if end.epoch < asked.last_fetched_epoch || end.offset < asked.fetch_offset => {
            Some(EpochEndOffset { epoch: end.epoch, end_offset: end.offset })
        }
        _ => None,
    })
}

fn has_zstd(bytes: &[u8]) -> bool {
    split_batches(bytes).any(|batch| {
        batch
            .and_then(|(header, _): (BatchHeader, _)| header.compression())
            .is_ok_and(|compression| compression == Compression::Zstd)
    })
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
async fn wait(call: &Call, topics: &[Asked], found: &Found, deadline: Instant) {
    let readable =
        topics.iter().flat_map(|topic| &topic.partitions).filter_map(|(_, found)| found.as_ref().ok());
    let waits: Vec<_> = readable
        .zip(&found.next_offsets)
        .map(|(partition, offset)| Box::pin(partition.readable(*offset)))
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

//! `ListOffsets`: offsets by description: the start, the end, the newest record, a time.

use std::collections::HashSet;

use runnel_proto::kafka::messages::list_offsets_request::ListOffsetsPartition;
use runnel_proto::kafka::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use runnel_proto::kafka::messages::{ListOffsetsRequest, ListOffsetsResponse};
use runnel_proto::kafka::{ErrorCode, Uuid};

use super::check_epoch;
use crate::error::BrokerError;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::partition::Partition;
use crate::types::{Offset, UnixMillis};

const READ_COMMITTED: i8 = 1;
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// Nothing lies in another tier here, so local is all there is.
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// The first version whose answer has the leader epoch.
const EPOCHS_SINCE: i16 = 4;

/// Answers a request. A search by time reads the disk.
pub(in crate::kafka) async fn handle(call: &Call, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let call = call.clone();
    let answered = tokio::task::spawn_blocking(move || answer(&call, request)).await;
    ListOffsetsResponse { topics: answered.unwrap_or_default(), ..Default::default() }
}

fn answer(call: &Call, request: ListOffsetsRequest) -> Vec<ListOffsetsTopicResponse> {
    let mut seen = HashSet::new();
    let mut twice = HashSet::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let key = (topic.name.clone(), partition.partition_index);
            if !seen.insert(key.clone()) {
                twice.insert(key);
            }
        }
    }
    let answer = |name: &str, partition: ListOffsetsPartition| {
        let index = partition.partition_index;
        let found = if twice.contains(&(name.into(), index)) {
            Err(ErrorCode::InvalidRequest)
        } else {
            look(call, name, &partition, request.isolation_level == READ_COMMITTED)
        };
        let (error_code, (offset, timestamp, leader_epoch)) = match found {
            Ok(found) => (0, found),
            Err(error) => (error.code(), (-1, -1, -1)),
        };
        let leader_epoch = if call.version >= EPOCHS_SINCE { leader_epoch } else { -1 };
        ListOffsetsPartitionResponse { partition_index: index, error_code, timestamp, offset, leader_epoch }
    };
    let topics = request.topics.into_iter().map(|topic| ListOffsetsTopicResponse {
        partitions: topic.partitions.into_iter().map(|partition| answer(&topic.name, partition)).collect(),
        name: topic.name,
    });
    topics.collect()
}

/// Offset, timestamp and leader epoch; all -1 when no record is meant.
fn look(
    call: &Call,
    topic: &str,
    asked: &ListOffsetsPartition,
    read_committed: bool,
) -> Result<(Offset, UnixMillis, i32), ErrorCode> {
    let topic = call.topic(topic, Uuid::nil())?;
    let partition = topic.partition(asked.partition_index).map_err(|error| code(&error))?;
    check_epoch(partition, asked.current_leader_epoch)?;
    let figures = partition.figures().map_err(|error| code(&error))?;
    let epoch = partition.leader_epoch();
    let known_since = match asked.timestamp {
        LATEST_TIERED => 9,
        EARLIEST_PENDING_UPLOAD => 11,
        EARLIEST_LOCAL => 8,
        MAX_TIMESTAMP => 7,
        _ => 0,
    };
    match asked.timestamp {
        _ if call.version < known_since => Err(ErrorCode::UnsupportedVersion),
        LATEST if read_committed => Ok((partition.last_stable_offset(), -1, epoch)),
        LATEST => Ok((figures.high_watermark, -1, epoch)),
        EARLIEST | EARLIEST_LOCAL | EARLIEST_PENDING_UPLOAD => Ok((figures.log_start_offset, -1, epoch)),
        LATEST_TIERED => Ok((-1, -1, -1)),
        MAX_TIMESTAMP => record(partition, partition.newest_record()),
        timestamp if timestamp >= 0 => record(partition, partition.offset_for_timestamp(timestamp)),
        _ => Err(ErrorCode::UnsupportedVersion),
    }
}

/// A record that was looked for; all -1 when there is none.
fn record(
    partition: &Partition,
    found: Result<Option<(Offset, UnixMillis)>, BrokerError>,
) -> Result<(Offset, UnixMillis, i32), ErrorCode> {
    let found = found.map_err(|error| code(&error))?;
    Ok(found.map_or((-1, -1, -1), |(offset, timestamp)| (offset, timestamp, partition.leader_epoch())))
}

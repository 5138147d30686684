//! `ShareFetch`: a member of a share group is given records, for a time, and may say what became of those before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::share_fetch_response::{
    AcquiredRecords, PartitionData, ShareFetchableTopicResponse,
};
use runnel_proto::kafka::messages::{ShareFetchRequest, ShareFetchResponse};
use tokio::time::Instant;

use super::fetch::{ANSWER_BYTES, put_records};
use super::group_code;
use super::share_acks::{Acks, acknowledge, by_topic, member};
use crate::coordinator::group::Acquired;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::kafka::share_sessions::{Change, FINAL_EPOCH, INITIAL_EPOCH, Member, Plan};
use crate::operations::{Delivery, ShareFetch, Taken};
use crate::partition::Partition;
use crate::storage::FileRange;
use crate::types::TopicPartition;

/// Records are never split to fill an answer up (KIP-1206): not one more than asked for.
const RECORD_LIMIT: i8 = 1;

/// What is made of a partition beside what its row needs as an element: what is found in it, and its place in the session.
const PARTITION_BYTES: usize = 500;

/// Memory that a request needs beside its elements'.
pub(in crate::kafka) fn rows_bytes(request: &ShareFetchRequest) -> usize {
    let rows: usize = request.topics.iter().map(|topic| topic.partitions.len()).sum();
    rows * PARTITION_BYTES
}

/// What a request comes to.
struct Asked {
    who: Member,
    plan: Plan,
    acks: Vec<Acks>,
    limits: Limits,
}

struct Limits {
    deadline: Instant,
    min_bytes: usize,
    max_bytes: usize,
    max_records: i64,
    batch_size: i64,
    is_exact: bool,
    /// It asks for more time, and for no records.
    renews: bool,
    /// It is the last request of its session.
    closes: bool,
}

/// Answers a request: with the response, and where its records are that are elsewhere, in its order. One that has `taken` much
/// memory does not wait while others want some.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: ShareFetchRequest,
    taken: &Taken,
) -> (ShareFetchResponse, Vec<FileRange>) {
    let refuse = |error: ErrorCode| {
        (ShareFetchResponse { error_code: error.code(), ..Default::default() }, Vec::new())
    };
    let Asked { who, plan, acks, limits } = match begin(call, request) {
        Ok(asked) => asked,
        Err(error) => return refuse(error),
    };
    let acked = acknowledge(call, &who, acks, limits.renews);
    let fetched = fetch(call, &who, &plan, &limits, taken);
    let (acked, fetched) = tokio::join!(acked, fetched);
    if limits.closes {
        call.operations.end_share_session(who.group, who.id, plan.session).await;
        return answer(Vec::new(), acked, lock_ms(call, ""));
    }
    let fetched = match fetched {
        Ok(fetched) => fetched,
        Err(error) => return refuse(error),
    };
    let (mut fed, mut failed) = (HashSet::new(), HashSet::new());
    for (place, row) in &fetched {
        match row {
            Ok(delivery) if !delivery.acquired.is_empty() => _ = fed.insert(*place),
            Ok(_) => {}
            Err(_) => _ = failed.insert(*place),
        }
    }
    call.client.shares().told(&who, plan.session, &fed, &failed);
    let new: HashSet<_> = plan.partitions.iter().filter(|(_, new)| *new).map(|(place, _)| *place).collect();
    let told = fetched
        .into_iter()
        .filter(|(place, _)| fed.contains(place) || failed.contains(place) || new.contains(place));
    answer(told.collect(), acked, lock_ms(call, &who.group))
}

fn lock_ms(call: &Call, group: &str) -> i32 {
    call.operations.groups().share_settings(group).record_lock_duration_ms as i32
}

fn begin(call: &Call, request: ShareFetchRequest) -> Result<Asked, ErrorCode> {
    let who = member(call, request.group_id.clone(), request.member_id.clone())?;
    let epoch = request.share_session_epoch;
    let limits = limits(&request);
    let (change, acks, all_acknowledge) = rows(&request);
    let asks = request.max_bytes != 0
        || request.min_bytes != 0
        || request.max_records != 0
        || request.max_wait_ms != 0;
    if limits.renews && (asks || !all_acknowledge) {
        return Err(ErrorCode::InvalidRequest);
    }
    let take = |size_bytes| call.operations.session_memory().try_take(size_bytes);
    let mut sessions = call.client.shares();
    let plan = match epoch {
        FINAL_EPOCH if !all_acknowledge => return Err(ErrorCode::InvalidRequest),
        FINAL_EPOCH => {
            let session = sessions.close(&who).ok_or(ErrorCode::ShareSessionNotFound)?;
            Plan { session, partitions: Vec::new() }
        }
        INITIAL_EPOCH if !acks.is_empty() => return Err(ErrorCode::InvalidRequest),
        INITIAL_EPOCH => {
            let limit = call.operations.config().group_share_max_share_sessions;
            sessions.open(who.clone(), call.client.number, change, limit, take)?
        }
        epoch => sessions.go_on(&who, call.client.number, epoch, change, take)?,
    };
    drop(sessions);
    Ok(Asked { who, plan, acks, limits })
}

fn limits(request: &ShareFetchRequest) -> Limits {
    let size = |bytes: i32| usize::try_from(bytes).unwrap_or(0);
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let max_records = i64::from(request.max_records).max(0);
    Limits {
        // Who takes nothing need not wait.
        deadline: Instant::now() + if max_records > 0 { max_wait } else { Duration::ZERO },
        min_bytes: size(request.min_bytes),
        max_bytes: size(request.max_bytes).min(ANSWER_BYTES),
        max_records,
        batch_size: i64::from(request.batch_size).max(0),
        is_exact: request.share_acquire_mode == RECORD_LIMIT,
        renews: request.is_renew_ack,
        closes: request.share_session_epoch == FINAL_EPOCH,
    }
}

/// What changes in the session, what is said of records, and whether of each partition something is.
fn rows(request: &ShareFetchRequest) -> (Change, Vec<Acks>, bool) {
    let (mut change, mut acks, mut all_acknowledge) = (Change::default(), Vec::new(), true);
    for topic in &request.topics {
        for row in &topic.partitions {
            let (topic_id, partition) = (topic.topic_id, row.partition_index);
            change.added.push(TopicPartition { topic_id, partition });
            let batches = &row.acknowledgement_batches;
            all_acknowledge &= !batches.is_empty();
            if !batches.is_empty() {
                let batches = batches
                    .iter()
                    .map(|batch| (batch.first_offset, batch.last_offset, batch.acknowledge_types.clone()))
                    .collect();
                acks.push(Acks { topic_id, partition, batches });
            }
        }
    }
    for topic in &request.forgotten_topics_data {
        let topic_id = topic.topic_id;
        let forgotten = topic.partitions.iter().map(|&partition| TopicPartition { topic_id, partition });
        change.forgotten.extend(forgotten);
    }
    (change, acks, all_acknowledge)
}

type Row = (TopicPartition, Result<Delivery, ErrorCode>);

/// Gets records, by partition in the order of the plan.
async fn fetch(
    call: &Call,
    who: &Member,
    plan: &Plan,
    limits: &Limits,
    taken: &Taken,
) -> Result<Vec<Row>, ErrorCode> {
    if limits.renews || limits.closes {
        return Ok(Vec::new());
    }
    let places = plan.partitions.iter().map(|(place, _)| *place);
    let sources: Vec<_> = places.map(|place| (place, find(call, place))).collect();
    let partitions: Vec<_> = sources.iter().filter_map(|(_, source)| source.as_ref().ok().cloned()).collect();
    let is_urgent = partitions.len() < sources.len();
    let fetch = ShareFetch {
        group: who.group.clone(),
        member_id: who.id.clone(),
        session: plan.session,
        partitions,
        min_bytes: limits.min_bytes,
        max_bytes: limits.max_bytes,
        max_records: limits.max_records,
        is_exact: limits.is_exact,
        batch_size: limits.batch_size,
        deadline: if is_urgent { Instant::now() } else { limits.deadline },
    };
    let deliveries = call.operations.share_fetch(&fetch, taken.wanted()).await;
    let mut deliveries = deliveries.map_err(|error| group_code(&error))?.into_iter();
    let row = |(place, source): (TopicPartition, Result<_, ErrorCode>)| {
        let row = source.and_then(|_| {
            let delivery = deliveries.next().expect("every partition that was found has a row");
            delivery.map_err(|error| code(&error))
        });
        (place, row)
    };
    Ok(sources.into_iter().map(row).collect())
}

fn find(call: &Call, place: TopicPartition) -> Result<Arc<Partition>, ErrorCode> {
    let topic = call.topic("", place.topic_id)?;
    topic.partition(place.partition).map(Arc::clone).map_err(|error| code(&error))
}

fn answer(
    fetched: Vec<Row>,
    acked: Vec<(TopicPartition, ErrorCode)>,
    acquisition_lock_timeout_ms: i32,
) -> (ShareFetchResponse, Vec<FileRange>) {
    let mut acked: HashMap<_, _> = acked.into_iter().collect();
    let mut rows: Vec<_> = fetched
        .into_iter()
        .map(|(place, row)| (place, (row, acked.remove(&place).unwrap_or(ErrorCode::None))))
        .collect();
    rows.extend(acked.into_iter().map(|(place, ack)| (place, (Ok(Delivery::default()), ack))));
    let (mut ranges, mut copied_bytes) = (Vec::new(), 0);
    let mut partition = |(partition_index, (row, ack)): (i32, (Result<Delivery, ErrorCode>, ErrorCode))| {
        let empty =
            PartitionData { partition_index, acknowledge_error_code: ack.code(), ..Default::default() };
        match row {
            Ok(Delivery { range, acquired }) => PartitionData {
                records: range
                    .map(|range| put_records(range, &mut copied_bytes, &mut ranges))
                    .unwrap_or_default(),
                acquired_records: acquired.into_iter().map(acquired_row).collect(),
                ..empty
            },
            Err(error) => PartitionData { error_code: error.code(), ..empty },
        }
    };
    // Records lie in the answer's order, so they are put when that is settled.
    let responses = by_topic(rows)
        .into_iter()
        .map(|(topic_id, rows)| ShareFetchableTopicResponse {
            topic_id,
            partitions: rows.into_iter().map(&mut partition).collect(),
        })
        .collect();
    (ShareFetchResponse { acquisition_lock_timeout_ms, responses, ..Default::default() }, ranges)
}

fn acquired_row(acquired: Acquired) -> AcquiredRecords {
    AcquiredRecords {
        first_offset: acquired.first,
        last_offset: acquired.last,
        delivery_count: acquired.deliveries,
    }
}

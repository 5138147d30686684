//! `Produce`: each partition's batch is appended at once, and acknowledged when it is on disk.

use std::future::Future;

use bytes::Bytes;
use runnel_proto::kafka::messages::produce_request::PartitionProduceData;
use runnel_proto::kafka::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use runnel_proto::kafka::messages::{ProduceRequest, ProduceResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};
use runnel_proto::records::{BatchHeader, Compression};

use super::Refusal;
use crate::coordinator::group::NamedPartition;
use crate::coordinator::transaction::{Producer, Target};
use crate::coordinator::transaction_runtime::Pass;
use crate::error::{BrokerError, RefusedRecord};
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::kafka::refused::Refused;
use crate::operations::Pending;
use crate::partition::Topic;

/// Zstandard came with this version; older clients could not read it back.
const ZSTD_SINCE: i16 = 7;
/// The first version whose clients know that a transaction can be given up to begin anew.
const ABORTABLE_SINCE: i16 = 11;
/// From this version on partitions take part in a transaction by being written to, and its producer's epoch rises with each
/// (KIP-890).
const EXTENDS_SINCE: i16 = 12;

/// An answer tells of so many records that their batches were refused for: the request has paid for no more.
const REFUSED_RECORDS: usize = 1000;

/// Appends what a request brings. The answer comes when it is on disk: `None` to a client that wants none.
///
/// # Errors
/// Something was refused, and the client waits for no answer that could say so.
pub(in crate::kafka) async fn begin(
    call: &Call,
    request: ProduceRequest,
) -> Result<impl Future<Output = Option<ProduceResponse>> + use<>, Refused> {
    let acks = request.acks;
    call.operations.disk_room().await;
    let extended = extend_transaction(call, &request).await;
    let mut topics = Vec::with_capacity(request.topic_data.len());
    let mut told = REFUSED_RECORDS;
    for topic in request.topic_data {
        let mut partitions = Vec::with_capacity(topic.partition_data.len());
        for partition in topic.partition_data {
            let index = partition.index;
            let transaction = Transaction { id: request.transactional_id.as_deref(), extended: &extended };
            let mut appended = append(call, &topic.name, topic.topic_id, partition, acks, &transaction);
            if let Err(refusal) = &mut appended {
                refusal.records.truncate(told);
                told -= refusal.records.len();
            }
            if let (0, Err(refusal)) = (acks, &appended) {
                return Err(Refused::Unacknowledged(refusal.to_error()));
            }
            partitions.push((index, appended));
        }
        // A copy: what waits for the disk would otherwise keep the whole frame.
        topics.push((StrBytes::from(&*topic.name), topic.topic_id, partitions));
    }
    Ok(async move {
        if acks == 0 {
            return None;
        }
        let mut responses = Vec::with_capacity(topics.len());
        for (name, topic_id, partitions) in topics {
            responses.push(finish(name, topic_id, partitions).await);
        }
        Some(ProduceResponse { responses, ..Default::default() })
    })
}

/// What a request says of the transaction that it writes within.
struct Transaction<'a> {
    id: Option<&'a str>,
    /// Whether what it writes to takes part, as far as that is for the request itself to bring about.
    extended: &'a Result<(), BrokerError>,
}

/// Lets the partitions of a request's transactional batches take part in its transaction, all at once.
async fn extend_transaction(call: &Call, request: &ProduceRequest) -> Result<(), BrokerError> {
    let Some(id) = request.transactional_id.as_deref().filter(|_| call.version >= EXTENDS_SINCE) else {
        return Ok(());
    };
    let mut first = None;
    let mut targets = Vec::new();
    for topic in &request.topic_data {
        // What does not exist is refused by the append.
        let Ok(found) = call.topic(&topic.name, topic.topic_id) else { continue };
        for row in &topic.partition_data {
            let header = row.records.as_ref().and_then(transactional_header);
            if let Some(header) = header.filter(|_| found.writable_partition(row.index).is_ok()) {
                // All are of one producer; a batch of another is not let in.
                first.get_or_insert(producer_of(&header));
                let partition = NamedPartition { topic: found.name.to_string(), partition: row.index };
                targets.push(Target::Partition(partition));
            }
        }
    }
    match first {
        Some(producer) => call.operations.extend_transaction(id, producer, targets).await,
        None => Ok(()),
    }
}

fn append(
    call: &Call,
    topic: &str,
    topic_id: Uuid,
    data: PartitionProduceData,
    acks: i16,
    transaction: &Transaction<'_>,
) -> Result<Pending, Refusal> {
    if !(-1..=1).contains(&acks) {
        return Err(ErrorCode::InvalidRequiredAcks.into());
    }
    let topic = call.topic(topic, topic_id)?;
    if topic.internal {
        let text = "only the broker itself writes to its own topics".to_owned();
        return Err(Refusal::new(ErrorCode::InvalidTopicException, text));
    }
    let records = data.records.unwrap_or_default();
    check_compression(&records, call.version)?;
    // Its end waits until the batch is appended.
    let inside = enter_transaction(call, &topic, data.index, &records, transaction)?;
    let bumps_epoch = inside.is_some() && call.version >= EXTENDS_SINCE;
    Ok(call.operations.produce_to(&topic, data.index, records, bumps_epoch)?)
}

/// Sees that a transactional batch's partition takes part in its producer's transaction.
fn enter_transaction(
    call: &Call,
    topic: &Topic,
    partition: i32,
    records: &Bytes,
    transaction: &Transaction<'_>,
) -> Result<Option<Pass>, Refusal> {
    let Some(header) = transactional_header(records) else { return Ok(None) };
    let name = transaction.id.ok_or_else(|| {
        let text = "a transactional batch came in a request without a transactional id";
        Refusal::new(ErrorCode::TransactionalIdAuthorizationFailed, text.into())
    })?;
    let partition = NamedPartition { topic: topic.name.to_string(), partition };
    let enter = |()| call.operations.enter_transaction(name, producer_of(&header), partition);
    transaction.extended.clone().and_then(enter).map(Some).map_err(|error| match code(&error) {
        // Producers are told of epochs, not of fencing (KIP-588).
        ErrorCode::ProducerFenced => Refusal::new(ErrorCode::InvalidProducerEpoch, error.to_string()),
        ErrorCode::InvalidTxnState if call.version >= ABORTABLE_SINCE => {
            Refusal::new(ErrorCode::TransactionAbortable, error.to_string())
        }
        _ => error.into(),
    })
}

/// The header of a transactional batch; `None` also for what can't be parsed, which the append refuses.
fn transactional_header(records: &Bytes) -> Option<BatchHeader> {
    BatchHeader::parse(records).ok().filter(BatchHeader::is_transactional)
}

fn producer_of(header: &BatchHeader) -> Producer {
    Producer { id: header.producer_id, epoch: header.producer_epoch }
}

fn check_compression(records: &Bytes, version: i16) -> Result<(), Refusal> {
    let zstd = BatchHeader::parse(records)
        .and_then(|header| header.compression())
        .is_ok_and(|compression| compression == Compression::Zstd);
    if zstd && version < ZSTD_SINCE { Err(ErrorCode::UnsupportedCompressionType.into()) } else { Ok(()) }
}

async fn finish(
    name: StrBytes,
    topic_id: Uuid,
    partitions: Vec<(i32, Result<Pending, Refusal>)>,
) -> TopicProduceResponse {
    let mut partition_responses = Vec::with_capacity(partitions.len());
    for (index, appended) in partitions {
        // One after the other: all wait for syncs that are under way.
        let response = acknowledge(index, appended).await;
        partition_responses.push(response.unwrap_or_else(|refusal| refuse(index, refusal)));
    }
    TopicProduceResponse { name, topic_id, partition_responses }
}

/// Acknowledged is what is on disk, for a client that asks for the leader alone (`acks=1`), too.
async fn acknowledge(
    index: i32,
    appended: Result<Pending, Refusal>,
) -> Result<PartitionProduceResponse, Refusal> {
    let pending = appended?;
    let log_start_offset = pending.log_start_offset();
    let appended = pending.durable().await?;
    Ok(PartitionProduceResponse {
        index,
        base_offset: appended.base_offset,
        log_append_time_ms: appended.log_append_time_ms.unwrap_or(-1),
        log_start_offset,
        ..Default::default()
    })
}

fn refuse(index: i32, refusal: Refusal) -> PartitionProduceResponse {
    let record = |record: &RefusedRecord| BatchIndexAndErrorMessage {
        batch_index: record.index,
        batch_index_error_message: Some(StrBytes::from_static(record.reason)),
    };
    PartitionProduceResponse {
        index,
        error_code: refusal.code.code(),
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        record_errors: refusal.records.iter().map(record).collect(),
        error_message: refusal.message(),
        ..Default::default()
    }
}

//! `runnel.v1.Records`: translation between streams and the produce, fetch and offset operations.

use std::pin::Pin;

use futures_util::{Stream, StreamExt, stream};
use runnel_proto::status;
use runnel_proto::v1::{self, records_server::Records};
use runnel_proto::v1::{
    Acks, ConsumeRequest, ConsumeResponse, ListOffsetsRequest, ListOffsetsResponse, OffsetQuery,
    OffsetResult, ProduceRequest, ProduceResponse, offset_spec,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::stopping;
use crate::error::BrokerError;
use crate::log::Appended;
use crate::operations::{Chunk, IsolationLevel, OffsetSpec, Operations, Pending, Position};

/// Batches of one stream that wait for the disk; a client that sends faster waits.
const PENDING_BATCHES: usize = 1024;
const DEFAULT_CHUNK_BYTES: usize = 1 << 20;
const LARGEST_CHUNK_BYTES: usize = 8 << 20;

/// The service.
#[derive(Clone)]
pub(super) struct RecordsService {
    /// What it translates to.
    pub(super) operations: Operations,
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Records for RecordsService {
    type ProduceStream = Responses<ProduceResponse>;
    type ConsumeStream = Responses<ConsumeResponse>;

    async fn produce(
        &self,
        request: Request<Streaming<ProduceRequest>>,
    ) -> Result<Response<Self::ProduceStream>, Status> {
        let (sender, receiver) = mpsc::channel(PENDING_BATCHES);
        tokio::spawn(append_all(self.operations.clone(), request.into_inner(), sender));
        // One answer is awaited after the other, which keeps them in the order of the requests.
        let answers = ReceiverStream::new(receiver).then(Answer::resolve);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn consume(
        &self,
        request: Request<ConsumeRequest>,
    ) -> Result<Response<Self::ConsumeStream>, Status> {
        let request = request.into_inner();
        let isolation_level = isolation_level(request.isolation_level());
        let chunk_bytes = match request.max_bytes as usize {
            0 => DEFAULT_CHUNK_BYTES,
            bytes => bytes.min(LARGEST_CHUNK_BYTES),
        };
        let positions = request.partitions.into_iter().map(|partition| Position {
            topic: partition.topic,
            partition: partition.partition,
            offset: partition.offset,
            stop_offset: partition.stop_offset,
        });
        let reader = self.operations.reader(positions.collect(), chunk_bytes, isolation_level);
        let chunks = stream::unfold(reader, |mut reader| async {
            let chunk = reader.next().await?;
            Some((Ok(to_response(chunk)), reader))
        });
        Ok(Response::new(stopping(&self.operations, chunks)))
    }

    async fn list_offsets(
        &self,
        request: Request<ListOffsetsRequest>,
    ) -> Result<Response<ListOffsetsResponse>, Status> {
        let operations = self.operations.clone();
        let request = request.into_inner();
        let (isolation_level, queries) = (isolation_level(request.isolation_level()), request.queries);
        // A search by time reads the disk.
        let results = tokio::task::spawn_blocking(move || {
            let list = |query| list_offset(&operations, query, isolation_level);
            queries.into_iter().map(list).collect()
        });
        let results = results.await.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(ListOffsetsResponse { results }))
    }
}

async fn append_all(
    operations: Operations,
    mut requests: Streaming<ProduceRequest>,
    answers: mpsc::Sender<Answer>,
) {
    loop {
        let request = tokio::select! {
            request = requests.message() => request,
            () = operations.stopped() => Err(status::to_status(BrokerError::ShuttingDown.to_wire())),
        };
        let answer = match request {
            Ok(Some(request)) => match append(&operations, request).await {
                Some(answer) => answer,
                None => continue,
            },
            Ok(None) => return,
            Err(status) => Answer::Ended(status),
        };
        let ended = matches!(answer, Answer::Ended(_));
        if answers.send(answer).await.is_err() || ended {
            return;
        }
    }
}

async fn append(operations: &Operations, request: ProduceRequest) -> Option<Answer> {
    let correlation_id = request.correlation_id;
    let acks = request.acks();
    operations.disk_room().await;
    let outcome = match operations.admit(request.batch.len()).await {
        Ok(budget) => operations.produce(&request.topic, request.partition, request.batch, budget),
        Err(error) => Err(error),
    };
    match (acks, outcome) {
        (Acks::None, _) => None,
        (_, Err(error)) => Some(Answer::Refused { correlation_id, error }),
        (Acks::Leader, Ok(pending)) => Some(Answer::Written { correlation_id, appended: *pending.written() }),
        (_, Ok(pending)) => Some(Answer::Pending { correlation_id, pending }),
    }
}

/// What a produce stream owes its client, in order.
enum Answer {
    Pending { correlation_id: u64, pending: Pending },
    Written { correlation_id: u64, appended: Appended },
    Refused { correlation_id: u64, error: BrokerError },
    Ended(Status),
}

impl Answer {
    async fn resolve(self) -> Result<ProduceResponse, Status> {
        match self {
            Self::Pending { correlation_id, pending } => Ok(match pending.durable().await {
                Ok(appended) => accepted(correlation_id, &appended),
                Err(error) => refused(correlation_id, &error),
            }),
            Self::Written { correlation_id, appended } => Ok(accepted(correlation_id, &appended)),
            Self::Refused { correlation_id, error } => Ok(refused(correlation_id, &error)),
            Self::Ended(status) => Err(status),
        }
    }
}

fn accepted(correlation_id: u64, appended: &Appended) -> ProduceResponse {
    ProduceResponse {
        correlation_id,
        base_offset: appended.base_offset,
        log_append_time_ms: appended.log_append_time_ms.unwrap_or(-1),
        error: None,
    }
}

fn refused(correlation_id: u64, error: &BrokerError) -> ProduceResponse {
    ProduceResponse { correlation_id, base_offset: -1, log_append_time_ms: -1, error: Some(error.to_wire()) }
}

fn to_response(chunk: Chunk) -> ConsumeResponse {
    ConsumeResponse {
        topic: chunk.position.topic,
        partition: chunk.position.partition,
        batches: chunk.batches,
        next_offset: chunk.position.offset,
        log_start_offset: chunk.log_start_offset,
        high_watermark: chunk.high_watermark,
        finished: chunk.finished,
        error: chunk.error.as_ref().map(BrokerError::to_wire),
    }
}

fn isolation_level(level: v1::IsolationLevel) -> IsolationLevel {
    match level {
        v1::IsolationLevel::ReadUncommitted => IsolationLevel::ReadUncommitted,
        v1::IsolationLevel::Unspecified | v1::IsolationLevel::ReadCommitted => IsolationLevel::ReadCommitted,
    }
}

fn list_offset(operations: &Operations, query: OffsetQuery, isolation_level: IsolationLevel) -> OffsetResult {
    let spec = match query.spec.and_then(|spec| spec.at) {
        Some(offset_spec::At::Earliest(_)) => Ok(OffsetSpec::Earliest),
        Some(offset_spec::At::Latest(_)) => Ok(OffsetSpec::Latest),
        Some(offset_spec::At::TimestampMs(at_ms)) => Ok(OffsetSpec::Timestamp(at_ms)),
        None => Err(BrokerError::InvalidArgument {
            name: query.topic.clone(),
            reason: "an offset query names no position; give earliest, latest or a time".into(),
        }),
    };
    let found =
        spec.and_then(|spec| operations.list_offset(&query.topic, query.partition, spec, isolation_level));
    let (offset, timestamp_ms, error) = match found {
        Ok((offset, timestamp_ms)) => (offset, timestamp_ms, None),
        Err(error) => (-1, None, Some(error.to_wire())),
    };
    OffsetResult { topic: query.topic, partition: query.partition, offset, timestamp_ms, error }
}

//! The broker's services as a test calls them: one call after the other, and batches as they are stored.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use runnel_proto::client::{Address, MAX_MESSAGE_BYTES, connect};
use runnel_proto::records::{BatchHeader, BatchReader, Compression, split_batches};
use runnel_proto::v1::records_client::RecordsClient;
use runnel_proto::v1::{
    Acks, ConsumePartition, ConsumeRequest, Error, IsolationLevel, ListOffsetsRequest, OffsetQuery,
    OffsetSpec, ProduceRequest, offset_spec::At,
};
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use super::PATIENCE;

/// The largest batch that a test reads, decompressed.
const LARGEST_BATCH_BYTES: usize = 64 << 20;

/// A record as the broker has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Where it stands.
    pub offset: i64,
    /// Its timestamp, in Unix milliseconds.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// How its batch is compressed.
    pub compression: Compression,
}

/// A blocking client of a broker's services.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    channel: Channel,
}

impl Client {
    /// Connects to the broker at a Unix socket.
    #[track_caller]
    pub fn connect(socket: &Path) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let address = Address::Unix(socket.to_owned());
        let channel = runtime.block_on(connect(&address, PATIENCE)).unwrap_or_else(|error| panic!("{error}"));
        Self { runtime, channel }
    }

    /// The connection, for calls that this type does not wrap.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Runs calls to their end, though not for ever.
    #[track_caller]
    pub fn block_on<T>(&self, calls: impl Future<Output = T>) -> T {
        let limited = async { tokio::time::timeout(PATIENCE, calls).await };
        self.runtime.block_on(limited).expect("the broker answers")
    }

    /// Sends one batch; returns the offset it got.
    #[track_caller]
    pub fn produce(&self, topic: &str, partition: i32, batch: Bytes) -> Result<i64, Error> {
        let request = ProduceRequest {
            correlation_id: 1,
            topic: topic.to_owned(),
            partition,
            batch,
            acks: Acks::All.into(),
        };
        let answer = self.block_on(async {
            let mut answers =
                records(self.channel()).produce(tokio_stream::iter([request])).await?.into_inner();
            answers.message().await
        });
        let answer = answer.expect("the stream works").expect("each batch is answered");
        answer.error.map_or(Ok(answer.base_offset), Err)
    }

    /// All records of a partition.
    #[track_caller]
    pub fn records(&self, topic: &str, partition: i32) -> Vec<StoredRecord> {
        let reading = read_partition(self.channel(), topic, partition, 0);
        let batches = self.block_on(reading).unwrap_or_else(|error| panic!("{topic}/{partition}: {error}"));
        batches
            .iter()
            .flat_map(|batch| unpack(batch).unwrap_or_else(|error| panic!("{topic}: {error}")))
            .collect()
    }
}

/// The records service, with room for large batches.
pub fn records(channel: Channel) -> RecordsClient<Channel> {
    RecordsClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// The batches of a partition from an offset, or from the log's start, to the end as it is now.
pub async fn read_partition(
    channel: Channel,
    topic: &str,
    partition: i32,
    from: i64,
) -> Result<Vec<Bytes>, String> {
    let mut client = records(channel);
    let query =
        |at| OffsetQuery { topic: topic.to_owned(), partition, spec: Some(OffsetSpec { at: Some(at) }) };
    let queries = vec![query(At::Earliest(true)), query(At::Latest(true))];
    let isolation_level = IsolationLevel::ReadUncommitted.into();
    let found = client
        .list_offsets(ListOffsetsRequest { queries, isolation_level })
        .await
        .map_err(|status| status.to_string())?;
    let [start, end] = &found.into_inner().results[..] else {
        return Err("two offsets were asked for".into());
    };
    if let Some(error) = start.error.as_ref().or(end.error.as_ref()) {
        return Err(error.message.clone());
    }
    let offset = from.max(start.offset);
    let wanted =
        ConsumePartition { topic: topic.to_owned(), partition, offset, stop_offset: Some(end.offset) };
    let request = ConsumeRequest { partitions: vec![wanted], max_bytes: 0, isolation_level };
    let mut answers = client.consume(request).await.map_err(|status| status.to_string())?.into_inner();
    let mut batches = Vec::new();
    loop {
        let answer = tokio::time::timeout(Duration::from_secs(60), answers.message()).await;
        let answer = answer.map_err(|_| "no batch within 60 s")?.map_err(|status| status.to_string())?;
        let Some(answer) = answer else { return Ok(batches) };
        if let Some(error) = answer.error {
            return Err(error.message);
        }
        for batch in split_batches(&answer.batches) {
            let (_, bytes) = batch.map_err(|error| error.to_string())?;
            batches.push(Bytes::copy_from_slice(bytes));
        }
    }
}

/// The records of a batch; its checksum is verified.
pub fn unpack(batch: &[u8]) -> Result<Vec<StoredRecord>, String> {
    let told = |error: runnel_proto::records::BatchError| error.to_string();
    let compression = BatchHeader::parse(batch).and_then(|header| header.compression()).map_err(told)?;
    let mut reader = BatchReader::new(LARGEST_BATCH_BYTES);
    let records = reader.read(batch).map_err(told)?;
    records
        .map(|record| {
            let record = record.map_err(told)?;
            Ok(StoredRecord {
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                compression,
            })
        })
        .collect()
}

//! Kafka's protocol without a client library: one request after the other by one connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use runnel_proto::kafka::frame::{encode_request, split_response};
use runnel_proto::kafka::messages::create_partitions_request::CreatePartitionsTopic;
use runnel_proto::kafka::messages::create_topics_request::CreatableTopic;
use runnel_proto::kafka::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use runnel_proto::kafka::messages::metadata_request::MetadataRequestTopic;
use runnel_proto::kafka::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, ListOffsetsRequest, MetadataRequest,
};
use runnel_proto::kafka::{ErrorCode, Message, Request};

use super::Result;

/// Kafka takes its time with many partitions.
const PATIENCE: Duration = Duration::from_secs(300);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// Kafka makes no 10,000 in one request.
const PARTITIONS_AT_ONCE: u32 = 5000;
const DECODED_BYTES_MAX: usize = 256 << 20;

// Versions that every broker here serves.
const METADATA: i16 = 4;
const CREATE_TOPICS: i16 = 5;
const DELETE_TOPICS: i16 = 4;
const CREATE_PARTITIONS: i16 = 1;
const LIST_OFFSETS: i16 = 5;

/// A connection to a broker.
pub(crate) struct Connection {
    stream: TcpStream,
    correlation_id: i32,
}

impl Connection {
    pub(crate) fn open(broker: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(broker)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, correlation_id: 0 })
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response> {
        self.send(request, version)?;
        self.receive::<R>(version)
    }

    /// The answer to the request that was sent last.
    pub(crate) fn receive<R: Request>(&mut self, version: i16) -> Result<R::Response> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame)?;
        let (_, body) = split_response(frame.into(), R::API_KEY, version)?;
        Ok(R::Response::from_bytes(body, version, DECODED_BYTES_MAX)?)
    }

    /// Sends a request, to be answered later.
    pub(crate) fn send<R: Request>(&mut self, request: &R, version: i16) -> Result<()> {
        self.correlation_id += 1;
        let frame = encode_request(request, version, self.correlation_id, Some("bench".into()))?;
        Ok(self.stream.write_all(&frame.concat())?)
    }

    /// Where answers come in, for whoever wants their bytes alone.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Creates a topic and waits until all its partitions have leaders.
    pub(crate) fn create_topic(&mut self, topic: &str, partitions: u32) -> Result<()> {
        let mut created = partitions.min(PARTITIONS_AT_ONCE);
        self.create_topic_without_leaders(topic, created)?;
        while created < partitions {
            created = partitions.min(created + PARTITIONS_AT_ONCE);
            self.create_partitions(topic, created)?;
        }
        let deadline = Instant::now() + PATIENCE;
        while !self.is_led(topic, partitions)? {
            if Instant::now() > deadline {
                return Err(format!("{topic} has no leaders").into());
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// Creates a topic, as far as the answer promises.
    pub(crate) fn create_topic_without_leaders(&mut self, topic: &str, partitions: u32) -> Result<()> {
        let wanted = CreatableTopic {
            name: topic.into(),
            num_partitions: partitions.try_into()?,
            replication_factor: 1,
            ..Default::default()
        };
        let timeout_ms = PATIENCE.as_millis().try_into()?;
        let request = CreateTopicsRequest { topics: vec![wanted], timeout_ms, ..Default::default() };
        let answer = self.ask(&request, CREATE_TOPICS)?;
        let code = answer.topics.first().ok_or("no topic is answered")?.error_code;
        expect_none(code, &format!("{topic} can't be created"))
    }

    fn create_partitions(&mut self, topic: &str, count: u32) -> Result<()> {
        let wanted =
            CreatePartitionsTopic { name: topic.into(), count: count.try_into()?, assignments: None };
        let timeout_ms = PATIENCE.as_millis().try_into()?;
        let request = CreatePartitionsRequest { topics: vec![wanted], timeout_ms, ..Default::default() };
        let answer = self.ask(&request, CREATE_PARTITIONS)?;
        let code = answer.results.first().ok_or("no topic is answered")?.error_code;
        expect_none(code, &format!("{topic} gets no more partitions"))
    }

    /// Waits until all partitions of a topic can tell how many records they have: a Kafka names their leaders before.
    pub(crate) fn await_logs(&mut self, topic: &str, partitions: u32) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.records(topic, partitions) {
            if Instant::now() > deadline {
                return Err(error);
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// How many records have been written to all partitions of a topic.
    pub(crate) fn records(&mut self, topic: &str, partitions: u32) -> Result<i64> {
        const END: i64 = -1;
        let partition = |partition_index| ListOffsetsPartition {
            partition_index,
            current_leader_epoch: -1,
            timestamp: END,
        };
        let partitions = (0..partitions.try_into()?).map(partition).collect();
        let topics = vec![ListOffsetsTopic { name: topic.into(), partitions }];
        let request = ListOffsetsRequest { replica_id: -1, topics, ..Default::default() };
        let answer = self.ask(&request, LIST_OFFSETS)?;
        let mut records = 0;
        for partition in &answer.topics.first().ok_or("no topic is answered")?.partitions {
            expect_none(partition.error_code, &format!("{topic} tells no end"))?;
            records += partition.offset;
        }
        Ok(records)
    }

    /// Deletes a topic.
    pub(crate) fn delete_topic(&mut self, topic: &str) -> Result<()> {
        let request = DeleteTopicsRequest {
            topic_names: vec![topic.into()],
            timeout_ms: PATIENCE.as_millis().try_into()?,
            ..Default::default()
        };
        let answer = self.ask(&request, DELETE_TOPICS)?;
        let code = answer.responses.first().ok_or("no topic is answered")?.error_code;
        expect_none(code, &format!("{topic} can't be deleted"))
    }

    fn is_led(&mut self, topic: &str, partitions: u32) -> Result<bool> {
        let wanted = MetadataRequestTopic { name: Some(topic.into()), ..Default::default() };
        let request = MetadataRequest { topics: Some(vec![wanted]), ..Default::default() };
        let answer = self.ask(&request, METADATA)?;
        let Some(topic) = answer.topics.first() else { return Ok(false) };
        let led = topic.partitions.iter().filter(|partition| partition.leader_id >= 0).count();
        Ok(led == partitions as usize)
    }
}

/// An error with Kafka's name for it, unless there is none.
pub(crate) fn expect_none(code: i16, what: &str) -> Result<()> {
    match ErrorCode::from_code(code) {
        Some(ErrorCode::None) => Ok(()),
        Some(error) => Err(format!("{what}: {error:?}").into()),
        None => Err(format!("{what}: error {code}").into()),
    }
}

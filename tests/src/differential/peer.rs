//! One of the two brokers: connections that speak raw frames, and what is known of it.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use runnel_proto::kafka::frame::{encode_request, split_response};
use runnel_proto::kafka::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use runnel_proto::kafka::messages::{ApiVersionsRequest, ListOffsetsRequest, MetadataRequest};
use runnel_proto::kafka::{ApiKey, DECODED_BYTES_MAX, Message, Request, StrBytes, Uuid};

use super::normal::TopicNames;

/// Longer than any request of the scenarios waits by itself.
const PATIENCE: Duration = Duration::from_secs(4);

const CLIENT_ID: &str = "differential";

/// Of no topic.
const NOBODYS_ID: Uuid = Uuid::from_u128(0x0ddb_a115);

/// A broker.
pub(super) struct Peer {
    address: String,
    connections: BTreeMap<usize, TcpStream>,
    correlation_id: i32,
    topic_ids: BTreeMap<String, Uuid>,
    /// Lowest and highest by API.
    versions: BTreeMap<ApiKey, (i16, i16)>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer<R> {
    Message(R),
    /// The broker has closed the connection.
    Closed,
    /// Neither an answer nor an end within [`PATIENCE`].
    Silence,
    /// An answer that is no message of this version, and why.
    Illegible(String),
}

impl Peer {
    /// # Errors
    /// Nobody speaks Kafka there.
    pub(super) fn connect(address: String) -> io::Result<Self> {
        let mut peer = Self {
            address,
            connections: BTreeMap::new(),
            correlation_id: 0,
            topic_ids: BTreeMap::new(),
            versions: BTreeMap::new(),
        };
        match peer.ask(0, &ApiVersionsRequest::default(), 0) {
            Answer::Message(answer) => {
                let served = answer.api_keys.iter().filter_map(|row| {
                    Some((ApiKey::from_code(row.api_key)?, (row.min_version, row.max_version)))
                });
                peer.versions.extend(served);
                Ok(peer)
            }
            other => Err(io::Error::other(format!("{} does not tell its versions: {other:?}", peer.address))),
        }
    }

    /// The versions of an API that it serves.
    pub(super) fn versions(&self, api: ApiKey) -> Option<(i16, i16)> {
        self.versions.get(&api).copied()
    }

    /// The id of a topic that was learnt; otherwise one that no topic has.
    pub(super) fn topic_id(&self, name: &str) -> Uuid {
        self.topic_ids.get(name).copied().unwrap_or(NOBODYS_ID)
    }

    /// Names by ids, as answers print them.
    pub(super) fn topic_names(&self) -> TopicNames {
        self.topic_ids.iter().map(|(name, id)| (format!("{id:?}"), name.clone())).collect()
    }

    /// Learns the ids of all topics; true when these, among them, are led.
    pub(super) fn learn_topics(&mut self, awaited: &[String]) -> bool {
        let all = MetadataRequest { topics: None, ..Default::default() };
        let Answer::Message(answer) = self.ask(0, &all, 12) else { return false };
        self.topic_ids.clear();
        let mut led = Vec::new();
        for topic in answer.topics {
            let name = topic.name.map(|name| name.to_string()).unwrap_or_default();
            let has_leaders = topic.error_code == 0
                && !topic.partitions.is_empty()
                && topic
                    .partitions
                    .iter()
                    .all(|partition| partition.error_code == 0 && partition.leader_id >= 0);
            if has_leaders && awaited.contains(&name) {
                let numbers = topic.partitions.iter().map(|partition| partition.partition_index);
                led.push((name.clone(), numbers.collect()));
            }
            self.topic_ids.insert(name, topic.topic_id);
        }
        led.len() == awaited.len() && self.leads(led)
    }

    /// Whether it knows by now that it leads these partitions: Kafka tells others before.
    fn leads(&mut self, topics: Vec<(String, Vec<i32>)>) -> bool {
        let row =
            |partition_index| ListOffsetsPartition { partition_index, timestamp: -1, ..Default::default() };
        let topics = topics.into_iter().map(|(name, numbers)| ListOffsetsTopic {
            name: StrBytes::from(&*name),
            partitions: numbers.into_iter().map(row).collect(),
        });
        let ends = ListOffsetsRequest { replica_id: -1, topics: topics.collect(), ..Default::default() };
        let Answer::Message(answer) = self.ask(0, &ends, 5) else { return false };
        answer.topics.iter().flat_map(|topic| &topic.partitions).all(|partition| partition.error_code == 0)
    }

    /// Sends a request by a connection of this number and waits for its answer.
    pub(super) fn ask<R: Request>(
        &mut self,
        connection: usize,
        request: &R,
        version: i16,
    ) -> Answer<R::Response> {
        self.send(connection, request, version);
        self.receive::<R>(connection, version)
    }

    /// Sends a request, to be answered later.
    pub(super) fn send<R: Request>(&mut self, connection: usize, request: &R, version: i16) {
        self.correlation_id += 1;
        let frame = encode_request(request, version, self.correlation_id, Some(CLIENT_ID.into()));
        let frame = frame.expect("the version was tried");
        self.send_bytes(connection, &frame.concat());
    }

    /// Sends bytes as they are.
    pub(super) fn send_bytes(&mut self, connection: usize, bytes: &[u8]) {
        if !self.connections.contains_key(&connection) {
            let stream = TcpStream::connect(&self.address).expect("the broker takes connections");
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            stream.set_nodelay(true).expect("an option");
            self.connections.insert(connection, stream);
        }
        // A broker that has closed shows when the answer is read.
        let _ = self.stream(connection).write_all(bytes);
    }

    /// The answer to the request that was sent last by this connection.
    pub(super) fn receive<R: Request>(&mut self, connection: usize, version: i16) -> Answer<R::Response> {
        let frame = match self.receive_frame(connection) {
            Ok(frame) => frame,
            Err(error) => {
                self.connections.remove(&connection);
                let silent = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                return if silent { Answer::Silence } else { Answer::Closed };
            }
        };
        let message = split_response(frame, R::API_KEY, version)
            .and_then(|(_, body)| R::Response::from_bytes(body, version, DECODED_BYTES_MAX));
        match message {
            Ok(message) => Answer::Message(message),
            Err(error) => Answer::Illegible(error.to_string()),
        }
    }

    /// Closes a connection, so that the next request opens another.
    pub(super) fn close(&mut self, connection: usize) {
        self.connections.remove(&connection);
    }

    fn receive_frame(&mut self, connection: usize) -> io::Result<Bytes> {
        let mut length = [0; 4];
        let stream = self.stream(connection);
        stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame)?;
        Ok(frame.into())
    }

    fn stream(&mut self, connection: usize) -> &mut TcpStream {
        self.connections.get_mut(&connection).expect("it was opened to send")
    }
}

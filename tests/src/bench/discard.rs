//! A broker that reads what it is sent, parses it as far as an answer needs, and keeps nothing: what no broker can be
//! faster than. It knows how many partitions each topic has, and no more.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::{Bytes, BytesMut};
use runnel_proto::kafka::frame::{encode_response, split_request};
use runnel_proto::kafka::messages::api_versions_response::ApiVersion;
use runnel_proto::kafka::messages::create_partitions_request::CreatePartitionsTopic;
use runnel_proto::kafka::messages::create_partitions_response::CreatePartitionsTopicResult;
use runnel_proto::kafka::messages::create_topics_response::CreatableTopicResult;
use runnel_proto::kafka::messages::delete_topics_response::DeletableTopicResult;
use runnel_proto::kafka::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use runnel_proto::kafka::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use runnel_proto::kafka::messages::{
    ApiVersionsResponse, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, InitProducerIdResponse, MetadataRequest,
    MetadataResponse, ProduceRequest, ProduceResponse,
};
use runnel_proto::kafka::{ApiKey, CodecError, DECODED_BYTES_MAX, ErrorCode, Message, Response};

/// What is announced. `Fetch` and `FindCoordinator` are not served: librdkafka looks for them to see which compressions a
/// broker takes.
const APIS: [(ApiKey, RangeInclusive<i16>); 9] = [
    (ApiKey::Produce, 0..=12),
    (ApiKey::Fetch, 4..=12),
    (ApiKey::Metadata, 0..=12),
    (ApiKey::FindCoordinator, 0..=4),
    (ApiKey::ApiVersions, 0..=4),
    (ApiKey::CreateTopics, 2..=7),
    (ApiKey::DeleteTopics, 1..=6),
    (ApiKey::InitProducerId, 0..=4),
    (ApiKey::CreatePartitions, 0..=3),
];

const NODE_ID: i32 = 1;
const MAX_FRAME_BYTES: usize = 100 << 20;
/// The answer's version for whoever asks for versions in one that is not known (KIP-511).
const EVERYBODYS_VERSION: i16 = 0;

/// Topics and their numbers of partitions.
type Topics = Arc<Mutex<BTreeMap<String, i32>>>;

/// Serves connections until the process ends.
///
/// # Errors
/// The listener fails.
pub(super) fn serve(listener: &TcpListener) -> io::Result<()> {
    let topics = Topics::default();
    for stream in listener.incoming() {
        let (stream, topics) = (stream?, Arc::clone(&topics));
        thread::spawn(move || {
            // A client that leaves, or talks nonsense, ends its connection and nothing else.
            let _ = converse(stream, &topics);
        });
    }
    Ok(())
}

fn converse(mut stream: TcpStream, topics: &Topics) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let address = stream.local_addr()?;
    let mut buffer = BytesMut::new();
    loop {
        let size = read_frame(&mut stream, &mut buffer)?;
        let whole = buffer.freeze();
        let answer = answer(whole.slice(..size), topics, address);
        // The request's views are gone, so the next one takes the same memory.
        buffer = whole.try_into_mut().unwrap_or_default();
        let answer = answer.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        for piece in answer {
            stream.write_all(&piece)?;
        }
    }
}

/// Reads a frame to the buffer's beginning, which grows as needed; returns its size.
fn read_frame(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<usize> {
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = u32::from_be_bytes(size) as usize;
    if size > MAX_FRAME_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    if buffer.len() < size {
        buffer.resize(size, 0);
    }
    stream.read_exact(&mut buffer[..size])?;
    Ok(size)
}

/// The answer's pieces; none when none is wanted.
fn answer(frame: Bytes, topics: &Topics, address: SocketAddr) -> Result<Vec<Bytes>, CodecError> {
    let (header, body) = split_request(frame)?;
    let version = header.request_api_version;
    let request = Call { version, correlation_id: header.correlation_id, body };
    let known = || topics.lock().unwrap_or_else(PoisonError::into_inner);
    match ApiKey::from_code(header.request_api_key) {
        Some(ApiKey::Produce) => produce(&request),
        Some(ApiKey::ApiVersions) => api_versions(&request),
        Some(ApiKey::Metadata) => request.answer(&metadata(&request.read()?, &known(), address)),
        Some(ApiKey::CreateTopics) => request.answer(&create_topics(request.read()?, &mut known())),
        Some(ApiKey::DeleteTopics) => request.answer(&delete_topics(request.read()?, &mut known())),
        Some(ApiKey::CreatePartitions) => request.answer(&create_partitions(request.read()?, &mut known())),
        Some(ApiKey::InitProducerId) => {
            request.answer(&InitProducerIdResponse { producer_id: 1, ..Default::default() })
        }
        _ => Err(CodecError::UnknownApi(header.request_api_key)),
    }
}

/// A request whose header is read.
struct Call {
    version: i16,
    correlation_id: i32,
    body: Bytes,
}

impl Call {
    fn read<R: Message>(&self) -> Result<R, CodecError> {
        R::from_bytes(self.body.clone(), self.version, DECODED_BYTES_MAX)
    }

    fn answer(&self, response: &impl Response) -> Result<Vec<Bytes>, CodecError> {
        encode_response(response, self.version, self.correlation_id)
    }
}

fn api_versions(call: &Call) -> Result<Vec<Bytes>, CodecError> {
    let api_keys = APIS.map(|(api, versions)| ApiVersion {
        api_key: api.code(),
        min_version: *versions.start(),
        max_version: *versions.end(),
    });
    let mut response = ApiVersionsResponse { api_keys: api_keys.into(), ..Default::default() };
    if ApiVersionsResponse::VERSIONS.contains(&call.version) {
        return call.answer(&response);
    }
    response.error_code = ErrorCode::UnsupportedVersion.code();
    encode_response(&response, EVERYBODYS_VERSION, call.correlation_id)
}

fn metadata(
    request: &MetadataRequest,
    topics: &BTreeMap<String, i32>,
    address: SocketAddr,
) -> MetadataResponse {
    let wanted: Vec<String> = match &request.topics {
        None => topics.keys().cloned().collect(),
        Some(named) => named.iter().filter_map(|topic| topic.name.as_deref().map(str::to_owned)).collect(),
    };
    let broker = MetadataResponseBroker {
        node_id: NODE_ID,
        host: address.ip().to_string().into(),
        port: address.port().into(),
        ..Default::default()
    };
    MetadataResponse {
        brokers: vec![broker],
        cluster_id: Some("discarding".into()),
        controller_id: NODE_ID,
        topics: wanted.into_iter().map(|name| described(topics.get(&name).copied(), name)).collect(),
        ..Default::default()
    }
}

fn described(partitions: Option<i32>, name: String) -> MetadataResponseTopic {
    let partition = |partition_index| MetadataResponsePartition {
        partition_index,
        leader_id: NODE_ID,
        replica_nodes: vec![NODE_ID],
        isr_nodes: vec![NODE_ID],
        ..Default::default()
    };
    let error = if partitions.is_some() { 0 } else { ErrorCode::UnknownTopicOrPartition.code() };
    MetadataResponseTopic {
        error_code: error,
        name: Some(name.into()),
        partitions: (0..partitions.unwrap_or(0)).map(partition).collect(),
        ..Default::default()
    }
}

fn create_topics(request: CreateTopicsRequest, topics: &mut BTreeMap<String, i32>) -> CreateTopicsResponse {
    let create = |topic: runnel_proto::kafka::messages::create_topics_request::CreatableTopic| {
        topics.insert(topic.name.to_string(), topic.num_partitions.max(1));
        CreatableTopicResult { name: topic.name, ..Default::default() }
    };
    CreateTopicsResponse { topics: request.topics.into_iter().map(create).collect(), ..Default::default() }
}

fn create_partitions(
    request: CreatePartitionsRequest,
    topics: &mut BTreeMap<String, i32>,
) -> CreatePartitionsResponse {
    let create = |topic: CreatePartitionsTopic| {
        topics.insert(topic.name.to_string(), topic.count);
        CreatePartitionsTopicResult { name: topic.name, ..Default::default() }
    };
    CreatePartitionsResponse {
        results: request.topics.into_iter().map(create).collect(),
        ..Default::default()
    }
}

fn delete_topics(request: DeleteTopicsRequest, topics: &mut BTreeMap<String, i32>) -> DeleteTopicsResponse {
    let by_state = request.topics.into_iter().filter_map(|topic| topic.name);
    let delete = |name: runnel_proto::kafka::StrBytes| {
        topics.remove(name.as_str());
        DeletableTopicResult { name: Some(name), ..Default::default() }
    };
    let responses = request.topic_names.into_iter().chain(by_state).map(delete).collect();
    DeleteTopicsResponse { responses, ..Default::default() }
}

fn produce(call: &Call) -> Result<Vec<Bytes>, CodecError> {
    let request: ProduceRequest = call.read()?;
    if request.acks == 0 {
        return Ok(Vec::new());
    }
    let responses = request.topic_data.into_iter().map(|topic| TopicProduceResponse {
        name: topic.name,
        topic_id: topic.topic_id,
        partition_responses: topic
            .partition_data
            .into_iter()
            .map(|partition| PartitionProduceResponse { index: partition.index, ..Default::default() })
            .collect(),
    });
    call.answer(&ProduceResponse { responses: responses.collect(), ..Default::default() })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::measure::librdkafka::Load;
    use crate::measure::text;
    use crate::measure::wire::Connection;

    #[test]
    fn librdkafka_takes_it_for_a_broker() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || serve(&listener));
        let mut connection = Connection::open(address).unwrap();
        connection.create_topic("many", 100).unwrap();
        for (codec, idempotent, acks) in [("none", false, 1), ("lz4", true, -1), ("zstd", false, 0)] {
            let load = Load { acks, idempotent, ..Load::of(5000) };
            text::produce(address, "many", &load, codec).unwrap();
        }
        connection.delete_topic("many").unwrap();
    }
}

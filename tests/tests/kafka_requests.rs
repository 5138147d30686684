//! Requests to the Kafka protocol where their versions differ in what they mean, and what each is answered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use runnel_proto::kafka::frame::{encode_request, split_response};
use runnel_proto::kafka::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use runnel_proto::kafka::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use runnel_proto::kafka::messages::produce_request::{PartitionProduceData, TopicProduceData};
use runnel_proto::kafka::messages::share_acknowledge_request::{
    AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch,
};
use runnel_proto::kafka::messages::share_fetch_request::{FetchPartition, FetchTopic};
use runnel_proto::kafka::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use runnel_proto::kafka::messages::update_features_request::FeatureUpdateKey;
use runnel_proto::kafka::messages::{
    AddPartitionsToTxnRequest, ApiVersionsRequest, ConsumerGroupHeartbeatRequest, EndTxnRequest,
    IncrementalAlterConfigsRequest, InitProducerIdRequest, MetadataRequest, ProduceRequest,
    ShareAcknowledgeRequest, ShareFetchRequest, ShareGroupHeartbeatRequest, TxnOffsetCommitRequest,
    UpdateFeaturesRequest,
};
use runnel_proto::kafka::{ErrorCode, Message, Request, Uuid};
use runnel_proto::records::{BatchBuilder, Compression, ProducerStamp, stamp_producer};
use runnel_tests::harness::{TestBroker, eventually};

/// Memory that an answer's arrays may take.
const DECODED_BYTES: usize = 1 << 20;

struct Client(TcpStream);

impl Client {
    fn connect(broker: &TestBroker) -> Self {
        let stream = TcpStream::connect(broker.address()).expect("the broker takes connections");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self(stream)
    }

    fn ask<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        for piece in encode_request(request, version, 7, None).expect("the version carries this") {
            self.0.write_all(&piece).expect("the connection is open");
        }
        let mut length = [0; 4];
        self.0.read_exact(&mut length).expect("an answer");
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut answer).expect("all of the answer");
        let (_, body) = split_response(answer.into(), R::API_KEY, version).expect("a header");
        Message::from_bytes(body, version, DECODED_BYTES).expect("an answer of this version")
    }
}

/// A transactional producer that does what it is told, in any version.
struct Producer {
    client: Client,
    id: i64,
    epoch: i16,
}

impl Producer {
    fn init(broker: &TestBroker) -> Self {
        let mut client = Client::connect(broker);
        let init = InitProducerIdRequest {
            transactional_id: Some("t".into()),
            transaction_timeout_ms: 60_000,
            ..Default::default()
        };
        let answer = client.ask(&init, 5);
        assert_eq!(answer.error_code, 0);
        Self { client, id: answer.producer_id, epoch: answer.producer_epoch }
    }

    /// Writes one record to a partition of `orders`.
    fn write(&mut self, version: i16, partition: i32, base_sequence: i32) -> ErrorCode {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(1_767_225_600_000, None, Some(b"a cup"), &[]);
        let mut batch = builder.build().expect("a batch").to_vec();
        let stamp = ProducerStamp {
            producer_id: self.id,
            producer_epoch: self.epoch,
            base_sequence,
            transactional: true,
        };
        stamp_producer(&mut batch, stamp);
        let row = PartitionProduceData { index: partition, records: Some(Bytes::from(batch)) };
        let topic =
            TopicProduceData { name: "orders".into(), partition_data: vec![row], ..Default::default() };
        let request = ProduceRequest {
            transactional_id: Some("t".into()),
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![topic],
        };
        let answer = self.client.ask(&request, version);
        code(answer.responses[0].partition_responses[0].error_code)
    }

    fn commit_offset(&mut self, version: i16) -> ErrorCode {
        let row = TxnOffsetCommitRequestPartition { committed_offset: 1, ..Default::default() };
        let topic = TxnOffsetCommitRequestTopic { name: "orders".into(), partitions: vec![row] };
        let request = TxnOffsetCommitRequest {
            transactional_id: "t".into(),
            group_id: "readers".into(),
            producer_id: self.id,
            producer_epoch: self.epoch,
            topics: vec![topic],
            ..Default::default()
        };
        code(self.client.ask(&request, version).topics[0].partitions[0].error_code)
    }

    /// Ends its transaction, as version 2 does: which epoch it has from then on.
    fn end(&mut self, committed: bool) -> Result<i16, ErrorCode> {
        let request = EndTxnRequest {
            transactional_id: "t".into(),
            producer_id: self.id,
            producer_epoch: self.epoch,
            committed,
        };
        eventually("the markers of a transaction", || {
            let answer = self.client.ask(&request, 5);
            match code(answer.error_code) {
                ErrorCode::None => Ok(Ok(answer.producer_epoch)),
                ErrorCode::ConcurrentTransactions => Err("they are still being written".to_owned()),
                error => Ok(Err(error)),
            }
        })
    }
}

fn code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).expect("a code that is known")
}

fn start() -> TestBroker {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "orders", "-p", "2"]).run().ok();
    broker
}

#[test]
fn features_are_told_to_those_who_can_read_of_them() {
    let broker = start();
    let mut client = Client::connect(&broker);
    let named =
        ApiVersionsRequest { client_software_name: "test".into(), client_software_version: "1".into() };
    for (version, supported, finalized) in [(2, 0, 0), (3, 0, 3), (4, 3, 3)] {
        let asks = if version < 3 { ApiVersionsRequest::default() } else { named.clone() };
        let answer = client.ask(&asks, version);
        let features = (answer.supported_features.len(), answer.finalized_features.len());
        assert_eq!(features, (supported, finalized), "version {version}");
        if version >= 3 {
            let mut levels: Vec<_> = answer
                .finalized_features
                .iter()
                .map(|feature| (&*feature.name, feature.max_version_level))
                .collect();
            levels.sort_unstable();
            assert_eq!(levels, [("group.version", 1), ("share.version", 1), ("transaction.version", 2)]);
            assert_eq!(answer.finalized_features_epoch, 0);
        }
    }
}

#[test]
fn with_version_2_what_is_written_to_takes_part_and_the_epoch_rises() {
    let broker = start();
    let mut producer = Producer::init(&broker);
    assert_eq!(producer.write(10, 0, 0), ErrorCode::InvalidTxnState);
    assert_eq!(producer.write(11, 0, 0), ErrorCode::TransactionAbortable);
    assert_eq!(producer.write(12, 0, 0), ErrorCode::None);
    assert_eq!(producer.write(12, 0, 0), ErrorCode::None, "the same again");
    assert_eq!(producer.write(12, 0, 1), ErrorCode::None);
    assert_eq!(producer.write(12, 1, 5), ErrorCode::OutOfOrderSequenceNumber, "the first one there");
    assert_eq!(producer.commit_offset(3), ErrorCode::InvalidTxnState);
    assert_eq!(producer.commit_offset(4), ErrorCode::TransactionAbortable);
    assert_eq!(producer.commit_offset(5), ErrorCode::None);
    assert_eq!(producer.end(true), Ok(1));
    assert_eq!(producer.end(true), Ok(1), "it missed the answer");
    assert_eq!(producer.end(false), Err(ErrorCode::InvalidTxnState), "it was committed");
    assert_eq!(producer.write(12, 0, 2), ErrorCode::InvalidProducerEpoch, "late");
    let committed = broker.runnel(["group", "describe", "readers", "-o", "json"]).run().ok().json();
    assert_eq!(committed[0]["partitions"][0]["committed_offset"], 1, "{committed}");

    producer.epoch = 1;
    assert_eq!(producer.write(12, 0, 0), ErrorCode::None);
    assert_eq!(producer.end(false), Ok(2));
    producer.epoch = 2;
    assert_eq!(producer.end(false), Ok(3), "nothing is open");
    producer.epoch = 3;
    assert_eq!(producer.end(true), Err(ErrorCode::InvalidTxnState), "nothing is open");
    assert_eq!(broker.consume("orders").lines(), ["a cup", "a cup"]);
}

#[test]
fn the_brokers_own_topics_take_part_in_nobodys_transaction() {
    let mut broker = start();
    let mut producer = Producer::init(&broker);
    for name in ["__metadata", "__consumer_offsets", "__transaction_state"] {
        let topic = AddPartitionsToTxnTopic { name: name.into(), partitions: vec![0] };
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: "t".into(),
            v3_and_below_producer_id: producer.id,
            v3_and_below_producer_epoch: producer.epoch,
            v3_and_below_topics: vec![topic],
            ..Default::default()
        };
        let answer = producer.client.ask(&request, 3);
        let refused = answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code;
        assert_eq!(code(refused), ErrorCode::PolicyViolation, "{name}");
    }
    assert_eq!(producer.end(false), Ok(1));
    broker.start_again();
    assert_eq!(broker.consume("orders").text(), "");
}

/// A group's own times are told with the next heartbeat, and after a crash.
#[test]
fn settings_of_a_group_hold_at_once() {
    let mut broker = TestBroker::start();
    broker.runnel(["topic", "create", "orders"]).run().ok();
    let beat = |broker: &TestBroker, member_epoch| {
        let request = ConsumerGroupHeartbeatRequest {
            group_id: "readers".into(),
            member_id: "m".into(),
            member_epoch,
            rebalance_timeout_ms: if member_epoch == 0 { 60_000 } else { -1 },
            subscribed_topic_names: (member_epoch == 0).then(|| vec!["orders".into()]),
            topic_partitions: (member_epoch == 0).then(Vec::new),
            ..Default::default()
        };
        let answer = Client::connect(broker).ask(&request, 1);
        assert_eq!(code(answer.error_code), ErrorCode::None, "{:?}", answer.error_message);
        answer.heartbeat_interval_ms
    };
    assert_eq!(beat(&broker, 0), 5_000);
    broker.runnel(["config", "set", "group:readers", "consumer.heartbeat.interval.ms=6000"]).run().ok();
    assert_eq!(beat(&broker, 1), 6_000);
    broker.kill();
    broker.start_again();
    assert_eq!(beat(&broker, 1), 6_000);
    broker.runnel(["config", "unset", "group:readers", "consumer.heartbeat.interval.ms"]).run().ok();
    assert_eq!(beat(&broker, 1), 5_000);
}

/// A member of the share group `sharers` that reads partition 0 of `orders`.
struct Sharer {
    client: Client,
    id: &'static str,
    topic_id: Uuid,
    step: i32,
}

const ACCEPT: i8 = 1;
const RENEW: i8 = 4;
/// Not one record more than asked for.
const RECORD_LIMIT: i8 = 1;

impl Sharer {
    fn join(broker: &TestBroker, id: &'static str) -> Self {
        let mut client = Client::connect(broker);
        let heartbeat = ShareGroupHeartbeatRequest {
            group_id: "sharers".into(),
            member_id: id.into(),
            subscribed_topic_names: Some(vec!["orders".into()]),
            ..Default::default()
        };
        assert_eq!(code(client.ask(&heartbeat, 1).error_code), ErrorCode::None);
        let topics = client.ask(&MetadataRequest { topics: None, ..Default::default() }, 12).topics;
        let topic = topics.iter().find(|topic| topic.name.as_deref() == Some("orders")).expect("a topic");
        Self { client, id, topic_id: topic.topic_id, step: 0 }
    }

    /// So many records: first and last offset, and how often they were delivered.
    fn fetch(&mut self, max_records: i32) -> Vec<(i64, i64, i16)> {
        self.fetch_within(max_records, 0)
    }

    /// The same, if there are some within so long.
    fn fetch_within(&mut self, max_records: i32, max_wait_ms: i32) -> Vec<(i64, i64, i16)> {
        let partition = FetchPartition { partition_index: 0, ..Default::default() };
        let request = ShareFetchRequest {
            group_id: Some("sharers".into()),
            member_id: Some(self.id.into()),
            share_session_epoch: self.step,
            max_wait_ms,
            min_bytes: 1,
            max_bytes: 1 << 20,
            max_records,
            share_acquire_mode: RECORD_LIMIT,
            topics: vec![FetchTopic { topic_id: self.topic_id, partitions: vec![partition] }],
            ..Default::default()
        };
        self.step += 1;
        let answer = self.client.ask(&request, 2);
        assert_eq!(code(answer.error_code), ErrorCode::None);
        let rows = answer.responses.into_iter().flat_map(|topic| topic.partitions);
        let acquired = rows.flat_map(|row| {
            assert_eq!(code(row.error_code), ErrorCode::None);
            row.acquired_records
        });
        acquired.map(|row| (row.first_offset, row.last_offset, row.delivery_count)).collect()
    }

    fn tell(&mut self, first_offset: i64, last_offset: i64, kind: i8) -> ErrorCode {
        let batch = AcknowledgementBatch { first_offset, last_offset, acknowledge_types: vec![kind] };
        let partition = AcknowledgePartition { partition_index: 0, acknowledgement_batches: vec![batch] };
        let request = ShareAcknowledgeRequest {
            group_id: Some("sharers".into()),
            member_id: Some(self.id.into()),
            share_session_epoch: self.step,
            is_renew_ack: kind == RENEW,
            topics: vec![AcknowledgeTopic { topic_id: self.topic_id, partitions: vec![partition] }],
        };
        self.step += 1;
        let answer = self.client.ask(&request, 2);
        assert_eq!((code(answer.error_code), answer.acquisition_lock_timeout_ms), (ErrorCode::None, 1_000));
        code(answer.responses[0].partitions[0].error_code)
    }
}

/// The shortest time that a broker gives members for a record.
const SHORT_LOCKS: &str = "group.share.record.lock.duration.ms=1000";

#[test]
fn a_share_groups_member_may_ask_for_more_time_and_others_get_what_it_has_not_told_of() {
    let mut broker = TestBroker::start_with(&[SHORT_LOCKS]);
    broker.runnel(["topic", "create", "orders"]).run().ok();
    let (mut a, mut b) = (Sharer::join(&broker, "a"), Sharer::join(&broker, "b"));
    assert_eq!(a.fetch(10), []);
    broker.produce("orders", "1\n2\n3");
    assert_eq!(a.fetch(2), [(0, 1, 1)]);
    let again = std::time::Instant::now();
    assert_eq!(b.fetch(10), [(2, 2, 1)]);
    assert_eq!(b.tell(0, 0, ACCEPT), ErrorCode::InvalidRecordState, "it is another's");
    assert_eq!(b.tell(2, 2, ACCEPT), ErrorCode::None);
    while again.elapsed() < Duration::from_millis(2_500) {
        assert_eq!(a.tell(0, 0, RENEW), ErrorCode::None);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(b.fetch(10), [(1, 1, 2)]);
    assert_eq!(a.tell(1, 1, ACCEPT), ErrorCode::InvalidRecordState, "its time is over");
    assert_eq!(a.tell(0, 0, ACCEPT), ErrorCode::None);
    broker.kill();
    broker.start_again();
    let mut c = Sharer::join(&broker, "c");
    assert_eq!(c.fetch(10), [(1, 1, 2)], "what was under way does not count");
    assert_eq!(c.tell(1, 1, ACCEPT), ErrorCode::None);
    let told = broker.runnel(["group", "list", "-o", "json"]).run().ok().json();
    assert_eq!((&told[0]["group"], &told[0]["lag"]), (&"sharers".into(), &0.into()), "{told}");
}

/// Its locks would last for half a minute.
#[test]
fn who_waits_is_given_at_once_what_a_lost_member_held() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "orders"]).run().ok();
    let (mut a, mut b) = (Sharer::join(&broker, "a"), Sharer::join(&broker, "b"));
    assert_eq!(a.fetch(10), []);
    broker.produce("orders", "1\n2\n3");
    assert_eq!(a.fetch(10), [(0, 2, 1)]);
    let since = std::time::Instant::now();
    let waiting = std::thread::spawn(move || b.fetch_within(10, 20_000));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!waiting.is_finished(), "there is nothing to be had");
    drop(a);
    assert_eq!(waiting.join().expect("an answer"), [(0, 2, 1)], "nobody knows whether it saw them");
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

#[test]
fn a_share_group_can_be_kept_from_what_was_aborted() {
    let broker = TestBroker::start_with(&[SHORT_LOCKS]);
    broker.runnel(["topic", "create", "orders"]).run().ok();
    let settings = [("share.isolation.level", "read_committed"), ("share.auto.offset.reset", "earliest")];
    let config = |(name, value): (&str, &str)| AlterableConfig {
        name: name.into(),
        value: Some(value.into()),
        ..Default::default()
    };
    let group = AlterConfigsResource {
        resource_type: 32,
        resource_name: "sharers".into(),
        configs: settings.map(config).to_vec(),
    };
    let alter = IncrementalAlterConfigsRequest { resources: vec![group], validate_only: false };
    let altered = Client::connect(&broker).ask(&alter, 1);
    assert_eq!(code(altered.responses[0].error_code), ErrorCode::None);
    let mut producer = Producer::init(&broker);
    // A record and a marker, of one that is aborted and of one that is not.
    assert_eq!(producer.write(12, 0, 0), ErrorCode::None);
    producer.epoch = producer.end(false).expect("an end");
    assert_eq!(producer.write(12, 0, 0), ErrorCode::None);
    let mut sharer = Sharer::join(&broker, "a");
    assert_eq!(sharer.fetch(10), [], "one is aborted, the other is open");
    producer.epoch = producer.end(true).expect("an end");
    // The end is decided; its marker follows.
    assert_eq!(sharer.fetch_within(10, 20_000), [(2, 2, 1)]);
    assert_eq!(sharer.tell(2, 2, ACCEPT), ErrorCode::None);
    assert_eq!(sharer.fetch(10), []);
    let told = broker.runnel(["group", "list", "-o", "json"]).run().ok().json();
    assert_eq!((&told[0]["group"], &told[0]["lag"]), (&"sharers".into(), &0.into()), "{told}");
}

#[test]
fn share_groups_can_be_switched_off() {
    let broker = start();
    let mut client = Client::connect(&broker);
    let heartbeat = ShareGroupHeartbeatRequest {
        group_id: "sharers".into(),
        member_id: "a".into(),
        subscribed_topic_names: Some(vec!["orders".into()]),
        ..Default::default()
    };
    assert_eq!(code(client.ask(&heartbeat, 1).error_code), ErrorCode::None);
    let feature = FeatureUpdateKey {
        feature: "share.version".into(),
        max_version_level: 0,
        upgrade_type: 2,
        ..Default::default()
    };
    let off = UpdateFeaturesRequest { feature_updates: vec![feature], ..Default::default() };
    assert_eq!(code(client.ask(&off, 2).error_code), ErrorCode::None);
    assert_eq!(code(client.ask(&heartbeat, 1).error_code), ErrorCode::UnsupportedVersion);
    let fetch = ShareFetchRequest {
        group_id: Some("sharers".into()),
        member_id: Some("a".into()),
        ..Default::default()
    };
    assert_eq!(code(client.ask(&fetch, 2).error_code), ErrorCode::UnsupportedVersion);
}

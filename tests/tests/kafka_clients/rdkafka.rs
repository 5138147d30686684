//! rust-rdkafka: a modern librdkafka, as Rust programs use it.

mod consumer_protocol;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::{join, join_all, try_join_all};
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{CommitMode, Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::producer::future_producer::Delivery;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientConfig, ClientContext, Message, Offset, TopicPartitionList};
use runnel_proto::records::Compression;
use runnel_tests::harness::{PATIENCE, TestBroker, eventually};
use tokio::task::block_in_place;
use tokio::time::timeout;

/// The time that the first record bears, in ms since 1970.
const START_MS: i64 = 1_767_225_600_000;

/// A broker, and the settings of clients that talk to it.
struct Cluster {
    broker: TestBroker,
    address: String,
}

impl Cluster {
    fn start() -> Self {
        let broker = TestBroker::start();
        let address = broker.address();
        Self { broker, address }
    }

    fn config(&self, settings: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config
    }

    fn producer(&self, settings: &[(&str, &str)]) -> FutureProducer {
        self.config(&[&[("linger.ms", "5"), ("message.timeout.ms", "50000")], settings].concat())
            .create()
            .expect("a producer")
    }

    /// A consumer that starts with a topic's first record and commits when it is told to.
    fn consumer(&self, settings: &[(&str, &str)]) -> StreamConsumer {
        self.consumer_config(settings).create().expect("a consumer")
    }

    fn consumer_config(&self, settings: &[(&str, &str)]) -> ClientConfig {
        let defaults = [
            ("group.id", "readers"),
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
            ("check.crcs", "true"),
        ];
        self.config(&[&defaults, settings].concat())
    }

    /// A member of a group, subscribed.
    fn member(&self, topic: &str, settings: &[(&str, &str)]) -> StreamConsumer {
        let member = self.consumer(settings);
        member.subscribe(&[topic]).expect("a subscription");
        member
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config(&[]).create().expect("an admin client")
    }

    /// All records of a topic's partition, read without a group.
    async fn read(&self, topic: &str, partition: i32, count: usize) -> Vec<OwnedMessage> {
        let consumer = self.consumer(&[]);
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
        consumer.assign(&partitions).expect("an assignment");
        receive(&consumer, count).await
    }
}

async fn receive<C: ConsumerContext + 'static>(
    consumer: &StreamConsumer<C>,
    count: usize,
) -> Vec<OwnedMessage> {
    let mut messages = Vec::new();
    while messages.len() < count {
        let next = timeout(PATIENCE, consumer.recv()).await;
        let next = next.unwrap_or_else(|_| panic!("{} records instead of {count}", messages.len()));
        messages.push(next.expect("a record").detach());
    }
    messages
}

/// What is sent and expected back: key, value, headers, time.
type Record = (Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>, i64);

fn record(message: &OwnedMessage) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let owned = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
        headers.iter().map(owned).collect()
    });
    let key = message.key().map(<[u8]>::to_vec);
    (key, message.payload().map(<[u8]>::to_vec), headers, message.timestamp().to_millis().expect("a time"))
}

/// Records of every kind, then more than fit into one batch.
fn records(count: usize) -> Vec<Record> {
    let header = |key: &str, value: Option<&[u8]>| (key.to_owned(), value.map(<[u8]>::to_vec));
    let headers =
        vec![header("b", Some(b"1")), header("a", Some(b"")), header("b", Some(b"2")), header("c", None)];
    let odd = [
        (Some(&b"key"[..]), Some(&b"value"[..]), headers),
        (None, Some(&b"no key"[..]), Vec::new()),
        (Some(&b"tombstone"[..]), None, Vec::new()),
        (Some(&b""[..]), Some(&b""[..]), Vec::new()),
        (Some("schlüssel".as_bytes()), Some(&b"\0\xff"[..]), Vec::new()),
    ];
    let odd = odd.map(|(key, value, headers)| (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec), headers));
    let lines = (odd.len()..count).map(|at| {
        let value = format!("line {at} of a long log, {} bytes after the last one", at * 31 % 977);
        (Some(format!("key {}", at % 7).into_bytes()), Some(value.into_bytes()), Vec::new())
    });
    let all = odd.clone().into_iter().chain(lines).zip(START_MS..);
    all.map(|((key, value, headers), time_ms)| (key, value, headers, time_ms)).collect()
}

/// Sends records to a partition and waits until each is stored.
async fn send(
    producer: &FutureProducer,
    topic: &str,
    partition: i32,
    records: &[Record],
) -> Result<Vec<Delivery>, KafkaError> {
    let sent = records.iter().map(|(key, value, headers, time_ms)| {
        let mut owned = OwnedHeaders::new();
        for (key, value) in headers {
            owned = owned.insert(Header { key, value: value.as_ref() });
        }
        let record = FutureRecord::<[u8], [u8]> {
            topic,
            partition: Some(partition),
            key: key.as_deref(),
            payload: value.as_deref(),
            timestamp: Some(*time_ms),
            headers: (!headers.is_empty()).then_some(owned),
        };
        producer.send(record, PATIENCE)
    });
    try_join_all(sent).await.map_err(|(error, _)| error)
}

/// Records with such values, and nothing else.
fn lines(values: impl IntoIterator<Item = String>) -> Vec<Record> {
    let line = |(value, time_ms): (String, i64)| (None, Some(value.into_bytes()), Vec::new(), time_ms);
    values.into_iter().zip(START_MS..).map(line).collect()
}

fn values(messages: &[OwnedMessage]) -> Vec<&str> {
    let text = |message| std::str::from_utf8(Message::payload(message).expect("a value")).expect("text");
    messages.iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_codecs() {
    let cluster = Cluster::start();
    let expected = records(3000);
    for codec in Compression::ALL.map(|codec| codec.to_string()) {
        let topic = format!("codec-{codec}");
        let producer = cluster.producer(&[("compression.type", &codec), ("batch.size", "65536")]);
        let deliveries = send(&producer, &topic, 0, &expected).await.expect("all are stored");
        let offsets: Vec<i64> = deliveries.iter().map(|delivery| delivery.offset).collect();
        assert_eq!(offsets, (0..3000).collect::<Vec<_>>(), "{codec}");
        let messages = cluster.read(&topic, 0, expected.len()).await;
        for (at, (message, expected)) in messages.iter().zip(&expected).enumerate() {
            assert_eq!((message.offset(), record(message)), (at as i64, expected.clone()), "{codec}");
        }
        let stored = block_in_place(|| cluster.broker.client().records(&topic, 0));
        assert!(stored.iter().any(|record| record.compression.to_string() == codec), "{codec}");
    }
}

#[tokio::test]
async fn offsets_by_time_and_watermarks() {
    let cluster = Cluster::start();
    let producer = cluster.producer(&[("compression.type", "zstd")]);
    send(&producer, "times", 0, &records(1000)).await.expect("all are stored");
    let consumer = cluster.consumer(&[]);
    assert_eq!(consumer.fetch_watermarks("times", 0, PATIENCE).expect("watermarks"), (0, 1000));
    for (time_ms, expected) in
        [(0, Offset::Offset(0)), (START_MS + 123, Offset::Offset(123)), (START_MS + 1000, Offset::End)]
    {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset("times", 0, Offset::Offset(time_ms)).expect("a partition");
        let found = consumer.offsets_for_times(asked, PATIENCE).expect("an answer");
        assert_eq!(found.elements()[0].offset(), expected, "{time_ms}");
    }
}

#[tokio::test]
async fn idempotent_producers_store_once_and_in_order() {
    let cluster = Cluster::start();
    // Small batches, so that many are on their way at once.
    let settings = [
        ("enable.idempotence", "true"),
        ("batch.num.messages", "10"),
        ("linger.ms", "0"),
        ("max.in.flight.requests.per.connection", "5"),
    ];
    let producer = cluster.producer(&settings);
    let sent = lines((0..5000).map(|at| format!("{at}")));
    send(&producer, "once", 0, &sent).await.expect("all are stored");
    let messages = cluster.read("once", 0, sent.len()).await;
    assert_eq!(messages.iter().map(record).collect::<Vec<_>>(), sent);
    assert_eq!(cluster.consumer(&[]).fetch_watermarks("once", 0, PATIENCE).expect("watermarks"), (0, 5000));
}

#[tokio::test]
async fn transactions_commit_abort_and_fence() {
    let cluster = Cluster::start();
    let transactional = || cluster.producer(&[("transactional.id", "mover")]);
    send(&cluster.producer(&[]), "in", 0, &lines((0..10).map(|at| format!("{at}")))).await.expect("stored");
    let reader = cluster.member("in", &[("group.id", "mover")]);
    let read = receive(&reader, 10).await;
    let producer = transactional();
    producer.init_transactions(PATIENCE).expect("a producer id");
    producer.begin_transaction().expect("one begins");
    send(&producer, "out", 0, &lines(["never".to_owned()])).await.expect("stored");
    producer.abort_transaction(PATIENCE).expect("it is aborted");
    producer.begin_transaction().expect("another begins");
    let moved = values(&read).into_iter().map(|value| format!("moved {value}"));
    send(&producer, "out", 0, &lines(moved)).await.expect("stored");
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("in", 0, Offset::Offset(10)).expect("a partition");
    let group = reader.group_metadata().expect("it is a member");
    producer.send_offsets_to_transaction(&offsets, &group, PATIENCE).expect("they belong to it");
    let committed = |level: &str| {
        let asks = cluster.consumer(&[("group.id", "mover"), ("isolation.level", level)]);
        let answer = asks.committed_offsets(offsets.clone(), PATIENCE).expect("an answer");
        answer.elements()[0].offset()
    };
    // Who reads committed records is told to wait until the transaction has ended.
    assert_eq!(committed("read_uncommitted"), Offset::Invalid);
    producer.commit_transaction(PATIENCE).expect("it is committed");
    assert_eq!(committed("read_committed"), Offset::Offset(10));
    // librdkafka reads committed records unless it is told otherwise.
    let messages = cluster.read("out", 0, 10).await;
    assert_eq!(values(&messages), (0..10).map(|at| format!("moved {at}")).collect::<Vec<_>>());
    // One aborted record and its marker lie before them.
    assert_eq!(messages[0].offset(), 2);
    let successor = transactional();
    successor.init_transactions(PATIENCE).expect("the same producer id, the next epoch");
    producer.begin_transaction().expect("it does not know yet");
    send(&producer, "out", 0, &lines(["late".to_owned()])).await.expect_err("it is fenced");
    let refused = producer.commit_transaction(PATIENCE).expect_err("it still is");
    assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::Fenced));
    // The records of both transactions, and a marker for each.
    assert_eq!(reader.fetch_watermarks("out", 0, PATIENCE).expect("watermarks"), (0, 13));
}

#[tokio::test(flavor = "multi_thread")]
async fn runnel_consume_reads_what_is_committed() {
    let cluster = Cluster::start();
    let consume = |args: &[&str]| {
        let output = cluster.broker.runnel([&["consume", "orders"], args].concat()).run().ok();
        output.lines().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let producer = cluster.producer(&[("transactional.id", "shop")]);
    let write = async |value: &str| {
        producer.begin_transaction().expect("one begins");
        send(&producer, "orders", 0, &lines([value.to_owned()])).await.expect("stored");
    };
    cluster.broker.runnel(["topic", "create", "orders"]).run().ok();
    cluster.broker.produce("orders", "before");
    producer.init_transactions(PATIENCE).expect("a producer id");
    write("never").await;
    producer.abort_transaction(PATIENCE).expect("it is aborted");
    write("kept").await;
    producer.commit_transaction(PATIENCE).expect("it is committed");
    write("undecided").await;
    cluster.broker.produce("orders", "after");

    // It ends before the open transaction, and says nothing of the aborted one.
    let committed = ["before", "kept"];
    assert_eq!(consume(&["-e"]), committed);
    assert_eq!(consume(&["-e", "-g", "readers"]), committed);
    assert_eq!(consume(&["-e", "-g", "readers"]), [""; 0], "the group has read so far");
    let json = cluster.broker.runnel(["consume", "orders", "-e", "--json"]).run().ok().json_lines();
    let values: Vec<_> = json.iter().map(|record| record["value"].as_str().expect("text")).collect();
    assert_eq!(values, committed);
    assert_eq!(consume(&["-e", "-o", "end"]), [""; 0]);
    let all = ["before", "never", "kept", "undecided", "after"];
    assert_eq!(consume(&["-e", "--isolation", "read-uncommitted"]), all);
    let mut follower = cluster.broker.runnel(["consume", "orders", "-n", "4"]).spawn();
    block_in_place(|| {
        eventually("what is decided", || match follower.stdout().len() {
            12 => Ok(()),
            other => Err(other.to_string()),
        });
    });
    producer.commit_transaction(PATIENCE).expect("it is committed");
    assert_eq!(block_in_place(|| follower.wait().ok()).lines(), ["before", "kept", "undecided", "after"]);
    write("never again").await;
    producer.abort_transaction(PATIENCE).expect("it is aborted");
    assert_eq!(
        consume(&["-e"]),
        ["before", "kept", "undecided", "after"],
        "markers at the end, nothing else"
    );
}

#[tokio::test]
async fn groups_share_and_resume() {
    for strategy in ["range", "roundrobin", "cooperative-sticky"] {
        let cluster = Cluster::start();
        cluster.broker.runnel(["topic", "create", "shared", "-p", "4"]).run().ok();
        let settings = [("partition.assignment.strategy", strategy), ("heartbeat.interval.ms", "300")];
        let (first, second) = (cluster.member("shared", &settings), cluster.member("shared", &settings));
        let producer = cluster.producer(&[]);
        let send_to_all = async |round: usize| {
            for partition in 0..4 {
                let sent = lines((0..100).map(|at| format!("{round}/{partition}/{at}")));
                send(&producer, "shared", partition, &sent).await.expect("all are stored");
            }
        };
        let shares = || [&first, &second].map(|member| member.assignment().expect("a list").count());
        // Both are polled until each has its half, and nothing is there to be read yet.
        let polled = async || {
            while shares() != [2, 2] {
                let step = Duration::from_millis(50);
                let early = join_all([&first, &second].map(|member| timeout(step, member.recv()))).await;
                assert!(early.iter().all(Result::is_err), "{strategy}: a record before there is one");
            }
        };
        timeout(PATIENCE, polled()).await.expect("fair shares");
        send_to_all(0).await;
        let halves = join(receive(&first, 200), receive(&second, 200)).await;
        let mut read: Vec<_> = [halves.0, halves.1].concat();
        read.sort_by_key(Message::partition);
        let expected = |round: usize| -> Vec<String> {
            let partition = |partition| (0..100).map(move |at| format!("{round}/{partition}/{at}"));
            (0..4).flat_map(partition).collect()
        };
        assert_eq!(values(&read), expected(0), "{strategy}");
        for member in [&first, &second] {
            member.commit_consumer_state(CommitMode::Sync).expect("offsets are committed");
        }
        drop((first, second));
        send_to_all(1).await;
        let mut read = receive(&cluster.member("shared", &settings), 400).await;
        read.sort_by_key(Message::partition);
        assert_eq!(values(&read), expected(1), "{strategy}");
    }
}

#[tokio::test]
async fn admin() {
    let cluster = Cluster::start();
    let (admin, options) = (cluster.admin(), AdminOptions::new().request_timeout(Some(PATIENCE)));
    let topic = NewTopic::new("managed", 2, TopicReplication::Fixed(1)).set("retention.ms", "3600000");
    assert_eq!(admin.create_topics([&topic], &options).await.unwrap(), [Ok("managed".to_owned())]);
    let exists = ("managed".to_owned(), RDKafkaErrorCode::TopicAlreadyExists);
    assert_eq!(admin.create_topics([&topic], &options).await.unwrap(), [Err(exists)]);
    let more = NewPartitions::new("managed", 3);
    assert_eq!(admin.create_partitions([&more], &options).await.unwrap(), [Ok("managed".to_owned())]);
    let resource = ResourceSpecifier::Topic("managed");
    let setting = async |name: &str| {
        let described = admin.describe_configs([&resource], &options).await.expect("an answer");
        let described = described.into_iter().next().expect("one resource").expect("it exists");
        described.get(name).and_then(|entry| entry.value.clone()).expect("a value")
    };
    assert_eq!(setting("retention.ms").await, "3600000");
    let change = AlterConfig::new(ResourceSpecifier::Topic("managed")).set("max.message.bytes", "2000");
    assert!(admin.alter_configs([&change], &options).await.unwrap()[0].is_ok());
    // All settings are replaced, not that one alone.
    assert_eq!([setting("max.message.bytes").await, setting("retention.ms").await], ["2000", "604800000"]);
    let large = lines(["x".repeat(3000)]);
    let refused = send(&cluster.producer(&[]), "managed", 0, &large).await.expect_err("it is too large");
    assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::MessageSizeTooLarge));
    send(&cluster.producer(&[]), "managed", 2, &lines((0..50).map(|at| at.to_string()))).await.unwrap();
    let mut before = TopicPartitionList::new();
    before.add_partition_offset("managed", 2, Offset::Offset(20)).unwrap();
    let deleted = admin.delete_records(&before, &options).await.expect("an answer");
    assert_eq!(deleted.elements()[0].offset(), Offset::Offset(20));
    assert_eq!(cluster.read("managed", 2, 30).await[0].offset(), 20);
    let member = cluster.member("managed", &[("group.id", "managed")]);
    receive(&member, 30).await;
    member.commit_consumer_state(CommitMode::Sync).expect("offsets are committed");
    let groups = member.fetch_group_list(Some("managed"), PATIENCE).expect("groups");
    assert_eq!((groups.groups()[0].state(), groups.groups()[0].members().len()), ("Stable", 1));
    let busy = ("managed".to_owned(), RDKafkaErrorCode::NonEmptyGroup);
    assert_eq!(admin.delete_groups(&["managed"], &options).await.unwrap(), [Err(busy)]);
    drop(member);
    assert_eq!(admin.delete_groups(&["managed"], &options).await.unwrap(), [Ok("managed".to_owned())]);
    assert_eq!(admin.delete_topics(&["managed"], &options).await.unwrap(), [Ok("managed".to_owned())]);
    let unknown = ("managed".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition);
    assert_eq!(admin.delete_topics(&["managed"], &options).await.unwrap(), [Err(unknown)]);
}

/// Keeps the last statistics that librdkafka has told.
#[derive(Default)]
struct Observer(Mutex<Option<Statistics>>);

impl ClientContext for Observer {
    fn stats(&self, statistics: Statistics) {
        *self.0.lock().expect("nobody has panicked") = Some(statistics);
    }
}

impl ConsumerContext for Observer {}

#[tokio::test]
async fn statistics_tell_of_this_broker() {
    let cluster = Cluster::start();
    send(&cluster.producer(&[]), "counted", 0, &lines((0..100).map(|at| at.to_string()))).await.unwrap();
    let config = cluster.consumer_config(&[("statistics.interval.ms", "100")]);
    let consumer: StreamConsumer<Observer> =
        config.create_with_context(Observer::default()).expect("a consumer");
    consumer.subscribe(&["counted"]).expect("a subscription");
    receive(&consumer, 100).await;
    consumer.commit_consumer_state(CommitMode::Sync).expect("offsets are committed");
    let told = async || {
        loop {
            // Statistics come while the consumer is polled.
            let _ = timeout(Duration::from_millis(50), consumer.recv()).await;
            let last = consumer.context().0.lock().expect("nobody has panicked").take();
            let partition = last.as_ref().and_then(|last| last.topics.get("counted")?.partitions.get(&0));
            if partition.is_some_and(|partition| partition.committed_offset == 100) {
                return last.expect("it was just looked at");
            }
        }
    };
    let told = timeout(PATIENCE, told()).await.expect("statistics");
    let partition = &told.topics["counted"].partitions[&0];
    assert_eq!((partition.hi_offset, partition.ls_offset, partition.consumer_lag), (100, 100, 0));
    assert_eq!((partition.rxmsgs, partition.rx_ver_drops), (100, 0));
    let brokers: HashMap<i32, &str> =
        told.brokers.values().map(|broker| (broker.nodeid, broker.state.as_str())).collect();
    assert_eq!(brokers.get(&1), Some(&"UP"), "{brokers:?}");
    let group = told.cgrp.expect("it is a member");
    assert_eq!((group.state.as_str(), group.join_state.as_str()), ("up", "steady"));
    assert_eq!(group.assignment_size, 1);
}

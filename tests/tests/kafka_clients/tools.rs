//! More of Kafka's own programs: those that measure, that test a broker by its features, that look into files, and that
//! set an application back.

use std::fs;
use std::path::Path;

use crate::java::{Kafka, complains, rows};

#[test]
fn performance() {
    let Some(kafka) = Kafka::start("tools::performance") else { return };
    kafka.broker.runnel(["topic", "create", "numbers", "-p", "2"]).run().ok();
    let broker = format!("bootstrap.servers={}", kafka.address);
    let produce =
        ["--topic", "numbers", "--num-records", "5000", "--record-size", "100", "--throughput", "-1"];
    let produced =
        kafka.java("ProducerPerformance", &[&produce[..], &["--producer-props", &broker]].concat());
    complains(&produced.run().ok(), "5000 records sent");
    let consumed = kafka.run("ConsumerPerformance", &["--topic", "numbers", "--messages", "5000"]);
    let [_, told] = consumed.lines()[..] else { panic!("{}", consumed.shown()) };
    assert_eq!(told.split(", ").nth(4), Some("5000"), "{told}");
    let latency = kafka.java("EndToEndLatency", &[&kafka.address, "latency", "100", "all", "100"]).run().ok();
    complains(&latency, "Percentiles: 50th = ");
    assert_eq!(kafka.offsets("latency", "latest"), ["0:100"]);
}

/// What Kafka's system tests ask of each release's broker, by the clients of two releases.
#[test]
fn client_compatibility() {
    for release in ["kafka", "java3"] {
        let Some(kafka) = Kafka::start_release(release, "tools::client_compatibility") else { return };
        let expected = [
            ["--topic", "numbers"],
            ["--num-cluster-nodes", "1"],
            ["--offsets-for-times-supported", "True"],
            ["--cluster-id-supported", "True"],
            ["--expect-record-too-large-exception", "False"],
            ["--create-topics-supported", "True"],
            ["--describe-acls-supported", "True"],
            ["--describe-configs-supported", "True"],
            ["--idempotent-producer-supported", "True"],
        ];
        let output = kafka.run("ClientCompatibilityTest", expected.as_flattened());
        assert!(output.text().ends_with("SUCCESS.\n"), "{}", output.shown());
    }
}

/// Segments are Kafka's, byte for byte, and so are the records of groups; indexes are not.
#[test]
fn segments() {
    let Some(mut kafka) = Kafka::start("tools::segments") else { return };
    kafka.produce("orders", &["--compression-codec", "zstd"], "first\nsecond");
    kafka.consume("orders", 2, &["--group", "readers"]);
    let orders = kafka.broker.partition_dir("orders", 0);
    let offsets = kafka.broker.partition_dir("__consumer_offsets", 0);
    kafka.broker.stop();
    let dump = |dir: &Path, decoder: &[&str]| {
        let mut files = fs::read_dir(dir).expect("a partition's files").flatten().map(|entry| entry.path());
        let log = files.find(|path| path.extension().is_some_and(|end| end == "log"));
        let log = log.expect("a segment").display().to_string();
        kafka.java("kafka.tools.DumpLogSegments", &[&["--files", &log], decoder].concat()).run().ok()
    };
    let dumped = dump(&orders, &["--print-data-log", "--deep-iteration"]);
    complains(&dumped, "isvalid: true");
    complains(&dumped, "compresscodec: zstd");
    let records = dumped.lines().into_iter().filter_map(|line| line.strip_prefix("| "));
    let payloads: Vec<_> = records.filter_map(|record| record.split("payload: ").nth(1)).collect();
    assert_eq!(payloads, ["first", "second"]);
    let decoded = dump(&offsets, &["--offsets-decoder"]);
    let key = r#"{"type":"1","data":{"group":"readers","topic":"orders","partition":0}}"#;
    complains(&decoded, &format!(r#"key: {key} payload: {{"version":"3","data":{{"offset":2,"#));
}

#[test]
fn application_reset() {
    let Some(kafka) = Kafka::start("tools::application_reset") else { return };
    for topic in ["lines", "count-words-repartition", "count-words-changelog"] {
        kafka.broker.runnel(["topic", "create", topic]).run().ok();
    }
    kafka.broker.produce("lines", "a\nb\nc");
    kafka.consume("lines", 3, &["--group", "count"]);
    assert_eq!(rows(&kafka.run("GroupsCommand", &["--list"])), [["count", "Classic", "consumer"]]);
    let reset = ["--application-id", "count", "--input-topics", "lines", "--to-offset", "1"];
    complains(&kafka.run("StreamsResetter", &reset), "Topic: lines Partition: 0 Offset: 1");
    let described = kafka.groups(&["--describe", "--group", "count"]);
    assert_eq!(rows(&described)[0][2..6], ["0", "1", "3", "2"]);
    assert_eq!(kafka.topics(&["--list", "--exclude-internal"]).lines(), ["lines"]);
}

/// There is no quorum, and nobody is told that there is one; no transaction hangs.
#[test]
fn quorum_and_transactions() {
    let Some(kafka) = Kafka::start("tools::quorum_and_transactions") else { return };
    let tool = |class: &str, args: &[&str]| {
        kafka.java(class, &[&["--bootstrap-server", &kafka.address], args].concat()).run()
    };
    let quorum = tool("MetadataQuorumCommand", &["describe", "--status"]).exits_with(1);
    complains(&quorum, "The node does not support DESCRIBE_QUORUM");
    let hanging = tool("TransactionsCommand", &["find-hanging", "--broker-id", "1"]).ok();
    assert_eq!(rows(&hanging), Vec::<Vec<String>>::new());
    let unknown = tool("TransactionsCommand", &["describe", "--transactional-id", "nobody"]).exits_with(1);
    complains(&unknown, "the ID could not be found");
}

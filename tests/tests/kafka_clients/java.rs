//! Kafka's own tools: its command lines for administration, its console clients, and the programs that its system tests
//! drive. What they are expected to print is what they print of an Apache Kafka 4.1. Some are run as of 3.9, too, which
//! asks in older versions.

use std::path::PathBuf;
use std::process::Command;

use runnel_tests::clients::{fetched, find};
use runnel_tests::harness::{Output, Runnel, TestBroker, eventually};
use serde_json::Value;

use crate::IDEMPOTENT;

const TOOLS: &str = "org.apache.kafka.tools";

/// Kafka's jars and a broker for its tools to talk to.
pub(crate) struct Kafka {
    java: PathBuf,
    jars: PathBuf,
    pub(crate) broker: TestBroker,
    pub(crate) address: String,
}

impl Kafka {
    pub(crate) fn start(test: &str) -> Option<Self> {
        Self::start_release("kafka", test)
    }

    /// With the jars in a folder of their own.
    pub(crate) fn start_release(folder: &str, test: &str) -> Option<Self> {
        let java = find("java", test)?;
        // Copied when all jars are there.
        let pom = fetched(&format!("../target/peers/{folder}/pom.xml"), test)?;
        // Some kill it, and its clients look for it where it was.
        let broker = TestBroker::start_at_one_address(&[]);
        let address = broker.address();
        Some(Self { java, jars: pom.with_file_name("*"), broker, address })
    }

    /// A tool by its class, below `org.apache.kafka.tools` or elsewhere.
    pub(crate) fn tool(&self, class: &str, args: &[&str]) -> Runnel {
        self.java(class, &[args, &["--bootstrap-server", &self.address]].concat())
    }

    /// A tool that wants the broker's address elsewhere.
    pub(crate) fn java(&self, class: &str, args: &[&str]) -> Runnel {
        let class = if class.starts_with("kafka.") { class.to_owned() } else { format!("{TOOLS}.{class}") };
        let mut command = Command::new(&self.java);
        // These programs are short: what they save by starting fast outweighs compiled code.
        command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-cp"]).arg(&self.jars);
        command.arg(class).args(args);
        Runnel::new(command)
    }

    #[track_caller]
    pub(crate) fn run(&self, class: &str, args: &[&str]) -> Output {
        self.tool(class, args).run().ok()
    }

    #[track_caller]
    pub(crate) fn topics(&self, args: &[&str]) -> Output {
        self.run("TopicCommand", args)
    }

    #[track_caller]
    pub(crate) fn groups(&self, args: &[&str]) -> Output {
        self.run("consumer.group.ConsumerGroupCommand", args)
    }

    /// What `kafka-configs` prints of a resource's settings: each `KEY=VALUE`.
    #[track_caller]
    fn settings(&self, args: &[&str]) -> Vec<String> {
        let output = self.run("kafka.admin.ConfigCommand", &[&["--describe"], args].concat());
        let settings = output.lines().into_iter().filter(|line| line.starts_with("  "));
        settings.map(|line| line.split_whitespace().next().unwrap_or_default().to_owned()).collect()
    }

    /// Produces lines by the console producer.
    #[track_caller]
    pub(crate) fn produce(&self, topic: &str, args: &[&str], lines: &str) {
        let idempotence = format!("enable.idempotence={IDEMPOTENT}");
        let args = [&["--topic", topic, "--producer-property", &idempotence], args].concat();
        let output = self.tool("ConsoleProducer", &args).input(lines).run().ok();
        assert!(!output.err().contains("ERROR"), "{}", output.shown());
    }

    /// So many records by the console consumer.
    #[track_caller]
    pub(crate) fn consume(&self, topic: &str, count: usize, args: &[&str]) -> Vec<String> {
        let count = count.to_string();
        let first = ["--topic", topic, "--from-beginning", "--max-messages", &count, "--timeout-ms", "30000"];
        let output = self.run("consumer.ConsoleConsumer", &[&first, args].concat());
        output.lines().into_iter().map(str::to_owned).collect()
    }

    /// A topic's offsets, `PARTITION:OFFSET`.
    #[track_caller]
    pub(crate) fn offsets(&self, topic: &str, time: &str) -> Vec<String> {
        let output = self.run("GetOffsetShell", &["--topic", topic, "--time", time]);
        let prefix = format!("{topic}:");
        output.lines().into_iter().map(|line| line.replacen(&prefix, "", 1)).collect()
    }
}

/// The rows of a table, their columns cut at spaces, without its head.
pub(crate) fn rows(output: &Output) -> Vec<Vec<String>> {
    let lines =
        output.lines().into_iter().filter(|line| !line.is_empty() && !line.contains("active members"));
    lines.skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// What the tools say where they fail; some print it on stdout and exit with 0.
#[track_caller]
pub(crate) fn complains(output: &Output, words: &str) {
    let all = format!("{}{}", output.text(), output.err());
    assert!(all.contains(words), "no {words:?}: {}", output.shown());
}

#[test]
fn topics() {
    let Some(kafka) = Kafka::start("java::topics") else { return };
    let configs = ["--config", "retention.ms=86400000", "--config", "cleanup.policy=compact"];
    let create = ["--create", "--topic", "orders", "--partitions", "3", "--replication-factor", "1"];
    let created = kafka.topics(&[&create, &configs[..]].concat());
    assert_eq!(created.text().trim(), "Created topic orders.");
    let again = kafka.tool("TopicCommand", &["--create", "--topic", "orders"]).run().exits_with(1);
    complains(&again, "exists already");
    kafka.topics(&["--create", "--topic", "orders", "--if-not-exists"]);
    kafka.topics(&["--create", "--topic", "placed", "--replica-assignment", "1,1"]);
    for (args, refusal) in [
        (["--replication-factor", "3"], "the replication factor is 3"),
        (["--config", "no.such=1"], "Unknown topic config name"),
        (["--replica-assignment", "7"], "replicas can be assigned to broker 1 alone"),
    ] {
        let bad = ["--create", "--topic", "bad"];
        complains(&kafka.tool("TopicCommand", &[&bad, &args[..]].concat()).run().exits_with(1), refusal);
    }
    assert_eq!(kafka.topics(&["--list", "--exclude-internal"]).lines(), ["orders", "placed"]);

    let described = kafka.topics(&["--describe", "--topic", "orders"]);
    let [head, partitions @ ..] = &described.lines()[..] else { panic!("{}", described.shown()) };
    assert!(head.contains("PartitionCount: 3\tReplicationFactor: 1\tConfigs: "), "{head}");
    assert!(head.contains("cleanup.policy=compact") && head.contains("retention.ms=86400000"), "{head}");
    let row = |at| {
        format!("\tTopic: orders\tPartition: {at}\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr: ")
    };
    assert_eq!(*partitions, [row(0), row(1), row(2)]);
    assert_eq!(kafka.topics(&["--describe", "--under-replicated-partitions"]).text(), "");
    assert_eq!(kafka.topics(&["--describe", "--unavailable-partitions"]).text(), "");
    let unknown = kafka.tool("TopicCommand", &["--describe", "--topic", "nosuch"]).run().exits_with(1);
    complains(&unknown, "Topic 'nosuch' does not exist as expected");

    kafka.topics(&["--alter", "--topic", "orders", "--partitions", "5"]);
    let fewer = kafka
        .tool("TopicCommand", &["--alter", "--topic", "orders", "--partitions", "2"])
        .run()
        .exits_with(1);
    complains(&fewer, "5 partitions already");
    kafka.topics(&["--delete", "--topic", "placed"]);
    assert_eq!(kafka.offsets("orders", "latest"), ["0:0", "1:0", "2:0", "3:0", "4:0"]);
    assert_eq!(kafka.topics(&["--list", "--exclude-internal"]).lines(), ["orders"]);
}

#[test]
fn configs() {
    let Some(kafka) = Kafka::start("java::configs") else { return };
    kafka.broker.runnel(["topic", "create", "orders"]).run().ok();
    let topic = ["--entity-type", "topics", "--entity-name", "orders"];
    let alter = |args: &[&str]| {
        kafka.tool("kafka.admin.ConfigCommand", &[&["--alter"], &topic[..], args].concat()).run()
    };
    assert_eq!(kafka.settings(&topic), Vec::<String>::new());
    alter(&["--add-config", "max.message.bytes=2000000,cleanup.policy=[compact,delete]"]).ok();
    assert_eq!(kafka.settings(&topic), ["cleanup.policy=compact,delete", "max.message.bytes=2000000"]);
    let all = kafka.settings(&[&topic[..], &["--all"]].concat());
    for setting in ["cleanup.policy=compact,delete", "retention.ms=604800000", "segment.bytes=1073741824"] {
        assert!(all.iter().any(|other| other == setting), "no {setting}: {all:?}");
    }
    alter(&["--delete-config", "max.message.bytes"]).ok();
    assert_eq!(kafka.settings(&topic), ["cleanup.policy=compact,delete"]);
    for bad in ["retention.ms=abc", "no.such.thing=1"] {
        complains(&alter(&["--add-config", bad]).exits_with(1), "InvalidConfigurationException");
    }
    let broker = ["--entity-type", "brokers", "--entity-name", "1"];
    let change = ["--alter", "--add-config", "log.retention.ms=1000000"];
    kafka.run("kafka.admin.ConfigCommand", &[&broker[..], &change].concat());
    assert!(kafka.settings(&broker).contains(&"log.retention.ms=1000000".to_owned()));
    let group = ["--entity-type", "groups", "--entity-name", "readers"];
    let alter = |args: &[&str]| {
        kafka.tool("kafka.admin.ConfigCommand", &[&["--alter"], &group[..], args].concat()).run()
    };
    alter(&["--add-config", "consumer.session.timeout.ms=50000,share.isolation.level=read_committed"]).ok();
    let given = ["consumer.session.timeout.ms=50000", "share.isolation.level=read_committed"];
    assert_eq!(kafka.settings(&group), given);
    assert_eq!(kafka.settings(&group[..2]), given, "of all groups");
    alter(&["--delete-config", "share.isolation.level"]).ok();
    assert_eq!(kafka.settings(&group), given[..1]);
    complains(
        &alter(&["--add-config", "consumer.session.timeout.ms=1"]).exits_with(1),
        "InvalidConfigurationException",
    );
    for nobody in ["users", "clients", "client-metrics"] {
        assert_eq!(kafka.settings(&["--entity-type", nobody]), Vec::<String>::new(), "{nobody}");
    }
}

#[test]
fn records() {
    let Some(kafka) = Kafka::start("java::records") else { return };
    let mut expected = Vec::new();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let parsed = ["parse.key=true", "parse.headers=true", "key.separator=|", "null.marker=NULL"];
        let properties = parsed.map(|property| ["--property", property]).concat();
        let mut lines: Vec<String> =
            (0..500).map(|at| format!("at:{at},codec:{codec}\tkey {}|{codec} {at}", at % 7)).collect();
        lines.push(format!("b:1,a:NULL,b:2\tNULL|{codec} without a key"));
        lines.push("b:1\ttombstone|NULL".to_owned());
        kafka.produce(
            "orders",
            &[&["--compression-codec", codec], &properties[..]].concat(),
            &lines.join("\n"),
        );
        expected.extend(lines.iter().map(|line| line.replace('|', "\t").replace("NULL", "null")));
    }
    // Alone in its millisecond.
    kafka.produce("orders", &[], "last");
    expected.push("NO_HEADERS\tnull\tlast".to_owned());
    let shown = ["print.key=true", "print.headers=true", "print.offset=false", "print.partition=false"];
    let properties = shown.map(|property| ["--property", property]).concat();
    let found = kafka.consume("orders", expected.len(), &[&["--group", "readers"], &properties[..]].concat());
    assert_eq!(found, expected);

    assert_eq!(kafka.offsets("orders", "earliest"), ["0:0"]);
    assert_eq!(kafka.offsets("orders", "latest"), [format!("0:{}", expected.len())]);
    assert_eq!(kafka.offsets("orders", "max-timestamp"), [format!("0:{}", expected.len() - 1)]);
    assert_eq!(kafka.offsets("orders", "1000"), ["0:0"]);
    assert_eq!(kafka.offsets("orders", "earliest-local"), ["0:0"]);

    let delete = |offset: i64| {
        let plan =
            format!(r#"{{"version":1,"partitions":[{{"topic":"orders","partition":0,"offset":{offset}}}]}}"#);
        let file = kafka.broker.home().write("plan.json", plan);
        kafka.run("DeleteRecordsCommand", &["--offset-json-file", file.to_str().unwrap()])
    };
    complains(&delete(1000), "low_watermark: 1000");
    complains(&delete(100_000), "OffsetOutOfRangeException");
    assert_eq!(kafka.offsets("orders", "earliest"), ["0:1000"]);
    assert_eq!(
        kafka.consume("orders", 1, &["--property", "print.offset=true"]),
        [format!("Offset:1000\t{}", expected[1000].rsplit('\t').next().unwrap())]
    );

    let described = kafka.run("LogDirsCommand", &["--describe", "--topic-list", "orders"]);
    let described: Value = serde_json::from_str(described.lines()[2]).unwrap();
    let log_dir = &described["brokers"][0]["logDirs"][0];
    assert_eq!(log_dir["partitions"][0]["partition"], "orders-0");
    assert!(log_dir["partitions"][0]["size"].as_i64().unwrap() > 10_000, "{described}");
}

#[test]
fn groups() {
    let Some(kafka) = Kafka::start("java::groups") else { return };
    kafka.broker.runnel(["topic", "create", "orders", "-p", "2"]).run().ok();
    for partition in ["0", "1"] {
        kafka.broker.runnel(["produce", "orders", "-p", partition]).input("a\nb\nc").run().ok();
    }
    kafka.consume("orders", 6, &["--group", "readers"]);
    assert_eq!(kafka.groups(&["--list"]).text().trim(), "readers");
    assert_eq!(rows(&kafka.groups(&["--list", "--state"])), [["readers", "Empty"]]);
    assert_eq!(rows(&kafka.groups(&["--list", "--type", "classic"])), [["readers", "Classic"]]);
    assert_eq!(rows(&kafka.groups(&["--list", "--state", "stable"])), Vec::<Vec<String>>::new());
    let offsets = |args: &[&str]| {
        let described = kafka.groups(&[&["--describe", "--group", "readers"], args].concat());
        rows(&described).into_iter().map(|row| row[..6].join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(offsets(&[]), ["readers orders 0 3 3 0", "readers orders 1 3 3 0"]);
    let state = kafka.groups(&["--describe", "--group", "readers", "--state"]);
    assert_eq!(rows(&state), [["readers", &kafka.address, "(1)", "-", "Empty", "0"]]);
    complains(&kafka.groups(&["--describe", "--group", "nosuch"]), "GroupIdNotFoundException");

    let reset = |args: &[&str]| {
        let output = kafka.groups(&[&["--reset-offsets", "--group", "readers"], args].concat());
        rows(&output).into_iter().map(|row| row[1..].join(" ")).collect::<Vec<_>>()
    };
    let earliest = ["orders 0 0", "orders 1 0"];
    assert_eq!(reset(&["--all-topics", "--to-earliest", "--dry-run"]), earliest);
    assert_eq!(offsets(&[])[0], "readers orders 0 3 3 0", "a dry run changes nothing");
    assert_eq!(reset(&["--topic", "orders:1", "--to-offset", "1", "--execute"]), ["orders 1 1"]);
    assert_eq!(reset(&["--topic", "orders", "--shift-by", "-1", "--execute"]), ["orders 0 2", "orders 1 0"]);
    assert_eq!(offsets(&[]), ["readers orders 0 2 3 1", "readers orders 1 0 3 3"]);
    let past = ["--all-topics", "--to-datetime", "2020-01-01T00:00:00.000", "--execute"];
    assert_eq!(reset(&past), earliest);
    assert_eq!(kafka.consume("orders", 6, &["--group", "readers"]).len(), 6);

    let deleted = kafka.groups(&["--delete-offsets", "--group", "readers", "--topic", "orders:0"]);
    complains(&deleted, "Successful");
    assert_eq!(offsets(&[]), ["readers orders 1 3 3 0"]);
    complains(&kafka.groups(&["--delete", "--group", "readers"]), "('readers') was successful");
    complains(&kafka.groups(&["--delete", "--group", "readers"]), "GroupIdNotFoundException");
    assert_eq!(rows(&kafka.run("GroupsCommand", &["--list"])), Vec::<Vec<String>>::new());
}

#[test]
fn cluster() {
    let Some(kafka) = Kafka::start("java::cluster") else { return };
    kafka.broker.runnel(["topic", "create", "orders", "-p", "2"]).run().ok();
    let versions = kafka.run("BrokerApiVersionsCommand", &[]);
    for api in ["Produce(0): 0 to 13 [usable: 13]", "Metadata(3): 0 to 13 [usable: 13]"] {
        complains(&versions, api);
    }
    complains(&kafka.tool("AclCommand", &["--list"]).run().exits_with(1), "SecurityDisabledException");
    let add = ["--add", "--allow-principal", "User:a", "--operation", "Read", "--topic", "orders"];
    complains(&kafka.tool("AclCommand", &add).run().exits_with(1), "SecurityDisabledException");
    let elect = ["--election-type", "preferred", "--topic", "orders", "--partition", "0"];
    complains(&kafka.run("LeaderElectionCommand", &elect), "already elected for partitions orders-0");
    kafka.run("LeaderElectionCommand", &["--election-type", "preferred", "--all-topic-partitions"]);
    let reassign = "reassign.ReassignPartitionsCommand";
    complains(&kafka.run(reassign, &["--list"]), "No partition reassignments found.");
    let file = kafka.broker.home().write("topics.json", r#"{"topics":[{"topic":"orders"}],"version":1}"#);
    let generate = ["--generate", "--topics-to-move-json-file", file.to_str().unwrap(), "--broker-list", "1"];
    complains(&kafka.run(reassign, &generate), r#"{"topic":"orders","partition":1,"replicas":[1]"#);
    let id = kafka.broker.runnel(["cluster", "info", "-o", "json"]).run().ok().json()["cluster_id"].clone();
    let told = kafka.run("ClusterTool", &["cluster-id"]);
    assert_eq!(told.text().trim(), format!("Cluster ID: {}", id.as_str().expect("an id")));
    assert_eq!(kafka.run("ClientMetricsCommand", &["--list"]).text().trim(), "");
}

/// The events of a verifiable client, one JSON object a line.
fn events<'a>(output: &'a [Value], name: &str) -> Vec<&'a Value> {
    output.iter().filter(|event| event["name"] == name).collect()
}

#[test]
fn verifiable_clients() {
    let Some(kafka) = Kafka::start("java::verifiable_clients") else { return };
    verify(&kafka);
}

#[test]
fn release_3_9() {
    let Some(kafka) = Kafka::start_release("java3", "java::release_3_9") else { return };
    verify(&kafka);
    assert_eq!(kafka.offsets("numbers", "earliest"), ["0:0", "1:0", "2:0"]);
    assert_eq!(kafka.consume("numbers", 2000, &["--group", "readers"]).len(), 2000);
    let described = kafka.groups(&["--describe", "--group", "readers"]);
    let lags: Vec<_> = rows(&described).into_iter().map(|row| row[5].clone()).collect();
    assert_eq!(lags, ["0", "0", "0"]);
    kafka.topics(&[
        "--create",
        "--topic",
        "orders",
        "--partitions",
        "2",
        "--config",
        "retention.ms=86400000",
    ]);
    let described = kafka.topics(&["--describe", "--topic", "orders"]);
    complains(&described, "PartitionCount: 2\tReplicationFactor: 1\tConfigs: retention.ms=86400000");
    kafka.topics(&["--delete", "--topic", "orders"]);
    assert_eq!(kafka.topics(&["--list", "--exclude-internal"]).lines(), ["numbers"]);
}

/// Numbers go in and come out, each once.
#[track_caller]
fn verify(kafka: &Kafka) {
    kafka.broker.runnel(["topic", "create", "numbers", "-p", "3"]).run().ok();
    let config = kafka.broker.home().write(
        "producer.properties",
        format!("enable.idempotence={IDEMPOTENT}\nretries=10\ncompression.type=lz4\n"),
    );
    let produce = ["--topic", "numbers", "--max-messages", "2000", "--repeating-keys", "10"];
    let produced = kafka.run(
        "VerifiableProducer",
        &[&produce[..], &["--producer.config", config.to_str().unwrap()]].concat(),
    );
    let produced = produced.json_lines();
    let acknowledged = events(&produced, "producer_send_success");
    assert_eq!(acknowledged.len(), 2000);
    assert_eq!(events(&produced, "tool_data")[0]["acked"], 2000);

    let consume = ["--topic", "numbers", "--group-id", "verify", "--max-messages", "2000", "--verbose"];
    let consumed = kafka.run("VerifiableConsumer", &consume).json_lines();
    let place = |event: &Value| {
        (
            event["partition"].as_i64().unwrap(),
            event["offset"].as_i64().unwrap(),
            event["value"].as_str().unwrap().to_owned(),
        )
    };
    let sorted = |events: Vec<&Value>| {
        let mut places: Vec<_> = events.into_iter().map(place).collect();
        places.sort_unstable();
        places
    };
    assert_eq!(sorted(events(&consumed, "record_data")), sorted(acknowledged));
    let commits = events(&consumed, "offsets_committed");
    assert!(!commits.is_empty() && commits.iter().all(|commit| commit["success"] == true), "{commits:?}");
    let told = kafka.broker.runnel(["group", "describe", "verify", "-o", "json"]).run().ok().json();
    assert_eq!(told[0]["lag"], 0, "{told}");
}

impl Kafka {
    /// Fills the topic `in` with numbers, and returns them.
    fn fill(&self, count: usize) -> Vec<String> {
        self.broker.runnel(["topic", "create", "in"]).run().ok();
        self.broker.runnel(["topic", "create", "out"]).run().ok();
        let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        self.broker.runnel(["produce", "in"]).input(numbers.join("\n")).run().ok();
        numbers
    }

    /// Copies `in` to `out` in transactions, some of which are given up at random.
    fn copier(&self, count: usize, transaction_size: usize) -> Runnel {
        let (count, size) = (count.to_string(), transaction_size.to_string());
        let copy = ["--input-topic", "in", "--input-partition", "0", "--output-topic", "out"];
        let manner = ["--transactional-id", "copier", "--consumer-group", "copy", "--enable-random-aborts"];
        let much = ["--max-messages", &count, "--transaction-size", &size, "--use-group-metadata"];
        let to = ["--broker-list", &self.address];
        self.java("TransactionalMessageCopier", &[&copy[..], &manner, &much, &to].concat())
    }

    /// The rows that `kafka-transactions` prints.
    #[track_caller]
    fn transactions(&self, args: &[&str]) -> Vec<Vec<String>> {
        let args = [&["--bootstrap-server", &self.address], args].concat();
        rows(&self.java("TransactionsCommand", &args).run().ok())
    }

    /// The copier's epoch: with version 2 it has risen with each transaction.
    fn copiers_epoch(&self) -> usize {
        let described = self.transactions(&["describe", "--transactional-id", "copier"]);
        assert_eq!(described[0][4..6], ["CompleteCommit", "60000"]);
        described[0][3].parse().expect("an epoch")
    }

    /// `kafka-features`.
    fn features(&self, args: &[&str]) -> Output {
        self.java("FeatureCommand", &[&["--bootstrap-server", &self.address], args].concat()).run()
    }
}

/// Each record comes out once for those who read what is committed.
#[test]
fn transactions() {
    let Some(kafka) = Kafka::start("java::transactions") else { return };
    let numbers = kafka.fill(500);
    complains(&kafka.copier(500, 50).run().ok(), r#""stage":"ShutdownComplete""#);
    assert_eq!(kafka.consume("out", 500, &["--isolation-level", "read_committed"]), numbers);
    assert_eq!(kafka.offsets("in", "latest"), ["0:500"]);
    let committed = kafka.broker.runnel(["consume", "out", "-e"]).run().ok();
    assert_eq!(committed.lines(), numbers);

    let described = kafka.groups(&["--describe", "--group", "copy"]);
    assert_eq!(rows(&described)[0][2..6], ["0", "500", "500", "0"]);
    let listed = kafka.transactions(&["list"]);
    assert_eq!([&listed[0][0], &listed[0][3]], ["copier", "CompleteCommit"]);
    let epoch = kafka.copiers_epoch();
    assert!(epoch >= 10, "version 2: {epoch}");
    let producers = kafka.transactions(&["describe-producers", "--topic", "out", "--partition", "0"]);
    assert_eq!((producers[0][0] == listed[0][2], &*producers[0][5]), (true, "None"));
}

/// The same through crashes: the broker is killed again and again, mostly in the middle of a transaction.
#[test]
fn transactions_while_the_broker_is_bounced() {
    let Some(mut kafka) = Kafka::start("java::transactions_while_the_broker_is_bounced") else { return };
    let numbers = kafka.fill(2_000);
    let mut copier = kafka.copier(2_000, 20).spawn();
    for reached in [100, 700, 1_300] {
        eventually("a part of the copy", || {
            assert!(!copier.has_ended(), "{}", copier.wait().shown());
            let copied = kafka.broker.runnel(["consume", "out", "-e"]).run().ok().lines().len();
            if copied >= reached { Ok(()) } else { Err(copied.to_string()) }
        });
        kafka.broker.start_again();
    }
    complains(&copier.wait().ok(), r#""stage":"ShutdownComplete""#);
    assert_eq!(kafka.broker.consume("out").lines(), numbers);
    let epoch = kafka.copiers_epoch();
    assert!(epoch >= 100, "version 2: {epoch}");
}

/// Clients that know version 1 alone go on by it, beside others.
#[test]
fn transactions_of_release_3_9() {
    let Some(kafka) = Kafka::start_release("java3", "java::transactions_of_release_3_9") else { return };
    let numbers = kafka.fill(200);
    complains(&kafka.copier(200, 20).run().ok(), r#""stage":"ShutdownComplete""#);
    assert_eq!(kafka.broker.consume("out").lines(), numbers);
    assert_eq!(kafka.copiers_epoch(), 0);
}

/// An operator finalizes features, and producers go by that.
#[test]
fn features() {
    let Some(kafka) = Kafka::start("java::features") else { return };
    let level = |level, epoch| {
        format!(
            "Feature: transaction.version\tSupportedMinVersion: 0\tSupportedMaxVersion: 2\t\
             FinalizedVersionLevel: {level}\tEpoch: {epoch}"
        )
    };
    complains(&kafka.features(&["describe"]).ok(), &level(2, 0));
    let lower = ["--feature", "transaction.version=1"];
    complains(&kafka.features(&[&["upgrade"], &lower[..]].concat()).exits_with(1), "ask for a downgrade");
    let unknown = kafka.features(&["upgrade", "--feature", "no.such=1"]).exits_with(1);
    complains(&unknown, "there is no such feature");
    kafka.features(&[&["downgrade", "--dry-run"], &lower[..]].concat()).ok();
    complains(&kafka.features(&["describe"]).ok(), &level(2, 0));
    kafka.features(&[&["downgrade"], &lower[..]].concat()).ok();
    complains(&kafka.features(&["describe"]).ok(), &level(1, 1));

    let numbers = kafka.fill(100);
    complains(&kafka.copier(100, 20).run().ok(), r#""stage":"ShutdownComplete""#);
    assert_eq!(kafka.copiers_epoch(), 0, "version 1");
    kafka.features(&["upgrade", "--feature", "transaction.version=2"]).ok();
    complains(&kafka.features(&["describe"]).ok(), &level(2, 2));
    assert_eq!(kafka.broker.consume("out").lines(), numbers);
}

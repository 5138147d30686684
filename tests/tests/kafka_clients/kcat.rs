//! kcat, as Debian has it: an old librdkafka, which switches features on by exact versions.

use std::path::PathBuf;
use std::process::Command;

use runnel_proto::records::Compression;
use runnel_tests::clients;
use runnel_tests::harness::{Output, Runnel, TestBroker};
use serde_json::{Value, json};

/// kcat and a broker for it to talk to.
struct Kcat {
    program: PathBuf,
    broker: TestBroker,
    address: String,
}

impl Kcat {
    fn start(test: &str) -> Option<Self> {
        let program = clients::find("kcat", test)?;
        let broker = TestBroker::start();
        let address = broker.address();
        Some(Self { program, broker, address })
    }

    fn command(&self, args: &[&str]) -> Runnel {
        let mut command = Command::new(&self.program);
        command.args(["-b", &self.address]).args(args);
        Runnel::new(command)
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> Output {
        self.command(args).run().ok()
    }

    /// Produces lines, and expects that all of them were taken.
    #[track_caller]
    fn produce(&self, args: &[&str], lines: impl Into<Vec<u8>>) {
        let output =
            self.command(&[&["-P", "-X", "message.timeout.ms=20000"], args].concat()).input(lines).run();
        output.ok().quiet();
    }

    /// What a topic holds, as JSON, one value a record.
    #[track_caller]
    fn records(&self, topic: &str, args: &[&str]) -> Vec<Value> {
        let read = ["-C", "-e", "-q", "-J", "-X", "check.crcs=true", "-t", topic];
        self.run(&[&read, args].concat()).json_lines()
    }
}

fn payloads(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["payload"].as_str().expect("a value")).collect()
}

#[test]
fn all_codecs() {
    let Some(kcat) = Kcat::start("kcat::all_codecs") else { return };
    let lines: Vec<String> =
        (0..5000).map(|at| format!("line {at}, {} after the last one", at * 31 % 977)).collect();
    for codec in Compression::ALL.map(|codec| codec.to_string()) {
        let topic = format!("in-{codec}");
        kcat.produce(&["-t", &topic, "-z", &codec], lines.join("\n"));
        assert_eq!(payloads(&kcat.records(&topic, &[])), lines, "{codec}");
        let stored = kcat.broker.client().records(&topic, 0);
        let codecs: Vec<_> = stored.iter().map(|record| record.compression.to_string()).collect();
        // A batch that the codec does not make smaller is sent as it is.
        assert!(codecs.contains(&codec), "{codec}: {codecs:?}");
        assert!(codecs.iter().all(|stored| *stored == codec || stored == "none"), "{codec}: {codecs:?}");
    }
}

#[test]
fn keys_nulls_and_headers() {
    let Some(kcat) = Kcat::start("kcat::keys_nulls_and_headers") else { return };
    let headers = ["-H", "b=1", "-H", "a=2", "-H", "b=3", "-H", "empty="];
    kcat.produce(
        &[&["-t", "odd", "-K", ":", "-Z"], &headers[..]].concat(),
        "key:value\ntombstone:\n:no key\n",
    );
    let told: Vec<Value> = kcat
        .records("odd", &[])
        .into_iter()
        .map(|record| json!([record["offset"], record["key"], record["payload"], record["headers"]]))
        .collect();
    let headers = json!(["b", "1", "a", "2", "b", "3", "empty", ""]);
    let expected = [
        json!([0, "key", "value", headers]),
        json!([1, "tombstone", null, headers]),
        json!([2, null, "no key", headers]),
    ];
    assert_eq!(told, expected);
    let whole = "every byte counts: \u{0}\t\u{7f}ü";
    let file = kcat.broker.home().write("whole", whole);
    kcat.produce(&["-t", "files", "-k", "name", file.to_str().unwrap()], "");
    assert_eq!(payloads(&kcat.records("files", &[])), [whole]);
}

#[test]
fn offsets_by_time_and_by_count() {
    let Some(kcat) = Kcat::start("kcat::offsets_by_time_and_by_count") else { return };
    kcat.produce(&["-t", "times", "-z", "lz4"], "0\n1\n2\n3\n4");
    let first = kcat.records("times", &[]);
    let last_ms = first.iter().filter_map(|record| record["ts"].as_i64()).max().unwrap();
    kcat.broker.runnel(["produce", "times"]).input("5\n6\n7").run().ok();
    // Whatever the clocks did, what came later lies after this moment, or a moment later.
    let later = kcat.records("times", &["-o", &format!("s@{}", last_ms + 1)]);
    assert_eq!(payloads(&later), ["5", "6", "7"]);
    assert_eq!(payloads(&kcat.records("times", &["-o", "-2"])), ["6", "7"]);
    assert_eq!(payloads(&kcat.records("times", &["-o", "3", "-c", "2"])), ["3", "4"]);
    let query = |at: &str| kcat.run(&["-Q", "-t", &format!("times:0:{at}")]).text().trim().to_owned();
    assert_eq!(query("-2"), "times [0] offset 0");
    assert_eq!(query("-1"), "times [0] offset 8");
    assert_eq!(query("0"), "times [0] offset 0");
    assert_eq!(query(&(last_ms + 1).to_string()), "times [0] offset 5");
    assert_eq!(query(&(last_ms + 3_600_000).to_string()), "times [0] offset -1");
}

#[test]
fn groups_share_and_resume() {
    let Some(kcat) = Kcat::start("kcat::groups_share_and_resume") else { return };
    kcat.broker.runnel(["topic", "create", "shared", "-p", "4"]).run().ok();
    let member = |count: &str| {
        let settings = ["-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=10000"];
        let formed = ["-c", count, "-f", "%p %o %s\n", "-q"];
        kcat.command(&[&["-G", "readers"], &settings[..], &formed, &["shared"]].concat())
    };
    // Twice, so that the second member's start is what the first one's end left.
    for round in 0..2 {
        for partition in 0..4 {
            let lines: Vec<String> = (0..100).map(|at| format!("{round}/{partition}/{at}")).collect();
            kcat.produce(&["-t", "shared", "-p", &partition.to_string()], lines.join("\n"));
        }
        let output = member("400").run().ok();
        let mut read: Vec<(usize, usize, String)> = output
            .lines()
            .iter()
            .map(|line| {
                let [partition, offset, value] = line.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("odd line {line:?}")
                };
                (partition.parse().unwrap(), offset.parse().unwrap(), value.to_owned())
            })
            .collect();
        // Each partition's order is kept: sorting by partition alone restores the whole.
        read.sort_by_key(|(partition, ..)| *partition);
        let expected: Vec<_> = (0..4)
            .flat_map(|partition| {
                (0..100).map(move |at| (partition, round * 100 + at, format!("{round}/{partition}/{at}")))
            })
            .collect();
        assert_eq!(read, expected);
    }
    let lag = kcat.broker.runnel(["group", "describe", "readers", "-o", "json"]).run().ok().json();
    assert_eq!(lag[0]["lag"], 0, "{lag}");
}

#[test]
fn metadata() {
    let Some(kcat) = Kcat::start("kcat::metadata") else { return };
    kcat.broker.runnel(["topic", "create", "orders", "-p", "3"]).run().ok();
    let told = kcat.run(&["-L", "-J"]).json();
    assert_eq!(told["brokers"], json!([{"id": 1, "name": kcat.address}]));
    assert_eq!(told["controllerid"], 1);
    let topics = told["topics"].as_array().unwrap();
    let orders = topics.iter().find(|topic| topic["topic"] == "orders").expect("it is listed");
    let partition =
        |at: i32| json!({"partition": at, "leader": 1, "replicas": [{"id": 1}], "isrs": [{"id": 1}]});
    assert_eq!(orders["partitions"], json!([partition(0), partition(1), partition(2)]));
    let told = kcat.run(&["-L", "-t", "orders"]);
    assert!(told.text().contains("topic \"orders\" with 3 partitions:"), "{}", told.shown());
}

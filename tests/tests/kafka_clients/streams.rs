//! Kafka Streams: words are counted by a program of ours that is killed, on a broker that is killed, and each count comes
//! out once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use runnel_tests::clients::find;
use runnel_tests::harness::{Process, Runnel, TestBroker, eventually};
use serde_json::Value;

use crate::jvm::Jvm;

const PARTITIONS: usize = 4;
const REPARTITION: &str = "word-count-counts-repartition";
const CHANGELOG: &str = "word-count-counts-changelog";

/// Counts, as they came out: for each word all that was told of it, in order.
type Counts = BTreeMap<String, Vec<usize>>;

struct WordCount {
    jvm: Jvm,
    kcat: PathBuf,
    broker: TestBroker,
    address: String,
    fed: Counts,
}

impl WordCount {
    fn start(test: &str) -> Option<Self> {
        let jvm = Jvm::find("streams", "WordCount.java", test)?;
        let kcat = find("kcat", test)?;
        let broker = TestBroker::start_at_one_address(&[]);
        let address = broker.address();
        broker.runnel(["topic", "create", "lines", "-p", &PARTITIONS.to_string()]).run().ok();
        broker.runnel(["topic", "create", "counts", "-p", "2"]).run().ok();
        Some(Self { jvm, kcat, broker, address, fed: Counts::new() })
    }

    /// An instance that is at work.
    fn instance(&self, guarantee: &str) -> Process {
        let state = self.broker.home().path().join("state");
        let args = [&*self.address, guarantee, state.to_str().expect("a short path")];
        let instance = self.jvm.program("WordCount", &args).spawn();
        eventually("an instance at work", || {
            let states = String::from_utf8_lossy(&instance.stdout()).into_owned();
            if states.contains("RUNNING") { Ok(()) } else { Err(instance.shown()) }
        });
        instance
    }

    /// Produces so many lines of three words.
    fn feed(&mut self, lines: usize) {
        let mut text = String::new();
        for at in 0..lines {
            let words = [format!("a{}", at % 7), format!("b{}", at % 11), format!("c{}", at % 13)];
            text += &(words.join(" ") + "\n");
            for word in words {
                let counts = self.fed.entry(word).or_default();
                counts.push(counts.len() + 1);
            }
        }
        self.broker.produce("lines", text);
    }

    /// What is committed of the counts.
    fn counts(&self) -> Counts {
        let mut command = Command::new(&self.kcat);
        command.args(["-b", &self.address, "-C", "-e", "-q", "-t", "counts", "-f", "%k %s\n"]);
        command.args(["-X", "isolation.level=read_committed"]);
        let mut counts = Counts::new();
        for line in Runnel::new(command).run().ok().lines() {
            let (word, count) = line.split_once(' ').expect("a word and its count");
            counts.entry(word.to_owned()).or_default().push(count.parse().expect("a number"));
        }
        counts
    }

    /// Waits until as many counts are committed as words were fed.
    fn wait_for_all(&self, instance: &Process) -> Counts {
        eventually("all counts", || {
            let counts = self.counts();
            let (found, wanted) = (total(&counts), total(&self.fed));
            if found >= wanted {
                Ok(counts)
            } else {
                Err(format!("{found} of {wanted}; {}", instance.shown()))
            }
        })
    }

    fn wait_for_more_than(&self, count: usize, instance: &Process) {
        eventually("more counts", || {
            let found = total(&self.counts());
            if found > count { Ok(()) } else { Err(format!("{found}; {}", instance.shown())) }
        });
    }

    /// How a topic was made: its settings that are no defaults, `KEY=VALUE`.
    fn settings(&self, topic: &str) -> Vec<String> {
        let configs = self.describe(topic)["configs"].clone();
        let configs = configs.as_object().expect("a topic has settings");
        configs.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
    }

    /// Where a topic's partitions start.
    fn starts(&self, topic: &str) -> Vec<i64> {
        let described = self.describe(topic);
        let partitions = described["partitions"].as_array().expect("a topic has partitions");
        partitions.iter().filter_map(|partition| partition["log_start_offset"].as_i64()).collect()
    }

    fn describe(&self, topic: &str) -> Value {
        self.broker.runnel(["topic", "describe", topic, "-o", "json"]).run().ok().json()[0].clone()
    }
}

fn total(counts: &Counts) -> usize {
    counts.values().map(Vec::len).sum()
}

/// Stops an instance as its owner would.
fn stop(mut instance: Process) {
    instance.close_stdin();
    let output = instance.wait().ok();
    assert!(output.text().ends_with("NOT_RUNNING\n"), "{}", output.shown());
}

/// An instance is killed, then the broker, each in the middle of its work: every word is counted once, in order, and so
/// told to those who read what is committed.
#[test]
fn exactly_once() {
    let Some(mut words) = WordCount::start("streams::exactly_once") else { return };
    words.feed(1000);
    let mut killed = words.instance("exactly_once_v2");
    words.wait_for_more_than(0, &killed);
    words.feed(1000);
    killed.kill();
    let before = total(&words.counts());
    words.feed(1000);
    let instance = words.instance("exactly_once_v2");
    words.wait_for_more_than(before, &instance);
    words.feed(1000);
    words.broker.kill();
    words.broker.start_again();
    words.feed(1000);
    assert_eq!(words.wait_for_all(&instance), words.fed);

    // As Streams makes its own topics, and purges what it has read.
    assert_eq!(words.settings(CHANGELOG), ["cleanup.policy=compact", "message.timestamp.type=CreateTime"]);
    let repartition = ["cleanup.policy=delete", "message.timestamp.type=CreateTime"];
    let kept = ["retention.ms=-1", "segment.bytes=52428800"];
    assert_eq!(words.settings(REPARTITION), [repartition, kept].concat());
    assert_eq!(words.starts(CHANGELOG), [0; PARTITIONS]);
    eventually("a purge", || {
        let starts = words.starts(REPARTITION);
        let purged = starts.len() == PARTITIONS && !starts.contains(&0);
        if purged { Ok(()) } else { Err(format!("{starts:?}")) }
    });

    stop(instance);
    assert_eq!(words.counts(), words.fed);
}

/// Nothing is killed, so nothing is counted twice.
#[test]
fn at_least_once() {
    let Some(mut words) = WordCount::start("streams::at_least_once") else { return };
    words.feed(1000);
    let first = words.instance("at_least_once");
    words.wait_for_all(&first);
    stop(first);
    words.feed(1000);
    let second = words.instance("at_least_once");
    assert_eq!(words.wait_for_all(&second), words.fed);
    stop(second);
    // By Streams' own protocol of the classic kind; members of Streams leave without a word.
    let group = words.broker.runnel(["group", "describe", "word-count", "-o", "json"]).run().ok().json();
    let assigned = &group[0]["members"][0]["assignment"];
    assert_eq!(
        (&group[0]["protocol"], assigned.as_array().map(Vec::len)),
        (&"stream".into(), Some(2)),
        "{group}"
    );
}

//! Share groups (KIP-932) as Kafka's own clients and tools of 4.1 speak of them.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use runnel_tests::harness::{Output, Process, eventually};
use serde_json::Value;

use crate::java::{Kafka, complains, rows};

impl Kafka {
    #[track_caller]
    fn share_groups(&self, args: &[&str]) -> Output {
        self.run("consumer.group.ShareGroupCommand", args)
    }

    /// Waits until so many members have begun with so many partitions of a group: what is produced from now on they get.
    #[track_caller]
    fn share_group_begins(&self, group: &str, members: usize, partitions: usize) {
        eventually("the group begins", || {
            // Until somebody has joined there is no group, and the command fails.
            let told = self.broker.runnel(["group", "describe", group, "-o", "json"]).run().json();
            let rows = told[0]["partitions"].as_array().into_iter().flatten();
            let begun = rows.filter(|row| row["committed_offset"].is_i64()).count();
            let joined = told[0]["members"].as_array().map_or(0, Vec::len);
            if (joined, begun) == (members, partitions) { Ok(()) } else { Err(told.to_string()) }
        });
    }

    fn lag(&self, group: &str) -> Value {
        let told = self.broker.runnel(["group", "list", "-o", "json"]).run().ok().json();
        let rows = told.as_array().cloned().unwrap_or_default();
        rows.into_iter().find(|row| row["group"] == group).map_or(Value::Null, |row| row["lag"].clone())
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_unstable();
    lines
}

/// Console consumers share what comes; the tools tell of their group, and so does `runnel group`.
#[test]
fn a_share_group() {
    let Some(mut kafka) = Kafka::start("share::a_share_group") else { return };
    kafka.broker.runnel(["topic", "create", "orders", "-p", "2"]).run().ok();
    kafka.broker.produce("orders", "before");
    let consume = || {
        let args = ["--topic", "orders", "--group", "readers", "--timeout-ms", "20000"];
        kafka.tool("consumer.ConsoleShareConsumer", &args).spawn()
    };
    let mut members = [consume(), consume(), consume()];
    kafka.share_group_begins("readers", 3, 2);
    let numbers: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
    for (number, lines) in numbers.chunks(10).enumerate() {
        let partition = (number % 2).to_string();
        kafka.broker.runnel(["produce", "orders", "-p", &partition]).input(lines.join("\n")).run().ok();
    }
    let read = |members: &[Process]| {
        let text: String =
            members.iter().map(|member| String::from_utf8(member.stdout()).expect("text")).collect();
        sorted(text.lines().map(str::to_owned).collect())
    };
    eventually("all records are read once", || {
        let lines = read(&members);
        if lines == numbers { Ok(()) } else { Err(format!("{lines:?}")) }
    });
    assert_eq!(rows(&kafka.share_groups(&["--list", "--state"])), [["readers", "Stable"]]);
    let state = kafka.share_groups(&["--describe", "--group", "readers", "--state"]);
    assert_eq!(rows(&state), [["readers", &kafka.address, "(1)", "Stable", "3"]]);
    let joined = kafka.share_groups(&["--describe", "--group", "readers", "--members"]);
    assert_eq!(rows(&joined).len(), 3, "{}", joined.shown());
    assert_eq!(rows(&kafka.run("GroupsCommand", &["--list"])), [["readers", "Share", "share"]]);
    eventually("all is acknowledged", || {
        let lag = kafka.lag("readers");
        if lag == 0 { Ok(()) } else { Err(lag.to_string()) }
    });
    for member in &mut members {
        member.signal(Signal::SIGTERM);
        member.wait();
    }
    let ends: Vec<_> = rows(&kafka.run("GetOffsetShell", &["--topic", "orders"]));
    let offsets = rows(&kafka.share_groups(&["--describe", "--group", "readers"]));
    assert_eq!(offsets.len(), 2, "{ends:?}");
    assert!(offsets.iter().all(|row| row[..2] == ["readers", "orders"]), "{offsets:?}");
    let starts: i64 = offsets.iter().map(|row| row[3].parse::<i64>().expect("an offset")).sum();
    assert_eq!(starts, 41);
    let told = kafka.broker.runnel(["group", "list", "-o", "json"]).run().ok().json();
    assert_eq!((&told[0]["type"], &told[0]["state"]), (&"share".into(), &"empty".into()), "{told}");
    // The rows in the log are Kafka's, byte for byte.
    let offsets = kafka.broker.partition_dir("__consumer_offsets", 0);
    kafka.broker.stop();
    let segment = offsets.join("00000000000000000000.log").display().to_string();
    let dump = ["--files", &segment, "--offsets-decoder"];
    let rows_of_groups = kafka.java("kafka.tools.DumpLogSegments", &dump).run().ok();
    for (kind, field) in [
        ("10", "\"subscribedTopicNames\":[\"orders\"]"),
        ("11", "\"metadataHash\":"),
        ("12", "\"assignmentEpoch\":"),
        ("13", "\"topicPartitions\":[{"),
        ("14", "\"assignedPartitions\":[{"),
    ] {
        let is_row = |line: &&str| line.contains(&format!("\"type\":\"{kind}\"")) && line.contains(field);
        assert!(rows_of_groups.lines().iter().any(is_row), "{kind}: {}", rows_of_groups.shown());
    }
    kafka.broker.start_again();
    let deleted = kafka.share_groups(&["--delete", "--group", "readers"]);
    complains(&deleted, "'readers'");
    assert_eq!(kafka.share_groups(&["--list"]).text().trim(), "");
}

/// What a verifiable consumer has read, and what of it was acknowledged, by offset.
fn events(consumer: &Process) -> (Vec<String>, Vec<i64>) {
    let text = String::from_utf8(consumer.stdout()).expect("text");
    let (mut read, mut acknowledged) = (Vec::new(), Vec::new());
    for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if event["name"] == "record_data" {
            read.push(event["value"].as_str().unwrap_or_default().to_owned());
        }
        if event["name"] == "offsets_acknowledged" && event["success"] == true {
            let partitions = event["partitions"].as_array().into_iter().flatten();
            let offsets = partitions.flat_map(|row| row["offsets"].as_array().cloned().unwrap_or_default());
            acknowledged.extend(offsets.filter_map(|offset| offset.as_i64()));
        }
    }
    (read, acknowledged)
}

/// Two members share a partition while the broker is killed again and again: every record is read, and none is read again
/// once it was acknowledged.
#[test]
fn acknowledged_records_survive_kills() {
    let Some(mut kafka) = Kafka::start("share::acknowledged_records_survive_kills") else { return };
    kafka.broker.runnel(["topic", "create", "orders"]).run().ok();
    let args = ["--topic", "orders", "--group-id", "readers", "--acknowledgement-mode", "sync", "--verbose"];
    let consumers = [(); 2].map(|()| kafka.tool("VerifiableShareConsumer", &args).spawn());
    kafka.share_group_begins("readers", 2, 1);
    for round in 0..4 {
        for part in 0..5 {
            let first = round * 100 + part * 20;
            let lines: Vec<_> = (first..first + 20).map(|number| number.to_string()).collect();
            kafka.broker.produce("orders", lines.join("\n"));
        }
        if round < 3 {
            kafka.broker.kill();
            kafka.broker.start_again();
        }
    }
    eventually("everything is acknowledged", || {
        let lag = kafka.lag("readers");
        if lag == 0 { Ok(()) } else { Err(format!("lag {lag}")) }
    });
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let mut acknowledged: BTreeMap<i64, usize> = BTreeMap::new();
    for consumer in &consumers {
        let (read, offsets) = events(consumer);
        read.into_iter().for_each(|value| *times.entry(value).or_default() += 1);
        offsets.into_iter().for_each(|offset| *acknowledged.entry(offset).or_default() += 1);
    }
    let missing: Vec<_> = (0..400).filter(|number| !times.contains_key(&number.to_string())).collect();
    assert!(missing.is_empty(), "never read: {missing:?}");
    let twice: Vec<_> = acknowledged.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "delivered after they were acknowledged: {twice:?}");
    for mut consumer in consumers {
        consumer.signal(Signal::SIGTERM);
        consumer.wait();
    }
}

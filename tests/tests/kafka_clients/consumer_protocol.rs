//! The consumer protocol (KIP-848) as Kafka's own clients and tools speak it, and classic members beside them.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;
use runnel_tests::harness::{Process, eventually};
use serde_json::Value;

use crate::java::{Kafka, complains, rows};

const CONSUMER: &str = "group.protocol=consumer";

/// What a console consumer prints, and what the tools tell of its group, and do with it.
#[test]
fn a_group_of_the_consumer_protocol() {
    let Some(kafka) = Kafka::start("consumer_protocol::a_group_of_the_consumer_protocol") else { return };
    kafka.broker.runnel(["topic", "create", "orders", "-p", "2"]).run().ok();
    for partition in ["0", "1"] {
        kafka.broker.runnel(["produce", "orders", "-p", partition]).input("a\nb\nc").run().ok();
    }
    kafka.consume("orders", 6, &["--group", "readers", "--consumer-property", CONSUMER]);
    assert_eq!(rows(&kafka.groups(&["--list", "--type", "consumer"])), [["readers", "Consumer"]]);
    assert_eq!(rows(&kafka.groups(&["--list", "--type", "classic"])), Vec::<Vec<String>>::new());
    assert_eq!(rows(&kafka.groups(&["--list", "--state"])), [["readers", "Empty"]]);
    let offsets = || {
        let described = kafka.groups(&["--describe", "--group", "readers"]);
        rows(&described).into_iter().map(|row| row[..6].join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(offsets(), ["readers orders 0 3 3 0", "readers orders 1 3 3 0"]);
    let told = kafka.broker.runnel(["group", "list", "-o", "json"]).run().ok().json();
    assert_eq!((&told[0]["type"], &told[0]["state"]), (&"consumer".into(), &"empty".into()), "{told}");
    let reset = ["--reset-offsets", "--group", "readers", "--all-topics", "--to-earliest", "--execute"];
    kafka.groups(&reset);
    assert_eq!(offsets(), ["readers orders 0 0 3 3", "readers orders 1 0 3 3"]);
    let again = kafka.consume("orders", 6, &["--group", "readers", "--consumer-property", CONSUMER]);
    assert_eq!(again.len(), 6);
    complains(&kafka.groups(&["--delete", "--group", "readers"]), "('readers') was successful");
    assert_eq!(kafka.groups(&["--list"]).text().trim(), "");
}

/// The values that a verifiable consumer has read.
fn read(consumer: &Process) -> Vec<String> {
    let text = String::from_utf8(consumer.stdout()).expect("text");
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let values = events.filter(|event| event["name"] == "record_data");
    values.map(|event| event["value"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A classic consumer of Runnel's has a group; one of Kafka's of the new protocol joins it and leaves again. Nothing that is
/// produced meanwhile is lost, and each has its part as long as both are there.
#[test]
fn a_group_goes_up_and_down_while_records_flow() {
    let test = "consumer_protocol::a_group_goes_up_and_down_while_records_flow";
    let Some(kafka) = Kafka::start(test) else { return };
    kafka.broker.runnel(["topic", "create", "orders", "-p", "4"]).run().ok();
    let produce = |numbers: std::ops::Range<i32>| {
        for number in numbers {
            let partition = (number % 4).to_string();
            let line = format!("{number}");
            kafka.broker.runnel(["produce", "orders", "-p", &partition]).input(line).run().ok();
        }
    };
    let describe = || {
        // Until somebody has joined there is no group, and the command fails; what it prints has no type then.
        let told = kafka.broker.runnel(["group", "describe", "mixed", "-o", "json"]).run().json();
        told[0].clone()
    };
    let settles = |kind: &str, members: usize| {
        eventually("the group settles", || {
            let group = describe();
            let owned = group["members"].as_array().into_iter().flatten().filter(|member| {
                member["assignment"].as_array().is_some_and(|assignment| !assignment.is_empty())
            });
            let settled = group["type"] == kind && group["state"] == "stable" && owned.count() == members;
            if settled { Ok(()) } else { Err(group.to_string()) }
        });
    };
    let mut classic = kafka.broker.runnel(["consume", "orders", "-g", "mixed"]).spawn();
    settles("classic", 1);
    produce(0..8);
    let args = ["--topic", "orders", "--group-id", "mixed", "--group-protocol", "consumer", "--verbose"];
    let mut modern = kafka.tool("VerifiableConsumer", &args).spawn();
    settles("consumer", 2);
    produce(8..16);
    let state = kafka.groups(&["--describe", "--group", "mixed", "--state"]);
    assert_eq!(rows(&state), [["mixed", &kafka.address, "(1)", "uniform", "Stable", "2"]]);
    eventually("the new member reads its part", || {
        let values = read(&modern);
        if values.len() >= 4 { Ok(()) } else { Err(format!("{values:?}")) }
    });
    modern.signal(Signal::SIGTERM);
    modern.wait();
    settles("classic", 1);
    produce(16..24);
    let wanted: BTreeSet<String> = (0..24).map(|number| number.to_string()).collect();
    eventually("every record is read", || {
        let old = String::from_utf8_lossy(&classic.stdout()).into_owned();
        let all: BTreeSet<String> = old.lines().map(str::to_owned).chain(read(&modern)).collect();
        if all == wanted { Ok(()) } else { Err(format!("{all:?}")) }
    });
    classic.signal(Signal::SIGTERM);
    classic.wait();
}

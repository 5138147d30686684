//! Admin verbs: what they print, what they refuse, and that they may be said twice.

use runnel_tests::harness::{TestBroker, eventually};
use serde_json::{Value, json};

#[test]
fn a_topic_is_created_listed_described_and_deleted() {
    let broker = TestBroker::start();
    let create = ["topic", "create", "orders", "-p", "3", "-c", "retention.ms=60000", "-o", "json"];
    let created = broker.runnel(create).run().ok().json();
    assert_eq!((&created[0]["name"], &created[0]["created"]), (&json!("orders"), &json!(true)));
    assert_eq!(created[0]["partitions"], 3);

    let listed = broker.runnel(["topic", "list", "-o", "json"]).run().ok().json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!((&listed[0]["name"], &listed[0]["partitions"]), (&json!("orders"), &json!(3)));
    assert_eq!(listed[0]["id"], created[0]["id"]);

    let described = broker.runnel(["topic", "describe", "orders", "-o", "json"]).run().ok().json();
    assert_eq!(described[0]["configs"], json!({"retention.ms": "60000"}));
    let numbers: Vec<_> =
        described[0]["partitions"].as_array().unwrap().iter().map(|row| &row["partition"]).collect();
    assert_eq!(numbers, [0, 1, 2]);

    broker.runnel(["topic", "delete", "orders"]).run().exits_with(2).says("--yes").says_one_line();
    assert_eq!(broker.runnel(["topic", "list", "-o", "name"]).run().ok().text(), "orders\n");
    broker.runnel(["topic", "delete", "orders", "--yes"]).run().ok();
    assert_eq!(broker.runnel(["topic", "list", "-o", "name"]).run().ok().text(), "");
    broker.runnel(["topic", "describe", "orders"]).run().exits_with(1).says("orders").says_one_line();
}

#[test]
fn verbs_that_may_be_said_twice_are() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "t"]).run().ok();
    let again = broker.runnel(["topic", "create", "t"]).run().exits_with(1);
    again.says("exists already").says("--if-not-exists").says_one_line();
    let tolerated =
        broker.runnel(["topic", "create", "t", "--if-not-exists", "-o", "json"]).run().ok().json();
    assert_eq!(tolerated[0]["created"], false);
    broker.runnel(["topic", "delete", "t", "--yes"]).run().ok();
    broker
        .runnel(["topic", "delete", "t", "--yes"])
        .run()
        .exits_with(1)
        .says("does not exist")
        .says_one_line();
    broker.runnel(["topic", "delete", "t", "--yes", "--if-exists"]).run().ok();
    for _ in 0..2 {
        broker.runnel(["topic", "create", "u", "--if-not-exists"]).run().ok();
        broker.runnel(["config", "set", "topic:u", "retention.ms=1000"]).run().ok();
        broker.runnel(["config", "unset", "topic:u", "segment.bytes"]).run().ok();
    }
}

#[test]
fn a_dry_run_checks_and_changes_nothing() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "t", "--dry-run"]).run().ok();
    broker
        .runnel(["topic", "create", "t", "--dry-run", "-c", "retention.ms=soon"])
        .run()
        .exits_with(1)
        .says("retention.ms");
    assert_eq!(broker.runnel(["topic", "list", "-o", "name"]).run().ok().text(), "");
    broker.runnel(["topic", "create", "t"]).run().ok();
    broker.runnel(["config", "set", "topic:t", "retention.ms=5", "--dry-run"]).run().ok();
    let value = broker.runnel(["config", "get", "topic:t", "retention.ms", "-o", "json"]).run().ok().json();
    assert_eq!((&value[0]["value"], &value[0]["source"]), (&json!(604_800_000), &json!("default")));
}

#[test]
fn some_of_several_failing_is_a_failure_that_names_each() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "a"]).run().ok();
    let output = broker.runnel(["topic", "create", "a", "b", "bad/name", "-o", "json"]).run().exits_with(1);
    let output = output.says("\"a\" exists").says("bad/name");
    let created: Vec<Value> =
        output.json().as_array().unwrap().iter().map(|row| row["created"].clone()).collect();
    assert_eq!(created, [json!(false), json!(true), json!(false)]);
    assert_eq!(output.json()[2]["error"]["code"], "INVALID_NAME");
    broker.runnel(["topic", "describe", "a", "nope", "b", "-o", "name"]).run().exits_with(1).says("nope");
    broker.runnel(["topic", "delete", "a", "nope", "b", "--yes"]).run().exits_with(1).says("nope");
    assert_eq!(broker.runnel(["topic", "list", "-o", "name"]).run().ok().text(), "");
}

#[test]
fn partitions_are_added_and_never_taken_away() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "t", "-p", "2"]).run().ok();
    broker.produce("t", "a\n");
    broker.runnel(["topic", "alter", "t", "-p", "4", "-c", "segment.bytes=1000000"]).run().ok();
    let topic = broker.runnel(["topic", "describe", "t", "-o", "json"]).run().ok().json();
    assert_eq!(topic[0]["partitions"].as_array().map(Vec::len), Some(4));
    assert_eq!(topic[0]["configs"], json!({"segment.bytes": "1000000"}));
    broker.runnel(["topic", "alter", "t", "-p", "3"]).run().exits_with(1).says("4").says_one_line();
    broker.runnel(["topic", "alter", "t", "-p", "0"]).run().exits_with(2);
    broker.runnel(["topic", "alter", "t"]).run().exits_with(2);
    broker.runnel(["topic", "alter", "nope", "-p", "3"]).run().exits_with(1).says("nope");
    broker.runnel(["produce", "t", "-p", "3"]).input("b\n").run().ok();
    assert_eq!(broker.consume("t").lines().len(), 2);
}

#[test]
fn trimming_deletes_the_oldest_records_for_good() {
    let mut broker = TestBroker::start();
    broker.produce("t", "0\n1\n2\n3\n4\n");
    broker.runnel(["topic", "trim", "t", "--before", "3"]).run().exits_with(2).says("--yes");
    assert_eq!(broker.consume("t").lines().len(), 5);
    broker.runnel(["topic", "trim", "t:0", "--before", "3", "--yes"]).run().ok();
    assert_eq!(broker.consume("t").text(), "3\n4\n");
    assert_eq!(broker.runnel(["consume", "t", "-e", "-o", "-1"]).run().ok().text(), "4\n");
    broker.runnel(["topic", "trim", "t", "--before", "99", "--yes"]).run().exits_with(1).says("99");
    broker.runnel(["topic", "trim", "t:5", "--before", "1", "--yes"]).run().exits_with(1).says("partition 5");
    broker.kill();
    broker.start_again();
    assert_eq!(broker.consume("t").text(), "3\n4\n");
    broker.runnel(["topic", "trim", "t", "--before", "end", "--yes"]).run().ok();
    assert_eq!(broker.consume("t").text(), "");
    broker.produce("t", "5\n");
    let records = broker.runnel(["consume", "t", "-e", "-f", "%o %v\\n"]).run().ok();
    assert_eq!(records.text(), "5 5\n", "offsets go on");
}

#[test]
fn a_topic_created_anew_starts_empty_under_another_id() {
    let broker = TestBroker::start();
    let id = || broker.runnel(["topic", "list", "-o", "json"]).run().ok().json()[0]["id"].clone();
    broker.produce("t", "old\n");
    let (first, dir) = (id(), broker.partition_dir("t", 0));
    let mut writer = broker.runnel(["produce", "t"]).spawn();
    writer.write("also old\n");
    // Were the topic deleted before this record is in it, the writer would create it anew.
    eventually("the writer's record", || match broker.consume("t").text() {
        "old\nalso old\n" => Ok(()),
        text => Err(format!("the topic holds {text:?}")),
    });
    broker.runnel(["topic", "delete", "t", "--yes"]).run().ok();
    broker.runnel(["topic", "create", "t"]).run().ok();
    assert_ne!(id(), first);
    assert_eq!(broker.consume("t").text(), "");
    broker.produce("t", "new\n");
    assert_eq!(broker.consume("t").text(), "new\n");
    eventually("the old files' end", || {
        if dir.exists() { Err(format!("{} is there", dir.display())) } else { Ok(()) }
    });
}

#[test]
fn settings_are_told_with_default_source_and_meaning() {
    let broker = TestBroker::start_with(&["num.partitions=2", "log.retention.ms=1000"]);
    broker.runnel(["topic", "create", "t", "-c", "cleanup.policy=compact"]).run().ok();
    let get = |resource: &str, key: &str| {
        broker.runnel(["config", "get", resource, key, "-o", "json"]).run().ok().json()[0].take()
    };
    let policy = get("topic:t", "cleanup.policy");
    assert_eq!((&policy["value"], &policy["source"]), (&json!("compact"), &json!("topic")));
    assert_eq!(policy["default_value"], "delete");
    assert!(policy["documentation"].as_str().is_some_and(|text| text.ends_with('.')));
    assert_eq!(get("broker", "num.partitions")["value"], 2);
    assert_eq!(get("broker", "num.partitions")["source"], "static-broker");
    assert_eq!(get("topic:t", "retention.ms")["value"], 1000, "a topic without its own takes the broker's");
    assert_eq!(
        broker.runnel(["topic", "describe", "t", "-o", "json"]).run().ok().json()[0]["partitions"][1]["partition"],
        1
    );

    let all = broker.runnel(["config", "get", "broker", "-o", "name"]).run().ok();
    assert!(all.lines().is_sorted() && all.lines().contains(&"message.max.bytes"));
}

#[test]
fn settings_change_at_once_and_stay() {
    let mut broker = TestBroker::start();
    broker.runnel(["topic", "create", "t"]).run().ok();
    broker.runnel(["config", "set", "topic:t", "max.message.bytes=100"]).run().ok();
    broker.runnel(["produce", "t"]).input("x".repeat(500)).run().exits_with(1).says("max.message.bytes");
    broker.runnel(["config", "set", "broker", "num.partitions=5"]).run().ok();
    // Of a group that is not there yet.
    broker.runnel(["config", "set", "group:g", "consumer.session.timeout.ms=50000"]).run().ok();
    broker.produce("born-by-producing", "a\n");
    broker.kill();
    broker.start_again();
    broker.runnel(["produce", "t"]).input("x".repeat(500)).run().exits_with(1);
    broker.runnel(["config", "unset", "topic:t", "max.message.bytes"]).run().ok();
    broker.produce("t", "x".repeat(500));
    let topic = broker.runnel(["topic", "describe", "born-by-producing", "-o", "json"]).run().ok().json();
    assert_eq!(topic[0]["partitions"].as_array().map(Vec::len), Some(5));
    let value = broker.runnel(["config", "get", "broker", "num.partitions", "-o", "json"]).run().ok().json();
    assert_eq!((&value[0]["value"], &value[0]["source"]), (&json!(5), &json!("dynamic-broker")));
    let group =
        broker.runnel(["config", "get", "group:g", "-o", "json", "consumer.session.timeout.ms"]).run().ok();
    let value = &group.json()[0];
    assert_eq!((&value["value"], &value["source"]), (&json!(50_000), &json!("group")));
}

#[test]
fn wrong_settings_name_the_nearest_right_one() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "t"]).run().ok();
    let set = |resource: &str, setting: &str| {
        broker.runnel(["config", "set", resource, setting]).run().exits_with(1).says_one_line()
    };
    set("topic:t", "retentoin.ms=1").says("retention.ms");
    set("topic:t", "message.max.bytes=1").says("max.message.bytes");
    set("broker", "num.partition=1").says("num.partitions");
    set("broker", "retention.ms=1").says("log.retention.ms");
    set("topic:t", "retention.ms=soon").says("retention.ms");
    set("topic:t", "cleanup.policy=shred").says("compact");
    set("broker", "broker.id=7").says("broker.id");
    set("topic:nope", "retention.ms=1").says("nope");
    set("group:g", "consumer.sesion.timeout.ms=50000").says("consumer.session.timeout.ms");
    set("group:g", "consumer.session.timeout.ms=1").says("group.consumer.min.session.timeout.ms");
    broker.runnel(["config", "set", "user:u", "a=1"]).run().exits_with(2);
    broker.runnel(["config", "set", "topic:t", "retention.ms=1", "retention.ms=2"]).run().exits_with(2);
    // All or none.
    broker.runnel(["config", "set", "topic:t", "retention.ms=5", "segment.bytes=soon"]).run().exits_with(1);
    let value = broker.runnel(["config", "get", "topic:t", "retention.ms", "-o", "json"]).run().ok().json();
    assert_eq!(value[0]["source"], "default");
    broker.runnel(["config", "get", "topic:t", "retention"]).run().exits_with(1).says("retention");
}

#[test]
fn the_cluster_tells_who_answers() {
    let mut broker = TestBroker::start();
    broker.runnel(["topic", "create", "t", "-p", "3"]).run().ok();
    let info = broker.runnel(["cluster", "info", "-o", "json"]).run().ok().json();
    assert_eq!((&info["topics"], &info["partitions"], &info["groups"]), (&json!(1), &json!(3), &json!(0)));
    let pid = broker.process().pid();
    let own = &info["brokers"][0];
    assert_eq!(own["pid"], pid);
    assert_eq!(own["data_dir"], broker.data_dir().to_str().unwrap());
    assert_eq!((&own["autostarted"], &own["version"]), (&json!(false), &json!(env!("CARGO_PKG_VERSION"))));
    let id = info["cluster_id"].clone();
    broker.kill();
    broker.start_again();
    assert_eq!(broker.runnel(["cluster", "info", "-o", "json"]).run().ok().json()["cluster_id"], id);
}

#[test]
fn every_list_is_printed_in_every_format() {
    let broker = TestBroker::start();
    broker.produce("t", "a\n");
    broker.runnel(["consume", "t", "-g", "g", "-e"]).run().ok();
    let lines: [&[&str]; 7] = [
        &["topic", "list"],
        &["topic", "describe", "t"],
        &["group", "list"],
        &["group", "describe", "g"],
        &["config", "get", "topic:t"],
        &["cluster", "info"],
        &["broker", "status"],
    ];
    for line in lines {
        let print = |format: &str| broker.runnel(line.iter().chain(&["-o", format])).run().ok().quiet();
        let json = print("json").json();
        assert!(json.is_array() || json.is_object(), "{line:?}");
        let names = print("name");
        assert!(
            !names.lines().is_empty() && names.lines().iter().all(|name| !name.contains(' ')),
            "{line:?}"
        );
        let yaml = print("yaml");
        let key = match &json {
            Value::Array(rows) => rows[0].as_object(),
            object => object.as_object(),
        };
        let key = key.and_then(|fields| fields.keys().next()).expect("fields").clone();
        assert!(yaml.text().contains(&format!("{key}:")), "{line:?}: {}", yaml.text());
        let table = print("table");
        assert!(!table.text().contains('\u{1b}'), "no colour off a terminal: {line:?}");
        assert!(!table.text().is_empty(), "{line:?}");
    }
}

#[test]
fn the_brokers_own_topics_are_shown_on_request_and_protected() {
    let broker = TestBroker::start();
    assert_eq!(broker.runnel(["topic", "list", "-o", "name"]).run().ok().text(), "");
    let internal = broker.runnel(["topic", "list", "--internal", "-o", "name"]).run().ok();
    assert!(internal.lines().contains(&"__consumer_offsets"), "{}", internal.text());
    broker.runnel(["topic", "delete", "__consumer_offsets", "--yes"]).run().exits_with(1);
    broker.runnel(["topic", "trim", "__consumer_offsets", "--before", "end", "--yes"]).run().exits_with(1);
    broker.runnel(["produce", "__consumer_offsets"]).input("a\n").run().exits_with(1);
    broker.runnel(["topic", "create", "__consumer_offsets"]).run().exits_with(1);
}

#[test]
fn old_segments_are_deleted_and_keys_are_compacted() {
    let broker = TestBroker::start_with(&["log.retention.check.interval.ms=100"]);
    let wait = |topic: &str, is_done: &dyn Fn(&[&str]) -> bool| {
        eventually(topic, || {
            let output = broker.consume(topic);
            if is_done(&output.lines()) { Ok(()) } else { Err(output.shown()) }
        });
    };
    let small = ["-c", "segment.bytes=2000"];
    let create = |topic: &str, settings: &[&str]| {
        broker.runnel(["topic", "create", topic].iter().chain(&small).chain(settings)).run().ok();
    };
    create("sized", &["-c", "retention.bytes=4000"]);
    create("compacted", &["-c", "cleanup.policy=compact", "-c", "min.cleanable.dirty.ratio=0"]);
    for round in 0..20 {
        let input: String = (0..30).map(|key| format!("k{key}:{round} of k{key}\n")).collect();
        broker.runnel(["produce", "sized"]).input(input.clone()).run().ok();
        broker.runnel(["produce", "compacted", "-K", ":"]).input(input).run().ok();
    }
    wait("sized", &|lines| lines.len() < 400);
    wait("compacted", &|lines| lines.len() < 150);
    let newest: Vec<String> = (0..30).map(|key| format!("19 of k{key}")).collect();
    let compacted = broker.consume("compacted");
    assert!(newest.iter().all(|line| compacted.lines().contains(&line.as_str())), "{}", compacted.text());
    broker.runnel(["produce", "compacted"]).input("no key\n").run().exits_with(1).says("key");
}

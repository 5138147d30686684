//! Consumer groups, as several real processes share them.

use nix::sys::signal::Signal;
use runnel_proto::v1::groups_client::GroupsClient;
use runnel_proto::v1::{CommitOffsetsRequest, ErrorCode, OffsetCommit};
use runnel_tests::harness::{Process, TestBroker, eventually};
use serde_json::Value;

fn topic_with_partitions(broker: &TestBroker, partitions: &str) {
    broker.runnel(["topic", "create", "work", "-p", partitions]).run().ok();
}

fn member(broker: &TestBroker) -> Process {
    broker.runnel(["consume", "work", "-g", "workers"]).spawn()
}

/// Keyed lines, which spread over all partitions.
fn produce(broker: &TestBroker, numbers: std::ops::Range<u32>) {
    let input: String = numbers.map(|number| format!("{number}:{number}\n")).collect();
    broker.runnel(["produce", "work", "-K", ":"]).input(input).run().ok();
}

fn describe(broker: &TestBroker) -> Value {
    broker.runnel(["group", "describe", "workers", "-o", "json"]).run().json()[0].take()
}

/// Waits until the group is stable, has so many members, and each owns a partition.
fn wait_for_members(broker: &TestBroker, count: usize) -> Value {
    eventually(&format!("{count} members"), || {
        let group = describe(broker);
        let members = group["members"].as_array().cloned().unwrap_or_default();
        let owns =
            |member: &Value| member["assignment"].as_array().is_some_and(|assigned| !assigned.is_empty());
        let settled = group["state"] == "stable" && members.len() == count && members.iter().all(owns);
        if settled { Ok(group) } else { Err(group.to_string()) }
    })
}

fn numbers(text: &str) -> Vec<u32> {
    text.lines().map(|line| line.parse().expect("a number a line")).collect()
}

/// Waits until the members together have printed all of these, however often; returns all that they printed.
fn wait_for_all(members: &[&Process], wanted: std::ops::Range<u32>) -> Vec<u32> {
    eventually("all records", || {
        let printed = members.iter().map(|member| String::from_utf8(member.stdout()).expect("text"));
        let mut seen: Vec<u32> = printed.flat_map(|text| numbers(&text)).collect();
        seen.sort_unstable();
        let missing: Vec<u32> = wanted.clone().filter(|number| seen.binary_search(number).is_err()).collect();
        if missing.is_empty() { Ok(seen) } else { Err(format!("missing: {missing:?}")) }
    })
}

#[test]
fn two_members_share_the_partitions_and_each_record_comes_once() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "4");
    let (first, second) = (member(&broker), member(&broker));
    wait_for_members(&broker, 2);
    produce(&broker, 0..1000);
    let seen = wait_for_all(&[&first, &second], 0..1000);
    assert_eq!(seen, (0..1000).collect::<Vec<_>>());
    assert!(!first.stdout().is_empty() && !second.stdout().is_empty(), "both work");
}

#[test]
fn when_a_member_dies_the_other_takes_over_and_nothing_is_lost() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "4");
    let (mut dying, survivor) = (member(&broker), member(&broker));
    wait_for_members(&broker, 2);
    produce(&broker, 0..500);
    wait_for_all(&[&dying, &survivor], 0..500);
    dying.kill();
    produce(&broker, 500..1000);
    wait_for_members(&broker, 1);
    wait_for_all(&[&dying, &survivor], 0..1000);
}

#[test]
fn a_member_that_is_interrupted_leaves_at_once_and_commits() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "2");
    let (mut first, second) = (member(&broker), member(&broker));
    wait_for_members(&broker, 2);
    produce(&broker, 0..100);
    wait_for_all(&[&first, &second], 0..100);
    first.signal(Signal::SIGINT);
    first.wait().ok();
    let members = describe(&broker)["members"].as_array().map(Vec::len);
    assert_eq!(members, Some(1), "it is gone when its process is");
    let mut second = second;
    second.signal(Signal::SIGTERM);
    second.wait().ok();
    let group = describe(&broker);
    assert_eq!((&group["state"], &group["lag"]), (&Value::from("empty"), &Value::from(0)), "{group}");
}

#[test]
fn a_group_reads_on_where_it_ended() {
    let mut broker = TestBroker::start();
    topic_with_partitions(&broker, "3");
    produce(&broker, 0..100);
    let read = |broker: &TestBroker| {
        let mut seen = numbers(broker.runnel(["consume", "work", "-g", "workers", "-e"]).run().ok().text());
        seen.sort_unstable();
        seen
    };
    assert_eq!(read(&broker), (0..100).collect::<Vec<_>>());
    assert!(read(&broker).is_empty());
    produce(&broker, 100..150);
    assert_eq!(read(&broker), (100..150).collect::<Vec<_>>());
    broker.kill();
    broker.start_again();
    assert!(read(&broker).is_empty(), "commits are durable");
    produce(&broker, 150..160);
    assert_eq!(read(&broker), (150..160).collect::<Vec<_>>());
}

#[test]
fn a_count_commits_what_was_printed_and_no_more() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "1");
    produce(&broker, 0..100);
    let take = |count: &str| {
        numbers(broker.runnel(["consume", "work", "-g", "workers", "-n", count]).run().ok().text())
    };
    assert_eq!(take("30"), (0..30).collect::<Vec<_>>());
    assert_eq!(take("5"), (30..35).collect::<Vec<_>>());
    assert_eq!(describe(&broker)["lag"], 65);
}

#[test]
fn plain_reading_leaves_no_group_behind() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "1");
    produce(&broker, 0..3);
    broker.consume("work");
    assert_eq!(broker.runnel(["group", "list", "-o", "json"]).run().ok().json(), Value::Array(vec![]));
}

#[test]
fn a_reset_is_refused_while_members_live_and_names_them() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "1");
    produce(&broker, 0..10);
    let mut member = member(&broker);
    let group = wait_for_members(&broker, 1);
    wait_for_all(&[&member], 0..10);
    let id = group["members"][0]["member_id"].as_str().expect("an id").to_owned();
    let reset = ["group", "reset", "workers", "--topic", "work", "--to", "earliest", "--yes"];
    broker.runnel(reset).run().exits_with(1).says("live members").says(&id).says_one_line();
    broker.runnel(["group", "delete", "workers", "--yes"]).run().exits_with(1).says("live members");
    member.signal(Signal::SIGINT);
    member.wait().ok();
    broker.runnel(reset).run().ok();
    assert_eq!(describe(&broker)["lag"], 10);
}

#[test]
fn a_reset_without_yes_shows_the_plan_and_changes_nothing() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "2");
    broker.runnel(["produce", "work", "-p", "0"]).input("1\n2\n3\n4\n").run().ok();
    broker.runnel(["consume", "work", "-g", "workers", "-e"]).run().ok();
    let reset = |to: &str, yes: &[&str]| {
        let line = ["group", "reset", "workers", "--topic", "work:0", "-o", "json", "--to", to];
        broker.runnel(line.iter().chain(yes)).run().ok()
    };
    let plan = reset("1", &[]).says("--yes").json();
    assert_eq!(plan["applied"], false);
    let moved = &plan["partitions"][0];
    assert_eq!((&moved["current_offset"], &moved["target_offset"]), (&4.into(), &1.into()), "{plan}");
    assert_eq!((&moved["replayed"], &moved["skipped"]), (&3.into(), &0.into()), "{plan}");
    assert_eq!(describe(&broker)["lag"], 0, "nothing was changed");

    for (to, offset) in [("1", 1), ("+2", 3), ("-1", 2), ("earliest", 0), ("latest", 4), ("@0", 0), ("99", 4)]
    {
        let done = reset(to, &["--yes"]).json();
        assert_eq!(
            (&done["applied"], &done["partitions"][0]["target_offset"]),
            (&true.into(), &offset.into()),
            "{to}"
        );
        assert_eq!(describe(&broker)["lag"], 4 - offset, "{to}");
    }
    reset("2", &["--yes"]);
    assert_eq!(broker.runnel(["consume", "work", "-g", "workers", "-e"]).run().ok().text(), "3\n4\n");
}

#[test]
fn what_cannot_be_reset_says_why() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "1");
    let reset = |group: &str, topic: &str| {
        broker
            .runnel(["group", "reset", group, "--topic", topic, "--to", "earliest", "--yes"])
            .run()
            .exits_with(1)
    };
    reset("nobody", "work").says("nobody").says_one_line();
    broker.runnel(["consume", "work", "-g", "workers", "-e"]).run().ok();
    produce(&broker, 0..3);
    broker.runnel(["consume", "work", "-g", "workers", "-e"]).run().ok();
    reset("workers", "elsewhere").says("elsewhere");
    reset("workers", "work:9").says("no partition 9");
    let nonsense = ["group", "reset", "workers", "--topic", "work", "--to", "yesterday-ish"];
    broker.runnel(nonsense).run().exits_with(2);
}

#[test]
fn a_group_is_deleted_with_its_offsets() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "1");
    produce(&broker, 0..3);
    broker.runnel(["consume", "work", "-g", "workers", "-e"]).run().ok();
    broker.runnel(["group", "delete", "workers"]).run().exits_with(2).says("--yes");
    assert_eq!(broker.runnel(["group", "list", "-o", "name"]).run().ok().text(), "workers\n");
    broker.runnel(["group", "delete", "workers", "--yes"]).run().ok();
    assert_eq!(broker.runnel(["group", "list", "-o", "name"]).run().ok().text(), "");
    broker.runnel(["group", "describe", "workers"]).run().exits_with(1).says("workers");
    assert_eq!(broker.runnel(["consume", "work", "-g", "workers", "-e"]).run().ok().lines().len(), 3);
}

#[test]
fn lag_is_counted_partition_by_partition() {
    let broker = TestBroker::start();
    topic_with_partitions(&broker, "2");
    broker.runnel(["produce", "work", "-p", "0"]).input("1\n2\n").run().ok();
    broker.runnel(["consume", "work", "-g", "workers", "-e"]).run().ok();
    broker.runnel(["produce", "work", "-p", "0"]).input("3\n4\n5\n").run().ok();
    let group = describe(&broker);
    let first = &group["partitions"][0];
    assert_eq!(
        (&first["committed_offset"], &first["end_offset"], &first["lag"]),
        (&2.into(), &5.into(), &3.into())
    );
    assert!(first["time_lag_ms"].as_i64().is_some_and(|age| age >= 0), "{group}");
    assert_eq!(group["lag"], 3);
    let listed = broker.runnel(["group", "list", "-o", "json"]).run().ok().json();
    assert_eq!((&listed[0]["group"], &listed[0]["lag"]), (&Value::from("workers"), &3.into()));
}

#[test]
fn a_place_that_the_command_line_chose_is_committed_though_nothing_was_read() {
    let broker = TestBroker::start();
    broker.produce("logs", "a\nb\n").ok();
    broker.runnel(["consume", "logs", "-g", "late", "-o", "end", "-e"]).run().ok();
    broker.produce("logs", "c\n").ok();
    let rest = broker.runnel(["consume", "logs", "-g", "late", "-e"]).run().ok();
    assert_eq!(rest.text(), "c\n", "the group goes on at the end it chose");
}

#[test]
fn a_place_that_the_group_overrules_is_told() {
    let broker = TestBroker::start();
    broker.produce("logs", "a\nb\n").ok();
    let first = broker.runnel(["consume", "logs", "-g", "readers", "-o", "beginning", "-e"]).run().ok();
    assert!(!first.err().contains("group reset"), "{}", first.shown());
    let again = broker.runnel(["consume", "logs", "-g", "readers", "-o", "beginning", "-e"]).run().ok();
    assert_eq!(again.text(), "");
    again.says("whatever -o says").says("group reset readers");
}

#[test]
fn a_topic_created_again_inherits_no_offsets() {
    let broker = TestBroker::start();
    for round in 0..3 {
        topic_with_partitions(&broker, "1");
        let mut member = member(&broker);
        wait_for_members(&broker, 1);
        produce(&broker, 0..50);
        wait_for_all(&[&member], 0..50);
        // Its last commit is on its way while the topic goes.
        broker.runnel(["topic", "delete", "work", "--yes"]).run().ok();
        topic_with_partitions(&broker, "1");
        produce(&broker, 0..60);
        assert_ne!(member.wait().code, Some(0), "its topic is gone");
        let read = broker.runnel(["consume", "work", "-g", "workers", "-e"]).run().ok();
        assert_eq!(numbers(read.text()), (0..60).collect::<Vec<_>>(), "round {round}");
        broker.runnel(["topic", "delete", "work", "--yes"]).run().ok();
    }
}

#[test]
fn offsets_are_kept_of_what_exists_and_no_lag_is_made_up() {
    let broker = TestBroker::start();
    let topic_id = || {
        topic_with_partitions(&broker, "1");
        let described = broker.runnel(["topic", "describe", "work", "-o", "json"]).run().ok().json();
        described[0]["id"].as_str().expect("an id").to_owned()
    };
    let old_id = topic_id();
    broker.runnel(["topic", "delete", "work", "--yes"]).run().ok();
    let new_id = topic_id();
    produce(&broker, 0..5);
    let client = broker.client();
    let commit = |topic: &str, partition, offset, topic_id: &str| {
        let (topic, topic_id) = (topic.to_owned(), topic_id.to_owned());
        let row = OffsetCommit { topic, partition, offset, topic_id, ..OffsetCommit::default() };
        let group = "workers".to_owned();
        let request =
            CommitOffsetsRequest { group, generation: -1, offsets: vec![row], ..Default::default() };
        let answer = client.block_on(GroupsClient::new(client.channel()).commit_offsets(request));
        let result = answer.expect("an answer").into_inner().results.remove(0);
        result.error.map(|error| error.code())
    };
    assert_eq!(commit("nowhere", 0, 3, ""), Some(ErrorCode::UnknownTopic));
    assert_eq!(commit("work", 1, 3, ""), Some(ErrorCode::UnknownPartition));
    assert_eq!(commit("work", 0, 3, &old_id), Some(ErrorCode::UnknownTopic));
    assert!(broker.runnel(["group", "describe", "workers"]).run().code != Some(0), "nothing was kept");
    assert_eq!(commit("work", 0, 3, &new_id), None);
    assert_eq!(describe(&broker)["partitions"][0]["lag"], 2);
    assert_eq!(commit("work", 0, 1000, ""), None);
    let beyond = describe(&broker)["partitions"][0].take();
    assert_eq!((&beyond["committed_offset"], &beyond["lag"]), (&1000.into(), &Value::Null));
}

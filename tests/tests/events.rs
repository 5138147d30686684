//! What happens is told to those who watch, one line each, and to the broker's log.

use runnel_proto::v1::WatchRequest;
use runnel_proto::v1::monitor_client::MonitorClient;
use runnel_tests::harness::{TestBroker, eventually};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1alpha::ServerReflectionRequest;
use tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1alpha::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1alpha::server_reflection_response::MessageResponse;

/// What a new watcher is told of the past.
fn events(broker: &TestBroker) -> Vec<String> {
    let client = broker.client();
    client.block_on(async {
        let mut monitor = MonitorClient::new(client.channel());
        let snapshots = monitor.watch(WatchRequest::default()).await.expect("a watch");
        let first = snapshots.into_inner().message().await.expect("a snapshot").expect("the first one");
        first.events.into_iter().map(|event| event.message).collect()
    })
}

#[test]
fn what_is_done_to_topics_settings_and_groups_is_told_in_order() {
    let broker = TestBroker::start();
    for args in [
        &["topic", "create", "orders", "-p", "2"][..],
        &["topic", "alter", "orders", "-p", "3"],
        &["config", "set", "topic:orders", "retention.ms=1000"],
        &["config", "unset", "topic:orders", "retention.ms"],
        &["config", "set", "broker", "num.partitions=2"],
    ] {
        broker.runnel(args).run().ok();
    }
    broker.runnel(["produce", "orders", "-p", "1"]).input("a\nb\n").run().ok();
    for args in [
        &["consume", "orders", "-g", "readers", "-e"][..],
        &["group", "reset", "readers", "--topic", "orders", "--to", "earliest", "--yes"],
        &["topic", "trim", "orders:1", "--before", "1", "--yes"],
        &["group", "delete", "readers", "--yes"],
        &["topic", "delete", "orders", "--yes"],
    ] {
        broker.runnel(args).run().ok();
    }
    let told = events(&broker);
    let mut rest = told.iter();
    for wanted in [
        "topic orders was created with 2 partitions",
        "topic orders has 3 partitions now",
        "topic orders: retention.ms=1000",
        "topic orders: retention.ms back to its default",
        "broker: num.partitions=2",
        "group \"readers\" rebalanced",
        "were reset",
        "orders/1 was trimmed: it starts at offset 1",
        "group \"readers\" was deleted",
        "topic orders was deleted",
    ] {
        assert!(
            rest.any(|event| event.contains(wanted)),
            "{wanted:?} is missing, or out of order: {told:#?}"
        );
    }
}

#[test]
fn stops_and_starts_are_told() {
    let mut broker = TestBroker::start();
    broker.produce("t", "a\n");
    let log = broker.stop().err();
    assert!(log.contains("stopped in order"), "{log}");
    broker.start_again();
    assert!(!events(&broker).iter().any(|event| event.contains("not stopped in order")));
    broker.kill();
    broker.start_again();
    assert!(events(&broker).iter().any(|event| event.contains("not stopped in order")));
}

#[test]
fn each_service_says_that_it_is_well() {
    let broker = TestBroker::start();
    let client = broker.client();
    for service in ["", "Cluster", "Configs", "Groups", "Monitor", "Records", "Topics"] {
        let service = if service.is_empty() { String::new() } else { format!("runnel.v1.{service}") };
        let request = HealthCheckRequest { service: service.clone() };
        let answer = client.block_on(HealthClient::new(client.channel()).check(request));
        assert_eq!(answer.map(|health| health.into_inner().status).ok(), Some(1), "{service:?}");
    }
}

#[test]
fn older_tools_find_the_services_by_reflection() {
    let broker = TestBroker::start();
    let client = broker.client();
    let asked = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
    let answer = client.block_on(async {
        let mut reflection = ServerReflectionClient::new(client.channel());
        let answers =
            reflection.server_reflection_info(tokio_stream::iter([request])).await.expect("answers");
        answers.into_inner().message().await.expect("an answer").expect("one")
    });
    let Some(MessageResponse::ListServicesResponse(listed)) = answer.message_response else {
        panic!("{answer:?}")
    };
    assert!(listed.service.iter().any(|service| service.name == "runnel.v1.Records"), "{listed:?}");
}

#[test]
fn the_listeners_told_are_those_there_are() {
    let broker = TestBroker::start();
    let told = broker.runnel(["config", "get", "broker", "listeners", "-o", "json"]).run().ok();
    assert!(told.text().contains(&broker.address()), "{}", told.shown());
}

#[test]
fn a_deleted_topics_files_go() {
    let mut broker = TestBroker::start();
    broker.runnel(["topic", "create", "t", "-p", "20"]).run().ok();
    let dir = broker.partition_dir("t", 0).parent().expect("the topic's folder").to_owned();
    broker.runnel(["topic", "delete", "t", "--yes"]).run().ok();
    let deleted = dir.with_extension("deleted");
    eventually("the files' removal", || {
        if dir.exists() || deleted.exists() { Err(format!("{} is there", dir.display())) } else { Ok(()) }
    });
    // As a crash amid the removal would leave it.
    broker.stop();
    std::fs::create_dir_all(deleted.join("0")).expect("a folder");
    broker.start_again();
    eventually(
        "the rest's removal",
        || {
            if deleted.exists() { Err("it is there".to_owned()) } else { Ok(()) }
        },
    );
}

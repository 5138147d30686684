//! Many connections of Kafka clients: what each costs while it is idle, and what those cost that do not read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use runnel_proto::kafka::frame::{encode_request, split_response};
use runnel_proto::kafka::messages::fetch_request::{FetchPartition, FetchTopic};
use runnel_proto::kafka::messages::{ApiVersionsRequest, FetchRequest};
use runnel_proto::kafka::{ApiKey, DECODED_BYTES_MAX, Message, Request};
use runnel_tests::harness::{TestBroker, eventually};

/// Idle connections, or as many as the machine has descriptors for: test and broker need one each.
const IDLE: u64 = 10_000;

/// Descriptors for all else.
const OTHER_DESCRIPTORS: u64 = 500;

/// What an idle connection may cost the broker.
const IDLE_BYTES: u64 = 8 << 10;

const SLOW: u64 = 200;

/// What all clients that do not read may cost together: a few of their answers would be more.
const SLOW_GROWTH_KIB: u64 = 48 << 10;

/// Bytes of a record, and how many there are: more than the broker, the system and the test hold for anybody.
const RECORD_BYTES: usize = 100_000;
const RECORDS: usize = 400;

const FETCH_VERSION: i16 = 12;

#[test]
fn idle_connections_cost_little() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("more descriptors, for the broker, too");
    let first = IDLE / 10;
    let idle = IDLE.min(most - first - OTHER_DESCRIPTORS);
    let mut broker = TestBroker::start_with(&[&format!("max.connections={}", 2 * IDLE)]);
    let address = broker.address();
    // What the first of them bring about, the others do not.
    let mut connections: Vec<_> = (0..first).map(|_| connect(&address)).collect();
    let before_kib = resident_kib(&mut broker);
    connections.extend((0..idle).map(|_| connect(&address)));
    let grown = (resident_kib(&mut broker) - before_kib) * 1024;
    assert!(grown <= idle * IDLE_BYTES, "{} bytes a connection", grown / idle);
    // All of them still live.
    for connection in connections.iter_mut().step_by(100) {
        ask(connection);
    }
}

#[test]
fn clients_that_do_not_read_cost_no_memory_hold_nobody_up_and_are_let_go() {
    let mut broker = TestBroker::start();
    broker.runnel(["topic", "create", "large"]).run().ok();
    let lines = [vec![b'x'; RECORD_BYTES], b"\n".to_vec()].concat().repeat(RECORDS);
    broker.produce("large", lines);
    let address = broker.address();
    let before_kib = resident_kib(&mut broker);
    let fetch = request(&fetch_all(), FETCH_VERSION);
    let ask_for_all = |_| {
        let mut connection = connect(&address);
        connection.write_all(&fetch).expect("the broker reads");
        connection
    };
    let mut slow: Vec<_> = (0..SLOW).map(ask_for_all).collect();
    // The answers have begun.
    for connection in &slow {
        assert_eq!(connection.peek(&mut [0]).expect("an answer begins"), 1);
    }
    let grown_kib = resident_kib(&mut broker).saturating_sub(before_kib);
    assert!(grown_kib <= SLOW_GROWTH_KIB, "{grown_kib} KiB more");
    // Another one gets everything meanwhile, and so does a slow one that reads after all.
    let mut other = connect(&address);
    other.write_all(&fetch).expect("the broker reads");
    for connection in [&mut other, &mut slow[7]] {
        let (_, body) = split_response(answer(connection), ApiKey::Fetch, FETCH_VERSION).expect("a response");
        let response =
            runnel_proto::kafka::messages::FetchResponse::from_bytes(body, FETCH_VERSION, DECODED_BYTES_MAX);
        let response = response.expect("a response");
        let records = response.responses[0].partitions[0].records.as_ref().expect("records");
        assert!(records.len() > RECORDS * RECORD_BYTES, "{} bytes came", records.len());
    }
    broker.stop();
}

fn fetch_all() -> FetchRequest {
    let partition = FetchPartition {
        partition: 0,
        current_leader_epoch: -1,
        partition_max_bytes: i32::MAX,
        ..Default::default()
    };
    let topic = FetchTopic { topic: "large".into(), partitions: vec![partition], ..Default::default() };
    FetchRequest {
        max_bytes: i32::MAX,
        min_bytes: 1,
        session_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    }
}

/// A client that has asked once what is served.
fn connect(address: &str) -> TcpStream {
    let mut connection = None;
    eventually("a connection", || {
        connection = Some(TcpStream::connect(address).map_err(|error| error.to_string())?);
        Ok(())
    });
    let mut connection = connection.expect("it came");
    connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    ask(&mut connection);
    connection
}

fn ask(connection: &mut TcpStream) {
    let asks = request(&ApiVersionsRequest::default(), 0);
    connection.write_all(&asks).expect("the connection is open");
    answer(connection);
}

fn request<R: Request>(request: &R, version: i16) -> Vec<u8> {
    encode_request(request, version, 7, None).expect("a request").concat()
}

fn answer(connection: &mut TcpStream) -> Bytes {
    let mut length = [0; 4];
    connection.read_exact(&mut length).expect("an answer");
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    connection.read_exact(&mut frame).expect("all of the answer");
    frame.into()
}

fn resident_kib(broker: &mut TestBroker) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", broker.process().pid()));
    let status = status.expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

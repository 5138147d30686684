//! What no sane client sends to the Kafka protocol: the broker goes on, stays small, and disturbs nobody else.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Buf, Bytes};
use runnel_fuzz::Target;
use runnel_proto::kafka::ApiKey;
use runnel_tests::harness::{Random, TestBroker, eventually};

/// Every version of every message as Kafka's own classes write it.
const MESSAGES: &[u8] = include_bytes!("../../proto/tests/kafka/fixtures/messages.bin");

/// How long an answer is waited for; some requests wait by themselves.
const PATIENCE: Duration = Duration::from_millis(30);

/// What a client that has not said who it is may make the broker take.
const GROWTH_KIB: u64 = 64 << 10;

struct Request {
    api: ApiKey,
    version: i16,
    body: Bytes,
}

impl Request {
    fn frame(&self, body: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 4];
        frame.extend_from_slice(&self.api.code().to_be_bytes());
        frame.extend_from_slice(&self.version.to_be_bytes());
        frame.extend_from_slice(&7_i32.to_be_bytes());
        frame.extend_from_slice(&(-1_i16).to_be_bytes());
        if self.api.request_header_version(self.version) == 2 {
            frame.push(0);
        }
        frame.extend_from_slice(body);
        let length = (frame.len() - 4) as i32;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        frame
    }

    /// Whether a bit more or less in it asks for thousands of files.
    fn makes_files(&self) -> bool {
        matches!(self.api, ApiKey::CreateTopics | ApiKey::CreatePartitions)
    }
}

fn requests() -> Vec<Request> {
    let mut file = Bytes::from_static(MESSAGES);
    let mut requests = Vec::new();
    while file.has_remaining() {
        let length = file.get_u16().into();
        let name = file.split_to(length);
        let version = file.get_i16();
        let length = file.get_u32() as usize;
        let body = file.split_to(length);
        let api = ApiKey::all().find(|api| *name == *format!("{}Request", api.name()).as_bytes());
        requests.extend(api.map(|api| Request { api, version, body }));
    }
    requests
}

/// Sends bytes and waits a moment for what the broker makes of them.
fn send(address: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).expect("the broker takes connections");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // It may have closed already.
    if stream.write_all(bytes).is_ok() {
        let _ = stream.read(&mut [0; 4096]);
    }
}

/// A line of a process's status: `VmRSS` is what it takes of memory, `VmHWM` the most that it has taken.
fn memory_kib(pid: i32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Some of what the fuzzer has found to reach new code, as frames, but for what asks for files.
fn fuzzed() -> Vec<Vec<u8>> {
    const SOME: usize = 200;
    let corpus = Target::named("requests").expect("a target").corpus();
    let files = std::fs::read_dir(corpus).expect("a corpus").map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.collect();
    // In an order that no file system decides.
    files.sort();
    let step = files.len().div_ceil(SOME);
    let bodies = files.into_iter().step_by(step).map(|file| std::fs::read(file).expect("a file"));
    let makes_files = [ApiKey::CreateTopics, ApiKey::CreatePartitions].map(|api| api.code().to_be_bytes());
    let harmless = bodies.filter(|body| !makes_files.iter().any(|key| body.starts_with(key)));
    harmless.map(|body| [&(body.len() as u32).to_be_bytes()[..], &body].concat()).collect()
}

/// A request that asks for the most memory that its few bytes can: a million groups without a name.
fn many_names() -> Vec<u8> {
    let names = 1_000_000_usize;
    let body = [&(names as u32).to_be_bytes()[..], &vec![0; 2 * names]].concat();
    Request { api: ApiKey::DeleteGroups, version: 0, body: Bytes::new() }.frame(&body)
}

/// A client that keeps its connection and asks now and then what is served.
struct Neighbour(TcpStream);

impl Neighbour {
    fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the broker takes connections");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        Self(stream)
    }

    fn is_served(&mut self) {
        let asks = Request { api: ApiKey::ApiVersions, version: 0, body: Bytes::new() };
        self.0.write_all(&asks.frame(&[])).expect("the connection is open");
        let mut length = [0; 4];
        self.0.read_exact(&mut length).expect("an answer");
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut answer).expect("all of the answer");
        assert_eq!(answer[..4], 7_i32.to_be_bytes(), "the answer is to the question");
    }
}

#[test]
fn hostile_bytes_cost_nothing_and_disturb_nobody() {
    // Always the same: whatever fails here fails again.
    let mut random = Random::new(20_261_123);
    let mut broker = TestBroker::start_with(&["auto.create.topics.enable=false"]);
    let address = broker.address();
    let mut neighbour = Neighbour::new(&address);
    neighbour.is_served();
    let before_kib = memory_kib(broker.process().pid(), "VmRSS:");
    for (number, request) in requests().iter().enumerate() {
        let body = &request.body;
        let cut = random.below(body.len() as u64 + 1) as usize;
        send(&address, &request.frame(&body[..cut]));
        if !request.makes_files() && !body.is_empty() {
            let mut flipped = body.to_vec();
            for _ in 0..=random.below(3) {
                let bit = random.below(8 * body.len() as u64);
                flipped[(bit / 8) as usize] ^= 1 << (bit % 8);
            }
            send(&address, &request.frame(&flipped));
        }
        if number % 50 == 0 {
            neighbour.is_served();
        }
    }
    // Announced and never sent, and nonsense from the first byte on.
    for _ in 0..100 {
        send(&address, &(100_i32 << 20).to_be_bytes());
        let mut noise = random.bytes(200);
        noise[0] = 0;
        send(&address, &noise);
    }
    for (number, frame) in fuzzed().iter().enumerate() {
        send(&address, frame);
        // And broken off in its midst, the frame after it announced.
        send(&address, &[frame, &frame[..frame.len() / 2]].concat());
        if number % 50 == 0 {
            neighbour.is_served();
        }
    }
    send(&address, &many_names());
    neighbour.is_served();
    let grown_kib = memory_kib(broker.process().pid(), "VmHWM:").saturating_sub(before_kib);
    assert!(grown_kib < GROWTH_KIB, "the broker has grown by {grown_kib} KiB");
    broker.runnel(["produce", "logs"]).input("a\n").run().exits_with(1).says("does not exist");
    broker.stop().ok();
}

#[test]
fn answers_keep_the_order_of_the_requests() {
    let broker = TestBroker::start();
    let mut stream = TcpStream::connect(broker.address()).expect("the broker takes connections");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let asks = Request { api: ApiKey::Metadata, version: 1, body: Bytes::new() };
    let versions = Request { api: ApiKey::ApiVersions, version: 0, body: Bytes::new() };
    let mut frames = Vec::new();
    for number in 0..200_i32 {
        let mut frame = match number % 2 {
            0 => asks.frame(&(-1_i32).to_be_bytes()),
            _ => versions.frame(&[]),
        };
        frame[8..12].copy_from_slice(&number.to_be_bytes());
        frames.extend_from_slice(&frame);
    }
    stream.write_all(&frames).expect("the connection is open");
    for number in 0..200_i32 {
        let mut length = [0; 4];
        stream.read_exact(&mut length).expect("an answer");
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut answer).expect("all of the answer");
        assert_eq!(answer[..4], number.to_be_bytes());
    }
}

#[test]
fn an_unknown_request_closes_its_connection_and_an_unknown_apiversions_does_not() {
    let broker = TestBroker::start();
    let address = broker.address();
    // With the header of a flexible version, as a newer client writes it.
    let mut newer = Request { api: ApiKey::ApiVersions, version: 3, body: Bytes::new() }.frame(b"?");
    newer[6..8].copy_from_slice(&99_i16.to_be_bytes());
    let mut stream = TcpStream::connect(&address).expect("the broker takes connections");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream.write_all(&newer).expect("sent");
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer[8..], 35_i16.to_be_bytes(), "UNSUPPORTED_VERSION, in version 0");
    let mut stream = TcpStream::connect(&address).expect("the broker takes connections");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream.write_all(b"\0\0\0\x0a\x7f\xff\0\0\0\0\0\x07\xff\xff").expect("sent");
    eventually("the connection is closed", || match stream.read(&mut [0; 16]) {
        Ok(0) => Ok(()),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

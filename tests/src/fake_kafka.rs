//! The least Kafka broker that old and new librdkafka accept: one partition a topic, everything in memory, no groups.
//! It keeps and serves batches byte for byte, so that tests see exactly what a client wrote, and clients exactly
//! what we wrote.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use runnel_proto::records::split_batches;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const LIST_OFFSETS: i16 = 2;
const METADATA: i16 = 3;
const FIND_COORDINATOR: i16 = 10;
const API_VERSIONS: i16 = 18;

/// Key, lowest and highest version. librdkafka before 2.12 switches features on by exact versions: lz4 by
/// FindCoordinator 0, zstd by Produce 7 with Fetch 10, format 2 by Produce 3 with Fetch 4. Of those that it merely
/// looks for, none is served.
const APIS: [(i16, i16, i16); 6] = [
    (PRODUCE, 0, 7),
    (FETCH, 0, 11),
    (LIST_OFFSETS, 0, 1),
    (METADATA, 0, 1),
    (FIND_COORDINATOR, 0, 0),
    (API_VERSIONS, 0, 3),
];

const UNSUPPORTED_VERSION: i16 = 35;
const CORRUPT_MESSAGE: i16 = 2;
const OFFSET_OUT_OF_RANGE: i16 = 1;
const MAX_FRAME_BYTES: usize = 128 << 20;
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// A broker on a loopback port of its own; it stops taking connections when dropped.
#[derive(Debug)]
pub struct FakeKafka {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    topics: Mutex<BTreeMap<String, Log>>,
    stopping: AtomicBool,
}

/// The batches of a topic's only partition, base offsets stamped.
#[derive(Debug, Default)]
struct Log {
    batches: Vec<(i64, Vec<u8>)>,
    end_offset: i64,
}

impl FakeKafka {
    /// # Errors
    /// When no loopback port can be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let broker = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || accept(&listener, &shared));
        Ok(broker)
    }

    /// What clients are to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Appends concatenated batches, creating the topic.
    ///
    /// # Panics
    /// When `batches` are not whole batches.
    pub fn append(&self, topic: &str, batches: &[u8]) {
        self.shared.append(topic, batches).expect("whole batches");
    }

    /// Every batch of a topic, in order.
    pub fn batches(&self, topic: &str) -> Vec<Vec<u8>> {
        let topics = self.shared.topics();
        topics
            .get(topic)
            .map_or_else(Vec::new, |log| log.batches.iter().map(|(_, batch)| batch.clone()).collect())
    }
}

impl Drop for FakeKafka {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes the listener; when that fails, it is gone already.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn topics(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Log>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the base offset of the first batch.
    fn append(&self, topic: &str, batches: &[u8]) -> Option<i64> {
        let batches: Vec<_> = split_batches(batches).collect::<Result<_, _>>().ok()?;
        let mut topics = self.topics();
        let log = topics.entry(topic.to_owned()).or_default();
        let base_offset = log.end_offset;
        for (header, batch) in batches {
            let mut batch = batch.to_vec();
            batch[..8].copy_from_slice(&log.end_offset.to_be_bytes());
            log.end_offset += i64::from(header.last_offset_delta) + 1;
            log.batches.push((log.end_offset, batch));
        }
        Some(base_offset)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // A client that leaves, or talks nonsense, ends its connection and nothing else.
            let _ = serve(stream, &shared);
        });
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let port = stream.local_addr()?.port();
    let mut request = Vec::new();
    let mut response = Vec::new();
    loop {
        read_frame(&mut stream, &mut request)?;
        response.clear();
        let Some(answer) = answer(&request, &mut response, shared, port) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if answer == Answer::Expected {
            stream.write_all(&(response.len() as u32).to_be_bytes())?;
            stream.write_all(&response)?;
        }
    }
}

fn read_frame(stream: &mut TcpStream, frame: &mut Vec<u8>) -> io::Result<()> {
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = u32::from_be_bytes(size) as usize;
    if size > MAX_FRAME_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    frame.resize(size, 0);
    stream.read_exact(frame)
}

/// Whether the client waits for a response; it does not after a Produce with acks=0.
#[derive(PartialEq, Eq)]
enum Answer {
    Expected,
    Unexpected,
}

/// `None` ends the connection, as Kafka does with what it cannot read.
fn answer(request: &[u8], out: &mut Vec<u8>, shared: &Shared, port: u16) -> Option<Answer> {
    let mut request = Request(request);
    let [key, version] = [request.i16()?, request.i16()?];
    let correlation_id = request.i32()?;
    request.string()?; // client id
    put(out, correlation_id.to_be_bytes());
    match (key, version) {
        (API_VERSIONS, _) => api_versions(version, out),
        (METADATA, 0..=1) => metadata(version, &mut request, out, shared, port)?,
        (LIST_OFFSETS, 1) => list_offsets(&mut request, out, shared)?,
        (PRODUCE, 3..=7) => return produce(version, &mut request, out, shared),
        (FETCH, 4..=11) => fetch(version, &mut request, out, shared)?,
        _ => return None,
    }
    Some(Answer::Expected)
}

fn api_versions(version: i16, out: &mut Vec<u8>) {
    if !(0..=3).contains(&version) {
        put(out, UNSUPPORTED_VERSION.to_be_bytes());
        put(out, 0_i32.to_be_bytes());
        return;
    }
    let flexible = version == 3;
    put(out, 0_i16.to_be_bytes());
    if flexible {
        out.push(APIS.len() as u8 + 1);
    } else {
        put(out, (APIS.len() as i32).to_be_bytes());
    }
    for (key, lowest, highest) in APIS {
        for field in [key, lowest, highest] {
            put(out, field.to_be_bytes());
        }
        if flexible {
            out.push(0);
        }
    }
    if version >= 1 {
        put(out, 0_i32.to_be_bytes()); // throttle time
    }
    if flexible {
        out.push(0);
    }
}

fn metadata(
    version: i16,
    request: &mut Request<'_>,
    out: &mut Vec<u8>,
    shared: &Shared,
    port: u16,
) -> Option<()> {
    let count = request.i32()?;
    let mut names = Vec::new();
    for _ in 0..count.max(0) {
        names.push(request.string()??);
    }
    let mut topics = shared.topics();
    for name in &names {
        topics.entry((*name).to_owned()).or_default();
    }
    let all = if version == 0 { count == 0 } else { count < 0 };
    let names = if all { topics.keys().map(String::as_str).collect() } else { names };
    put(out, 1_i32.to_be_bytes());
    put(out, 0_i32.to_be_bytes()); // node id
    put_string(out, "127.0.0.1");
    put(out, i32::from(port).to_be_bytes());
    if version >= 1 {
        put(out, (-1_i16).to_be_bytes()); // no rack
        put(out, 0_i32.to_be_bytes()); // controller
    }
    put(out, (names.len() as i32).to_be_bytes());
    for name in names {
        put(out, 0_i16.to_be_bytes());
        put_string(out, name);
        if version >= 1 {
            out.push(0); // not internal
        }
        put(out, 1_i32.to_be_bytes());
        put(out, 0_i16.to_be_bytes());
        // Partition and leader; then one replica and one in sync, both node 0.
        for field in [0, 0, 1, 0, 1, 0_i32] {
            put(out, field.to_be_bytes());
        }
    }
    Some(())
}

fn list_offsets(request: &mut Request<'_>, out: &mut Vec<u8>, shared: &Shared) -> Option<()> {
    const EARLIEST: i64 = -2;
    request.i32()?; // replica
    each_partition(request, out, |topic, request, out| {
        let timestamp = request.i64()?;
        let end_offset = shared.topics().get(topic).map_or(0, |log| log.end_offset);
        put(out, 0_i16.to_be_bytes());
        put(out, (-1_i64).to_be_bytes());
        put(out, if timestamp == EARLIEST { 0 } else { end_offset }.to_be_bytes());
        Some(())
    })
}

fn produce(version: i16, request: &mut Request<'_>, out: &mut Vec<u8>, shared: &Shared) -> Option<Answer> {
    request.string()?; // transactional id
    let acks = request.i16()?;
    request.i32()?; // timeout
    each_partition(request, out, |topic, request, out| {
        let base_offset = shared.append(topic, request.bytes()?);
        put(out, if base_offset.is_some() { 0 } else { CORRUPT_MESSAGE }.to_be_bytes());
        put(out, base_offset.unwrap_or(-1).to_be_bytes());
        put(out, (-1_i64).to_be_bytes()); // no append time
        if version >= 5 {
            put(out, 0_i64.to_be_bytes()); // log start
        }
        Some(())
    })?;
    put(out, 0_i32.to_be_bytes()); // throttle time
    Some(if acks == 0 { Answer::Unexpected } else { Answer::Expected })
}

fn fetch(version: i16, request: &mut Request<'_>, out: &mut Vec<u8>, shared: &Shared) -> Option<()> {
    request.i32()?; // replica
    let max_wait_ms = request.i32()?;
    request.take(4 + 4 + 1)?; // least and most bytes, isolation
    if version >= 7 {
        request.take(4 + 4)?; // session
    }
    put(out, 0_i32.to_be_bytes()); // throttle time
    if version >= 7 {
        put(out, 0_i16.to_be_bytes());
        put(out, 0_i32.to_be_bytes()); // no session
    }
    let mut served = false;
    each_partition(request, out, |topic, request, out| {
        if version >= 9 {
            request.i32()?; // leader epoch
        }
        let offset = request.i64()?;
        if version >= 5 {
            request.i64()?; // log start of a follower
        }
        let max_bytes = usize::try_from(request.i32()?).ok()?;
        let (end_offset, records) =
            shared.topics().get(topic).map_or((0, None), |log| log.read(offset, max_bytes));
        served |= records.as_ref().is_none_or(|records| !records.is_empty());
        put(out, if records.is_some() { 0 } else { OFFSET_OUT_OF_RANGE }.to_be_bytes());
        put(out, end_offset.to_be_bytes()); // high watermark
        put(out, end_offset.to_be_bytes()); // last stable offset
        if version >= 5 {
            put(out, 0_i64.to_be_bytes()); // log start
        }
        put(out, (-1_i32).to_be_bytes()); // no aborted transactions
        if version >= 11 {
            put(out, (-1_i32).to_be_bytes()); // no preferred replica
        }
        let records = records.unwrap_or_default();
        put(out, (records.len() as i32).to_be_bytes());
        out.extend_from_slice(&records);
        Some(())
    })?;
    if !served {
        thread::sleep(LONGEST_WAIT.min(Duration::from_millis(u64::try_from(max_wait_ms).ok()?)));
    }
    Some(())
}

impl Log {
    /// The end offset, and whole batches from the one that contains `offset`: at least one, unless at the end.
    /// `None` outside the log.
    fn read(&self, offset: i64, max_bytes: usize) -> (i64, Option<Vec<u8>>) {
        if !(0..=self.end_offset).contains(&offset) {
            return (self.end_offset, None);
        }
        let first = self.batches.partition_point(|(next_offset, _)| *next_offset <= offset);
        let mut records = Vec::new();
        for (_, batch) in &self.batches[first..] {
            if !records.is_empty() && records.len() + batch.len() > max_bytes {
                break;
            }
            records.extend_from_slice(batch);
        }
        (self.end_offset, Some(records))
    }
}

/// Walks over `[topic, [partition, …]]` of a request, writing the same shape with `answer`'s fields in each partition.
fn each_partition<'a>(
    request: &mut Request<'a>,
    out: &mut Vec<u8>,
    mut answer: impl FnMut(&str, &mut Request<'a>, &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    let topics = request.i32()?;
    put(out, topics.to_be_bytes());
    for _ in 0..topics {
        let topic = request.string()??;
        put_string(out, topic);
        let partitions = request.i32()?;
        put(out, partitions.to_be_bytes());
        for _ in 0..partitions {
            let index = request.i32()?;
            put(out, index.to_be_bytes());
            answer(topic, request, out)?;
        }
    }
    Some(())
}

/// What is left of a request; `None` from its methods when that is too little.
struct Request<'a>(&'a [u8]);

impl<'a> Request<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// The inner `None` is null.
    fn string(&mut self) -> Option<Option<&'a str>> {
        match self.i16()? {
            -1 => Some(None),
            length => std::str::from_utf8(self.take(usize::try_from(length).ok()?)?).ok().map(Some),
        }
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.i32()?).ok()?;
        self.take(length)
    }
}

fn put<const N: usize>(out: &mut Vec<u8>, field: [u8; N]) {
    out.extend_from_slice(&field);
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    put(out, (text.len() as i16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

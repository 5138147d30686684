//! Two hundred consumers that read a backlog slowly: each takes some kilobytes of an answer at a time.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use runnel_proto::kafka::messages::FetchRequest;
use runnel_proto::kafka::messages::fetch_request::{FetchPartition, FetchTopic};

use super::beside;
use crate::bench::engine::{Bench, Turn};
use crate::bench::servers::Kind;
use crate::bench::watch::{By, watched};
use crate::measure::Result;
use crate::measure::librdkafka::{Load, RECORD_BYTES};
use crate::measure::wire::Connection;

const CONSUMERS: u32 = 200;
const RATE: u32 = 1000;
const FETCH: i16 = 4;
/// What one answer may have: as much as Java's consumers ask for.
const ANSWER_BYTES: i32 = 50 << 20;
/// So much at a time, and so long until the next: 160 kB/s each, 32 MB/s all together.
const SIP_BYTES: usize = 16 << 10;
const BETWEEN_SIPS: Duration = Duration::from_millis(100);

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    let seconds = bench.scaled(10, 2);
    let (bytes, size) = bench.scaled((1_000_000_000, "1 GB"), (50_000_000, "50 MB"));
    let backlog = Load::of(bytes / RECORD_BYTES);
    let beside_what = format!("beside {CONSUMERS} slow consumers of {size}");
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Kafka]);
    let rows = |kind: Kind| beside(&beside_what, "all slow consumers together", kind.name());
    let mut backlogs = BTreeMap::new();
    bench.measure_each(&kinds, rows, |bench, kind, line| {
        let topic = bench.fresh_topic(kind, 1)?;
        if line == 1 && !backlogs.contains_key(&kind) {
            let written = bench.fresh_topic(kind, 1)?;
            bench.client.produce(written.address, &written.name, &backlog)?;
            backlogs.insert(kind, written.name);
        }
        let (figures, taken) = watched(topic.pid, By::Time, || {
            let slow = match line {
                1 => Some(SlowConsumers::start(topic.address, &backlogs[&kind], backlog.records)?),
                _ => None,
            };
            let start = Instant::now();
            let percentiles = bench.client.open_loop(topic.address, &topic.name, RATE, seconds)?;
            let mut figures = percentiles[..2].to_vec();
            if let Some(slow) = slow {
                let elapsed_s = start.elapsed().as_secs_f64();
                figures.push(slow.stop()? as f64 / 1e6 / elapsed_s);
            }
            Ok(figures)
        })?;
        topic.delete()?;
        Ok(Turn::of(figures, taken))
    });
}

/// Threads that read slowly until they are stopped.
struct SlowConsumers {
    stopping: Arc<AtomicBool>,
    read_bytes: Arc<AtomicU64>,
    threads: Vec<JoinHandle<std::result::Result<(), String>>>,
}

impl SlowConsumers {
    fn start(broker: SocketAddr, topic: &str, records: u32) -> Result<Self> {
        let mut consumers =
            Self { stopping: Arc::default(), read_bytes: Arc::default(), threads: Vec::new() };
        for number in 0..CONSUMERS {
            let connection = Connection::open(broker)?;
            // Not all at the same place, lest one answer serves them all.
            let offset = i64::from(records / CONSUMERS * number);
            let (topic, stopping, read) =
                (topic.to_owned(), Arc::clone(&consumers.stopping), Arc::clone(&consumers.read_bytes));
            consumers.threads.push(thread::spawn(move || {
                sip(connection, &topic, offset, &stopping, &read).map_err(|error| error.to_string())
            }));
        }
        Ok(consumers)
    }

    /// Bytes that all have read until now.
    fn stop(self) -> Result<u64> {
        let read_bytes = self.read_bytes.load(Ordering::Relaxed);
        self.stopping.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| "a slow consumer panicked")??;
        }
        Ok(read_bytes)
    }
}

fn sip(
    mut connection: Connection,
    topic: &str,
    offset: i64,
    stopping: &AtomicBool,
    read: &AtomicU64,
) -> Result<()> {
    let mut sip = vec![0; SIP_BYTES];
    loop {
        connection.send(&fetch(topic, offset), FETCH)?;
        let mut length = [0; 4];
        connection.stream().read_exact(&mut length)?;
        let mut left = u32::from_be_bytes(length) as usize;
        while left > 0 {
            if stopping.load(Ordering::Relaxed) {
                return Ok(());
            }
            let count = connection.stream().read(&mut sip[..left.min(SIP_BYTES)])?;
            if count == 0 {
                return Err("the broker has closed a slow consumer's connection".into());
            }
            left -= count;
            read.fetch_add(count as u64, Ordering::Relaxed);
            thread::sleep(BETWEEN_SIPS);
        }
    }
}

fn fetch(topic: &str, fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition { fetch_offset, partition_max_bytes: ANSWER_BYTES, ..Default::default() };
    let topic = FetchTopic { topic: topic.into(), partitions: vec![partition], ..Default::default() };
    FetchRequest {
        replica_id: -1,
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: ANSWER_BYTES,
        topics: vec![topic],
        ..Default::default()
    }
}

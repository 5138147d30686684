//! Kafka's C client: its own performance program, and a client that sends at a fixed rate.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::measure::Result;

/// A record's bytes; Kafka's own performance tests take as many.
pub(crate) const RECORD_BYTES: u32 = 1000;

/// A program that has not ended by then is ended, and has failed.
const PATIENCE_S: u32 = 600;

/// What a producer sends, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) records: u32,
    pub(crate) record_bytes: u32,
    /// As `rdkafka_performance` takes them: -1 is all.
    pub(crate) acks: i8,
    pub(crate) idempotent: bool,
    /// Whether all partitions get records all the time, not one after the other, each for ten milliseconds or so, as is
    /// librdkafka's default: a broker that is faster would get records into fewer of them.
    pub(crate) spread: bool,
}

impl Load {
    /// So many records of [`RECORD_BYTES`], acknowledged by all replicas.
    pub(crate) fn of(records: u32) -> Self {
        Self { records, record_bytes: RECORD_BYTES, acks: -1, idempotent: false, spread: true }
    }

    /// All its records, in megabytes.
    pub(crate) fn megabytes(&self) -> f64 {
        f64::from(self.records) * f64::from(self.record_bytes) / 1e6
    }
}

/// The programs, built.
#[derive(Debug, Clone)]
pub(crate) struct Librdkafka {
    folder: PathBuf,
}

/// What an open loop saw: the 50th, the 99th and the 99.9th percentile and the worst, in milliseconds.
pub(crate) type Percentiles = [f64; 4];

impl Librdkafka {
    /// Fetches and builds it, if it is not there yet.
    pub(crate) fn fetch() -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/fetch-librdkafka.sh");
        let folder = command::run(&mut Command::new(script))?;
        Ok(Self { folder: PathBuf::from(folder.trim_end()) })
    }

    /// Produces records; seconds from the first to the last acknowledgement.
    pub(crate) fn produce(&self, broker: SocketAddr, topic: &str, load: &Load) -> Result<f64> {
        let records = load.records;
        let told = command::run(&mut self.producer(broker, topic, load))?;
        let delivered = format!("{records} delivered");
        let line = told.lines().rfind(|line| line.contains(&delivered) && line.contains("(offset"));
        milliseconds(line, &told)
    }

    /// The program that produces records.
    pub(crate) fn producer(&self, broker: SocketAddr, topic: &str, load: &Load) -> Command {
        let mut program = self.performance(broker, topic, load.records);
        program.args(["-P", "-a", &load.acks.to_string(), "-s", &load.record_bytes.to_string()]);
        program.args(["-X", &format!("enable.idempotence={}", load.idempotent)]);
        // librdkafka's own default. Its performance program has the last batch wait for a second, which is most of what a
        // fast broker needs for all of them.
        program.args(["-X", "linger.ms=5"]);
        if load.spread {
            program.args(["-X", "sticky.partitioning.linger.ms=0"]);
        }
        if load.record_bytes > 900_000 {
            // The largest records take a little more with what is around them than fits by default.
            program.args(["-X", "message.max.bytes=1048000"]);
        }
        program
    }

    /// Consumes so many records from the beginning of all partitions; seconds from the first to the last.
    pub(crate) fn consume(
        &self,
        broker: SocketAddr,
        topic: &str,
        partitions: u32,
        records: u32,
    ) -> Result<f64> {
        let told = command::run(&mut self.consumer(broker, topic, partitions, records))?;
        Self::consumed_in_s(&told, records)
    }

    /// The program that consumes records from the beginning of all partitions.
    pub(crate) fn consumer(&self, broker: SocketAddr, topic: &str, partitions: u32, records: u32) -> Command {
        let mut program = self.performance(broker, topic, records);
        program.args(["-C", "-o", "beginning"]);
        for partition in 0..partitions {
            program.args(["-p", &partition.to_string()]);
        }
        program
    }

    /// The seconds from the first record to the last that it tells.
    pub(crate) fn consumed_in_s(told: &str, records: u32) -> Result<f64> {
        let consumed = format!("% {records} messages");
        milliseconds(told.lines().rfind(|line| line.starts_with(&consumed)), told)
    }

    /// Sends at a fixed rate for some seconds, after one that does not count; each record as soon as it is due.
    pub(crate) fn open_loop(
        &self,
        broker: SocketAddr,
        topic: &str,
        records_per_s: u32,
        seconds: u32,
    ) -> Result<Percentiles> {
        self.open_loop_gathering(broker, topic, records_per_s, seconds, 0)
    }

    /// The same with a client that gathers records for some milliseconds.
    pub(crate) fn open_loop_gathering(
        &self,
        broker: SocketAddr,
        topic: &str,
        records_per_s: u32,
        seconds: u32,
        linger_ms: u32,
    ) -> Result<Percentiles> {
        let mut program = Command::new(self.folder.join("open_loop"));
        program.args([&broker.to_string(), topic, &records_per_s.to_string()]);
        program.args([(records_per_s * seconds).to_string(), records_per_s.to_string()]);
        program.arg(linger_ms.to_string());
        let told = command::run(&mut program)?;
        let mut figures = Vec::new();
        for us in told.split_whitespace() {
            figures.push(us.parse::<f64>()? / 1e3);
        }
        figures.first_chunk().copied().ok_or_else(|| told.into())
    }

    /// Commits transactions of so many records for some seconds, one after the other; how many a second.
    pub(crate) fn transactions(
        &self,
        broker: SocketAddr,
        topic: &str,
        records: u32,
        seconds: u32,
    ) -> Result<f64> {
        let mut program = Command::new(self.folder.join("transactions"));
        program.args([&broker.to_string(), topic, &records.to_string(), &seconds.to_string()]);
        Ok(command::run(&mut program)?.trim().parse()?)
    }

    fn performance(&self, broker: SocketAddr, topic: &str, records: u32) -> Command {
        // It waits for ever for records that don't come.
        let mut program = Command::new("timeout");
        program.arg(PATIENCE_S.to_string()).arg(self.folder.join("rdkafka_performance"));
        program.args(["-q", "-b", &broker.to_string(), "-t", topic, "-c", &records.to_string()]);
        // A report on statistics that comes with the last acknowledgement is taken for a record that was not delivered.
        program.args(["-T", "0"]);
        program
    }
}

/// The seconds in "… in 2611ms: …", a line of `told`.
fn milliseconds(line: Option<&str>, told: &str) -> Result<f64> {
    let figure =
        line.and_then(|line| line.split(" in ").find_map(|part| part.split_once("ms: ")?.0.parse().ok()));
    let ms: f64 = figure.ok_or_else(|| format!("rdkafka_performance told no time: {told}"))?;
    Ok(ms / 1e3)
}

//! Kafka's C client: its own performance program, and a client that sends at a fixed rate.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Result;
use crate::command;

/// A record's bytes; Kafka's own performance tests take as many.
pub(super) const RECORD_BYTES: u32 = 1000;

/// The programs, built.
pub(super) struct Librdkafka {
    folder: PathBuf,
}

/// What an open loop saw: the 50th, the 99th and the 99.9th percentile, in milliseconds.
pub(super) type Percentiles = [f64; 3];

impl Librdkafka {
    /// Fetches and builds it, if it is not there yet.
    pub(super) fn fetch() -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/fetch-librdkafka.sh");
        let folder = command::run(&mut Command::new(script))?;
        Ok(Self { folder: PathBuf::from(folder.trim_end()) })
    }

    /// Produces records, all acknowledged by all replicas; seconds from the first to the last acknowledgement.
    pub(super) fn produce(&self, broker: SocketAddr, topic: &str, records: u32) -> Result<f64> {
        let mut program = self.performance(broker, topic, records);
        program.args(["-P", "-a", "-1", "-s", &RECORD_BYTES.to_string()]);
        let told = command::run(&mut program)?;
        let delivered = format!("{records} delivered");
        let line = told.lines().rfind(|line| line.contains(&delivered) && line.contains("(offset"));
        milliseconds(line, &told)
    }

    /// Consumes so many records from the beginning of all partitions; seconds from the first to the last.
    pub(super) fn consume(
        &self,
        broker: SocketAddr,
        topic: &str,
        partitions: u32,
        records: u32,
    ) -> Result<f64> {
        let mut program = self.performance(broker, topic, records);
        program.args(["-C", "-o", "beginning"]);
        for partition in 0..partitions {
            program.args(["-p", &partition.to_string()]);
        }
        let told = command::run(&mut program)?;
        let consumed = format!("% {records} messages");
        milliseconds(told.lines().rfind(|line| line.starts_with(&consumed)), &told)
    }

    /// Sends at a fixed rate for some seconds, after one that does not count.
    pub(super) fn open_loop(
        &self,
        broker: SocketAddr,
        topic: &str,
        records_per_s: u32,
        seconds: u32,
    ) -> Result<Percentiles> {
        let mut program = Command::new(self.folder.join("open_loop"));
        program.args([&broker.to_string(), topic, &records_per_s.to_string()]);
        program.args([(records_per_s * seconds).to_string(), records_per_s.to_string()]);
        let told = command::run(&mut program)?;
        let mut figures = Vec::new();
        for us in told.split_whitespace() {
            figures.push(us.parse::<f64>()? / 1e3);
        }
        figures.first_chunk().copied().ok_or_else(|| told.into())
    }

    fn performance(&self, broker: SocketAddr, topic: &str, records: u32) -> Command {
        let mut program = Command::new(self.folder.join("rdkafka_performance"));
        program.args(["-q", "-b", &broker.to_string(), "-t", topic, "-c", &records.to_string()]);
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

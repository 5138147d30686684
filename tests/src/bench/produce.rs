//! How fast librdkafka gets records in.

use super::engine::{Bench, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::{By, watched};
use crate::measure::Result;
use crate::measure::figures::{Unit, grouped};
use crate::measure::librdkafka::Load;
use crate::measure::text;

/// One way to produce. Each differs in one thing from the first: all combinations would take a day.
#[derive(Clone, Copy)]
pub(super) struct Case {
    pub(super) load: Load,
    pub(super) partitions: u32,
    pub(super) records: Records,
}

/// What is in the records.
#[derive(Clone, Copy)]
pub(super) enum Records {
    /// Those of `rdkafka_performance`: one line over and over. They would compress to nothing.
    Repeated,
    /// Text, compressed by this codec. The same uncompressed shows what the compression does.
    Text(&'static str),
}

const PARTITIONS: [u32; 4] = [1, 4, 100, 1000];
const CODECS: [&str; 3] = ["none", "lz4", "zstd"];

pub(super) fn measure(bench: &mut Bench<'_>) {
    let kinds = bench.kinds(&Kind::ALL);
    for (record_bytes, bytes) in [(1000, 1_000_000_000), (100, 250_000_000)] {
        let bytes = bench.scaled(bytes, 10_000_000);
        for case in cases(record_bytes, bytes / record_bytes) {
            let row = Row::new(case.what(), Unit::MbPerS, kinds.iter().map(|kind| kind.name()))
                .against(Kind::Kafka.name())
                .below(Kind::Discarding.name())
                .processor_in(Unit::SPerGb);
            bench.measure_brokers(vec![row], &kinds, |bench, kind| case.run(bench, kind));
        }
    }
}

fn cases(record_bytes: u32, records: u32) -> Vec<Case> {
    let load = Load { record_bytes, ..Load::of(records) };
    let first = Case { load, partitions: 1, records: Records::Repeated };
    let mut cases = Vec::new();
    cases.extend(PARTITIONS.map(|partitions| Case { partitions, ..first }));
    cases.push(Case { load: Load { spread: false, ..load }, partitions: 1000, ..first });
    cases.push(Case { load: Load { acks: 1, ..load }, ..first });
    cases.push(Case { load: Load { idempotent: true, ..load }, ..first });
    cases.extend(CODECS.map(|codec| Case { records: Records::Text(codec), ..first }));
    cases
}

impl Case {
    fn what(&self) -> String {
        let size = match self.load.record_bytes {
            1000 => "1 kB".to_owned(),
            bytes => format!("{bytes} B"),
        };
        let partitions = match self.partitions {
            1 => "1 partition".to_owned(),
            many => format!("{} partitions", grouped(many)),
        };
        let acks = if self.load.acks == 1 { "acks=1" } else { "acks=all" };
        let idempotent = if self.load.idempotent { ", idempotent" } else { "" };
        let text = match self.records {
            Records::Repeated => String::new(),
            Records::Text("none") => ", text".to_owned(),
            Records::Text(codec) => format!(", text, {codec}"),
        };
        let sticky = if self.load.spread { "" } else { ", one after the other" };
        format!("produce {size}, {partitions}{sticky}, {acks}{idempotent}{text}")
    }

    /// Produces into a topic of its own: MB/s.
    pub(super) fn run(&self, bench: &mut Bench<'_>, kind: Kind) -> Result<Turn> {
        let topic = bench.fresh_topic(kind, self.partitions)?;
        let megabytes = self.load.megabytes();
        let (seconds, taken) = watched(topic.pid, By::Gigabytes(megabytes / 1e3), || match self.records {
            Records::Repeated => bench.client.produce(topic.address, &topic.name, &self.load),
            Records::Text(codec) => text::produce(topic.address, &topic.name, &self.load, codec),
        })?;
        topic.delete()?;
        Ok(Turn::of([megabytes / seconds], taken))
    }
}

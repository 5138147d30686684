//! The same records into more and more partitions.

use crate::bench::engine::Bench;
use crate::bench::produce::{Case, Records};
use crate::bench::row::Row;
use crate::bench::servers::Kind;
use crate::measure::figures::Unit;
use crate::measure::librdkafka::{Load, RECORD_BYTES};

const PARTITIONS: [u32; 5] = [1, 10, 100, 1000, 10_000];

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    let load = Load::of(bench.scaled(1_000_000_000, 10_000_000) / RECORD_BYTES);
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Kafka, Kind::Discarding]);
    let rows = |kind: Kind| {
        let what = format!("produce 1 kB as partitions grow: {}", kind.name());
        vec![Row::curve(what, Unit::MbPerS, "partitions", &PARTITIONS).processor_in(Unit::SPerGb)]
    };
    bench.measure_each(&kinds, rows, |bench, kind, line| {
        Case { load, partitions: PARTITIONS[line], records: Records::Repeated }.run(bench, kind)
    });
}

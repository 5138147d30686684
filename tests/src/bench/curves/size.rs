//! The same bytes in larger and larger records.

use crate::bench::engine::Bench;
use crate::bench::produce::{Case, Records};
use crate::bench::row::Row;
use crate::bench::servers::Kind;
use crate::measure::figures::Unit;
use crate::measure::librdkafka::Load;

const SIZES: [u32; 6] = [10, 100, 1000, 10_000, 100_000, 1_000_000];
/// Of the smallest records fewer bytes: the client needs a while for each.
const MOST_RECORDS: u32 = 5_000_000;

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    let bytes: u32 = bench.scaled(1_000_000_000, 10_000_000);
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Kafka, Kind::Discarding]);
    let rows = |kind: Kind| {
        let what = format!("produce as records grow: {}", kind.name());
        vec![Row::curve(what, Unit::MbPerS, "B", &SIZES).processor_in(Unit::SPerGb)]
    };
    bench.measure_each(&kinds, rows, |bench, kind, line| {
        let record_bytes = SIZES[line];
        let most = bench.scaled(MOST_RECORDS, MOST_RECORDS / 50);
        let load = Load { record_bytes, ..Load::of((bytes / record_bytes).min(most)) };
        Case { load, partitions: 1, records: Records::Repeated }.run(bench, kind)
    });
}

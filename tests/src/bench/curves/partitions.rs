//! The same records into more and more partitions.

use crate::bench::engine::{Bench, Turn};
use crate::bench::row::Row;
use crate::bench::servers::Kind;
use crate::bench::watch::{By, watched};
use crate::measure::figures::Unit;
use crate::measure::librdkafka::{Load, RECORD_BYTES};

const PARTITIONS: [u32; 5] = [1, 10, 100, 1000, 10_000];

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    let load = Load::of(bench.scaled(1_000_000_000, 10_000_000) / RECORD_BYTES);
    for kind in bench.kinds(&[Kind::Runnel, Kind::Discarding]) {
        let what = format!("produce 1 kB as partitions grow: {}", kind.name());
        let row = Row::curve(what, Unit::MbPerS, "partitions", &PARTITIONS).processor_in(Unit::SPerGb);
        bench.measure(vec![row], |bench, line, _| {
            let topic = bench.fresh_topic(kind, PARTITIONS[line])?;
            let megabytes = f64::from(load.records) * f64::from(RECORD_BYTES) / 1e6;
            let (seconds, taken) = watched(topic.pid, By::Gigabytes(megabytes / 1e3), || {
                bench.client.produce(topic.address, &topic.name, &load)
            })?;
            topic.delete()?;
            Ok(Turn { figures: vec![megabytes / seconds], taken: Some(taken) })
        });
    }
}

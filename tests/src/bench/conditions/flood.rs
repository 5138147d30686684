//! One partition is flooded, while another one gets a little.

use std::time::Instant;

use super::beside;
use crate::bench::engine::{Bench, Turn};
use crate::bench::servers::Kind;
use crate::bench::watch::{By, watched};
use crate::measure::command::Background;
use crate::measure::librdkafka::{Load, RECORD_BYTES};
use crate::measure::wire::Connection;

const RATE: u32 = 1000;
/// More than anybody takes meanwhile.
const FLOOD: u32 = 1_000_000_000;

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    let seconds = bench.scaled(10, 1);
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Relaxed, Kind::Kafka, Kind::KafkaFlushed]);
    let rows = |kind: Kind| beside("beside a flood of another topic", "the flood", kind.name());
    bench.measure_each(&kinds, rows, |bench, kind, line| {
        let topic = bench.fresh_topic(kind, 1)?;
        let flooded = bench.fresh_topic(kind, 1)?;
        let mut producer = bench.client.producer(flooded.address, &flooded.name, &Load::of(FLOOD));
        let (figures, taken) = watched(topic.pid, By::Time, || {
            let flood = if line == 1 { Some(Background::start(&mut producer)?) } else { None };
            let start = Instant::now();
            let percentiles = bench.client.open_loop(topic.address, &topic.name, RATE, seconds)?;
            let mut figures = percentiles[..2].to_vec();
            if let Some(mut flood) = flood {
                flood.expect_running()?;
                let records = Connection::open(flooded.address)?.records(&flooded.name, 1)?;
                let megabytes = records as f64 * f64::from(RECORD_BYTES) / 1e6;
                figures.push(megabytes / start.elapsed().as_secs_f64());
            }
            Ok(figures)
        })?;
        topic.delete()?;
        flooded.delete()?;
        Ok(Turn::of(figures, taken))
    });
}

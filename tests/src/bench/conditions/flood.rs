//! One partition is flooded, while another one gets a little.

use super::beside;
use crate::bench::engine::{Bench, Turn};
use crate::bench::servers::Kind;
use crate::bench::watch::{By, watched};
use crate::measure::command::Background;
use crate::measure::librdkafka::Load;

const RATE: u32 = 1000;
/// More than anybody takes meanwhile.
const FLOOD: u32 = 1_000_000_000;

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    let seconds = bench.scaled(10, 1);
    for kind in bench.kinds(&[Kind::Runnel, Kind::Relaxed, Kind::Kafka, Kind::KafkaFlushed]) {
        let rows = beside("beside a flood of another topic", kind.name());
        bench.measure(rows, |bench, line, _| {
            let topic = bench.fresh_topic(kind, 1)?;
            let flooded = bench.fresh_topic(kind, 1)?;
            let mut flood = None;
            if line == 1 {
                let mut producer = bench.client.producer(flooded.address, &flooded.name, &Load::of(FLOOD));
                flood = Some(Background::start(&mut producer)?);
            }
            let ([p50, p99, ..], taken) = watched(topic.pid, By::Time, || {
                bench.client.open_loop(topic.address, &topic.name, RATE, seconds)
            })?;
            if let Some(mut flood) = flood {
                flood.expect_running()?;
            }
            topic.delete()?;
            flooded.delete()?;
            Ok(Turn { figures: vec![p50, p99], taken: Some(taken) })
        });
    }
}

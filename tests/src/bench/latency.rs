//! From a record's due time to its acknowledgement, at fixed rates.

use super::engine::{Bench, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::{By, watched};
use crate::measure::figures::{Unit, grouped};

const RATES: [u32; 3] = [1000, 10_000, 50_000];

pub(super) fn measure(bench: &mut Bench<'_>) {
    let kinds = bench.kinds(&Kind::ALL);
    let seconds = bench.scaled(10, 1);
    for rate in RATES {
        let rows = ["p50", "p99", "p99.9", "worst"].map(|figure| {
            let what = format!("due to acknowledged, {} records/s, acks=all, {figure}", grouped(rate));
            Row::new(what, Unit::Ms, kinds.iter().map(|kind| kind.name()))
                .against(Kind::Kafka.name())
                .below(Kind::Discarding.name())
        });
        bench.measure_brokers(rows.into(), &kinds, |bench, kind| {
            let topic = bench.fresh_topic(kind, 1)?;
            let (percentiles, taken) = watched(topic.pid, By::Time, || {
                bench.client.open_loop(topic.address, &topic.name, rate, seconds)
            })?;
            topic.delete()?;
            Ok(Turn { figures: percentiles.into(), taken: Some(taken) })
        });
    }
}

//! From a record's due time to its acknowledgement, at fixed rates.

use super::engine::{Bench, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::{By, watched};
use crate::measure::figures::{Unit, grouped};

/// Records a second, and for how many milliseconds the client gathers them. Without that each is a request, more of which
/// than 10,000 a second the client can't send.
const RATES: [(u32, u32); 4] = [(1000, 0), (10_000, 0), (50_000, 0), (50_000, 5)];

pub(super) fn measure(bench: &mut Bench<'_>) {
    let kinds = bench.kinds(&Kind::ALL);
    let seconds = bench.scaled(10, 1);
    for (rate, linger_ms) in RATES {
        let gathered = if linger_ms == 0 { String::new() } else { format!(", linger.ms={linger_ms}") };
        let rows = ["p50", "p99", "p99.9", "worst"].map(|figure| {
            let what =
                format!("due to acknowledged, {} records/s, acks=all{gathered}, {figure}", grouped(rate));
            Row::new(what, Unit::Ms, kinds.iter().map(|kind| kind.name()))
                .against(Kind::Kafka.name())
                .below(Kind::Discarding.name())
        });
        bench.measure_brokers(rows.into(), &kinds, |bench, kind| {
            let topic = bench.fresh_topic(kind, 1)?;
            let (percentiles, taken) = watched(topic.pid, By::Time, || {
                bench.client.open_loop_gathering(topic.address, &topic.name, rate, seconds, linger_ms)
            })?;
            topic.delete()?;
            Ok(Turn::of(percentiles, taken))
        });
    }
}

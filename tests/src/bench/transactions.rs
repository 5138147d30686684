//! Transactions a second: one producer that begins, sends and commits, one after the other.

use super::engine::{Bench, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::{By, watched};
use crate::measure::figures::Unit;

pub(super) fn measure(bench: &mut Bench<'_>) {
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Relaxed, Kind::Kafka, Kind::KafkaFlushed]);
    let seconds = bench.scaled(10, 1);
    for records in [1, 100] {
        let what = format!("transactions of {records} record{} of 1 kB", if records > 1 { "s" } else { "" });
        let row = Row::new(what, Unit::PerS, kinds.iter().map(|kind| kind.name()));
        bench.measure_brokers(vec![row.against(Kind::Kafka.name())], &kinds, |bench, kind| {
            let topic = bench.fresh_topic(kind, 1)?;
            let (rate, taken) = watched(topic.pid, By::Time, || {
                bench.client.transactions(topic.address, &topic.name, records, seconds)
            })?;
            topic.delete()?;
            Ok(Turn::of([rate], taken))
        });
    }
}

//! How many topics are created in a second, one request after the other.

use std::time::Instant;

use super::engine::{Bench, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::{By, watched};
use crate::measure::figures::Unit;
use crate::measure::wire::Connection;

pub(super) fn measure(bench: &mut Bench<'_>) {
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Relaxed, Kind::Kafka, Kind::KafkaFlushed]);
    let count: u32 = bench.scaled(200, 10);
    let row = Row::new("topics of one partition created", Unit::PerS, kinds.iter().map(|kind| kind.name()));
    bench.measure_brokers(vec![row.against(Kind::Kafka.name())], &kinds, |bench, kind| {
        let names: Vec<String> = (0..count).map(|_| bench.fresh_name("created")).collect();
        let server = bench.servers.get(kind)?;
        let mut connection = Connection::open(server.address())?;
        let (seconds, taken) = watched(server.pid(), By::Time, || {
            let start = Instant::now();
            for name in &names {
                connection.create_topic_without_leaders(name, 1)?;
            }
            Ok(start.elapsed().as_secs_f64())
        })?;
        for name in &names {
            connection.delete_topic(name)?;
        }
        Ok(Turn::of([f64::from(count) / seconds], taken))
    });
}

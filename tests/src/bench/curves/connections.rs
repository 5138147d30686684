//! A producer beside more and more connections that are open and quiet.

use std::net::SocketAddr;

use runnel_proto::kafka::messages::ApiVersionsRequest;

use crate::bench::engine::{Bench, Turn};
use crate::bench::row::Row;
use crate::bench::servers::Kind;
use crate::bench::watch::{By, watched};
use crate::measure::Result;
use crate::measure::figures::Unit;
use crate::measure::wire::Connection;

const CONNECTIONS: [u32; 5] = [1, 10, 100, 1000, 5000];
const RATE: u32 = 1000;

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    let seconds = bench.scaled(5, 1);
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Kafka, Kind::KafkaFlushed]);
    let rows = |kind: Kind| {
        let row = |figure: &str| {
            let what = format!("due to acknowledged, {figure}, as connections grow: {}", kind.name());
            Row::curve(what, Unit::Ms, "connections", &CONNECTIONS)
        };
        vec![row("p50"), row("p99")]
    };
    bench.measure_each(&kinds, rows, |bench, kind, line| {
        let topic = bench.fresh_topic(kind, 1)?;
        let open = open(topic.address, CONNECTIONS[line])?;
        let ([p50, p99, ..], taken) = watched(topic.pid, By::Time, || {
            bench.client.open_loop(topic.address, &topic.name, RATE, seconds)
        })?;
        drop(open);
        topic.delete()?;
        Ok(Turn::of([p50, p99], taken))
    });
}

/// Connections that have been used once.
fn open(broker: SocketAddr, count: u32) -> Result<Vec<Connection>> {
    let used = || {
        let mut connection = Connection::open(broker)?;
        connection.ask(&ApiVersionsRequest::default(), 0)?;
        Ok(connection)
    };
    (0..count).map(|_| used()).collect()
}

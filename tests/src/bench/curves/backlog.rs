//! The broker with more and more on its disk. The sizes follow each other, since what is written stays.

use crate::bench::engine::{Bench, FreshTopic, Turn, keep};
use crate::bench::row::Row;
use crate::bench::watch::{By, since_start, watched};
use crate::harness::Home;
use crate::measure::Result;
use crate::measure::figures::Unit;
use crate::measure::librdkafka::{Load, RECORD_BYTES};
use crate::measure::rounds::rounds;
use crate::measure::runnel::Broker;
use crate::measure::wire::Connection;

const SIZES_GB: [u32; 4] = [0, 1, 5, 20];
const RECORDS_A_GB: u32 = 1_000_000_000 / RECORD_BYTES;

pub(in crate::bench) fn measure(bench: &mut Bench<'_>) {
    bench.servers.end();
    let megabytes_a_step = bench.scaled(1000, 10);
    let on_disk = if bench.plan.quick { "× 10 MB on disk" } else { "GB on disk" };
    let mut rows = vec![
        Row::curve("produce 1 kB as the backlog grows", Unit::MbPerS, on_disk, &SIZES_GB)
            .processor_in(Unit::SPerGb),
        Row::curve("start to first answer as the backlog grows", Unit::Ms, on_disk, &SIZES_GB),
    ];
    if !rows.iter().any(|row| bench.wants(row)) {
        return;
    }
    let step = Load::of(RECORDS_A_GB / 1000 * megabytes_a_step);
    let home = Home::new();
    let mut stored = 0;
    for (line, size) in SIZES_GB.into_iter().enumerate() {
        let title = format!("backlog of {size} {on_disk}");
        for round in rounds(&title, line == 0, bench.plan.rounds) {
            if rows[0].lines[line].failed.is_some() {
                break;
            }
            let came_out = turn(bench, &home, &step, size - stored.min(size));
            stored = stored.max(size);
            keep(&mut rows, line, round, came_out);
        }
    }
    bench.tell(&rows);
}

/// Starts the broker, writes what is missing, and takes the figures.
fn turn(bench: &mut Bench<'_>, home: &Home, step: &Load, missing: u32) -> Result<Turn> {
    if missing > 0 {
        let broker = Broker::start(home)?;
        let topic = topic(bench, &broker, home, "backlog")?;
        for _ in 0..missing {
            bench.client.produce(topic.address, &topic.name, step)?;
        }
        broker.stop();
    }
    let broker = Broker::start(home)?;
    let started_in_ms = broker.started_in_ms;
    let started = since_start(broker.pid(), started_in_ms)?;
    let topic = topic(bench, &broker, home, "measured")?;
    let megabytes = f64::from(step.records) * f64::from(RECORD_BYTES) / 1e6;
    let (seconds, taken) = watched(topic.pid, By::Gigabytes(megabytes / 1e3), || {
        bench.client.produce(topic.address, &topic.name, step)
    })?;
    topic.delete()?;
    broker.stop();
    Ok(Turn(vec![(megabytes / seconds, Some(taken)), (started_in_ms, Some(started))]))
}

fn topic(bench: &mut Bench<'_>, broker: &Broker, home: &Home, name: &str) -> Result<FreshTopic> {
    let topic =
        FreshTopic { address: broker.address(home)?, pid: broker.pid(), name: bench.fresh_name(name) };
    Connection::open(topic.address)?.create_topic(&topic.name, 1)?;
    Ok(topic)
}

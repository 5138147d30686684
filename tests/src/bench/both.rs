//! Producer and consumer at once, on one partition.

use std::process::Stdio;

use super::engine::{Bench, Turn};
use super::row::Row;
use super::servers::Kind;
use super::watch::{By, watched};
use crate::measure::figures::Unit;
use crate::measure::librdkafka::{Librdkafka, Load, RECORD_BYTES};

pub(super) fn measure(bench: &mut Bench<'_>) {
    let kinds = bench.kinds(&[Kind::Runnel, Kind::Relaxed, Kind::Kafka, Kind::KafkaFlushed]);
    let load = Load::of(bench.scaled(1_000_000_000, 20_000_000) / RECORD_BYTES);
    let megabytes = load.megabytes();
    let row = |what: &str| {
        Row::new(what, Unit::MbPerS, kinds.iter().map(|kind| kind.name()))
            .against(Kind::Kafka.name())
            .processor_in(Unit::SPerGb)
    };
    let rows = vec![row("produce 1 kB, while it is consumed"), row("consume 1 kB, while it is produced")];
    bench.measure_brokers(rows, &kinds, |bench, kind| {
        let topic = bench.fresh_topic(kind, 1)?;
        // One gigabyte through the broker: in and out.
        let ((into_s, out_s), taken) = watched(topic.pid, By::Gigabytes(megabytes / 1e3), || {
            let mut consumer = bench.client.consumer(topic.address, &topic.name, 1, load.records);
            let consumer = consumer.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
            let into_s = bench.client.produce(topic.address, &topic.name, &load)?;
            let told = consumer.wait_with_output()?;
            let out_s = Librdkafka::consumed_in_s(&String::from_utf8_lossy(&told.stdout), load.records)?;
            Ok((into_s, out_s))
        })?;
        topic.delete()?;
        Ok(Turn::of([megabytes / into_s, megabytes / out_s], taken))
    });
}

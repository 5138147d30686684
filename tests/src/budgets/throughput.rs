//! Kafka's protocol: how fast librdkafka's own performance program gets records in and out, and what that costs the
//! broker.

use std::net::SocketAddr;

use super::Plan;
use super::row::{Budget, Row};
use crate::harness::Home;
use crate::kafka::{Kafka, KafkaProgram};
use crate::measure::Result;
use crate::measure::alone::without;
use crate::measure::command::processor_s;
use crate::measure::figures::Unit;
use crate::measure::kafka;
use crate::measure::librdkafka::{Librdkafka, Load, RECORD_BYTES};
use crate::measure::runnel::{Broker, create_topic, delete_topic};
use crate::measure::settle::settle;

/// Records of each figure: 1 GB of them.
const RECORDS: u32 = 1_000_000_000 / RECORD_BYTES;
const MANY: u32 = 1000;

/// A broker as this part sees it.
struct Peer {
    address: SocketAddr,
    pid: i32,
    /// Other brokers, which stand still while this one is measured.
    others: Vec<i32>,
}

/// What a run took of one gigabyte: seconds, and seconds of the broker's processor time.
struct Took {
    wall_s: f64,
    processor_s: f64,
}

pub(super) fn rows() -> Vec<Row> {
    let row = |what: &str, budget| Row::new(format!("Kafka protocol: {what}"), Unit::S, budget);
    vec![
        row("produce 1 GB, acks=all, synced", Budget::TimesPeer(1.0 / 1.5)).beside("Kafka, not synced"),
        row("the same", Budget::TimesPeer(1.0 / 4.0)).beside("Kafka, flush.messages=1"),
        row("broker's processor time to take 1 GB in", Budget::AtMost(0.5)).beside("Kafka, not synced"),
        row("consume 1 GB from the page cache", Budget::TimesPeer(1.0)).beside("Kafka"),
        row("broker's processor time to give 1 GB out", Budget::AtMost(0.2)).beside("Kafka"),
        row("produce 1 GB to 1,000 partitions", Budget::TimesPeer(1.3)).beside("to 1"),
        row("consume 1 GB from 1,000 partitions", Budget::TimesPeer(1.3)).beside("from 1"),
    ]
}

pub(super) fn measure(rows: &mut [Row], plan: &Plan, kafka: Option<&KafkaProgram>) -> Result<()> {
    let [produce, produce_flushed, produce_cpu, consume, consume_cpu, produce_many, consume_many] = rows
    else {
        unreachable!("these are the rows")
    };
    let client = Librdkafka::fetch()?;
    let load = Load::of(RECORDS);
    let home = Home::new();
    let broker = Broker::start(&home)?;
    let unsynced = kafka.map(|program| kafka::warmed(program, &[], &client, RECORDS)).transpose()?;
    let flushed = kafka
        .map(|program| kafka::warmed(program, &["log.flush.interval.messages=1"], &client, RECORDS))
        .transpose()?;
    let all: Vec<_> =
        [&unsynced, &flushed].into_iter().flatten().map(Kafka::pid).chain([broker.pid()]).collect();
    let peer = |address, pid| Peer {
        address,
        pid,
        others: all.iter().copied().filter(|other| *other != pid).collect(),
    };
    let ours = peer(broker.address(&home)?, broker.pid());
    for round in plan.rounds("throughput") {
        let topic = |name: &str| format!("{name}-{}", round.number);
        let (one, many) = (topic("one"), topic("many"));
        create_topic(&home, &one, 1)?;
        let into_one = ours.takes(|| client.produce(ours.address, &one, &load))?;
        let from_one = ours.takes(|| client.consume(ours.address, &one, 1, RECORDS))?;
        delete_topic(&home, &one)?;
        create_topic(&home, &many, MANY)?;
        let into_many = ours.takes(|| client.produce(ours.address, &many, &load))?.wall_s;
        let from_many = ours.takes(|| client.consume(ours.address, &many, MANY, RECORDS))?.wall_s;
        delete_topic(&home, &many)?;
        round.keep(&mut produce.figures, into_one.wall_s);
        round.keep(&mut produce_flushed.figures, into_one.wall_s);
        round.keep(&mut produce_cpu.figures, into_one.processor_s);
        round.keep(&mut consume.figures, from_one.wall_s);
        round.keep(&mut consume_cpu.figures, from_one.processor_s);
        round.keep(&mut produce_many.figures, into_many);
        round.keep(&mut produce_many.beside, into_one.wall_s);
        round.keep(&mut consume_many.figures, from_many);
        round.keep(&mut consume_many.beside, from_one.wall_s);
        if let Some(kafka) = &unsynced {
            let peer = peer(kafka.address, kafka.pid());
            kafka::create_topic(kafka, &one);
            let into = peer.takes(|| client.produce(peer.address, &one, &load))?;
            let out = peer.takes(|| client.consume(peer.address, &one, 1, RECORDS))?;
            round.keep(&mut produce.beside, into.wall_s);
            round.keep(&mut produce_cpu.beside, into.processor_s);
            round.keep(&mut consume.beside, out.wall_s);
            round.keep(&mut consume_cpu.beside, out.processor_s);
        }
        if let Some(kafka) = &flushed {
            let peer = peer(kafka.address, kafka.pid());
            kafka::create_topic(kafka, &one);
            let into = peer.takes(|| client.produce(peer.address, &one, &load))?;
            round.keep(&mut produce_flushed.beside, into.wall_s);
        }
    }
    Ok(())
}

impl Peer {
    fn takes(&self, run: impl FnOnce() -> Result<f64>) -> Result<Took> {
        without(&self.others, || {
            settle();
            let before_s = processor_s(self.pid)?;
            let wall_s = run()?;
            Ok(Took { wall_s, processor_s: processor_s(self.pid)? - before_s })
        })
    }
}

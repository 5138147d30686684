//! Kafka's protocol: how long a record takes from the moment it was due until it is acknowledged, at a fixed rate.

use super::Plan;
use super::row::{Budget, Row};
use crate::harness::Home;
use crate::kafka::{Kafka, KafkaProgram};
use crate::measure::Result;
use crate::measure::alone::without;
use crate::measure::figures::Unit;
use crate::measure::kafka;
use crate::measure::librdkafka::Librdkafka;
use crate::measure::runnel::{Broker, create_topic};
use crate::measure::settle::settle;

/// Seconds that count, of each figure.
const SECONDS: u32 = 10;
const TOPIC: &str = "latency";

/// Records a second, and the budgets of three percentiles in milliseconds.
const RATES: [(u32, [f64; 3]); 2] = [(1000, [0.4, 1.0, 5.0]), (10_000, [0.4, 3.0, 8.0])];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (rate, budgets) in RATES {
        for (percentile, budget_ms) in ["p50", "p99", "p99.9"].iter().zip(budgets) {
            let what = format!("Kafka protocol: produce to ack, synced, {rate} records/s, {percentile}");
            rows.push(Row::new(what, Unit::Ms, Budget::AtMost(budget_ms)).beside("Kafka, not synced"));
        }
    }
    rows
}

pub(super) fn measure(rows: &mut [Row], plan: &Plan, kafka: Option<&KafkaProgram>) -> Result<()> {
    let client = Librdkafka::fetch()?;
    let home = Home::new();
    let broker = Broker::start(&home)?;
    let address = broker.address(&home)?;
    create_topic(&home, TOPIC, 1)?;
    let kafka = kafka.map(|program| kafka::start(program, &[])).transpose()?;
    if let Some(kafka) = &kafka {
        kafka::create_topic(kafka, TOPIC);
    }
    for round in plan.rounds("latency") {
        for ((rate, _), rows) in RATES.into_iter().zip(rows.chunks_mut(3)) {
            let latencies = |address| {
                settle();
                client.open_loop(address, TOPIC, rate, SECONDS)
            };
            let peers: Vec<_> = kafka.iter().map(Kafka::pid).collect();
            let ours = without(&peers, || latencies(address))?;
            let theirs = kafka.as_ref().map(|kafka| latencies(kafka.address)).transpose()?;
            for (place, row) in rows.iter_mut().enumerate() {
                round.keep(&mut row.figures, ours[place]);
                if let Some(theirs) = theirs {
                    round.keep(&mut row.beside, theirs[place]);
                }
            }
        }
    }
    Ok(())
}

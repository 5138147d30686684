//! Lines piped in and out: `runnel` with its broker, kcat with Apache Kafka, one partition each.

use std::fs::File;

use super::Plan;
use super::row::{Budget, Row};
use crate::harness::Home;
use crate::kafka::{Kafka, KafkaProgram};
use crate::measure::Result;
use crate::measure::command::seconds;
use crate::measure::figures::{Unit, grouped};
use crate::measure::kafka;
use crate::measure::lines::Lines;
use crate::measure::runnel::{Broker, create_topic, delete_topic, runnel};

pub(super) fn rows(lines: u32) -> [Row; 2] {
    let lines = grouped(lines);
    let produce = format!("`produce` of {lines} short lines from a file, synced");
    let consume = format!("`consume` of {lines} short lines to a file");
    [
        Row::new(produce, Unit::S, Budget::TimesPeer(0.5)).beside("kcat and Kafka, not synced"),
        Row::new(consume, Unit::S, Budget::TimesPeer(0.2)).beside("kcat and Kafka"),
    ]
}

pub(super) fn measure(rows: &mut [Row; 2], plan: &Plan, kafka: Option<&KafkaProgram>) -> Result<()> {
    let [produce, consume] = rows;
    let home = Home::new();
    let lines = Lines::write(&home, plan.lines)?;
    let _broker = Broker::start(&home)?;
    let kafka = kafka.map(|program| kafka::start(program, &[])).transpose()?;
    for round in plan.rounds("pipe") {
        let topic = format!("lines-{}", round.number);
        let ours = through_runnel(&home, &topic, &lines)?;
        round.keep(&mut produce.figures, ours.0);
        round.keep(&mut consume.figures, ours.1);
        if let Some(kafka) = &kafka {
            let theirs = through_kafka(kafka, &home, &topic, &lines)?;
            round.keep(&mut produce.beside, theirs.0);
            round.keep(&mut consume.beside, theirs.1);
        }
    }
    Ok(())
}

/// Seconds in, seconds out.
fn through_runnel(home: &Home, topic: &str, lines: &Lines) -> Result<(f64, f64)> {
    create_topic(home, topic, 1)?;
    let into = seconds(runnel(home, &["produce", topic]).arg(lines.path()))?;
    let copy = home.path().join("runnel.copy");
    let out = seconds(runnel(home, &["consume", topic, "-e"]).stdout(File::create(&copy)?))?;
    lines.expect_same(&copy)?;
    delete_topic(home, topic)?;
    Ok((into, out))
}

/// Seconds in, seconds out.
fn through_kafka(kafka: &Kafka, home: &Home, topic: &str, lines: &Lines) -> Result<(f64, f64)> {
    kafka::create_topic(kafka, topic);
    let into = seconds(kafka::kcat(kafka.address, &["-P", "-t", topic, "-l"]).arg(lines.path()))?;
    let copy = home.path().join("kcat.copy");
    let read = ["-C", "-q", "-t", topic, "-o", "beginning", "-e"];
    let out = seconds(kafka::kcat(kafka.address, &read).stdout(File::create(&copy)?))?;
    lines.expect_same(&copy)?;
    Ok((into, out))
}

//! What a record costs when there are more partitions: the same lines through one and through many.

use std::fs::File;

use super::Plan;
use super::row::{Budget, Row};
use crate::harness::Home;
use crate::measure::Result;
use crate::measure::command::seconds;
use crate::measure::figures::Unit;
use crate::measure::lines::Lines;
use crate::measure::runnel::{Broker, create_topic, delete_topic, runnel};

const MANY: u32 = 1000;

/// How lines become records and lines again.
struct Way {
    name: &'static str,
    produce: &'static [&'static str],
    consume: &'static [&'static str],
}

/// Records without keys fill one partition's batch after the other's; by their keys all partitions fill at once.
const WAYS: [Way; 2] = [
    Way { name: "unkeyed", produce: &[], consume: &[] },
    Way { name: "keyed", produce: &["-K", " "], consume: &["-f", r"%k %v\n"] },
];

/// For each way a row in and a row out.
pub(super) fn rows() -> [[Row; 2]; 2] {
    let row = |what: String| Row::new(what, Unit::S, Budget::TimesPeer(1.3));
    WAYS.map(|Way { name, .. }| {
        [
            row(format!("`produce` to 1,000 partitions, {name}")).beside("to 1"),
            row(format!("`consume` from 1,000 partitions, {name}")).beside("from 1"),
        ]
    })
}

pub(super) fn measure(rows: &mut [[Row; 2]; 2], plan: &Plan) -> Result<()> {
    let home = Home::new();
    let lines = Lines::write(&home, plan.lines)?;
    let _broker = Broker::start(&home)?;
    for round in plan.rounds("partitions") {
        for (way, [produce, consume]) in WAYS.iter().zip(&mut *rows) {
            let topic = |partitions| format!("{}-{}-{partitions}", way.name, round.number);
            let one = through(&home, &topic(1), 1, way, &lines)?;
            let many = through(&home, &topic(MANY), MANY, way, &lines)?;
            round.keep(&mut produce.beside, one.0);
            round.keep(&mut consume.beside, one.1);
            round.keep(&mut produce.figures, many.0);
            round.keep(&mut consume.figures, many.1);
        }
    }
    Ok(())
}

/// Seconds in, seconds out.
fn through(home: &Home, topic: &str, partitions: u32, way: &Way, lines: &Lines) -> Result<(f64, f64)> {
    create_topic(home, topic, partitions)?;
    let into = seconds(runnel(home, &["produce", topic]).args(way.produce).arg(lines.path()))?;
    let copy = home.path().join("copy");
    let mut consume = runnel(home, &["consume", topic, "-e"]);
    let out = seconds(consume.args(way.consume).stdout(File::create(&copy)?))?;
    lines.expect_same_lines(&copy)?;
    delete_topic(home, topic)?;
    Ok((into, out))
}

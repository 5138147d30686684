//! What a record costs when there are more partitions: the same lines through one and through many.

use std::fs::File;

use super::command::seconds;
use super::lines::Lines;
use super::row::{Budget, Row, Unit};
use super::runnel::{Broker, create_topic, delete_topic, runnel};
use super::{Plan, Result};
use crate::harness::Home;

const MANY: u32 = 1000;

pub(super) fn rows() -> [Row; 2] {
    [
        Row::new("`produce` to 1,000 partitions", Unit::S, Budget::TimesPeer(1.3)).beside("to 1"),
        Row::new("`consume` from 1,000 partitions", Unit::S, Budget::TimesPeer(1.3)).beside("from 1"),
    ]
}

pub(super) fn measure(rows: &mut [Row; 2], plan: &Plan) -> Result<()> {
    let [produce, consume] = rows;
    let home = Home::new();
    let lines = Lines::write(&home, plan.lines)?;
    let _broker = Broker::start(&home)?;
    for round in plan.rounds("partitions") {
        let one = through(&home, &format!("one-{}", round.number), 1, &lines)?;
        let many = through(&home, &format!("many-{}", round.number), MANY, &lines)?;
        round.keep(&mut produce.beside, one.0);
        round.keep(&mut consume.beside, one.1);
        round.keep(&mut produce.figures, many.0);
        round.keep(&mut consume.figures, many.1);
    }
    Ok(())
}

/// Seconds in, seconds out.
fn through(home: &Home, topic: &str, partitions: u32, lines: &Lines) -> Result<(f64, f64)> {
    create_topic(home, topic, partitions)?;
    let into = seconds(runnel(home, &["produce", topic]).arg(lines.path()))?;
    let copy = home.path().join("copy");
    let out = seconds(runnel(home, &["consume", topic, "-e"]).stdout(File::create(&copy)?))?;
    lines.expect_same_lines(&copy)?;
    delete_topic(home, topic)?;
    Ok((into, out))
}

//! Resident memory of brokers that have nothing to do.

use std::thread;
use std::time::Duration;

use super::Plan;
use super::row::{Budget, Row};
use crate::harness::Home;
use crate::kafka::KafkaProgram;
use crate::measure::Result;
use crate::measure::command::resident_mb;
use crate::measure::figures::Unit;
use crate::measure::kafka;
use crate::measure::lines::Lines;
use crate::measure::runnel::{Broker, create_topic, fill};

const PARTITIONS: u32 = 1000;
const LINES: u32 = 100_000;
/// After a start, until nothing of it is left to do.
const SETTLES_IN: Duration = Duration::from_secs(10);

pub(super) fn rows() -> [Row; 2] {
    [
        Row::new("resident memory, idle, empty", Unit::Mb, Budget::AtMost(20.0)).beside("Kafka"),
        Row::new("resident memory, idle, 1,000 partitions", Unit::Mb, Budget::AtMost(20.0)),
    ]
}

pub(super) fn measure(rows: &mut [Row; 2], plan: &Plan, kafka: Option<&KafkaProgram>) -> Result<()> {
    let [empty, partitions] = rows;
    let home = Home::new();
    let broker = Broker::start(&home)?;
    create_topic(&home, "many", PARTITIONS)?;
    fill(&home, "many", &Lines::write(&home, LINES)?)?;
    broker.stop();
    for round in plan.rounds("memory") {
        let other = Home::new();
        // All at once: they share the machine, not their memory.
        let kafka = kafka.map(|program| kafka::start(program, &[])).transpose()?;
        let (without, with) = (Broker::start(&other)?, Broker::start(&home)?);
        thread::sleep(SETTLES_IN);
        round.keep(&mut empty.figures, resident_mb(without.pid())?);
        round.keep(&mut partitions.figures, resident_mb(with.pid())?);
        if let Some(kafka) = kafka {
            round.keep(&mut empty.beside, resident_mb(kafka.pid())?);
        }
        with.stop();
    }
    Ok(())
}

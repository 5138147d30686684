//! From a broker's start to its first answer.

use super::Plan;
use super::row::{Budget, Row};
use crate::harness::Home;
use crate::kafka::KafkaProgram;
use crate::measure::Result;
use crate::measure::figures::Unit;
use crate::measure::kafka;
use crate::measure::lines::Lines;
use crate::measure::runnel::{Broker, create_topic, fill};

const PARTITIONS: u32 = 1000;
/// Written before every end of the broker with partitions: some for each partition.
const LINES: u32 = 100_000;

pub(super) fn rows() -> [Row; 3] {
    [
        Row::new("start to first answer, empty", Unit::Ms, Budget::AtMost(50.0)).beside("Kafka"),
        Row::new("start to first answer, 1,000 partitions, after a stop", Unit::Ms, Budget::AtMost(500.0)),
        Row::new("start to first answer, 1,000 partitions, after kill -9", Unit::Ms, Budget::AtMost(500.0)),
    ]
}

pub(super) fn measure(rows: &mut [Row; 3], plan: &Plan, kafka: Option<&KafkaProgram>) -> Result<()> {
    let [empty, stopped, killed] = rows;
    let home = Home::new();
    let lines = Lines::write(&home, LINES)?;
    let mut broker = Broker::start(&home)?;
    create_topic(&home, "many", PARTITIONS)?;
    for round in plan.rounds("start") {
        let other = Home::new();
        round.keep(&mut empty.figures, Broker::start(&other)?.started_in_ms);
        if let Some(kafka) = kafka {
            round.keep(&mut empty.beside, kafka::start(kafka, &[])?.started_in_ms);
        }
        fill(&home, "many", &lines)?;
        broker.stop();
        broker = Broker::start(&home)?;
        round.keep(&mut stopped.figures, broker.started_in_ms);
        fill(&home, "many", &lines)?;
        broker.kill();
        broker = Broker::start(&home)?;
        round.keep(&mut killed.figures, broker.started_in_ms);
    }
    Ok(())
}

//! The budgets, measured: each row of the table in one run with what it is held against, turn by turn, so that whatever
//! else the machine does falls on both.

mod dash;
mod latency;
mod memory;
mod partitions;
mod pipe;
mod row;
mod start;
mod table;
mod throughput;

use clap::ValueEnum;

use crate::measure::rounds::{self, Round};
use crate::measure::{Result, kafka};

pub use row::{Row, Verdict};
pub use table::Table;

/// Rows that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// From a broker's start to its first answer
    Start,
    /// Resident memory of idle brokers
    Memory,
    /// Lines piped in and out
    Pipe,
    /// The cost of a record as partitions grow
    Partitions,
    /// The dashboard's frames and memory
    Dash,
    /// Kafka's protocol: rates and processor time of producers, of consumers, and as partitions grow
    KafkaThroughput,
    /// Kafka's protocol: from a record's due time to its acknowledgement
    KafkaLatency,
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which parts; the rows of others stay empty.
    pub parts: Vec<Part>,
    /// How often each figure is taken.
    pub rounds: u32,
    /// How many lines the piped file has.
    pub lines: u32,
    /// Whether Apache Kafka and kcat run beside.
    pub with_kafka: bool,
}

impl Plan {
    /// The rounds of a part. The first one warms up: its figures don't count.
    fn rounds(&self, part: &str) -> impl Iterator<Item = Round> {
        rounds::rounds(part, true, self.rounds)
    }
}

/// Measures what the plan says.
///
/// # Errors
/// A sentence, when something is missing or fails; a missed budget is none.
pub fn measure(plan: &Plan) -> Result<Table> {
    let kafka = if plan.with_kafka { Some(kafka::fetch()?) } else { None };
    let kafka = kafka.as_ref();
    let mut start = start::rows();
    let mut memory = memory::rows();
    let mut pipe = pipe::rows(plan.lines);
    let mut partitions = partitions::rows();
    let mut dash = dash::rows();
    let mut throughput = throughput::rows();
    let mut latency = latency::rows();
    for part in &plan.parts {
        match part {
            Part::Start => start::measure(&mut start, plan, kafka)?,
            Part::Memory => memory::measure(&mut memory, plan, kafka)?,
            Part::Pipe => pipe::measure(&mut pipe, plan, kafka)?,
            Part::Partitions => partitions::measure(&mut partitions, plan)?,
            Part::Dash => dash::measure(&mut dash, plan)?,
            Part::KafkaThroughput => throughput::measure(&mut throughput, plan, kafka)?,
            Part::KafkaLatency => latency::measure(&mut latency, plan, kafka)?,
        }
    }
    Ok(start
        .into_iter()
        .chain(memory)
        .chain(pipe)
        .chain(partitions.into_iter().flatten())
        .chain(dash)
        .chain(throughput)
        .chain(latency)
        .collect())
}

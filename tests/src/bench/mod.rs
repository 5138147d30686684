//! The bench: Runnel beside Apache Kafka and beside a broker that discards everything, by other people's load generators,
//! turn by turn, so that whatever else the machine does falls on all of them.

mod both;
mod conditions;
mod consume;
mod curves;
mod dash;
mod discard;
mod engine;
mod latency;
mod pipe;
mod produce;
mod rebalance;
mod row;
mod servers;
mod start;
mod table;
mod tools;
mod topics;
mod transactions;
mod watch;

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};

use clap::ValueEnum;
use regex::Regex;

pub use row::Row;
pub use table::HEAD;

use self::engine::Bench;
use crate::measure::Result;

/// Rows that are measured together, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// librdkafka's producer: records of 1 kB and 100 B, partitions, acks, compression, idempotence
    Produce,
    /// librdkafka's consumer: from the page cache and from the disk
    Consume,
    /// Producer and consumer at once
    Both,
    /// From a record's due time to its acknowledgement, at fixed rates
    Latency,
    /// Kafka's own ProducerPerformance, ConsumerPerformance, EndToEndLatency
    Tools,
    /// Transactions a second
    Transactions,
    /// How long a group takes until all members have their partitions
    Rebalance,
    /// Topics created a second
    Topics,
    /// `runnel produce` and `consume` beside kcat and Kafka's console tools
    Pipe,
    /// Curve: partitions, 1 to 10,000
    Partitions,
    /// Curve: connections, 1 to 5,000
    Connections,
    /// Curve: consumer groups, 1 to 1,000
    Groups,
    /// Curve: record size, 10 B to 1 MB
    Size,
    /// 200 slow consumers on 1 GB
    SlowConsumers,
    /// One partition flooded while others have little to do
    Flood,
    // These end all brokers, and a Kafka has to be warmed anew.
    /// Start to first answer, empty and with many partitions
    Start,
    /// The dashboard's frames with 10,000 partitions
    Dash,
    /// Curve: gigabytes on disk, 0 to 20
    Backlog,
    /// A disk whose syncs stall for 2 s
    SlowDisk,
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which parts.
    pub parts: Vec<Part>,
    /// Of these the rows whose names match; all without one.
    pub rows: Option<Regex>,
    /// How often each figure is taken.
    pub rounds: u32,
    /// Few records: to see that everything works, not how fast.
    pub quick: bool,
    /// Whether Apache Kafka and kcat run beside.
    pub with_kafka: bool,
}

/// The argument with which the program is to call [`discard`].
pub const DISCARD: &str = "discard";

/// Serves as a broker that discards, on a loopback port that it tells on stdout, until it is killed.
///
/// # Errors
/// No port can be had, or stdout is closed.
pub fn discard() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    Ok(discard::serve(&listener)?)
}

/// Measures what the plan says and hands over each row as soon as it is there. What fails is told in its row.
///
/// # Errors
/// A sentence, when nothing can be measured: librdkafka can't be built.
pub fn measure(plan: &Plan, found: &mut dyn FnMut(&Row)) -> Result<()> {
    let mut bench = Bench::new(plan, found)?;
    for part in &plan.parts {
        bench.begin_part();
        match part {
            Part::Produce => produce::measure(&mut bench),
            Part::Consume => consume::measure(&mut bench),
            Part::Both => both::measure(&mut bench),
            Part::Latency => latency::measure(&mut bench),
            Part::Tools => tools::measure(&mut bench),
            Part::Transactions => transactions::measure(&mut bench),
            Part::Rebalance => rebalance::measure(&mut bench),
            Part::Topics => topics::measure(&mut bench),
            Part::Pipe => pipe::measure(&mut bench),
            Part::Partitions => curves::partitions::measure(&mut bench),
            Part::Connections => curves::connections::measure(&mut bench),
            Part::Groups => curves::groups::measure(&mut bench),
            Part::Size => curves::size::measure(&mut bench),
            Part::SlowConsumers => conditions::slow_consumers::measure(&mut bench),
            Part::Flood => conditions::flood::measure(&mut bench),
            Part::Start => start::measure(&mut bench),
            Part::Dash => dash::measure(&mut bench),
            Part::Backlog => curves::backlog::measure(&mut bench),
            Part::SlowDisk => conditions::slow_disk::measure(&mut bench),
        }
    }
    Ok(())
}

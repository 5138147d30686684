//! The brokers that are measured beside each other, started when they are first asked for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::DISCARD;
use crate::harness::Home;
use crate::kafka::{Kafka, KafkaProgram};
use crate::measure::alone::Stopped;
use crate::measure::librdkafka::Librdkafka;
use crate::measure::rounds::tell;
use crate::measure::runnel::Broker;
use crate::measure::{Result, kafka};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Synced before each acknowledgement, as by default.
    Runnel,
    /// Synced when the kernel likes, as Kafka by default.
    Relaxed,
    /// At its defaults.
    Kafka,
    /// Synced before each acknowledgement.
    KafkaFlushed,
    /// Keeps nothing.
    Discarding,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Runnel, Self::Relaxed, Self::Kafka, Self::KafkaFlushed, Self::Discarding];

    /// What the table calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Runnel => "Runnel",
            Self::Relaxed => "Runnel, relaxed",
            Self::Kafka => "Kafka",
            Self::KafkaFlushed => "Kafka, flush.messages=1",
            Self::Discarding => "a broker that discards",
        }
    }

    pub(super) fn is_kafka(self) -> bool {
        matches!(self, Self::Kafka | Self::KafkaFlushed)
    }
}

/// Never synced by the broker itself: what Kafka has as its default.
pub(super) const RELAXED: &str = "log.flush.interval.messages=9223372036854775807";
pub(super) const FLUSHED: &str = "log.flush.interval.messages=1";

/// A broker that runs.
pub(super) enum Server {
    Runnel(Runnel),
    Kafka(Kafka),
    Discarding(Discarding),
}

/// Runnel with its home.
pub(super) struct Runnel {
    // Before the home: the process goes first, its files after it.
    broker: Broker,
    pub(super) address: SocketAddr,
    pub(super) home: Home,
}

impl Runnel {
    pub(super) fn start(settings: &[&str]) -> Result<Self> {
        Self::start_in(settings, &[])
    }

    /// With something in its environment.
    pub(super) fn start_in(settings: &[&str], environment: &[(&str, &std::path::Path)]) -> Result<Self> {
        let home = Home::new();
        let broker = Broker::start_with(&home, settings, environment)?;
        let address = broker.address(&home)?;
        Ok(Self { broker, address, home })
    }

    pub(super) fn pid(&self) -> i32 {
        self.broker.pid()
    }
}

impl Server {
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Runnel(runnel) => runnel.address,
            Self::Kafka(kafka) => kafka.address,
            Self::Discarding(discarding) => discarding.address,
        }
    }

    pub(super) fn pid(&self) -> i32 {
        match self {
            Self::Runnel(runnel) => runnel.pid(),
            Self::Kafka(kafka) => kafka.pid(),
            Self::Discarding(discarding) => discarding.child.id().try_into().expect("process ids are small"),
        }
    }

    /// Where its records lie, if it keeps them.
    pub(super) fn data_dir(&self) -> Option<PathBuf> {
        match self {
            Self::Runnel(runnel) => Some(runnel.home.data_dir()),
            Self::Kafka(kafka) => Some(kafka.data_dir()),
            Self::Discarding(_) => None,
        }
    }
}

/// The broker that discards, in a process of its own; killed when dropped.
pub(super) struct Discarding {
    child: Child,
    address: SocketAddr,
}

impl Discarding {
    /// Starts this program once more.
    fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(DISCARD).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
        let address = line.trim().parse();
        let address = address.map_err(|error| format!("the discarding broker tells {line:?}: {error}"))?;
        Ok(Self { child, address })
    }
}

impl Drop for Discarding {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that run, and why others don't.
pub(super) struct Servers {
    program: std::result::Result<KafkaProgram, String>,
    client: Librdkafka,
    /// Records that Kafka is warmed with, each time.
    warm_up_records: u32,
    running: BTreeMap<Kind, std::result::Result<Server, String>>,
    /// Of those, the ones that stand still: all but the one that was last asked for.
    stopped: BTreeMap<Kind, Stopped>,
}

impl Servers {
    pub(super) fn new(
        program: std::result::Result<KafkaProgram, String>,
        client: Librdkafka,
        warm_up_records: u32,
    ) -> Self {
        Self { program, client, warm_up_records, running: BTreeMap::new(), stopped: BTreeMap::new() }
    }

    /// One that runs, while the others stand still. One that did not start is not tried again.
    pub(super) fn get(&mut self, kind: Kind) -> Result<&Server> {
        self.stopped.remove(&kind);
        for (other, server) in self.running.iter().filter(|(other, _)| **other != kind) {
            if let (Ok(server), false) = (server, self.stopped.contains_key(other)) {
                self.stopped.insert(*other, Stopped::stop(server.pid())?);
            }
        }
        if !self.running.contains_key(&kind) {
            tell(&format!("starting {}", kind.name()));
            let started = self.start(kind).map_err(|error| format!("does not start: {error}"));
            self.running.insert(kind, started);
        }
        self.running[&kind].as_ref().map_err(|error| error.clone().into())
    }

    /// Ends all of them, so that what is measured next has the machine for itself.
    pub(super) fn end(&mut self) {
        self.stopped.clear();
        self.running.clear();
    }

    fn start(&self, kind: Kind) -> Result<Server> {
        let warmed = |settings: &[&str]| -> Result<Server> {
            let program = self.program.as_ref().map_err(Clone::clone)?;
            Ok(Server::Kafka(kafka::warmed(program, settings, &self.client, self.warm_up_records)?))
        };
        match kind {
            Kind::Runnel => Ok(Server::Runnel(Runnel::start(&[])?)),
            Kind::Relaxed => Ok(Server::Runnel(Runnel::start(&[RELAXED])?)),
            Kind::Kafka => warmed(&[]),
            Kind::KafkaFlushed => warmed(&[FLUSHED]),
            Kind::Discarding => Ok(Server::Discarding(Discarding::start()?)),
        }
    }
}

//! Rounds over all lines of some rows, and the brokers that they share.

use std::net::SocketAddr;

use super::Plan;
use super::row::{Row, Taken};
use super::servers::{Kind, Servers};
use crate::kafka::KafkaProgram;
use crate::measure::Result;
use crate::measure::figures::rounded;
use crate::measure::librdkafka::{Librdkafka, RECORD_BYTES};
use crate::measure::rounds::{Round, rounds, tell};
use crate::measure::wire::Connection;

/// What parts work with.
pub(super) struct Bench<'a> {
    pub(super) plan: &'a Plan,
    pub(super) client: Librdkafka,
    /// Kafka's jars, or why there are none.
    pub(super) program: std::result::Result<KafkaProgram, String>,
    pub(super) servers: Servers,
    found: &'a mut dyn FnMut(&Row),
    /// Nothing of the part has been measured yet.
    cold: bool,
    topics: u32,
}

/// What one turn of one line gives: for each row a figure, and what the broker took for it, if it was watched.
pub(super) struct Turn(pub(super) Vec<(f64, Option<Taken>)>);

impl Turn {
    /// Figures of the same time.
    pub(super) fn of(figures: impl IntoIterator<Item = f64>, taken: Taken) -> Self {
        Self(figures.into_iter().map(|figure| (figure, Some(taken))).collect())
    }
}

impl<'a> Bench<'a> {
    pub(super) fn new(plan: &'a Plan, found: &'a mut dyn FnMut(&Row)) -> Result<Self> {
        let client = Librdkafka::fetch()?;
        let program = match plan.with_kafka {
            true => KafkaProgram::fetch().map_err(|error| error.to_string()),
            false => Err("left out".to_owned()),
        };
        let warm_up_records = if plan.quick { 20_000 } else { 1_000_000_000 / RECORD_BYTES };
        let servers = Servers::new(program.clone(), client.clone(), warm_up_records);
        Ok(Self { plan, client, program, servers, found, cold: false, topics: 0 })
    }

    /// What is measured next is of another kind: it has to warm up again.
    pub(super) fn begin_part(&mut self) {
        self.cold = true;
    }

    /// A number for a figure, or one to see that it works.
    pub(super) fn scaled<T>(&self, full: T, quick: T) -> T {
        if self.plan.quick { quick } else { full }
    }

    /// Of these brokers, those that are to be measured.
    pub(super) fn kinds(&self, wanted: &[Kind]) -> Vec<Kind> {
        wanted.iter().copied().filter(|kind| self.plan.with_kafka || !kind.is_kafka()).collect()
    }

    /// A name that no topic has had.
    pub(super) fn fresh_name(&mut self, name: &str) -> String {
        self.topics += 1;
        format!("{name}-{}", self.topics)
    }

    /// A new topic on one of the brokers, and where that listens and runs.
    pub(super) fn fresh_topic(&mut self, kind: Kind, partitions: u32) -> Result<FreshTopic> {
        let name = self.fresh_name("bench");
        let server = self.servers.get(kind)?;
        let (address, pid) = (server.address(), server.pid());
        let mut connection = Connection::open(address)?;
        connection.create_topic(&name, partitions)?;
        if kind != Kind::Discarding {
            connection.await_logs(&name, partitions)?;
        }
        Ok(FreshTopic { address, pid, name })
    }

    /// Measures rows with a line for each of some brokers.
    pub(super) fn measure_brokers(
        &mut self,
        rows: Vec<Row>,
        kinds: &[Kind],
        mut turn: impl FnMut(&mut Self, Kind) -> Result<Turn>,
    ) {
        self.measure(rows, |bench, line| turn(bench, kinds[line]));
    }

    /// Measures rows of each of some brokers, in which something changes from line to line. The brokers take turns, line by
    /// line. To warm a broker up its first line will do.
    pub(super) fn measure_each(
        &mut self,
        kinds: &[Kind],
        rows: impl Fn(Kind) -> Vec<Row>,
        mut turn: impl FnMut(&mut Self, Kind, usize) -> Result<Turn>,
    ) {
        let mut all: Vec<(Kind, Vec<Row>)> = kinds.iter().map(|kind| (*kind, rows(*kind))).collect();
        all.retain(|(_, rows)| rows.iter().any(|row| self.wants(row)));
        let Some((_, first)) = all.first() else { return };
        let (title, lines) = (first[0].what.clone(), first[0].lines.len());
        for round in rounds(&title, std::mem::take(&mut self.cold), self.plan.rounds) {
            for line in 0..if round.counts() { lines } else { 1 } {
                for (kind, rows) in &mut all {
                    if rows[0].lines[line].failed.is_none() {
                        let came_out = turn(self, *kind, line);
                        keep(rows, line, round, came_out);
                    }
                }
            }
        }
        for (_, rows) in all {
            self.tell(&rows);
        }
    }

    /// Takes each line in turn, round by round, and tells the rows. A line that fails is not tried again. Rows that
    /// nobody wants are not measured, unless they come with one.
    pub(super) fn measure(
        &mut self,
        mut rows: Vec<Row>,
        mut turn: impl FnMut(&mut Self, usize) -> Result<Turn>,
    ) {
        if !rows.iter().any(|row| self.wants(row)) {
            return;
        }
        let title = rows[0].what.clone();
        for round in rounds(&title, std::mem::take(&mut self.cold), self.plan.rounds) {
            for line in 0..rows[0].lines.len() {
                if rows[0].lines[line].failed.is_some() {
                    continue;
                }
                let came_out = turn(self, line);
                keep(&mut rows, line, round, came_out);
            }
        }
        self.tell(&rows);
    }

    /// Whether a row is to be measured.
    pub(super) fn wants(&self, row: &Row) -> bool {
        self.plan.rows.as_ref().is_none_or(|pattern| pattern.is_match(&row.what))
    }

    /// Hands over rows that are done, as far as they are wanted.
    pub(super) fn tell(&mut self, rows: &[Row]) {
        for row in rows {
            if self.wants(row) {
                (self.found)(row);
            }
        }
    }
}

/// A topic that nobody has written to.
#[derive(Debug, Clone)]
pub(super) struct FreshTopic {
    pub(super) address: SocketAddr,
    pub(super) pid: i32,
    pub(super) name: String,
}

impl FreshTopic {
    pub(super) fn delete(self) -> Result<()> {
        Connection::open(self.address)?.delete_topic(&self.name)
    }
}

/// Notes what came out of a line's turn in all rows.
pub(super) fn keep(rows: &mut [Row], line: usize, round: Round, came_out: Result<Turn>) {
    match came_out {
        Ok(turn) => {
            for (row, (figure, taken)) in rows.iter_mut().zip(turn.0) {
                let (what, of) = (&row.what, &row.lines[line].name);
                tell(&format!("  {what}: {of}: {}{}", rounded(figure), row.unit.name()));
                if round.counts() {
                    row.lines[line].keep(figure, taken);
                }
            }
        }
        Err(error) => {
            tell(&format!("  {}: {}: failed: {error}", rows[0].what, rows[0].lines[line].name));
            for row in rows {
                row.lines[line].failed = Some(error.to_string());
            }
        }
    }
}

//! Lines piped in and out: `runnel` beside kcat and Kafka's console tools.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::engine::{Bench, Turn};
use super::row::Row;
use super::servers::{Kind, Server};
use super::watch::{By, watched};
use crate::command::run;
use crate::harness::Home;
use crate::kafka::KafkaProgram;
use crate::measure::figures::{Unit, grouped};
use crate::measure::lines::Lines;
use crate::measure::runnel::runnel;
use crate::measure::{Result, kafka};

const CONSOLE_PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSOLE_CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";

/// Kafka's jars, or why there are none.
type Jars = std::result::Result<KafkaProgram, String>;

/// Programs that pipe, with the broker that they talk to.
#[derive(Clone, Copy, PartialEq)]
enum Pair {
    Runnel,
    KcatWithRunnel,
    KcatWithKafka,
    ConsoleWithKafka,
}

impl Pair {
    const ALL: [Self; 4] = [Self::Runnel, Self::KcatWithRunnel, Self::KcatWithKafka, Self::ConsoleWithKafka];

    fn name(self) -> &'static str {
        match self {
            Self::Runnel => "`runnel`",
            Self::KcatWithRunnel => "kcat, Runnel",
            Self::KcatWithKafka => "kcat, Kafka",
            Self::ConsoleWithKafka => "console tool, Kafka",
        }
    }

    fn broker(self) -> Kind {
        match self {
            Self::Runnel | Self::KcatWithRunnel => Kind::Runnel,
            Self::KcatWithKafka | Self::ConsoleWithKafka => Kind::Kafka,
        }
    }
}

pub(super) fn measure(bench: &mut Bench<'_>) {
    let count = bench.scaled(5_000_000, 50_000);
    let pairs: Vec<Pair> =
        Pair::ALL.into_iter().filter(|pair| bench.plan.with_kafka || *pair == Pair::Runnel).collect();
    let rows = ["produce", "consume"].map(|what| {
        let what = format!("{what} {} short lines by a pipe", grouped(count));
        Row::new(what, Unit::S, pairs.iter().map(|pair| pair.name())).against(Pair::KcatWithKafka.name())
    });
    let home = Home::new();
    // As a line of each that can't be written, lest the others are lost.
    let lines = Lines::write(&home, count).map_err(|error| error.to_string());
    bench.measure(rows.into(), |bench, line| {
        let lines = lines.as_ref().map_err(Clone::clone)?;
        through(bench, pairs[line], lines, count, &home.path().join("copy"))
    });
}

fn through(bench: &mut Bench<'_>, pair: Pair, lines: &Lines, count: u32, copy: &Path) -> Result<Turn> {
    let topic = bench.fresh_topic(pair.broker(), 1)?;
    let program = bench.program.clone();
    let server = bench.servers.get(pair.broker())?;
    let mut produce = producer(pair, server, &program, &topic.name)?;
    // As each is fastest: by the file's name, if the program takes one.
    match pair {
        Pair::Runnel => produce.arg(lines.path()),
        Pair::KcatWithKafka | Pair::KcatWithRunnel => produce.arg("-l").arg(lines.path()),
        Pair::ConsoleWithKafka => produce.stdin(File::open(lines.path())?),
    };
    let (into_s, into) = watched(topic.pid, By::Time, || timed(&mut produce))?;
    let mut consume = consumer(pair, server, &program, &topic.name, count)?;
    consume.stdout(File::create(copy)?);
    let (out_s, out) = watched(topic.pid, By::Time, || timed(&mut consume))?;
    lines.expect_same(copy)?;
    topic.delete()?;
    Ok(Turn(vec![(into_s, Some(into)), (out_s, Some(out))]))
}

fn producer(pair: Pair, server: &Server, program: &Jars, topic: &str) -> Result<Command> {
    let address = server.address();
    Ok(match pair {
        Pair::Runnel => runnel_at(server, &["produce", topic])?,
        Pair::KcatWithKafka | Pair::KcatWithRunnel => kafka::kcat(address, &["-P", "-t", topic]),
        Pair::ConsoleWithKafka => console(program, CONSOLE_PRODUCER, address, topic)?,
    })
}

fn consumer(pair: Pair, server: &Server, program: &Jars, topic: &str, count: u32) -> Result<Command> {
    let address = server.address();
    Ok(match pair {
        Pair::Runnel => runnel_at(server, &["consume", topic, "-e"])?,
        Pair::KcatWithKafka | Pair::KcatWithRunnel => {
            kafka::kcat(address, &["-C", "-q", "-t", topic, "-o", "beginning", "-e"])
        }
        Pair::ConsoleWithKafka => {
            let mut console = console(program, CONSOLE_CONSUMER, address, topic)?;
            console.args(["--from-beginning", "--max-messages", &count.to_string()]);
            console
        }
    })
}

fn runnel_at(server: &Server, args: &[&str]) -> Result<Command> {
    match server {
        Server::Runnel(server) => Ok(runnel(&server.home, args)),
        Server::Kafka(_) | Server::Discarding(_) => Err("`runnel` talks to Runnel".into()),
    }
}

fn console(program: &Jars, class: &str, broker: SocketAddr, topic: &str) -> Result<Command> {
    let mut console = program.as_ref().map_err(Clone::clone)?.tool(class);
    console.args(["--bootstrap-server", &broker.to_string(), "--topic", topic]);
    Ok(console)
}

fn timed(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    run(command)?;
    Ok(start.elapsed().as_secs_f64())
}

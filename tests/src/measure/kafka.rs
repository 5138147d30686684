//! Apache Kafka as it is measured beside Runnel, and kcat, which talks to it.

use std::net::SocketAddr;
use std::process::Command;

use super::Result;
use super::librdkafka::{Librdkafka, Load};
use crate::command;
use crate::harness::eventually;
use crate::kafka::{Kafka, KafkaProgram};

/// What `kafka-server-start.sh` gives it.
const HEAP: &str = "1g";

/// It is stopped while others are measured, which its controller would take for its end.
const STANDS_STILL: &str = "broker.session.timeout.ms=86400000";

/// What is deleted goes at once: by default it would a minute later, while something else is measured.
const DELETES_AT_ONCE: &str = "log.segment.delete.delay.ms=0";

/// Rounds in which a Java broker may still get faster.
const WARM_UP_ROUNDS: u32 = 8;
/// A round that is faster than the best before by less is not faster.
const STILL_RISING: f64 = 0.97;
/// One such round may be chance.
const NO_FASTER_ROUNDS: u32 = 2;

/// Fetches it, if it is not there yet, and looks for kcat.
pub(crate) fn fetch() -> Result<KafkaProgram> {
    let else_without = |error| format!("{error}; or leave Kafka out with --without-kafka");
    command::run(Command::new("kcat").arg("-V"))
        .map_err(|error| else_without(format!("{error}; install kcat (Debian: apt-get install kcat)")))?;
    Ok(KafkaProgram::fetch().map_err(|error| else_without(error.to_string()))?)
}

/// Starts one as its own scripts do, with further settings, each `KEY=VALUE`.
pub(crate) fn start(program: &KafkaProgram, settings: &[&str]) -> Result<Kafka> {
    program.start(HEAP, &[settings, &[STANDS_STILL, DELETES_AT_ONCE]].concat())
}

/// Starts one and has it produce and consume so many records until it gets no faster.
pub(crate) fn warmed(
    program: &KafkaProgram,
    settings: &[&str],
    client: &Librdkafka,
    records: u32,
) -> Result<Kafka> {
    let kafka = start(program, settings)?;
    create_topic(&kafka, "warm-up");
    let (mut best_s, mut no_faster) = (f64::INFINITY, 0);
    for _ in 0..WARM_UP_ROUNDS {
        let took_s = client.produce(kafka.address, "warm-up", &Load::of(records))?;
        client.consume(kafka.address, "warm-up", 1, records)?;
        no_faster = if took_s > best_s * STILL_RISING { no_faster + 1 } else { 0 };
        if no_faster == NO_FASTER_ROUNDS {
            break;
        }
        best_s = best_s.min(took_s);
    }
    Ok(kafka)
}

/// kcat with these arguments, talking to this broker.
pub(crate) fn kcat(broker: SocketAddr, args: &[&str]) -> Command {
    let mut kcat = Command::new("kcat");
    kcat.arg("-b").arg(broker.to_string()).args(args);
    kcat
}

/// Creates a topic of one partition, by asking for it, and waits until that has a leader.
pub(crate) fn create_topic(kafka: &Kafka, topic: &str) {
    eventually("a topic of Kafka", || {
        let told = command::run(&mut kcat(kafka.address, &["-L", "-t", topic]))
            .map_err(|error| error.to_string())?;
        if told.contains("partition 0, leader 1,") { Ok(()) } else { Err(told) }
    });
}

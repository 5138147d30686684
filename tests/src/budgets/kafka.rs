//! Apache Kafka as the budgets see it, and kcat, which talks to it.

use std::process::Command;

use super::Result;
use crate::command;
use crate::harness::eventually;
use crate::kafka::{Kafka, KafkaProgram};

/// What `kafka-server-start.sh` gives it.
const HEAP: &str = "1g";

/// Fetches it, if it is not there yet, and looks for kcat.
pub(super) fn fetch() -> Result<KafkaProgram> {
    let else_without = |error| format!("{error}; or leave Kafka out with --without-kafka");
    command::run(Command::new("kcat").arg("-V"))
        .map_err(|error| else_without(format!("{error}; install kcat (Debian: apt-get install kcat)")))?;
    Ok(KafkaProgram::fetch().map_err(|error| else_without(error.to_string()))?)
}

/// Starts one as its own scripts do, with further settings, each `KEY=VALUE`.
pub(super) fn start(program: &KafkaProgram, settings: &[&str]) -> Result<Kafka> {
    program.start(HEAP, settings)
}

/// kcat with these arguments, talking to this broker.
pub(super) fn kcat(kafka: &Kafka, args: &[&str]) -> Command {
    let mut kcat = Command::new("kcat");
    kcat.arg("-b").arg(kafka.address.to_string()).args(args);
    kcat
}

/// Creates a topic of one partition, by asking for it, and waits until that has a leader.
pub(super) fn create_topic(kafka: &Kafka, topic: &str) {
    eventually("a topic of Kafka", || {
        let told = command::run(&mut kcat(kafka, &["-L", "-t", topic])).map_err(|error| error.to_string())?;
        if told.contains("partition 0, leader 1,") { Ok(()) } else { Err(told) }
    });
}

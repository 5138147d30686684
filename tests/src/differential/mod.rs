//! Runnel beside a real Apache Kafka: both are asked the same, and what they answer is compared field by field.
//!
//! A scenario is a table of requests, a file for each [subject](subjects). Each runs twice: in the lowest versions that
//! both brokers serve, and in the highest. What may differ by nature, ids and times, is made equal first ([`normal`]); what
//! differs by intent is listed with its reason ([`on_purpose`]); anything else is a finding.

mod batches;
mod fields;
mod findings;
mod normal;
mod on_purpose;
mod pair;
mod peer;
mod report;
mod subjects;
mod tree;

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

pub use report::Report;

use crate::harness::TestBroker;
use crate::kafka::KafkaProgram;
use findings::Findings;
use pair::{End, Pair};
use peer::Peer;
use subjects::SUBJECTS;

/// Enough for a broker that stores nearly nothing.
const HEAP: &str = "512m";

/// What makes the two comparable: small internal topics, no waiting for more members, and Runnel's way of creating topics.
const KAFKA_SETTINGS: [&str; 9] = [
    "group.initial.rebalance.delay.ms=0",
    "offsets.topic.num.partitions=1",
    "transaction.state.log.num.partitions=1",
    "share.coordinator.state.topic.num.partitions=1",
    "share.coordinator.state.topic.replication.factor=1",
    "share.coordinator.state.topic.min.isr=1",
    "log.flush.interval.messages=1",
    "delete.topic.enable=true",
    "log.initial.task.delay.ms=600000",
];

/// Runs all scenarios, or those of the subjects named.
///
/// # Errors
/// Kafka can't be fetched or started, or a subject's name is unknown.
///
/// # Panics
/// Runnel does not start, or a broker goes away in the middle.
pub fn run(only: &[String]) -> Result<Report, Box<dyn Error>> {
    if let Some(name) = only.iter().find(|name| SUBJECTS.iter().all(|(subject, _)| subject != name)) {
        let known: Vec<_> = SUBJECTS.iter().map(|(subject, _)| *subject).collect();
        return Err(format!("there is no subject {name:?}, but {}", known.join(", ")).into());
    }
    let kafka = KafkaProgram::fetch()?.start(HEAP, &KAFKA_SETTINGS)?;
    let runnel = TestBroker::start();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().try_into()?;
    let mut pair =
        Pair::new(Peer::connect(kafka.address.to_string())?, Peer::connect(runnel.address())?, now_ms);
    pair.findings.known = on_purpose::read()?.into_iter().map(|row| (row, 0)).collect();
    subjects::warm_up(&mut pair);
    for end in [End::Lowest, End::Highest] {
        for (subject, scenario) in SUBJECTS {
            if only.is_empty() || only.iter().any(|name| name == subject) {
                pair.begin(subject, end);
                scenario(&mut pair);
            }
        }
    }
    let Pair { findings, .. } = pair;
    Ok(Report { findings, is_whole: only.is_empty() })
}

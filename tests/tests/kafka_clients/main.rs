//! Clients that others wrote for Apache Kafka, as they are, against a real `runnel broker`.
//!
//! kcat is installed; `tests/clients/fetch.sh` fetches the others.

mod advertised;
mod flink;
mod java;
mod jvm;
mod kcat;
mod programs;
mod rdkafka;
mod streams;

/// Whether producers ask for producer ids, so that what they repeat is stored once.
const IDEMPOTENT: bool = true;

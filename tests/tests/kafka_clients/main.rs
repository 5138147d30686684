//! Clients that others wrote for Apache Kafka, as they are, against a real `runnel broker`.
//!
//! kcat is installed; `tests/clients/fetch.sh` fetches the others.

mod advertised;
mod connect;
mod consumer_protocol;
mod flink;
mod java;
mod jvm;
mod kcat;
mod programs;
mod rdkafka;
mod share;
mod spark;
mod streams;
mod suites;
mod tools;

/// Whether producers ask for producer ids, so that what they repeat is stored once.
const IDEMPOTENT: bool = true;

//! What the end-to-end tests share.

pub mod bench;
pub mod budgets;
pub mod clients;
mod command;
pub mod crash;
pub mod differential;
pub mod fake_kafka;
pub mod harness;
pub mod kafka;
mod measure;

//! What the end-to-end tests share.

pub mod budgets;
pub mod clients;
pub mod crash;
pub mod fake_kafka;
pub mod harness;

//! What the end-to-end tests share.

pub mod clients;
pub mod crash;
pub mod fake_kafka;
pub mod harness;

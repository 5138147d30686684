//! What the end-to-end tests share.

pub mod clients;
pub mod fake_kafka;

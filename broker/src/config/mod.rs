//! Settings under Kafka's names.
//!
//! `tables` lists them all; everything else reads the tables: [`BrokerConfig`] and [`TopicConfig`] are what they come to,
//! typed, and [`describe_broker`] and [`describe_topic`] tell clients about them.

mod broker;
mod describe;
mod file;
mod key;
#[cfg(test)]
mod page;
mod problem;
mod tables;
mod topic;

pub use broker::{BrokerConfig, SyncMethod};
pub use describe::{ConfigSynonym, describe_broker, describe_topic, synonyms};
pub use file::ConfigFileError;
pub use topic::{CleanupPolicy, TimestampType, TopicConfig};

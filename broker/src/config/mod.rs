//! Settings under Kafka's names.
//!
//! `tables` lists them all; everything else reads the tables: [`BrokerConfig`], [`TopicConfig`] and [`GroupConfig`] are what they
//! come to, typed, and [`describe_broker`] and [`describe_own`] tell clients about them.

mod broker;
mod describe;
mod file;
mod group;
mod key;
mod offset_reset;
mod own;
#[cfg(test)]
mod page;
mod problem;
mod tables;
mod topic;

pub use broker::{BrokerConfig, SyncMethod};
pub use describe::{ConfigSynonym, describe_broker, describe_own, synonyms};
pub use file::ConfigFileError;
pub use group::GroupConfig;
pub use offset_reset::OffsetReset;
pub use own::Owner;
pub use topic::{CleanupPolicy, TimestampType, TopicConfig};

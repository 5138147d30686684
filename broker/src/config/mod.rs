//! Settings under Kafka's names.

mod topic;

pub use topic::{CleanupPolicy, TimestampType, TopicConfig};

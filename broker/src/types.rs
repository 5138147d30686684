//! Names and numbers that every module speaks of.

use std::fmt;

use bytes::Bytes;
pub use uuid::Uuid;

/// A record's place in its partition, from 0, dense but for gaps that compaction leaves.
pub type Offset = i64;

/// Milliseconds since the Unix epoch, by the wall clock.
pub type UnixMillis = i64;

/// A topic's identity for life; its name may be taken over by another topic after it is deleted.
pub type TopicId = Uuid;

/// One partition of one topic, by the topic's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic_id: TopicId,
    /// Its partition, from 0.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic_id, self.partition)
    }
}

/// One record of an internal, keyed log (`__metadata`, `__consumer_offsets`, `__transaction_state`). The log is compacted:
/// only the newest record of each key counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// What the record is about.
    pub key: Bytes,
    /// What holds for the key from now on; `None`: the key is gone (a tombstone).
    pub value: Option<Bytes>,
}

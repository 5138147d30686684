//! What a topic's settings come to, typed.

/// What happens to old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Old segments are deleted, by age and by size.
    pub delete: bool,
    /// Only the newest record of each key is kept.
    pub compact: bool,
}

/// Whose clock a record's timestamp is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's, when it appends.
    LogAppendTime,
}

/// The settings in force for one topic: its own over the broker's over the defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicConfig {
    /// `cleanup.policy`.
    pub cleanup_policy: CleanupPolicy,
    /// `delete.retention.ms`: how long a tombstone is kept after compaction first met it.
    pub delete_retention_ms: i64,
    /// `flush.messages`: unsynced records that may be acknowledged; 1: none (every ack is on disk).
    pub flush_messages: i64,
    /// `flush.ms`: how long a record may be acknowledged and unsynced, with `flush.messages` above 1.
    pub flush_ms: i64,
    /// `index.interval.bytes`: log bytes between two entries of an index.
    pub index_interval_bytes: u32,
    /// `max.compaction.lag.ms`: a record is compacted at the latest after this.
    pub max_compaction_lag_ms: i64,
    /// `max.message.bytes`: the largest record batch, compressed.
    pub max_message_bytes: usize,
    /// `message.timestamp.type`.
    pub message_timestamp_type: TimestampType,
    /// `message.timestamp.after.max.ms`: how far in the future a timestamp may lie.
    pub message_timestamp_after_max_ms: i64,
    /// `message.timestamp.before.max.ms`: how far in the past a timestamp may lie.
    pub message_timestamp_before_max_ms: i64,
    /// `min.cleanable.dirty.ratio`: the share of not yet compacted bytes that starts a compaction.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: a record is left alone for so long.
    pub min_compaction_lag_ms: i64,
    /// `retention.bytes`: the size of a partition above which old segments go; `None`: no limit.
    pub retention_bytes: Option<u64>,
    /// `retention.ms`: the age above which segments go; `None`: no limit.
    pub retention_ms: Option<i64>,
    /// `segment.bytes`: the size at which a segment is closed.
    pub segment_bytes: u64,
    /// `segment.ms`: the age at which a segment is closed.
    pub segment_ms: i64,
}

impl Default for TopicConfig {
    fn default() -> Self {
        const HOUR_MS: i64 = 3_600_000;
        Self {
            cleanup_policy: CleanupPolicy { delete: true, compact: false },
            delete_retention_ms: 24 * HOUR_MS,
            flush_messages: 1,
            flush_ms: i64::MAX,
            index_interval_bytes: 4096,
            max_compaction_lag_ms: i64::MAX,
            max_message_bytes: 1_048_588,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_after_max_ms: HOUR_MS,
            message_timestamp_before_max_ms: i64::MAX,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            retention_bytes: None,
            retention_ms: Some(7 * 24 * HOUR_MS),
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * HOUR_MS,
        }
    }
}

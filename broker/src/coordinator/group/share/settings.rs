//! What an operator can set about share groups, under Kafka's names.

/// Limits and times of a share group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareSettings {
    /// `group.share.session.timeout.ms`: without a sign of life for so long a member is dropped.
    pub session_timeout_ms: i32,
    /// `group.share.heartbeat.interval.ms`: how often members are to show signs of life.
    pub heartbeat_interval_ms: i32,
    /// `group.share.max.size`: the most members of a group.
    pub max_size: usize,
    /// `group.share.record.lock.duration.ms`: how long a member has for a record before others get it.
    pub record_lock_duration_ms: i64,
    /// `group.share.delivery.count.limit`: how often a record is delivered at most.
    pub delivery_count_limit: i16,
    /// `group.share.partition.max.record.locks`: how many records of a partition may be under way, released ones among them.
    /// The last batch may go beyond it.
    pub max_record_locks: i64,
    /// `share.isolation.level` is `read_committed`: records of aborted transactions are left out, open ones waited for.
    pub reads_committed: bool,
    /// `share.auto.offset.reset`: where a group begins with a partition that it has not read before.
    pub begins_at: ShareStart,
}

/// Where a share group begins with a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareStart {
    /// With the first record that exists.
    Earliest,
    /// With the next record.
    Latest,
    /// With the first record that is not older than so many milliseconds.
    Ago(i64),
}

impl Default for ShareSettings {
    fn default() -> Self {
        Self {
            session_timeout_ms: 45_000,
            heartbeat_interval_ms: 5_000,
            max_size: 200,
            record_lock_duration_ms: 30_000,
            delivery_count_limit: 5,
            max_record_locks: 2_000,
            reads_committed: false,
            begins_at: ShareStart::Latest,
        }
    }
}

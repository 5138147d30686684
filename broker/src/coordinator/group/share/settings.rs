//! What an operator can set about share groups, under Kafka's names.

use crate::config::{GroupConfig, OffsetReset};

/// Limits of all share groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareLimits {
    /// `group.share.max.size`: the most members of a group.
    pub max_size: usize,
    /// `group.share.delivery.count.limit`: how often a record is delivered at most.
    pub delivery_count_limit: i16,
    /// `group.share.partition.max.record.locks`: how many records of a partition may be under way, released ones among them.
    /// The last batch may go beyond it.
    pub max_record_locks: i64,
}

impl Default for ShareLimits {
    fn default() -> Self {
        Self { max_size: 200, delivery_count_limit: 5, max_record_locks: 2_000 }
    }
}

/// What holds for one share group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareSettings {
    /// The limits of all.
    pub limits: ShareLimits,
    /// `share.session.timeout.ms`: without a sign of life for so long a member is dropped.
    pub session_timeout_ms: i32,
    /// `share.heartbeat.interval.ms`: how often members are to show signs of life.
    pub heartbeat_interval_ms: i32,
    /// `share.record.lock.duration.ms`: how long a member has for a record before others get it.
    pub record_lock_duration_ms: i64,
    /// `share.isolation.level` is `read_committed`: records of aborted transactions are left out, open ones waited for.
    pub reads_committed: bool,
    /// `share.auto.offset.reset`: where a group begins with a partition that it has not read before.
    pub begins_at: OffsetReset,
}

impl ShareSettings {
    /// Those of a group with these settings of its own.
    pub fn of(limits: ShareLimits, config: &GroupConfig) -> Self {
        Self {
            limits,
            session_timeout_ms: config.share_session_timeout_ms,
            heartbeat_interval_ms: config.share_heartbeat_interval_ms,
            record_lock_duration_ms: config.share_record_lock_duration_ms.into(),
            reads_committed: config.share_reads_committed,
            begins_at: config.share_auto_offset_reset,
        }
    }
}

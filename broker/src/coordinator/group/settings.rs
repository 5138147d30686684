//! What an operator can set about groups.

use runnel_proto::group::ServerAssignor;

use super::share::ShareLimits;
use crate::config::GroupConfig;

/// Limits and times of every group, under Kafka's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSettings {
    /// `group.initial.rebalance.delay.ms`: how long the first member of an empty group waits for others. Kafka waits 3 s;
    /// here nobody waits unless asked to.
    pub initial_rebalance_delay_ms: i64,
    /// `group.min.session.timeout.ms`.
    pub min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`.
    pub max_session_timeout_ms: i32,
    /// `group.max.size`: the most members that a group can have.
    pub max_size: usize,
    /// What holds for each group that has no settings of its own, such as `group.consumer.session.timeout.ms`.
    pub each: GroupConfig,
    /// `group.consumer.max.size`: the most members of a group of the consumer protocol.
    pub consumer_max_size: usize,
    /// `group.consumer.assignors`: those that members can ask for; the first one is for groups that do not.
    pub consumer_assignors: Vec<ServerAssignor>,
    /// `group.consumer.migration.policy`: which way groups may change their protocol while they have members.
    pub consumer_migration: MigrationPolicy,
    /// Those of all share groups.
    pub share: ShareLimits,
    /// `offset.metadata.max.bytes`: the longest metadata of a commit.
    pub offset_metadata_max_bytes: usize,
    /// `offsets.retention.minutes`, in milliseconds: how long an empty group keeps its offsets.
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`: how often it is looked for offsets that are due.
    pub offsets_retention_check_interval_ms: i64,
}

/// Which way groups may change their protocol while they have members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationPolicy {
    /// Both ways.
    Bidirectional,
    /// To the consumer protocol.
    Upgrade,
    /// To the classic protocol.
    Downgrade,
    /// Not at all.
    Disabled,
}

impl MigrationPolicy {
    /// The policy as the setting names it; another name forbids both.
    pub fn named(name: &str) -> Self {
        match name {
            "bidirectional" => Self::Bidirectional,
            "upgrade" => Self::Upgrade,
            "downgrade" => Self::Downgrade,
            _ => Self::Disabled,
        }
    }

    pub(super) fn upgrades(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Upgrade)
    }

    pub(super) fn downgrades(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Downgrade)
    }
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            initial_rebalance_delay_ms: 0,
            min_session_timeout_ms: 6_000,
            max_session_timeout_ms: 1_800_000,
            max_size: i32::MAX as usize,
            each: GroupConfig::default(),
            consumer_max_size: i32::MAX as usize,
            consumer_assignors: ServerAssignor::ALL.to_vec(),
            consumer_migration: MigrationPolicy::Bidirectional,
            share: ShareLimits::default(),
            offset_metadata_max_bytes: 4_096,
            offsets_retention_ms: 7 * 24 * 3_600_000,
            offsets_retention_check_interval_ms: 600_000,
        }
    }
}

//! What the log holds of a group that speaks the consumer protocol: one row a key.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::records::{self, Key};
use crate::coordinator::fields::RecordError;
use crate::coordinator::group::api::Protocol;
use crate::coordinator::group::keyed_rows::{differ, put};
use crate::coordinator::group::row_fields;
use crate::coordinator::group::topics::{Partitions, has};
use crate::types::{LogRecord, TopicId, UnixMillis};

/// A group's rows. A copy of them is what decisions are made on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Rows {
    /// `None`: there is no such group.
    pub(super) group: Option<GroupRow>,
    /// The epoch that the target assignment is for; 0 before the first.
    pub(super) target_epoch: i32,
    pub(super) members: BTreeMap<String, MemberRow>,
    /// Who is to have what, by member id.
    pub(super) targets: BTreeMap<String, Partitions>,
    /// Who has what, by member id.
    pub(super) currents: BTreeMap<String, CurrentRow>,
    /// What the members' regular expressions matched when they were last looked at.
    pub(in super::super) expressions: BTreeMap<String, ExpressionRow>,
}

/// The group itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GroupRow {
    /// Rises whenever a member comes, goes or reads something else, and when the topics change that are read.
    pub(super) epoch: i32,
    /// Tells apart two states of the topics that are read; 0 when there are none.
    pub(super) metadata_hash: i64,
}

/// What a member said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MemberRow {
    pub(super) instance_id: Option<String>,
    pub(super) rack_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) topics: BTreeSet<String>,
    /// Empty text is none, too.
    pub(super) expression: Option<String>,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) assignor: Option<String>,
    /// Set while it speaks the classic protocol.
    pub(super) classic: Option<ClassicRow>,
}

/// What only members of the classic protocol say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClassicRow {
    pub(super) session_timeout_ms: i32,
    /// In the order of preference, never empty.
    pub(super) protocols: Vec<Protocol>,
}

/// Where a member stands on its way to its target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MemberState {
    /// It has its target, or need not move yet.
    #[default]
    Stable,
    /// It must give partitions up first.
    UnrevokedPartitions,
    /// It has given up what it must, and waits for partitions that others have not given up.
    UnreleasedPartitions,
}

/// What a member has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CurrentRow {
    /// The epoch that the member is to call itself by; -2 while a static member is away.
    pub(super) epoch: i32,
    /// The one before: accepted, too, for the answer with the new one may have been lost.
    pub(super) previous_epoch: i32,
    pub(super) state: MemberState,
    pub(super) assigned: Partitions,
    /// What it is still to give up.
    pub(super) revoking: Partitions,
}

/// What a regular expression matched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct ExpressionRow {
    pub(super) topics: BTreeSet<String>,
    /// The version of the topics that were looked at; means nothing after a restart.
    pub(super) version: i64,
    pub(super) at_ms: UnixMillis,
}

impl MemberRow {
    /// The regular expression, if there is one.
    pub(super) fn expression(&self) -> Option<&str> {
        self.expression.as_deref().filter(|expression| !expression.is_empty())
    }
}

impl CurrentRow {
    /// Nothing is left to do to be where the target assignment of this epoch wants it.
    pub(super) fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    fn owns(&self, topic: TopicId, partition: i32) -> bool {
        has(&self.assigned, topic, partition) || has(&self.revoking, topic, partition)
    }
}

impl Rows {
    /// There is a group in these rows.
    pub(in super::super) fn exists(&self) -> bool {
        self.group.is_some()
    }

    pub(in super::super) fn epoch(&self) -> i32 {
        self.group.map_or(0, |group| group.epoch)
    }

    pub(in super::super) fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    /// The members' ids.
    pub(in super::super) fn member_ids(&self) -> impl Iterator<Item = &String> {
        self.members.keys()
    }

    /// The member id of a static member.
    pub(super) fn static_member(&self, instance: &str) -> Option<&str> {
        let is_it = |row: &MemberRow| row.instance_id.as_deref() == Some(instance);
        self.members.iter().find(|(_, row)| is_it(row)).map(|(id, _)| id.as_str())
    }

    /// Whether another member has a partition, or has not given it up yet.
    pub(super) fn is_held_by_other(&self, member: &str, topic: TopicId, partition: i32) -> bool {
        self.currents.iter().any(|(id, current)| id != member && current.owns(topic, partition))
    }

    /// What a member has; nothing when it has just come.
    pub(super) fn current(&self, member: &str) -> CurrentRow {
        self.currents.get(member).cloned().unwrap_or_default()
    }

    pub(super) fn all_classic(&self) -> bool {
        self.members.values().all(|row| row.classic.is_some())
    }

    /// Takes a member's rows out.
    pub(super) fn remove(&mut self, member: &str) {
        self.members.remove(member);
        self.targets.remove(member);
        self.currents.remove(member);
    }

    /// Takes over what a record says.
    pub(in super::super) fn replay(&mut self, key: Key, value: Option<&Bytes>) -> Result<(), RecordError> {
        match key {
            Key::Group => self.group = value.map(records::decode_group).transpose()?,
            Key::TargetEpoch => {
                self.target_epoch = value.map(row_fields::decode_target_epoch).transpose()?.unwrap_or(0);
            }
            Key::Member(id) => put(&mut self.members, id, value, records::decode_member)?,
            Key::Target(id) => put(&mut self.targets, id, value, row_fields::decode_target)?,
            Key::Current(id) => put(&mut self.currents, id, value, records::decode_current)?,
            Key::Expression(text) => put(&mut self.expressions, text, value, records::decode_expression)?,
        }
        Ok(())
    }

    /// The records that make these rows of those.
    pub(in super::super) fn changes(&self, group: &str, next: &Self) -> Vec<LogRecord> {
        let mut changes = Vec::new();
        let mut change = |key: Key, value: Option<Bytes>| {
            changes.push(LogRecord { key: records::encode_key(group, &key), value });
        };
        let target_epoch = |rows: &Self| (rows.target_epoch > 0).then_some(rows.target_epoch);
        differ(&self.members, &next.members, |id, row| {
            change(Key::Member(id.clone()), row.map(records::encode_member));
        });
        differ(&self.expressions, &next.expressions, |text, row| {
            change(Key::Expression(text.clone()), row.map(records::encode_expression));
        });
        if self.group != next.group {
            change(Key::Group, next.group.as_ref().map(records::encode_group));
        }
        differ(&self.targets, &next.targets, |id, row| {
            change(Key::Target(id.clone()), row.map(row_fields::encode_target));
        });
        if target_epoch(self) != target_epoch(next) {
            change(Key::TargetEpoch, target_epoch(next).map(row_fields::encode_target_epoch));
        }
        differ(&self.currents, &next.currents, |id, row| {
            change(Key::Current(id.clone()), row.map(records::encode_current));
        });
        changes
    }
}

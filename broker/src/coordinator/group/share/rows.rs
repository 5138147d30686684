//! What the log holds of a share group's members: one row a key.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::records::{self, Key};
use crate::coordinator::fields::RecordError;
use crate::coordinator::group::keyed_rows::{differ, put};
use crate::coordinator::group::row_fields;
use crate::coordinator::group::topics::{Partitions, Topics};
use crate::types::LogRecord;

/// A group's rows. A copy of them is what decisions are made on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Rows {
    /// `None`: there is no such group.
    pub(super) group: Option<GroupRow>,
    /// The epoch that the target assignment is for; 0 before the first.
    pub(super) target_epoch: i32,
    pub(super) members: BTreeMap<String, MemberRow>,
    /// Who is to read what, by member id.
    pub(super) targets: BTreeMap<String, Partitions>,
    /// Who was told what, by member id.
    pub(super) currents: BTreeMap<String, CurrentRow>,
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
    pub(super) rack_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) topics: BTreeSet<String>,
}

/// Where a member stands. It need not give anything up first, so it is always where it is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CurrentRow {
    pub(super) epoch: i32,
    /// The one before: accepted, too, for the answer with the new one may have been lost.
    pub(super) previous_epoch: i32,
    pub(super) assigned: Partitions,
}

impl Rows {
    /// The group's epoch; 0 without a group.
    pub(in super::super) fn epoch(&self) -> i32 {
        self.group.map_or(0, |group| group.epoch)
    }

    /// The topics that anybody reads.
    pub(super) fn subscribed_topics(&self) -> BTreeSet<&str> {
        self.members.values().flat_map(|row| &row.topics).map(String::as_str).collect()
    }

    /// Raises the group's epoch when other topics are read than before (`is_due`), or when those that are have changed.
    pub(super) fn refresh(&mut self, topics: &Topics, is_due: bool) {
        let metadata_hash = topics.hash(self.subscribed_topics());
        let group = self.group.get_or_insert_default();
        if is_due || group.metadata_hash != metadata_hash {
            *group = GroupRow { epoch: group.epoch + 1, metadata_hash };
        }
    }

    /// Tells a member what it is to read, in the epoch of the present target assignment.
    pub(super) fn tell(&mut self, member: &str) {
        let assigned = self.targets.get(member).cloned().unwrap_or_default();
        let current = self.currents.entry(member.to_owned()).or_default();
        if current.epoch != self.target_epoch {
            (current.previous_epoch, current.epoch) = (current.epoch, self.target_epoch);
        }
        current.assigned = assigned;
    }

    /// Takes a member's rows out.
    pub(super) fn remove(&mut self, member: &str) {
        self.members.remove(member);
        self.targets.remove(member);
        self.currents.remove(member);
    }

    /// Takes over what a record says; that of a partition is none of them.
    pub(super) fn replay(&mut self, key: Key, value: Option<&Bytes>) -> Result<(), RecordError> {
        match key {
            Key::Group => self.group = value.map(records::decode_group).transpose()?,
            Key::TargetEpoch => {
                self.target_epoch = value.map(row_fields::decode_target_epoch).transpose()?.unwrap_or(0);
            }
            Key::Member(id) => put(&mut self.members, id, value, records::decode_member)?,
            Key::Target(id) => put(&mut self.targets, id, value, row_fields::decode_target)?,
            Key::Current(id) => put(&mut self.currents, id, value, records::decode_current)?,
            Key::Partition(_) => {}
        }
        Ok(())
    }

    /// The records that make these rows of those.
    pub(super) fn changes(&self, group: &str, next: &Self) -> Vec<LogRecord> {
        let mut changes = Vec::new();
        let mut change = |key: Key, value: Option<Bytes>| {
            changes.push(LogRecord { key: records::encode_key(group, &key), value });
        };
        let target_epoch = |rows: &Self| (rows.target_epoch > 0).then_some(rows.target_epoch);
        differ(&self.members, &next.members, |id, row| {
            change(Key::Member(id.clone()), row.map(records::encode_member));
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

//! Share groups (KIP-932): several members read the same partitions. A record is acquired by one of them for a time, and
//! acknowledged: accepted, released for another, or rejected. What is not acknowledged in time is delivered again, so often and no
//! more.
//!
//! Two halves. Who is in the group and reads which partitions is kept in `rows`, as in groups of the consumer protocol:
//! `heartbeat` the members' requests, `assign` the target assignment. What the group has made of each partition's records is a
//! [`SharePartition`]: `partition` its rules, `deliver` the requests for them, `write` how it reaches the log, `offsets` what
//! operators do to it. `records` holds the layout of both.
//!
//! A partition in memory is ahead of the log: what members say takes effect at once, and is answered when it is written, all that
//! came meanwhile with one write. Nothing need be undone when a write fails, since the next one tells the whole state again. Who
//! holds what is not in the log: after a crash nobody holds anything, and deliveries that were under way do not count.

mod api;
mod assign;
mod deliver;
mod heartbeat;
mod kind;
mod offsets;
mod partition;
mod records;
mod rows;
mod settings;
mod views;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

pub use api::*;
pub(super) use heartbeat::Decided as ShareDecided;
use partition::SharePartition;
pub(super) use records::{Key, decode_key};
use rows::Rows;
pub use settings::{ShareLimits, ShareSettings};
pub(super) use write::Writing as ShareWriting;

use super::api::{Reply, Ticket};
use super::context::Context;
use super::state::Group;
use crate::coordinator::fields::RecordError;
use crate::types::{TopicPartition, UnixMillis};

/// What a group is as a share group. Durable is what `rows` and `kept` hold, and only a replayed record changes these.
#[derive(Debug, Default)]
pub(super) struct ShareGroup {
    rows: Rows,
    /// The newest record of each partition in the log.
    kept: BTreeMap<TopicPartition, Bytes>,
    /// What the group makes of the partitions.
    live: BTreeMap<TopicPartition, SharePartition>,

    /// When each member's session ends.
    lives: BTreeMap<String, UnixMillis>,
    /// The version of the topics that the group has taken into account.
    topics_version: u64,
    /// Who holds records, and by which session.
    sessions: BTreeMap<Arc<str>, u64>,
    /// When locks may end, and where. Most of these are acknowledged by then.
    locks: BTreeSet<(UnixMillis, TopicPartition)>,
    /// How often something became free for others.
    releases: u64,
    /// Who waits for that.
    watchers: Vec<Ticket>,

    /// The partitions whose records in the log are behind.
    dirty: BTreeSet<TopicPartition>,
    /// Who is to be answered when they are not.
    answers: Vec<(Ticket, Reply)>,
    /// Such a write is under way. There is one at a time, so that those who come meanwhile share the next.
    writing: bool,
    /// When a write that failed is tried again.
    retry_at: Option<UnixMillis>,
}

impl ShareGroup {
    /// There is a share group in this.
    pub(super) fn exists(&self) -> bool {
        self.rows.group.is_some() || !self.kept.is_empty()
    }

    pub(super) fn has_members(&self) -> bool {
        !self.rows.members.is_empty()
    }

    /// The members' ids.
    pub(super) fn member_ids(&self) -> impl Iterator<Item = &String> {
        self.rows.members.keys()
    }

    /// A write that does not hold up the group is under way.
    pub(super) fn is_writing(&self) -> bool {
        self.writing
    }

    /// Takes over what a record says.
    pub(super) fn replay(&mut self, key: Key, value: Option<&Bytes>) -> Result<(), RecordError> {
        let Key::Partition(partition) = key else { return self.rows.replay(key, value) };
        match value {
            Some(value) => {
                records::decode_partition(value)?;
                self.kept.insert(partition, value.clone());
            }
            None => {
                self.kept.remove(&partition);
                self.live.remove(&partition);
                self.dirty.remove(&partition);
            }
        }
        Ok(())
    }

    /// Takes up what the log holds, after the last record was replayed; members have a whole session to show up.
    pub(super) fn restore(&mut self, session_ends_at: UnixMillis) {
        self.follow_members(session_ends_at);
        for partition in self.kept.keys().copied().collect::<Vec<_>>() {
            self.take_up(partition);
        }
    }

    /// Makes a partition what the log says.
    fn take_up(&mut self, partition: TopicPartition) {
        self.dirty.remove(&partition);
        if let Some(kept) = self.kept.get(&partition) {
            let kept = records::decode_partition(kept).expect("it was read when it was replayed");
            self.live.insert(partition, kept);
        }
    }

    /// New members get a session, those who are gone lose theirs.
    fn follow_members(&mut self, session_ends_at: UnixMillis) {
        self.lives.retain(|id, _| self.rows.members.contains_key(id));
        for id in self.rows.members.keys() {
            self.lives.entry(id.clone()).or_insert(session_ends_at);
        }
    }

    /// When something is due without anybody asking.
    pub(super) fn next_deadline(&self) -> Option<UnixMillis> {
        let locks = self.locks.first().map(|(at, _)| *at);
        self.lives.values().copied().chain(locks).chain(self.retry_at).min()
    }

    /// A caller is gone. True when it waited here.
    pub(super) fn cancel(&mut self, ticket: Ticket) -> bool {
        let watchers = self.watchers.len();
        self.watchers.retain(|waiting| *waiting != ticket);
        self.watchers.len() < watchers
    }
}

impl Group {
    /// The settings of the group that decides.
    pub(super) fn share_settings(cx: &Context<'_>) -> ShareSettings {
        ShareSettings::of(cx.settings.share, cx.config)
    }
}

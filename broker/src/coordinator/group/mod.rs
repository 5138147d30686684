//! Kafka's group protocols as a pure machine: a request and the time go in, replies and records come out.
//!
//! Decide, persist, apply, reply. A request that must last becomes an [`Action::Append`]; its effect and its reply follow in
//! [`GroupCoordinator::appended`], when the records are durable. What the log holds of a group changes by
//! [`GroupCoordinator::replay`] alone, while serving and at start. Who is a member right now, and who waits for what, is not in
//! the log: after a crash the members of the last settled generation are taken to be alive, and those that are not fall
//! silent.
//!
//! One file holds one subject: [`api`](self) the requests and replies, `join`, `replace` (static members), `sync` (and
//! heartbeats), `leave`, `commit`, `transactional` (commits within
//! transactions), `offsets`, `remove`, `expiry` what they do, `rebalance` what leads from one generation to the
//! next, `records` what is kept. These are the classic protocol; [`consumer`] holds the consumer protocol (KIP-848), which
//! shares offsets, queue and log with it, and [`share`] the share groups (KIP-932), which share queue and log.

mod api;
mod commit;
mod consumer;
mod context;
mod expiry;
mod join;
mod keyed_rows;
mod leave;
mod member;
mod offsets;
mod rebalance;
pub mod records;
mod remove;
mod replace;
mod row_fields;
mod settings;
mod share;
mod state;
mod subscription;
mod sync;
mod topics;
mod transactional;
mod views;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

pub use api::*;
pub use consumer::MemberState;
pub use offsets::Offsets;
pub use settings::{GroupSettings, MigrationPolicy};
pub use share::{
    AckBatch, AckKind, Acquired, AlterShareOffsetsRequest, DeleteShareOffsetsRequest, Found, NextOffset,
    ShareAcknowledgeRequest, ShareAcquireRequest, ShareAlive, ShareBeginRequest, ShareHeartbeatRequest,
    ShareLimits, ShareNext, ShareNextRequest, ShareOffset, ShareReleaseRequest, ShareSettings,
    ShareWatchRequest, Span,
};
pub use state::GroupState;
pub use topics::{Partitions, Topics};
pub use transactional::PendingOffset;
pub use views::{ConsumerMember, GroupDescription, GroupSummary, GroupType, MemberDescription};

use self::context::{Context, Then, Write};
use self::member::MemberIds;
use self::records::{Key, MAX_STRING_BYTES, RecordError};
use self::state::Group;
use self::work::Work;
use crate::config::GroupConfig;
use crate::error::BrokerError;
use crate::types::{LogRecord, UnixMillis};

/// Requests that may wait for a write of their group.
const MAX_HELD: usize = 10_000;

/// All groups of one `__consumer_offsets` partition.
///
/// Start: [`replay`](Self::replay) each record of the log in order, then [`loaded`](Self::loaded). From then on call
/// [`handle`](Self::handle), [`cancel`](Self::cancel), [`tick`](Self::tick) and [`appended`](Self::appended) in any order, with a
/// `now` that never goes back, and do what each returns.
#[derive(Debug)]
pub struct GroupCoordinator {
    settings: GroupSettings,
    /// Of groups that have settings of their own, whether they exist or not.
    configs: BTreeMap<String, GroupConfig>,
    ids: MemberIds,
    topics: Topics,
    groups: BTreeMap<String, Group>,
    /// When which group wants to be looked at.
    wakes: BTreeSet<(UnixMillis, String)>,
    in_flight: BTreeMap<Token, InFlight>,
    next_token: Token,
    version: u64,
    next_expiry: UnixMillis,
    ignored_records: u64,
}

/// A write whose outcome is not known yet.
#[derive(Debug)]
struct InFlight {
    group: String,
    records: Vec<LogRecord>,
    then: Then,
}

impl GroupCoordinator {
    /// A coordinator without groups. The seed makes its member ids; no two runs of a broker may share one.
    pub fn new(settings: GroupSettings, seed: u128) -> Self {
        Self {
            settings,
            configs: BTreeMap::new(),
            ids: MemberIds::new(seed),
            topics: Topics::default(),
            groups: BTreeMap::new(),
            wakes: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            next_token: 0,
            version: 0,
            next_expiry: UnixMillis::MAX,
            ignored_records: 0,
        }
    }

    /// Takes over one record of the log. Records that this broker does not understand are counted and left alone.
    pub fn replay(&mut self, key: &Bytes, value: Option<&Bytes>) {
        if self.apply(key, value).is_err() {
            self.ignored_records += 1;
        }
    }

    fn apply(&mut self, key: &Bytes, value: Option<&Bytes>) -> Result<(), RecordError> {
        match records::decode_key(key)? {
            Key::Offset { group, partition } => {
                let committed = value.map(records::decode_offset).transpose()?;
                self.group(&group).offsets.replay(partition, committed);
            }
            Key::Pending { group, producer_id, partition } => {
                let pending = value.map(records::decode_pending).transpose()?;
                self.group(&group).pending_offsets.replay(producer_id, partition, pending);
            }
            Key::Row { group, row } => self.group(&group).rows.replay(row, value)?,
            Key::Share { group, row } => self.group(&group).share.replay(row, value)?,
            Key::Group { group } => {
                let kept = value.map(records::decode_group).transpose()?;
                self.group(&group).kept = kept;
            }
        }
        Ok(())
    }

    /// Begins to serve, after the last record of the log.
    pub fn loaded(&mut self, now: UnixMillis) {
        self.next_expiry = now + self.settings.offsets_retention_check_interval_ms;
        for name in self.groups.keys().cloned().collect::<Vec<_>>() {
            let actions = self.step(now, &name, |group, cx| {
                group.restore(cx);
                group.rebalance_if_unfit(cx);
            });
            assert!(
                actions.is_empty(),
                "a group that was just loaded has nobody to answer and nothing to write"
            );
        }
    }

    /// Takes note of what topics there are from now on. Groups whose topics have changed are assigned anew with their members'
    /// next heartbeats.
    pub fn topics_changed(&mut self, topics: Topics) {
        self.topics = topics;
    }

    /// Gives a group settings of its own, or takes them from it. Its members learn of them with their next heartbeats; sessions
    /// that have begun end as they would have.
    pub fn configure(&mut self, group: &str, config: Option<GroupConfig>) {
        match config {
            Some(config) => _ = self.configs.insert(group.to_owned(), config),
            None => _ = self.configs.remove(group),
        }
    }

    /// The settings in force for a group.
    pub fn config(&self, group: &str) -> &GroupConfig {
        self.configs.get(group).unwrap_or(&self.settings.each)
    }

    /// The version of the topics that are known.
    pub fn topics_version(&self) -> u64 {
        self.topics.version()
    }

    /// Takes a request. Its ticket is answered now or later.
    pub fn handle(&mut self, now: UnixMillis, ticket: Ticket, request: Request) -> Vec<Action> {
        let name = request.group().to_owned();
        if let Err(error) = check_name(&name) {
            return vec![Action::Reply(ticket, Err(error))];
        }
        if let Request::Fetch(fetch) = &request {
            // What is in the log can be read even while a write is under way.
            let reply =
                self.groups.get(&name).map_or_else(|| Group::new(&name).fetch(fetch), |g| g.fetch(fetch));
            return vec![Action::Reply(ticket, reply)];
        }
        let group = self.group(&name);
        if group.held.len() >= MAX_HELD {
            let error = BrokerError::Busy { what: "the number of requests that wait for the group's log" };
            return vec![Action::Reply(ticket, Err(error))];
        }
        group.held.push_back(Work::Request(ticket, request));
        self.work_off(now, &name)
    }

    /// Forgets a caller that no longer waits. Its ticket is not answered after this, unless its write is under way.
    pub fn cancel(&mut self, now: UnixMillis, group: &str, ticket: Ticket) -> Vec<Action> {
        let Some(found) = self.groups.get_mut(group) else { return Vec::new() };
        if !found.cancel_held(ticket) {
            found.held.push_back(Work::Cancel(ticket));
        }
        self.work_off(now, group)
    }

    /// Takes the outcome of a write. Outcomes arrive in the order of the tokens. After an error none of the write's records may
    /// be in the log, nor ever come up in it.
    pub fn appended(
        &mut self,
        now: UnixMillis,
        token: Token,
        result: Result<(), BrokerError>,
    ) -> Vec<Action> {
        let Some(InFlight { group: name, records, then }) = self.in_flight.remove(&token) else {
            return Vec::new();
        };
        if result.is_ok() {
            for record in &records {
                self.apply(&record.key, record.value.as_ref())
                    .expect("the coordinator can read what it writes");
            }
        }
        let mut actions = self.step(now, &name, |group, cx| group.written(then, result, cx));
        actions.extend(self.work_off(now, &name));
        actions
    }

    /// Does what is due by now.
    pub fn tick(&mut self, now: UnixMillis) -> Vec<Action> {
        let mut actions = Vec::new();
        while self.wakes.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, name)) = self.wakes.pop_first() else { break };
            self.group(&name).wake_at = None;
            actions.extend(self.step(now, &name, |group, cx| group.tick(cx)));
        }
        if self.next_expiry <= now {
            self.next_expiry = now + self.settings.offsets_retention_check_interval_ms;
            for name in self.groups.keys().cloned().collect::<Vec<_>>() {
                actions.extend(self.step_unseen(now, &name, |group, cx| group.expire(cx)));
            }
        }
        actions
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn next_deadline(&self) -> Option<UnixMillis> {
        let wake = self.wakes.first().map(|(at, _)| *at);
        wake.into_iter().chain((self.next_expiry < UnixMillis::MAX).then_some(self.next_expiry)).min()
    }

    /// All groups, by name.
    pub fn list(&self) -> impl Iterator<Item = GroupSummary> {
        self.groups.values().filter(|group| !group.is_void()).map(Group::summary)
    }

    /// Each group's name and version. A version rises whenever the group, its members or its offsets change.
    pub fn versions(&self) -> impl Iterator<Item = (&str, u64)> {
        self.groups
            .values()
            .filter(|group| !group.is_void())
            .map(|group| (group.name.as_str(), group.version))
    }

    /// One group; `None` when there is none of that name.
    pub fn describe(&self, group: &str) -> Option<GroupDescription> {
        self.groups
            .get(group)
            .filter(|group| !group.is_void())
            .map(|group| group.describe(&self.topics, &self.settings))
    }

    /// The settings of a share group.
    pub fn share_settings(&self, group: &str) -> ShareSettings {
        ShareSettings::of(self.settings.share, self.config(group))
    }

    /// How far a share group is in the partitions that it has begun with; `None` when there is none of that name.
    pub fn share_offsets(&self, group: &str) -> Option<Vec<ShareOffset>> {
        self.groups.get(group).filter(|group| group.share.exists()).map(Group::share_offsets)
    }

    /// The offsets that a group has in the log.
    pub fn offsets(&self, group: &str) -> Option<&Offsets> {
        self.groups.get(group).map(|group| &group.offsets)
    }

    /// The groups that have, or may be about to have, offsets of a topic: those to send [`Request::ForgetTopic`] when it is
    /// deleted.
    pub fn groups_on_topic(&self, topic: &str) -> Vec<String> {
        let is_on = |group: &&Group| {
            group.commits > 0
                || group.is_held()
                || group.offset_topics().any(|known| known == topic)
                || group.shares_topic(topic, &self.topics)
        };
        self.groups.values().filter(is_on).map(|group| group.name.clone()).collect()
    }

    /// All topics with a committed offset, or one that waits for a transaction's end.
    pub fn topics(&self) -> BTreeSet<&str> {
        self.groups.values().flat_map(Group::offset_topics).collect()
    }

    /// Who has offsets in which group that wait for a transaction's end: group, producer id and epoch.
    pub fn pending_producers(&self) -> Vec<(String, i64, i16)> {
        let of_group = |group: &Group| {
            let rows = group.pending_offsets.iter();
            let producers: BTreeMap<_, _> =
                rows.map(|(id, _, pending)| (id, pending.producer_epoch)).collect();
            let name = group.name.clone();
            producers.into_iter().map(move |(id, epoch)| (name.clone(), id, epoch))
        };
        self.groups.values().flat_map(of_group).collect()
    }

    /// Records of the log that were left alone: of kinds or versions that this broker does not know, or malformed.
    pub fn ignored_records(&self) -> u64 {
        self.ignored_records
    }

    /// Works off what a group holds back, as far as its writes allow.
    fn work_off(&mut self, now: UnixMillis, name: &str) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(work) = self.groups.get_mut(name).and_then(Group::next_work) {
            let is_consumer = self.groups.get(name).is_some_and(|group| group.rows.exists());
            let is_share = self.groups.get(name).is_some_and(|group| group.share.exists());
            actions.extend(match work {
                // None is seen, and all at most put off when the group wants to be looked at. What a member of the consumer
                // protocol changes is seen when it is in the log.
                Work::Request(
                    _,
                    Request::ConsumerHeartbeat(_) | Request::Commit(_) | Request::CommitTransactional(_),
                ) => self.step_unseen(now, name, |group, cx| group.perform(work, cx)),
                // Every fetch that has waited ends so.
                Work::Cancel(_) if is_share => {
                    self.step_unseen(now, name, |group, cx| group.perform(work, cx))
                }
                Work::Request(_, Request::Heartbeat(_)) if !is_consumer => {
                    self.step_unseen(now, name, |group, cx| group.perform(work, cx))
                }
                Work::Request(
                    _,
                    Request::ShareHeartbeat(_)
                    | Request::ShareNext(_)
                    | Request::ShareBegin(_)
                    | Request::ShareAcquire(_)
                    | Request::ShareAcknowledge(_)
                    | Request::ShareWatch(_)
                    | Request::ShareRelease(_),
                ) => {
                    let actions = self.step_unseen(now, name, |group, cx| group.perform(work, cx));
                    // A lock may end before anything else does.
                    self.reschedule(name);
                    actions
                }
                _ => self.step(now, name, |group, cx| group.perform(work, cx)),
            });
        }
        actions
    }

    /// Lets a group do something that others may see.
    fn step(
        &mut self,
        now: UnixMillis,
        name: &str,
        run: impl FnOnce(&mut Group, &mut Context<'_>),
    ) -> Vec<Action> {
        let actions = self.step_unseen(now, name, run);
        if let Some(group) = self.groups.get_mut(name) {
            self.version += 1;
            group.version = self.version;
            self.reschedule(name);
        }
        actions
    }

    fn step_unseen(
        &mut self,
        now: UnixMillis,
        name: &str,
        run: impl FnOnce(&mut Group, &mut Context<'_>),
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        let Self { settings, configs, ids, topics, groups, .. } = self;
        let config = configs.get(name).unwrap_or(&settings.each);
        let group = groups.entry(name.to_owned()).or_insert_with(|| Group::new(name));
        let mut cx = Context { now, settings, config, ids, topics, actions: &mut actions, write: None };
        run(group, &mut cx);
        let write = cx.write.take();
        if group.wake_at.is_none() {
            // It may have stood still until now. Being looked at too early, on the other hand, does no harm.
            self.reschedule(name);
        }
        self.drop_if_void(name);
        if let Some(Write { records, then }) = write {
            let token = self.next_token;
            self.next_token += 1;
            actions.push(Action::Append { token, records: records.clone() });
            self.in_flight.insert(token, InFlight { group: name.to_owned(), records, then });
        }
        actions
    }

    /// Notes when the group wants to be looked at.
    fn reschedule(&mut self, name: &str) {
        let Some(group) = self.groups.get_mut(name) else { return };
        let wake_at = group.next_deadline();
        if group.wake_at != wake_at {
            if let Some(at) = group.wake_at {
                self.wakes.remove(&(at, name.to_owned()));
            }
            self.wakes.extend(wake_at.map(|at| (at, name.to_owned())));
            group.wake_at = wake_at;
        }
    }

    fn drop_if_void(&mut self, name: &str) {
        if let Some(group) = self.groups.get(name).filter(|group| group.is_void()) {
            if let Some(at) = group.wake_at {
                self.wakes.remove(&(at, name.to_owned()));
            }
            self.groups.remove(name);
        }
    }

    fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_insert_with(|| Group::new(name))
    }
}

/// Whether a group may be called so.
///
/// # Errors
/// [`BrokerError::InvalidName`].
pub fn check_name(group: &str) -> Result<(), BrokerError> {
    if (1..=MAX_STRING_BYTES).contains(&group.len()) {
        return Ok(());
    }
    let name = group.chars().take(64).collect();
    Err(BrokerError::InvalidName { name, reason: "a group's name has 1 to 32,767 bytes" })
}

#[cfg(test)]
mod tests;

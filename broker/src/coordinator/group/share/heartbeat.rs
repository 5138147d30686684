//! A member's heartbeat: joining, changing what it reads, going on, leaving; and how those go that fall silent.

use std::collections::BTreeSet;

use super::api::{ShareAlive, ShareHeartbeatRequest};
use super::rows::{MemberRow, Rows};
use crate::coordinator::group::api::{Reply, Ticket};
use crate::coordinator::group::context::{Context, Then};
use crate::coordinator::group::join::check_lengths;
use crate::coordinator::group::state::Group;
use crate::error::BrokerError;
use crate::types::UnixMillis;

/// A member's epoch when it leaves.
const LEAVE_EPOCH: i32 = -1;
/// What could not be written down is tried again after this.
const RETRY_MS: i64 = 1_000;

/// What follows a decision when its rows are in the log.
#[derive(Debug, Default)]
pub(in super::super) struct Decided {
    reply: Option<(Ticket, Reply)>,
    /// Who showed a sign of life.
    alive: Option<String>,
    /// Who is out: what they hold is for others.
    gone: BTreeSet<String>,
    event: Option<String>,
    topics_version: Option<u64>,
}

impl Group {
    /// Answers when what it changes is in the log; at once when it changes nothing.
    pub(in super::super) fn share_heartbeat(
        &mut self,
        ticket: Ticket,
        request: &ShareHeartbeatRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        check(request)?;
        if request.member_epoch == LEAVE_EPOCH {
            return self.leave_share(ticket, request, cx);
        }
        if self.share_changes_nothing(request, cx) {
            self.touch_share(&request.member_id, cx);
            let is_told = request.member_epoch == 0 || request.topics.is_some();
            let reply = self.share_alive(&self.share.rows, &request.member_id, is_told, cx);
            cx.reply(ticket, Ok(reply));
            return Ok(());
        }
        self.beat_share(ticket, request, cx)
    }

    /// The common case: a member that says nothing new, where there is nothing to do.
    fn share_changes_nothing(&self, request: &ShareHeartbeatRequest, cx: &Context<'_>) -> bool {
        let rows = &self.share.rows;
        let Some(row) = rows.members.get(&request.member_id) else { return false };
        let Some(current) = rows.currents.get(&request.member_id) else { return false };
        (request.member_epoch == 0 || request.member_epoch == current.epoch)
            && current.epoch == rows.epoch()
            && rows.target_epoch == rows.epoch()
            && self.share.topics_version == cx.topics.version()
            && request.apply_to(row.clone()) == *row
    }

    fn beat_share(
        &mut self,
        ticket: Ticket,
        request: &ShareHeartbeatRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        let (id, joins) = (&request.member_id, request.member_epoch == 0);
        if !joins && !self.share.exists() {
            return Err(self.unknown_group());
        }
        let mut next = self.share.rows.clone();
        let before = next.members.get(id);
        let limit = Self::share_settings(cx).limits.max_size;
        match before {
            None if !joins => return Err(self.unknown_member(id)),
            None if next.members.len() >= limit => {
                return Err(BrokerError::GroupFull { group: self.name.clone(), limit });
            }
            Some(_) => self.check_share_epoch(request)?,
            None => {}
        }
        let row = request.apply_to(before.cloned().unwrap_or_default());
        let is_due = before.is_none_or(|before| before.topics != row.topics);
        next.members.insert(id.clone(), row);
        if is_due || self.share.topics_version != cx.topics.version() {
            next.refresh(cx.topics, is_due);
        }
        if next.epoch() > next.target_epoch {
            next.retarget(cx.topics);
        }
        next.tell(id);
        let current = self.share.rows.currents.get(id);
        let is_told = joins || request.topics.is_some() || current != next.currents.get(id);
        let decided = Decided {
            reply: Some((ticket, self.share_alive(&next, id, is_told, cx))),
            alive: Some(id.clone()),
            topics_version: Some(cx.topics.version()),
            ..Decided::default()
        };
        self.decide_share(&next, decided, cx);
        Ok(())
    }

    /// A member that joins again is let in whatever it was.
    fn check_share_epoch(&self, request: &ShareHeartbeatRequest) -> Result<(), BrokerError> {
        let epoch = request.member_epoch;
        let current = self.share.rows.currents.get(&request.member_id).cloned().unwrap_or_default();
        if [0, current.epoch, current.previous_epoch].contains(&epoch) {
            return Ok(());
        }
        Err(BrokerError::FencedMemberEpoch {
            group: self.name.clone(),
            member: request.member_id.clone(),
            epoch,
            current: current.epoch,
        })
    }

    fn leave_share(
        &mut self,
        ticket: Ticket,
        request: &ShareHeartbeatRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        if !self.share.exists() {
            return Err(self.unknown_group());
        }
        if !self.share.rows.members.contains_key(&request.member_id) {
            return Err(self.unknown_member(&request.member_id));
        }
        let reply = Reply::ShareAlive(ShareAlive {
            member_epoch: LEAVE_EPOCH,
            heartbeat_interval_ms: 0,
            assignment: None,
        });
        let gone = BTreeSet::from([request.member_id.clone()]);
        self.fence_share(Decided { reply: Some((ticket, reply)), gone, ..Decided::default() }, cx);
        Ok(())
    }

    /// Takes out members that were silent for too long.
    pub(in super::super) fn end_share_lives(&mut self, cx: &mut Context<'_>) {
        let due = self.share.lives.iter_mut().filter(|(_, at)| **at <= cx.now);
        // Put off a little: if it can't be written down that they go, that is tried again.
        let gone: BTreeSet<String> = due
            .map(|(id, at)| {
                *at = cx.now + RETRY_MS;
                id.clone()
            })
            .collect();
        if gone.is_empty() {
            return;
        }
        let text = format!("group {:?}: {} members fell silent and were dropped", self.name, gone.len());
        self.fence_share(Decided { gone, event: Some(text), ..Decided::default() }, cx);
    }

    fn fence_share(&mut self, decided: Decided, cx: &mut Context<'_>) {
        let mut next = self.share.rows.clone();
        decided.gone.iter().for_each(|id| next.remove(id));
        next.refresh(cx.topics, true);
        self.decide_share(&next, Decided { topics_version: Some(cx.topics.version()), ..decided }, cx);
    }

    /// Makes these the group's rows, durably; then does what follows.
    fn decide_share(&mut self, next: &Rows, mut decided: Decided, cx: &mut Context<'_>) {
        let (before, now) = (self.share.rows.members.len(), next.members.len());
        if before != now {
            let text = format!("group {:?} rebalances ({before} -> {now} members)", self.name);
            decided.event.get_or_insert(text);
        }
        let records = self.share.rows.changes(&self.name, next);
        if records.is_empty() {
            self.share_decided(decided, cx);
        } else {
            self.frozen = true;
            cx.write(records, Then::ShareDecided(Box::new(decided)));
        }
    }

    /// The rows are in the log.
    pub(in super::super) fn share_decided(&mut self, decided: Decided, cx: &mut Context<'_>) {
        let session_ends_at = cx.now + i64::from(Self::share_settings(cx).session_timeout_ms);
        self.share.follow_members(session_ends_at);
        self.share.topics_version = decided.topics_version.unwrap_or(self.share.topics_version);
        if let Some(id) = &decided.alive {
            self.touch_share(id, cx);
        }
        for id in &decided.gone {
            self.release_share(id, cx);
        }
        if let Some((ticket, reply)) = decided.reply {
            cx.reply(ticket, Ok(reply));
        }
        if let Some(text) = decided.event {
            cx.event(text);
        }
    }

    /// The rows could not be written: nothing has changed, and whoever asked learns why.
    pub(in super::super) fn share_not_decided(
        &mut self,
        decided: Decided,
        error: BrokerError,
        cx: &mut Context<'_>,
    ) {
        if let Some((ticket, _)) = decided.reply {
            cx.refuse(ticket, error);
        }
    }

    fn touch_share(&mut self, member: &str, cx: &Context<'_>) {
        let at: UnixMillis = cx.now + i64::from(Self::share_settings(cx).session_timeout_ms);
        if let Some(life) = self.share.lives.get_mut(member) {
            *life = at;
        }
    }

    fn share_alive(&self, rows: &Rows, member: &str, is_told: bool, cx: &Context<'_>) -> Reply {
        let current = rows.currents.get(member).cloned().unwrap_or_default();
        Reply::ShareAlive(ShareAlive {
            member_epoch: current.epoch,
            heartbeat_interval_ms: Self::share_settings(cx).heartbeat_interval_ms,
            assignment: is_told.then_some(current.assigned),
        })
    }
}

impl ShareHeartbeatRequest {
    /// The member's row with what this says. What it does not say stays.
    fn apply_to(&self, row: MemberRow) -> MemberRow {
        MemberRow {
            rack_id: self.rack_id.clone().or(row.rack_id),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            topics: self.topics.as_ref().map_or(row.topics, |topics| topics.iter().cloned().collect()),
        }
    }
}

fn check(request: &ShareHeartbeatRequest) -> Result<(), BrokerError> {
    let invalid = |name: &str, reason: &str| {
        Err(BrokerError::InvalidArgument { name: name.to_owned(), reason: reason.to_owned() })
    };
    if request.member_id.is_empty() {
        return invalid("member_id", "a member has an id");
    }
    if request.rack_id.as_deref().is_some_and(str::is_empty) {
        return invalid("rack_id", "a rack id, if given, can't be empty");
    }
    if request.member_epoch < LEAVE_EPOCH {
        return invalid("member_epoch", "a member's epoch is -1 or more");
    }
    if request.member_epoch == 0 && request.topics.as_ref().is_none_or(Vec::is_empty) {
        return invalid("subscribed_topic_names", "a member that joins says what it reads");
    }
    let topics = request.topics.iter().flatten().map(|topic| ("a topic's name", topic.as_str()));
    let texts = [
        ("member_id", request.member_id.as_str()),
        ("rack_id", request.rack_id.as_deref().unwrap_or_default()),
        ("client_id", &request.client_id),
        ("client_host", &request.client_host),
    ];
    check_lengths(texts.into_iter().chain(topics))
}

//! A member's heartbeat: joining, changing what is read, going on, leaving. One request for all, and the answer carries the
//! assignment.

use std::collections::BTreeSet;

use runnel_proto::group::ServerAssignor;

use super::decide::{Decided, Migration};
use super::rows::{CurrentRow, GroupRow, MemberRow, MemberState, Rows};
use super::subscribe::Expression;
use super::{AWAY_EPOCH, LEAVE_EPOCH};
use crate::coordinator::group::api::{ConsumerAlive, ConsumerHeartbeatRequest, Reply, Ticket};
use crate::coordinator::group::context::Context;
use crate::coordinator::group::join::check_lengths;
use crate::coordinator::group::state::Group;
use crate::coordinator::group::topics::{Partitions, each, has};
use crate::error::BrokerError;

impl Group {
    /// Answers when what it changes is in the log; at once when it changes nothing.
    pub(in super::super) fn consumer_heartbeat(
        &mut self,
        ticket: Ticket,
        request: ConsumerHeartbeatRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        check(&request, &cx.settings.consumer_assignors)?;
        match request.member_epoch {
            LEAVE_EPOCH | AWAY_EPOCH => self.leave_consumer(ticket, &request, cx),
            _ if self.changes_nothing(&request, cx) => {
                self.lives.touch(&self.rows, &request.member_id, cx.now, cx.config);
                let reply = alive(&self.rows, request.member_id.clone(), is_full(&request), cx);
                cx.reply(ticket, Ok(reply));
                Ok(())
            }
            _ => self.beat(ticket, request, cx),
        }
    }

    /// The common case: a member that says nothing new, where there is nothing to do.
    fn changes_nothing(&self, request: &ConsumerHeartbeatRequest, cx: &Context<'_>) -> bool {
        let Some(row) = self.rows.members.get(&request.member_id) else { return false };
        let Some(current) = self.rows.currents.get(&request.member_id) else { return false };
        request.member_epoch > 0
            && request.member_epoch == current.epoch
            && current.is_reconciled_to(self.rows.epoch())
            && self.rows.target_epoch == self.rows.epoch()
            && self.lives.topics_version == cx.topics.version()
            && request.instance_id == row.instance_id
            && request.apply_to(row.clone()) == *row
    }

    fn beat(
        &mut self,
        ticket: Ticket,
        request: ConsumerHeartbeatRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        let joins = request.member_epoch == 0;
        let migration = (!self.rows.exists()).then_some(Migration::Upgrade);
        let mut next = match migration {
            None => self.rows.clone(),
            Some(_) if !joins => return Err(self.unknown_group()),
            Some(_) if self.members.is_empty() => {
                Rows { group: Some(GroupRow::default()), ..Rows::default() }
            }
            Some(_) => self.upgraded(cx)?,
        };
        let is_new_id = request.member_id.is_empty();
        let id = if is_new_id { cx.ids.next(&request.client_id) } else { request.member_id.clone() };
        let limit = cx.settings.consumer_max_size;
        if !next.members.contains_key(&id) && next.members.len() >= limit {
            return Err(BrokerError::GroupFull { group: self.name.clone(), limit });
        }
        match &request.instance_id {
            None => self.check_dynamic(&next, &id, &request)?,
            Some(instance) => {
                if let Some(former) = self.check_static(&next, &id, instance, &request)? {
                    next.rename(&former, &id);
                }
            }
        }
        if joins {
            next.rejoin(&id);
        }
        let before = next.members.get(&id);
        let row = request.apply_to(before.cloned().unwrap_or_default());
        let is_due = before.is_none_or(|before| !before.reads_the_same(&row));
        next.members.insert(id.clone(), row);
        self.advance(&mut next, &id, is_due, request.owned.as_ref(), cx);
        let is_told = is_full(&request) || self.rows.current(&id).assigned != next.current(&id).assigned;
        let decided = Decided {
            replies: vec![(ticket, Ok(alive(&next, id.clone(), is_told, cx)))],
            alive: Some(id),
            event: migration.map(|_| format!("group {:?} speaks the consumer protocol now", self.name)),
            migration,
            topics_version: Some(cx.topics.version()),
            ..Decided::default()
        };
        self.decide(&next, decided, cx);
        Ok(())
    }

    /// Takes what a member said into account: looks at the topics if that is due, shares out anew if the epoch rose, and takes
    /// the member one step towards what it is to have.
    pub(super) fn advance(
        &self,
        next: &mut Rows,
        id: &str,
        is_due: bool,
        owned: Option<&Partitions>,
        cx: &Context<'_>,
    ) {
        if is_due || self.lives.topics_version != cx.topics.version() {
            next.refresh(cx.topics, cx.now, is_due);
        }
        if next.epoch() > next.target_epoch {
            next.retarget(cx.topics, &cx.settings.consumer_assignors);
        }
        next.reconcile(id, owned);
    }

    fn check_dynamic(
        &self,
        rows: &Rows,
        id: &str,
        request: &ConsumerHeartbeatRequest,
    ) -> Result<(), BrokerError> {
        match rows.members.contains_key(id) {
            false if request.member_epoch == 0 => Ok(()),
            false => Err(self.unknown_member(id)),
            true => self.check_epoch(id, &rows.current(id), request),
        }
    }

    /// Finds the member whose place a static member takes, if it was known by another id.
    fn check_static(
        &self,
        rows: &Rows,
        id: &str,
        instance: &str,
        request: &ConsumerHeartbeatRequest,
    ) -> Result<Option<String>, BrokerError> {
        let joins = request.member_epoch == 0;
        match rows.static_member(instance) {
            None if joins => Ok(None),
            None => Err(self.unknown_member(id)),
            Some(former) if former == id => self.check_epoch(id, &rows.current(id), request).map(|()| None),
            Some(_) if !joins => Err(self.fenced(instance)),
            // Whoever speaks the classic protocol is replaced as it is there, without a farewell.
            Some(former)
                if rows.members[former].classic.is_none() && rows.current(former).epoch != AWAY_EPOCH =>
            {
                Err(BrokerError::UnreleasedInstance {
                    group: self.name.clone(),
                    instance: instance.to_owned(),
                })
            }
            Some(former) => Ok(Some(former.to_owned())),
        }
    }

    /// A member that joins again owns nothing, so it is let in whatever it was.
    fn check_epoch(
        &self,
        id: &str,
        current: &CurrentRow,
        request: &ConsumerHeartbeatRequest,
    ) -> Result<(), BrokerError> {
        let epoch = request.member_epoch;
        let missed_an_answer = epoch == current.previous_epoch
            && epoch < current.epoch
            && request.owned.as_ref().is_some_and(|owned| {
                each(owned).all(|(topic, number)| has(&current.assigned, topic, number))
            });
        if epoch == 0 || epoch == current.epoch || missed_an_answer {
            return Ok(());
        }
        Err(BrokerError::FencedMemberEpoch {
            group: self.name.clone(),
            member: id.to_owned(),
            epoch,
            current: current.epoch,
        })
    }
}

impl ConsumerHeartbeatRequest {
    /// The member's row with what this says. What it does not say stays.
    fn apply_to(&self, row: MemberRow) -> MemberRow {
        let topics = self.topics.as_ref().map(|topics| topics.iter().cloned().collect::<BTreeSet<_>>());
        MemberRow {
            instance_id: self.instance_id.clone().or(row.instance_id),
            rack_id: self.rack_id.clone().or(row.rack_id),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            topics: topics.unwrap_or(row.topics),
            expression: self.expression.clone().or(row.expression),
            rebalance_timeout_ms: self.rebalance_timeout_ms.unwrap_or(row.rebalance_timeout_ms),
            assignor: self.assignor.clone().or(row.assignor),
            classic: None,
        }
    }
}

impl MemberRow {
    pub(super) fn reads_the_same(&self, other: &Self) -> bool {
        self.topics == other.topics && self.expression() == other.expression()
    }
}

impl Rows {
    /// Lets a static member go on under another id.
    pub(super) fn rename(&mut self, former: &str, id: &str) {
        fn rename<T>(rows: &mut std::collections::BTreeMap<String, T>, former: &str, id: &str) {
            if let Some(row) = rows.remove(former) {
                rows.insert(id.to_owned(), row);
            }
        }
        rename(&mut self.members, former, id);
        rename(&mut self.targets, former, id);
        rename(&mut self.currents, former, id);
    }

    /// A member that joins has given up all it had, and is on its way from the beginning.
    pub(super) fn rejoin(&mut self, id: &str) {
        if let Some(current) = self.currents.get_mut(id) {
            *current = CurrentRow {
                epoch: 0,
                previous_epoch: 0,
                state: MemberState::Stable,
                assigned: std::mem::take(&mut current.assigned),
                revoking: Partitions::new(),
            };
        }
    }
}

/// It says all there is to say, and wants to be told all: when it joins, and when it missed an answer.
fn is_full(request: &ConsumerHeartbeatRequest) -> bool {
    let says_what_it_reads = request.topics.is_some() || request.expression.is_some();
    request.member_epoch == 0
        || (request.rebalance_timeout_ms.is_some() && says_what_it_reads && request.owned.is_some())
}

fn alive(rows: &Rows, member_id: String, is_told: bool, cx: &Context<'_>) -> Reply {
    let current = rows.current(&member_id);
    Reply::ConsumerAlive(ConsumerAlive {
        member_id,
        member_epoch: current.epoch,
        heartbeat_interval_ms: cx.config.consumer_heartbeat_interval_ms,
        assignment: is_told.then_some(current.assigned),
    })
}

fn check(request: &ConsumerHeartbeatRequest, assignors: &[ServerAssignor]) -> Result<(), BrokerError> {
    let ConsumerHeartbeatRequest { member_epoch: epoch, member_id, .. } = request;
    let instance_id = request.instance_id.as_deref();
    let text = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    let is_empty = |text: Option<&str>| text.is_some_and(str::is_empty);
    if is_empty(instance_id) || is_empty(request.rack_id.as_deref()) {
        return Err(invalid("instance_id", "an instance id or a rack id, if given, can't be empty"));
    }
    match *epoch {
        LEAVE_EPOCH | 1.. if member_id.is_empty() => {
            return Err(invalid("member_id", "only a member that joins can be without a member id"));
        }
        AWAY_EPOCH if member_id.is_empty() || instance_id.is_none() => {
            return Err(invalid("instance_id", "only a static member leaves with epoch -2"));
        }
        0 if request.rebalance_timeout_ms.is_none() => {
            return Err(invalid("rebalance_timeout_ms", "a member that joins names its rebalance timeout"));
        }
        0 if request.owned.as_ref().is_none_or(|owned| !owned.is_empty()) => {
            return Err(invalid("topic_partitions", "a member that joins owns nothing, and says so"));
        }
        0 if request.topics.as_ref().is_none_or(Vec::is_empty) && text(&request.expression) => {
            return Err(invalid("subscribed_topic_names", "a member that joins says what it reads"));
        }
        ..AWAY_EPOCH => return Err(invalid("member_epoch", "a member's epoch is -2 or more")),
        _ => {}
    }
    if let Some(assignor) = &request.assignor
        && !assignors.iter().any(|known| known.name() == assignor)
    {
        let names: Vec<_> = assignors.iter().map(|known| known.name()).collect();
        return Err(BrokerError::UnsupportedAssignor {
            assignor: assignor.chars().take(64).collect(),
            known: names.join(", "),
        });
    }
    let topics = request.topics.iter().flatten().map(|topic| ("a topic's name", topic.as_str()));
    check_lengths(
        [
            ("member_id", member_id.as_str()),
            ("instance_id", instance_id.unwrap_or_default()),
            ("rack_id", request.rack_id.as_deref().unwrap_or_default()),
            ("client_id", &request.client_id),
            ("client_host", &request.client_host),
            ("subscribed_topic_regex", request.expression.as_deref().unwrap_or_default()),
        ]
        .into_iter()
        .chain(topics),
    )?;
    match request.expression.as_deref() {
        None | Some("") => Ok(()),
        Some(expression) => Expression::compile(expression).map(|_| ()),
    }
}

fn invalid(name: &str, reason: &str) -> BrokerError {
    BrokerError::InvalidArgument { name: name.to_owned(), reason: reason.to_owned() }
}

//! From a decision to the log and on: the changed rows are written, and when they are durable the callers are answered.

use super::rows::Rows;
use crate::coordinator::group::api::{Reply, Request, Ticket};
use crate::coordinator::group::context::{Context, Then};
use crate::coordinator::group::records::{GroupMetadata, group_record, group_tombstone};
use crate::coordinator::group::state::Group;
use crate::coordinator::group::work::Work;
use crate::error::BrokerError;

/// What follows a decision when its rows are in the log.
#[derive(Debug, Default)]
pub(in super::super) struct Decided {
    /// Who is to be told what.
    pub(super) replies: Vec<(Ticket, Result<Reply, BrokerError>)>,
    /// Who showed a sign of life.
    pub(super) alive: Option<String>,
    /// A classic member that has joined, and is to ask for its assignment.
    pub(super) joined: Option<String>,
    /// A request that could not be served by a group of this type, and can now.
    pub(super) again: Option<(Ticket, Request)>,
    /// What to tell people.
    pub(super) event: Option<String>,
    /// The group becomes one of the other type.
    pub(super) migration: Option<Migration>,
    /// The version of the topics that were looked at.
    pub(super) topics_version: Option<u64>,
}

/// From one protocol to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Migration {
    /// To the consumer protocol.
    Upgrade,
    /// To the classic one.
    Downgrade,
}

impl Group {
    /// Makes these the group's rows, durably; then does what follows.
    pub(super) fn decide(&mut self, next: &Rows, decided: Decided, cx: &mut Context<'_>) {
        self.decide_with(next, None, decided, cx);
    }

    /// The same for a group that becomes a classic one at once, as `classic` has it.
    pub(super) fn decide_with(
        &mut self,
        next: &Rows,
        classic: Option<&GroupMetadata>,
        mut decided: Decided,
        cx: &mut Context<'_>,
    ) {
        let (before, now) = (self.rows.members.len(), next.members.len());
        if before != now && decided.migration.is_none() {
            let text = format!("group {:?} rebalances ({before} -> {now} members)", self.name);
            decided.event.get_or_insert(text);
        }
        let mut records = self.rows.changes(&self.name, next);
        match (classic, &self.kept) {
            (Some(metadata), _) => records.push(group_record(&self.name, metadata)),
            (None, Some(_)) if next.exists() => records.push(group_tombstone(&self.name)),
            (None, _) => {}
        }
        if records.is_empty() {
            self.decided(decided, cx);
        } else {
            self.frozen = true;
            cx.write(records, Then::Decided(Box::new(decided)));
        }
    }

    /// The rows are in the log.
    pub(in super::super) fn decided(&mut self, decided: Decided, cx: &mut Context<'_>) {
        match decided.migration {
            Some(Migration::Upgrade) => self.leave_classic(cx),
            Some(Migration::Downgrade) => self.restore(cx),
            None => {}
        }
        self.lives.follow(&self.rows, cx.now, cx.config);
        if let Some(version) = decided.topics_version {
            self.lives.topics_version = version;
        }
        if let Some(id) = &decided.alive {
            self.lives.touch(&self.rows, id, cx.now, cx.config);
        }
        if let Some(id) = &decided.joined {
            self.lives.expect_sync(&self.rows, id, cx.now);
        }
        for (ticket, reply) in decided.replies {
            cx.reply(ticket, reply);
        }
        if let Some(text) = decided.event {
            cx.event(text);
        }
        if let Some((ticket, request)) = decided.again {
            self.held.push_front(Work::Request(ticket, request));
        }
        if decided.migration == Some(Migration::Downgrade) {
            self.members_changed(cx);
        }
    }

    /// The rows could not be written: nothing has changed, and whoever asked learns why.
    pub(in super::super) fn not_decided(
        &mut self,
        decided: Decided,
        error: &BrokerError,
        cx: &mut Context<'_>,
    ) {
        for (ticket, _) in decided.replies {
            cx.refuse(ticket, error.clone());
        }
        if let Some((ticket, _)) = decided.again {
            cx.refuse(ticket, error.clone());
        }
    }
}

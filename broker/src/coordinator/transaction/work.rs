//! The two halves of what a transactional id does: before its record is written, and after.

use super::api::{Action, Reply, Request};
use super::context::{Context, Then};
use super::records::transaction_tombstone;
use super::state::{Held, Transaction, TransactionState};
use crate::error::BrokerError;

/// What came of a decision.
pub(super) enum Outcome {
    /// It was answered, or its record is ordered.
    Done,
    /// Nothing was done: it needs a producer id first.
    NeedsProducerId,
}

impl Transaction {
    /// Decides. What needs the log is ordered from it, all else is done and answered.
    pub(super) fn perform(&mut self, held: Held, cx: &mut Context<'_>) {
        let ticket = held.ticket;
        let outcome = match &held.request {
            Request::Init(init) => self.initialize(ticket, init, cx),
            Request::Add(add) => self.add(ticket, add.clone(), cx),
            Request::End(end) => self.end(ticket, end, cx),
        };
        match outcome {
            Ok(Outcome::Done) => {}
            Ok(Outcome::NeedsProducerId) => {
                self.waits_for_id = true;
                self.held.push_front(held);
            }
            Err(error) => cx.reply(ticket, Err(error)),
        }
    }

    /// Goes on where a decision left off, now that its record is in the log or is known not to be.
    pub(super) fn written(&mut self, then: Then, result: Result<(), BrokerError>, cx: &mut Context<'_>) {
        self.frozen = false;
        self.is_closing = false;
        match then {
            Then::Initialized { ticket, reply } => cx.reply(ticket, result.map(|()| reply)),
            Then::Added { ticket } => {
                self.set_timeout(cx.now);
                cx.reply(ticket, result.map(|()| Reply::Added));
            }
            Then::Prepared { asked } => {
                let is_closed = result.is_ok();
                match asked {
                    Some((ticket, reply)) => cx.reply(ticket, result.and(reply)),
                    None if is_closed => cx.actions.push(Action::Event(format!(
                        "the transaction of {:?} was open for longer than its timeout and is aborted",
                        self.id
                    ))),
                    None => {}
                }
                if is_closed { self.start_marking(cx) } else { self.retry_later(cx) }
            }
            Then::Completed => self.completed(&result, cx),
            // What was to be forgotten is looked at again later.
            Then::Expired => {}
            Then::Reserved { .. } => unreachable!("producer ids belong to no transactional id"),
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, cx: &mut Context<'_>) {
        if self.frozen {
            return;
        }
        if self.times_out_at.is_some_and(|at| at <= cx.now) {
            self.fence(None, cx);
        } else {
            self.mark(cx);
        }
    }

    /// Forgets an id that nobody has used for long.
    pub(super) fn expire(&mut self, cx: &mut Context<'_>) {
        let Some(kept) = &self.kept else { return };
        let is_idle = !kept.state.is_ending() && kept.state != TransactionState::Ongoing;
        let is_due = cx.now.saturating_sub(kept.updated_ms) >= cx.settings.expiration_ms;
        if is_idle && is_due && !self.frozen && self.held.is_empty() {
            self.frozen = true;
            cx.write(transaction_tombstone(&self.id), Then::Expired);
        }
    }
}

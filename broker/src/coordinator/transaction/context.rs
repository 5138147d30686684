//! What a transactional id sees of the outside while it decides, and where it leaves its decisions.

use super::api::{Action, Reply, Ticket};
use super::producer_ids::ProducerIds;
use super::settings::TransactionSettings;
use crate::error::BrokerError;
use crate::types::{LogRecord, UnixMillis};

/// One step of one transactional id.
pub(super) struct Context<'a> {
    pub(super) now: UnixMillis,
    pub(super) settings: &'a TransactionSettings,
    pub(super) coordinator_epoch: i32,
    pub(super) ids: &'a mut ProducerIds,
    /// Replies, markers and events, in order.
    pub(super) actions: &'a mut Vec<Action>,
    /// At most one: a transactional id stands still until the outcome is known.
    pub(super) write: Option<(LogRecord, Then)>,
}

/// The second half of a decision, taken when its record is durable, or is known not to be in the log.
#[derive(Debug)]
pub(super) enum Then {
    /// Somebody has the id: answer.
    Initialized { ticket: Ticket, reply: Reply },
    /// The transaction is open: answer, and watch the time.
    Added { ticket: Ticket },
    /// The end is decided: answer whoever asked, and write the markers.
    Prepared { asked: Option<(Ticket, Result<Reply, BrokerError>)> },
    /// All is done.
    Completed,
    /// The id is forgotten.
    Expired,
    /// Producer ids from here on are reserved, up to the record's.
    Reserved { from: i64 },
}

impl Context<'_> {
    pub(super) fn reply(&mut self, ticket: Ticket, reply: Result<Reply, BrokerError>) {
        self.actions.push(Action::Reply(ticket, reply));
    }

    pub(super) fn write(&mut self, record: LogRecord, then: Then) {
        assert!(self.write.is_none(), "a transactional id orders one write a step");
        self.write = Some((record, then));
    }
}

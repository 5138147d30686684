//! What a group sees of the outside while it decides, and where it leaves its decisions.

use super::api::{Action, Joined, Reply, Ticket};
use super::consumer::Decided;
use super::member::{Member, MemberIds};
use super::settings::GroupSettings;
use super::share::{ShareDecided, ShareWriting};
use super::topics::Topics;
use crate::config::GroupConfig;
use crate::error::BrokerError;
use crate::types::{LogRecord, TopicPartition, UnixMillis};

/// One step of one group.
pub(super) struct Context<'a> {
    pub(super) now: UnixMillis,
    pub(super) settings: &'a GroupSettings,
    /// What holds for this group.
    pub(super) config: &'a GroupConfig,
    pub(super) topics: &'a Topics,
    pub(super) ids: &'a mut MemberIds,
    /// Replies and events, in order.
    pub(super) actions: &'a mut Vec<Action>,
    /// At most one: a group that writes anything but commits stands still until the outcome is known.
    pub(super) write: Option<Write>,
}

/// Records to append, and what the group does once they are in the log.
pub(super) struct Write {
    pub(super) records: Vec<LogRecord>,
    pub(super) then: Then,
}

/// The second half of a decision, taken when its records are durable, or are known not to be in the log.
#[derive(Debug)]
pub(super) enum Then {
    /// Offsets are kept: answer.
    Committed { ticket: Ticket, results: Vec<Result<(), BrokerError>> },
    /// The leader's assignment is kept: everybody gets theirs.
    Assigned,
    /// A static member came back under a new id: let it take over.
    Replaced { ticket: Ticket, old_id: String, member: Box<Member>, joined: Box<Joined> },
    /// The group without members is kept.
    Emptied,
    /// The rows of a group of the consumer protocol are kept.
    Decided(Box<Decided>),
    /// The rows of a share group are kept.
    ShareDecided(Box<ShareDecided>),
    /// What a share group has made of partitions is kept.
    ShareWritten(Box<ShareWriting>),
    /// A share group begins with these partitions at other places: answer.
    ShareMoved { ticket: Ticket, reply: Reply, partitions: Vec<TopicPartition> },
    /// Offsets, and perhaps the group, are gone: answer.
    Removed { ticket: Ticket, reply: Reply },
    /// Offsets, and perhaps the group, are past their time.
    Expired { offsets: usize },
}

impl Context<'_> {
    pub(super) fn reply(&mut self, ticket: Ticket, reply: Result<Reply, BrokerError>) {
        self.actions.push(Action::Reply(ticket, reply));
    }

    pub(super) fn refuse(&mut self, ticket: Ticket, error: BrokerError) {
        self.reply(ticket, Err(error));
    }

    pub(super) fn event(&mut self, text: String) {
        self.actions.push(Action::Event(text));
    }

    pub(super) fn write(&mut self, records: Vec<LogRecord>, then: Then) {
        assert!(self.write.is_none(), "a group orders one write a step");
        self.write = Some(Write { records, then });
    }
}

//! A transactional id: who has it, what its transaction is doing, and the bookkeeping that all requests share.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use super::api::{Marker, Producer, Request, Target, Ticket};
use super::context::Context;
use super::marking::Marking;
use super::records::transaction_record;
use super::settings::TransactionSettings;
use crate::error::BrokerError;
use crate::types::{LogRecord, UnixMillis};

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionState {
    /// A producer, and no transaction yet.
    Empty,
    /// Open.
    Ongoing,
    /// To be committed; markers are being written.
    PrepareCommit,
    /// To be aborted; markers are being written.
    PrepareAbort,
    /// The last transaction is committed.
    CompleteCommit,
    /// The last transaction is aborted.
    CompleteAbort,
}

impl TransactionState {
    /// Every state, in the order of the numbers by which Kafka's records name them.
    pub const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    /// The state of a name, as Kafka's clients write it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.to_string() == name)
    }

    /// Its end is decided, and not everybody has been told.
    pub fn is_ending(self) -> bool {
        matches!(self, Self::PrepareCommit | Self::PrepareAbort)
    }
}

impl fmt::Display for TransactionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        })
    }
}

/// A transactional id as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionMetadata {
    /// Who has the id now. While a transaction is ending, this is what its markers say.
    pub producer: Producer,
    /// The producer id before the present one, whose epochs were used up.
    pub previous_producer_id: Option<i64>,
    /// The producer id that follows once the transaction has ended, since the epochs of this one are used up.
    pub next_producer_id: Option<i64>,
    /// The epoch before, if the producer itself asked for the present one: it may ask again, having missed the answer.
    pub last_epoch: Option<i16>,
    /// A transaction that is open for so long is aborted.
    pub timeout_ms: i32,
    /// Where the transaction stands.
    pub state: TransactionState,
    /// What takes part; empty unless the transaction is open or ending.
    pub targets: BTreeSet<Target>,
    /// When this was last changed.
    pub updated_ms: UnixMillis,
    /// When the transaction was begun; `None` before the first one.
    pub started_ms: Option<UnixMillis>,
    /// The producer's epoch rises with each transaction (KIP-890): with the one that is open or ending, or that ended last.
    pub bumps_epoch: bool,
}

impl TransactionMetadata {
    /// Who has the id once the transaction has ended. It has been told so, and may ask for its next one already.
    pub(super) fn successor(&self) -> Producer {
        self.next_producer_id.map_or(self.producer, |id| Producer { id, epoch: 0 })
    }

    /// No further instance can have this producer id.
    pub(super) fn is_exhausted(&self) -> bool {
        is_exhausted(self.producer.epoch)
    }
}

/// The last epoch is kept for fencing whoever had the one before.
pub(super) fn is_exhausted(epoch: i16) -> bool {
    epoch >= i16::MAX - 1
}

/// One transactional id. Durable is what [`Transaction::kept`] holds, and only a replayed record changes it; all else is gone
/// with the process.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) id: String,
    pub(super) kept: Option<TransactionMetadata>,

    /// A write is under way. Until its outcome is known requests are held, so that no decision rests on a state that may
    /// never be.
    pub(super) frozen: bool,
    /// The write under way decides the end: nobody gets in any more.
    pub(super) is_closing: bool,
    /// The first request in line waits for a producer id.
    pub(super) waits_for_id: bool,
    pub(super) held: VecDeque<Held>,
    /// Writers who are in the middle of it: no marker may come before what they write.
    pub(super) inside: usize,
    /// What is left to do for a transaction that is ending.
    pub(super) marking: Option<Marking>,
    /// When an open transaction is aborted.
    pub(super) times_out_at: Option<UnixMillis>,

    /// When it wants to be looked at next, as the coordinator has it in its list.
    pub(super) wake_at: Option<UnixMillis>,
}

/// A request in line.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) ticket: Ticket,
    pub(super) request: Request,
    pub(super) came_at: UnixMillis,
}

impl Transaction {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            kept: None,
            frozen: false,
            is_closing: false,
            waits_for_id: false,
            held: VecDeque::new(),
            inside: 0,
            marking: None,
            times_out_at: None,
            wake_at: None,
        }
    }

    /// Takes up what the log holds, after the last record was replayed.
    pub(super) fn restore(&mut self, cx: &mut Context<'_>) {
        match self.kept.as_ref().map(|kept| kept.state) {
            Some(TransactionState::Ongoing) => self.set_timeout(cx.now),
            Some(state) if state.is_ending() => self.start_marking(cx),
            _ => {}
        }
    }

    /// It can be dropped.
    pub(super) fn is_void(&self) -> bool {
        self.kept.is_none() && !self.frozen && self.held.is_empty()
    }

    /// The next request, unless it must wait.
    pub(super) fn next_request(&mut self, now: UnixMillis, settings: &TransactionSettings) -> Option<Held> {
        let must_wait = self.waits_until(settings).is_some_and(|until| until > now);
        if self.frozen || self.waits_for_id || must_wait { None } else { self.held.pop_front() }
    }

    /// Until when the first request in line waits for the end of a transaction, because it begins the next: told to come again
    /// at once, a producer that ends one transaction after the other would mostly sleep.
    fn waits_until(&self, settings: &TransactionSettings) -> Option<UnixMillis> {
        let Held { request: Request::Add(add), came_at, .. } = self.held.front()? else { return None };
        let kept = self.check_producer(add.producer).ok()?;
        kept.state.is_ending().then_some(came_at + settings.begin_wait_ms)
    }

    /// Sets when the open transaction is aborted. A start that lies ahead, by a clock that was set back, counts as now.
    pub(super) fn set_timeout(&mut self, now: UnixMillis) {
        self.times_out_at =
            self.kept.as_ref().filter(|kept| kept.state == TransactionState::Ongoing).map(|kept| {
                kept.started_ms.map_or(now, |started_ms| started_ms.min(now)) + i64::from(kept.timeout_ms)
            });
    }

    /// When something is due without anybody asking.
    pub(super) fn next_deadline(&self, settings: &TransactionSettings) -> Option<UnixMillis> {
        if self.frozen {
            return None;
        }
        let marks_at = self.marking.as_ref().filter(|_| self.inside == 0).and_then(Marking::due_at);
        [self.times_out_at, marks_at, self.waits_until(settings)].into_iter().flatten().min()
    }

    /// The caller is the producer that has this id, or will have it once the transaction that is ending has ended.
    pub(super) fn check_producer(&self, producer: Producer) -> Result<&TransactionMetadata, BrokerError> {
        match &self.kept {
            Some(kept) if kept.successor() == producer => Ok(kept),
            Some(kept) if kept.producer.id == producer.id => Err(self.fenced()),
            _ => Err(self.unmapped(producer)),
        }
    }

    /// The record that keeps this.
    pub(super) fn record(&self, metadata: &TransactionMetadata) -> LogRecord {
        transaction_record(&self.id, metadata)
    }

    /// What the markers of the transaction that is ending say.
    pub(super) fn marker(&self, coordinator_epoch: i32) -> Option<Marker> {
        let kept = self.kept.as_ref().filter(|kept| kept.state.is_ending())?;
        let commit = kept.state == TransactionState::PrepareCommit;
        Some(Marker { producer: kept.producer, coordinator_epoch, commit, bumps_epoch: kept.bumps_epoch })
    }

    pub(super) fn fenced(&self) -> BrokerError {
        BrokerError::ProducerFenced { producer: self.id.clone() }
    }

    pub(super) fn unmapped(&self, producer: Producer) -> BrokerError {
        BrokerError::InvalidProducerIdMapping { transactional_id: self.id.clone(), producer_id: producer.id }
    }

    pub(super) fn concurrent(&self) -> BrokerError {
        BrokerError::ConcurrentTransactions { transactional_id: self.id.clone() }
    }

    pub(super) fn invalid_state(&self, reason: &'static str) -> BrokerError {
        BrokerError::InvalidTransactionState { producer: self.id.clone(), reason }
    }
}

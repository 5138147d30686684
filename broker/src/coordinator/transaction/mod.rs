//! Transactions as a pure machine: a request and the time go in; replies, records and markers come out.
//!
//! Decide, persist, apply, reply, as in [`super::group`]: what the log `__transaction_state` holds of a transactional id changes
//! by [`TransactionCoordinator::replay`] alone. A transaction goes `Ongoing` → `PrepareCommit` or `PrepareAbort` → markers to
//! everybody that takes part → `CompleteCommit` or `CompleteAbort`. With the record of `Prepare…` its outcome is decided; whatever
//! happens after that, a restart takes it up there and writes the markers, again if need be.
//!
//! One file holds one subject: `api` the requests, replies and actions, `initialize`, `add`, `end`, `marking` what is done,
//! `work` the queue and the two halves of each step, `producer_ids` where ids come from, `records` what is kept, `views` what
//! can be seen.

mod add;
mod api;
mod context;
mod end;
mod initialize;
mod marking;
mod producer_ids;
pub mod records;
mod settings;
mod state;
mod views;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

pub use api::*;
pub use producer_ids::skip_lost_ids;
pub use settings::TransactionSettings;
pub use state::{TransactionMetadata, TransactionState};
pub use views::{TransactionDescription, TransactionFilter, TransactionSummary};

use self::context::{Context, Then};
use self::producer_ids::{BLOCK, ProducerIds, Waiter};
use self::records::{Key, producer_ids_record};
use self::state::{Held, Transaction};
use super::fields::{MAX_STRING_BYTES, RecordError};
use crate::error::BrokerError;
use crate::types::{LogRecord, UnixMillis};

/// Requests that may wait for a write of their transactional id, and callers that may wait for a producer id.
const MAX_HELD: usize = 10_000;

/// All transactional ids, and all producer ids.
///
/// Start: [`replay`](Self::replay) each record of the log in order, then [`loaded`](Self::loaded). From then on call
/// [`handle`](Self::handle), [`appended`](Self::appended), [`marked`](Self::marked), [`enter`](Self::enter),
/// [`leave`](Self::leave) and [`tick`](Self::tick) in any order, with a `now` that never goes back, and do what each returns.
#[derive(Debug)]
pub struct TransactionCoordinator {
    settings: TransactionSettings,
    epoch: i32,
    ids: ProducerIds,
    transactions: BTreeMap<String, Transaction>,
    /// When which transactional id wants to be looked at.
    wakes: BTreeSet<(UnixMillis, String)>,
    in_flight: BTreeMap<Token, InFlight>,
    next_token: Token,
    next_expiry: UnixMillis,
    ignored_records: u64,
}

/// A write whose outcome is not known yet.
#[derive(Debug)]
struct InFlight {
    /// `None`: of the producer ids.
    transactional_id: Option<String>,
    record: LogRecord,
    then: Then,
}

impl TransactionCoordinator {
    /// A coordinator that knows nobody. Its epoch is told to those who are sent markers; it never falls.
    pub fn new(settings: TransactionSettings, epoch: i32) -> Self {
        Self {
            settings,
            epoch,
            ids: ProducerIds::default(),
            transactions: BTreeMap::new(),
            wakes: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            next_token: 0,
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
            Key::Transaction(id) => {
                let kept = value.map(records::decode_transaction).transpose()?;
                self.transaction(&id).kept = kept;
                self.drop_if_void(&id);
            }
            Key::ProducerIds => {
                let reserved_until = value.map(records::decode_producer_ids).transpose()?;
                self.ids.reserved_until = reserved_until.unwrap_or(0).max(self.ids.reserved_until);
            }
        }
        Ok(())
    }

    /// Whether a producer's transaction is open, or its end not told to everybody yet. Before [`loaded`](Self::loaded), too.
    pub fn is_under_way(&self, producer_id: i64) -> bool {
        let mut kept = self.transactions.values().filter_map(|transaction| transaction.kept.as_ref());
        kept.any(|kept| {
            let is_under_way = kept.state == TransactionState::Ongoing || kept.state.is_ending();
            kept.producer.id == producer_id && is_under_way
        })
    }

    /// Begins to serve, after the last record of the log, and takes up what was left unfinished.
    pub fn loaded(&mut self, now: UnixMillis) -> Vec<Action> {
        self.next_expiry = now + self.settings.expiration_check_interval_ms;
        let all: Vec<_> = self.transactions.keys().cloned().collect();
        all.iter().flat_map(|id| self.step(now, id, Transaction::restore)).collect()
    }

    /// Takes a request. Its ticket is answered now or later.
    pub fn handle(&mut self, now: UnixMillis, ticket: Ticket, request: Request) -> Vec<Action> {
        let Some(id) = request.transactional_id().map(str::to_owned) else {
            return self.fresh_producer(ticket);
        };
        if let Err(error) = check_names(&request) {
            return vec![Action::Reply(ticket, Err(error))];
        }
        let transaction = self.transaction(&id);
        if transaction.held.len() >= MAX_HELD {
            return vec![Action::Reply(ticket, Err(busy()))];
        }
        transaction.held.push_back(Held { ticket, request, came_at: now });
        self.work_off(now, &id)
    }

    /// Takes the outcome of a write. Outcomes arrive in the order of the tokens. After an error the write's records may not be in
    /// the log, nor ever come up in it.
    pub fn appended(
        &mut self,
        now: UnixMillis,
        token: Token,
        result: Result<(), BrokerError>,
    ) -> Vec<Action> {
        let Some(InFlight { transactional_id, record, then }) = self.in_flight.remove(&token) else {
            return Vec::new();
        };
        if result.is_ok() {
            // A transactional id whose tombstone this is stays until the step below has seen it.
            self.apply(&record.key, record.value.as_ref()).expect("the coordinator can read what it writes");
        }
        match (transactional_id, then) {
            (Some(id), then) => {
                let mut actions =
                    self.step(now, &id, |transaction, cx| transaction.written(then, result, cx));
                actions.extend(self.work_off(now, &id));
                actions
            }
            (None, Then::Reserved { from }) => self.reserved(now, from, result),
            (None, then) => unreachable!("{then:?} belongs to a transactional id"),
        }
    }

    /// Takes the outcome of a marker: it is durable, or will never be needed, or is to be tried again after a while.
    pub fn marked(
        &mut self,
        now: UnixMillis,
        transactional_id: &str,
        target: Target,
        result: &Result<(), BrokerError>,
    ) -> Vec<Action> {
        self.step(now, transactional_id, |transaction, cx| transaction.marked(target, result, cx))
    }

    /// Whether all of these may be written to, within the producer's open transaction.
    pub fn takes_part(&self, transactional_id: &str, producer: Producer, targets: &[Target]) -> bool {
        let transaction = self.transactions.get(transactional_id);
        transaction.is_some_and(|transaction| {
            targets.iter().all(|target| transaction.check_open(producer, target).is_ok())
        })
    }

    /// Lets somebody in who is about to write within the producer's open transaction. Its end waits until they
    /// [`leave`](Self::leave): what is written in between lies before the markers.
    ///
    /// # Errors
    /// The producer is fenced or unknown, its transaction is not open, or what it writes to does not take part.
    pub fn enter(
        &mut self,
        transactional_id: &str,
        producer: Producer,
        target: &Target,
    ) -> Result<(), BrokerError> {
        let unknown = || Transaction::new(transactional_id).unmapped(producer);
        let transaction = self.transactions.get_mut(transactional_id).ok_or_else(unknown)?;
        transaction.check_open(producer, target)?;
        transaction.inside += 1;
        Ok(())
    }

    /// Takes note that somebody who was let in has written, or will not.
    pub fn leave(&mut self, now: UnixMillis, transactional_id: &str) -> Vec<Action> {
        self.step(now, transactional_id, Transaction::left)
    }

    /// Does what is due by now.
    pub fn tick(&mut self, now: UnixMillis) -> Vec<Action> {
        let mut actions = Vec::new();
        while self.wakes.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, id)) = self.wakes.pop_first() else { break };
            self.transaction(&id).wake_at = None;
            actions.extend(self.step(now, &id, Transaction::tick));
            actions.extend(self.work_off(now, &id));
        }
        if self.next_expiry <= now {
            self.next_expiry = now + self.settings.expiration_check_interval_ms;
            for id in self.transactions.keys().cloned().collect::<Vec<_>>() {
                actions.extend(self.step(now, &id, Transaction::expire));
            }
        }
        actions
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn next_deadline(&self) -> Option<UnixMillis> {
        let wake = self.wakes.first().map(|(at, _)| *at);
        wake.into_iter().chain((self.next_expiry < UnixMillis::MAX).then_some(self.next_expiry)).min()
    }

    /// The transactional ids that fit, by name.
    pub fn list(&self, now: UnixMillis, filter: &TransactionFilter) -> Vec<TransactionSummary> {
        let fitting = self.transactions.values().filter(|transaction| filter.fits(transaction, now));
        fitting.filter_map(Transaction::summary).collect()
    }

    /// One transactional id; `None` when nobody has it.
    pub fn describe(&self, transactional_id: &str) -> Option<TransactionDescription> {
        self.transactions.get(transactional_id)?.describe()
    }

    /// Records of the log that were left alone: of kinds or versions that this broker does not know, or malformed.
    pub fn ignored_records(&self) -> u64 {
        self.ignored_records
    }

    /// Gives an id to a producer without a name.
    fn fresh_producer(&mut self, ticket: Ticket) -> Vec<Action> {
        if let Some(id) = self.ids.take() {
            return vec![Action::Reply(ticket, Ok(Reply::Initialized(Producer { id, epoch: 0 })))];
        }
        if self.ids.waiting.len() >= MAX_HELD {
            return vec![Action::Reply(ticket, Err(busy()))];
        }
        self.ids.waiting.push_back(Waiter::Caller(ticket));
        self.reserve_ids().into_iter().collect()
    }

    /// Orders a block of producer ids, unless one is under way.
    fn reserve_ids(&mut self) -> Option<Action> {
        if self.ids.is_ordered {
            return None;
        }
        self.ids.is_ordered = true;
        let from = self.ids.reserved_until;
        Some(self.order(None, producer_ids_record(from + BLOCK), Then::Reserved { from }))
    }

    /// Producer ids are there, or are not to be had: everybody who waits for one goes on.
    fn reserved(&mut self, now: UnixMillis, from: i64, result: Result<(), BrokerError>) -> Vec<Action> {
        self.ids.is_ordered = false;
        if result.is_ok() {
            self.ids.block = from..from + BLOCK;
        }
        let mut actions = Vec::new();
        for waiter in std::mem::take(&mut self.ids.waiting) {
            match (waiter, &result) {
                (Waiter::Caller(ticket), Ok(())) => actions.extend(self.fresh_producer(ticket)),
                (Waiter::Caller(ticket), Err(error)) => {
                    actions.push(Action::Reply(ticket, Err(error.clone())))
                }
                (Waiter::Transaction(id), result) => {
                    let transaction = self.transaction(&id);
                    transaction.waits_for_id = false;
                    if let Err(error) = result
                        && let Some(Held { ticket, .. }) = transaction.held.pop_front()
                    {
                        actions.push(Action::Reply(ticket, Err(error.clone())));
                    }
                    actions.extend(self.work_off(now, &id));
                    self.drop_if_void(&id);
                }
            }
        }
        actions
    }

    /// Works off what a transactional id holds back, as far as its writes allow.
    fn work_off(&mut self, now: UnixMillis, id: &str) -> Vec<Action> {
        let mut actions = Vec::new();
        loop {
            let transaction = self.transactions.get_mut(id);
            let Some(held) =
                transaction.and_then(|transaction| transaction.next_request(now, &self.settings))
            else {
                break;
            };
            actions.extend(self.step(now, id, |transaction, cx| transaction.perform(held, cx)));
        }
        self.reschedule(id);
        actions
    }

    /// Lets a transactional id do something.
    fn step(
        &mut self,
        now: UnixMillis,
        id: &str,
        run: impl FnOnce(&mut Transaction, &mut Context<'_>),
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        let Self { settings, epoch, ids, transactions, .. } = self;
        let transaction = transactions.entry(id.to_owned()).or_insert_with(|| Transaction::new(id));
        let waited = transaction.waits_for_id;
        let mut cx =
            Context { now, settings, coordinator_epoch: *epoch, ids, actions: &mut actions, write: None };
        run(transaction, &mut cx);
        let write = cx.write.take();
        if transaction.waits_for_id && !waited {
            self.ids.waiting.push_back(Waiter::Transaction(id.to_owned()));
            actions.extend(self.reserve_ids());
        }
        self.reschedule(id);
        self.drop_if_void(id);
        if let Some((record, then)) = write {
            actions.push(self.order(Some(id.to_owned()), record, then));
        }
        actions
    }

    fn order(&mut self, transactional_id: Option<String>, record: LogRecord, then: Then) -> Action {
        let token = self.next_token;
        self.next_token += 1;
        let records = vec![record.clone()];
        self.in_flight.insert(token, InFlight { transactional_id, record, then });
        Action::Append { token, records }
    }

    /// Notes when the transactional id wants to be looked at.
    fn reschedule(&mut self, id: &str) {
        let Some(transaction) = self.transactions.get_mut(id) else { return };
        let wake_at = transaction.next_deadline(&self.settings);
        if transaction.wake_at != wake_at {
            if let Some(at) = transaction.wake_at {
                self.wakes.remove(&(at, id.to_owned()));
            }
            self.wakes.extend(wake_at.map(|at| (at, id.to_owned())));
            transaction.wake_at = wake_at;
        }
    }

    fn drop_if_void(&mut self, id: &str) {
        if let Some(transaction) = self.transactions.get(id).filter(|transaction| transaction.is_void()) {
            if let Some(at) = transaction.wake_at {
                self.wakes.remove(&(at, id.to_owned()));
            }
            self.transactions.remove(id);
        }
    }

    fn transaction(&mut self, id: &str) -> &mut Transaction {
        self.transactions.entry(id.to_owned()).or_insert_with(|| Transaction::new(id))
    }
}

impl Request {
    /// Whom it is about; `None`: a producer without a name.
    pub fn transactional_id(&self) -> Option<&str> {
        match self {
            Self::Init(request) => request.transactional_id.as_deref(),
            Self::Add(request) => Some(&request.transactional_id),
            Self::End(request) => Some(&request.transactional_id),
        }
    }
}

/// Names that the log can hold.
fn check_names(request: &Request) -> Result<(), BrokerError> {
    let id = request.transactional_id().unwrap_or_default();
    check_name(id, "a transactional id has 1 to 32,767 bytes")?;
    if let Request::Add(request) = request {
        for target in &request.targets {
            match target {
                Target::Partition(partition) => {
                    check_name(&partition.topic, "a topic's name has 1 to 249 bytes")?;
                }
                Target::Group(group) => check_name(group, "a group's name has 1 to 32,767 bytes")?,
            }
        }
    }
    Ok(())
}

fn check_name(name: &str, reason: &'static str) -> Result<(), BrokerError> {
    if (1..=MAX_STRING_BYTES).contains(&name.len()) {
        return Ok(());
    }
    Err(BrokerError::InvalidName { name: name.chars().take(64).collect(), reason })
}

fn busy() -> BrokerError {
    BrokerError::Busy { what: "the number of requests that wait for the transactions' log" }
}

#[cfg(test)]
mod tests;

//! The transaction machine at work: one task feeds it requests and the time, appends what it wants appended, has markers
//! written, and answers callers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::shell::{Clock, CoordinatorLog, MAILBOX, OnEvent, wait_until};
use super::transaction::{
    Action, AddRequest, EndRequest, InitRequest, Marker, Producer, Reply, Request, Target, Ticket, Token,
    TransactionCoordinator, TransactionDescription, TransactionFilter, TransactionSummary,
};
use crate::error::BrokerError;
use crate::types::UnixMillis;

/// Writes a marker durably where it belongs. `Ok` also when there is nothing left to mark: a topic that was deleted. After an
/// error it is asked for again.
pub type WriteMarker = Box<dyn Fn(Target, Marker) -> BoxFuture<'static, Result<(), BrokerError>> + Send>;

/// What the task works with.
pub struct TransactionShell {
    /// Where the records go.
    pub log: CoordinatorLog,
    /// Writes markers; called for several at once.
    pub write_marker: WriteMarker,
    /// Hears what people should learn of.
    pub on_event: OnEvent,
}

/// Starts the task over a machine that has replayed the log. Markers of transactions that a stop cut short are written first
/// thing.
///
/// Ends when [`Transactions::close`] is called. If it ends otherwise, the machine met a defect and the broker should stop.
pub fn start(
    machine: TransactionCoordinator,
    shell: TransactionShell,
    now_ms: UnixMillis,
) -> (Transactions, JoinHandle<()>) {
    let clock = Clock::start(now_ms);
    let machine = Arc::new(RwLock::new(machine));
    let (mailbox, requests) = mpsc::channel(MAILBOX);
    let (leaving, leavers) = mpsc::unbounded_channel();
    let mut task = Task {
        machine: Arc::clone(&machine),
        clock,
        shell,
        requests,
        leavers,
        next_ticket: 0,
        waiting: HashMap::new(),
        in_flight: FuturesOrdered::new(),
        marks: FuturesUnordered::new(),
    };
    task.drive(TransactionCoordinator::loaded);
    (Transactions { machine, clock, mailbox, leaving, refused: None }, tokio::spawn(task.run()))
}

/// Transactions, for those who ask. Cheap to clone.
#[derive(Clone)]
pub struct Transactions {
    machine: Arc<RwLock<TransactionCoordinator>>,
    clock: Clock,
    mailbox: mpsc::Sender<Message>,
    leaving: mpsc::UnboundedSender<String>,
    refused: Option<Arc<Refused>>,
}

/// What the transactions are is not known.
struct Refused {
    error: BrokerError,
    /// The next id for a producer without a transactional id.
    next_id: AtomicI64,
}

enum Message {
    Ask { request: Request, reply: oneshot::Sender<Result<Reply, BrokerError>> },
    Close,
}

/// Somebody writes within an open transaction. Its markers wait until this is dropped.
#[must_use = "the transaction may end as soon as this is dropped"]
pub struct Pass {
    transactional_id: String,
    leaving: mpsc::UnboundedSender<String>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        // Refused only by a task that has stopped.
        let _ = self.leaving.send(std::mem::take(&mut self.transactional_id));
    }
}

impl Transactions {
    /// The same, but whatever has to do with a transactional id is refused: what the transactions are is not known. Producers
    /// without one get ids from `ids` on, which nobody may ever have had.
    pub fn refusing(self, error: BrokerError, ids: AtomicI64) -> Self {
        Self { refused: Some(Arc::new(Refused { error, next_id: ids })), ..self }
    }

    /// Whether the transactions are known at all: without that, an empty list says nothing.
    pub fn check(&self) -> Result<(), BrokerError> {
        self.refused.as_ref().map_or(Ok(()), |refused| Err(refused.error.clone()))
    }

    /// Makes the caller a producer, durably.
    pub async fn init(&self, request: InitRequest) -> Result<Producer, BrokerError> {
        if let (Some(refused), None) = (&self.refused, &request.transactional_id) {
            return Ok(Producer { id: refused.next_id.fetch_add(1, Ordering::Relaxed), epoch: 0 });
        }
        match self.ask(Request::Init(request)).await? {
            Reply::Initialized(producer) => Ok(producer),
            other => Err(mismatch(&other)),
        }
    }

    /// Begins or extends a transaction, durably.
    pub async fn add(&self, request: AddRequest) -> Result<(), BrokerError> {
        self.ask(Request::Add(request)).await.map(|_| ())
    }

    /// Ends a transaction: the outcome is durable, its markers follow. Returns who the producer is from now on.
    pub async fn end(&self, request: EndRequest) -> Result<Producer, BrokerError> {
        match self.ask(Request::End(request)).await? {
            Reply::Ended(producer) => Ok(producer),
            other => Err(mismatch(&other)),
        }
    }

    /// Whether all of these may be written to, within the producer's open transaction.
    pub fn takes_part(&self, transactional_id: &str, producer: Producer, targets: &[Target]) -> bool {
        read(&self.machine).takes_part(transactional_id, producer, targets)
    }

    /// Lets the caller write to what takes part in the producer's open transaction, for as long as it holds the result.
    ///
    /// # Errors
    /// The producer is fenced or unknown, its transaction is not open, or what it writes to does not take part.
    pub fn enter(
        &self,
        transactional_id: &str,
        producer: Producer,
        target: &Target,
    ) -> Result<Pass, BrokerError> {
        self.check()?;
        write(&self.machine).enter(transactional_id, producer, target)?;
        Ok(Pass { transactional_id: transactional_id.to_owned(), leaving: self.leaving.clone() })
    }

    /// The transactional ids that fit, by name.
    pub fn list(&self, filter: &TransactionFilter) -> Vec<TransactionSummary> {
        read(&self.machine).list(self.clock.now(), filter)
    }

    /// One transactional id; `None` when nobody has it.
    pub fn describe(&self, transactional_id: &str) -> Option<TransactionDescription> {
        read(&self.machine).describe(transactional_id)
    }

    /// Stops the task, after what it is writing. Callers that still wait are told that the broker shuts down.
    pub async fn close(&self) {
        // Refused only by a task that has stopped already.
        let _ = self.mailbox.send(Message::Close).await;
    }

    async fn ask(&self, request: Request) -> Result<Reply, BrokerError> {
        self.check()?;
        let (reply, answer) = oneshot::channel();
        match self.mailbox.send(Message::Ask { request, reply }).await {
            Ok(()) => answer.await.unwrap_or(Err(BrokerError::ShuttingDown)),
            Err(_) => Err(BrokerError::ShuttingDown),
        }
    }
}

fn mismatch(reply: &Reply) -> BrokerError {
    BrokerError::Internal { reason: format!("a transaction's answer does not fit its request: {reply:?}") }
}

fn read(machine: &RwLock<TransactionCoordinator>) -> RwLockReadGuard<'_, TransactionCoordinator> {
    machine.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(machine: &RwLock<TransactionCoordinator>) -> RwLockWriteGuard<'_, TransactionCoordinator> {
    machine.write().unwrap_or_else(PoisonError::into_inner)
}

/// A marker that was to be written.
struct Marked {
    transactional_id: String,
    target: Target,
    result: Result<(), BrokerError>,
}

struct Task {
    machine: Arc<RwLock<TransactionCoordinator>>,
    clock: Clock,
    shell: TransactionShell,
    requests: mpsc::Receiver<Message>,
    leavers: mpsc::UnboundedReceiver<String>,
    next_ticket: Ticket,
    waiting: HashMap<Ticket, oneshot::Sender<Result<Reply, BrokerError>>>,
    /// Writes on their way to the disk, in order.
    in_flight: FuturesOrdered<BoxFuture<'static, (Token, Result<(), BrokerError>)>>,
    /// Markers on their way, in any.
    marks: FuturesUnordered<BoxFuture<'static, Marked>>,
}

impl Task {
    async fn run(mut self) {
        while self.step().await {}
        // Nobody else gets in, and those whose requests were not begun are sent away.
        self.requests.close();
        while self.requests.try_recv().is_ok() {}
        // What is being written is finished, and so is what that brings about. What fails now is taken up by the next start.
        while !self.in_flight.is_empty() || !self.marks.is_empty() {
            self.finish_one().await;
        }
    }

    async fn finish_one(&mut self) {
        tokio::select! {
            biased;
            Some((token, result)) = self.in_flight.next() => self.appended(token, result),
            Some(marked) = self.marks.next() => self.marked(marked),
        }
    }

    /// Waits for one thing to happen and sees to it; false when told to stop.
    async fn step(&mut self) -> bool {
        let due = read(&self.machine).next_deadline().map(|at| self.clock.instant(at));
        if due.is_some_and(|due| due <= Instant::now()) {
            // First, lest a stream of requests starve it.
            self.drive(TransactionCoordinator::tick);
        }
        tokio::select! {
            biased;
            Some((token, result)) = self.in_flight.next() => self.appended(token, result),
            Some(marked) = self.marks.next() => self.marked(marked),
            Some(id) = self.leavers.recv() => self.drive(|machine, now| machine.leave(now, &id)),
            message = self.requests.recv() => match message {
                Some(Message::Ask { request, reply }) => {
                    let ticket = self.next_ticket;
                    self.next_ticket += 1;
                    self.waiting.insert(ticket, reply);
                    self.drive(|machine, now| machine.handle(now, ticket, request));
                }
                Some(Message::Close) | None => return false,
            },
            () = wait_until(due) => {}
        }
        true
    }

    fn appended(&mut self, token: Token, result: Result<(), BrokerError>) {
        self.drive(|machine, now| machine.appended(now, token, result));
    }

    fn marked(&mut self, marked: Marked) {
        let Marked { transactional_id, target, result } = marked;
        if let Err(error) = &result {
            tracing::warn!(%error, ?transactional_id, ?target, "a transaction's marker could not be written yet");
        }
        self.drive(|machine, now| machine.marked(now, &transactional_id, target, &result));
    }

    fn drive(&mut self, run: impl FnOnce(&mut TransactionCoordinator, UnixMillis) -> Vec<Action>) {
        let now = self.clock.now();
        let actions = run(&mut write(&self.machine), now);
        for action in actions {
            match action {
                Action::Reply(ticket, result) => {
                    if let Some(reply) = self.waiting.remove(&ticket) {
                        // Refused only by a caller that has gone.
                        let _ = reply.send(result);
                    }
                }
                Action::Append { token, records } => {
                    // A refusal queues, too: outcomes are reported in order.
                    let written = self.shell.log.write(&records, now);
                    self.in_flight.push_back(Box::pin(async move { (token, written.await) }));
                }
                Action::Mark { transactional_id, target, marker } => {
                    let written = (self.shell.write_marker)(target.clone(), marker);
                    self.marks.push(Box::pin(async move {
                        let result = written.await;
                        Marked { transactional_id, target, result }
                    }));
                }
                Action::Event(text) => (self.shell.on_event)(text),
            }
        }
    }
}

#[cfg(test)]
mod tests;

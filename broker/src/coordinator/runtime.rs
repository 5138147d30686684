//! The group machine at work: one task feeds it requests and the time, appends what it wants appended, and answers callers
//! when that is durable.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, try_join_all};
use futures_util::stream::FuturesOrdered;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::group::{
    Acquired, Action, AlterShareOffsetsRequest, CommitRequest, ConsumerAlive, ConsumerHeartbeatRequest,
    DeleteOffsetsRequest, DeleteShareOffsetsRequest, EndTransactionRequest, FetchRequest, FetchedOffset,
    GroupCoordinator, GroupDescription, GroupSummary, HeartbeatRequest, JoinRequest, Joined, LeaveRequest,
    NamedPartition, Offsets, Reply, Request, ShareAcknowledgeRequest, ShareAcquireRequest, ShareAlive,
    ShareBeginRequest, ShareHeartbeatRequest, ShareNext, ShareNextRequest, ShareOffset, ShareReleaseRequest,
    ShareSettings, ShareWatchRequest, SyncRequest, Synced, Ticket, Token, Topics, TransactionalCommitRequest,
};
use super::shell::{Clock, CoordinatorLog, MAILBOX, OnEvent, wait_until};
use crate::config::GroupConfig;
use crate::error::BrokerError;
use crate::types::{LogRecord, TopicId, UnixMillis};

/// Whether a partition exists, under that id if one is given. A topic must be gone for it before [`Groups::forget_topic`] is
/// called: then no commit that was on its way outlives the topic.
pub type CheckTopic = Arc<dyn Fn(&NamedPartition, Option<TopicId>) -> Result<(), BrokerError> + Send + Sync>;

/// The topics there are, if they are not those of this version.
pub type TopicsSince = Arc<dyn Fn(u64) -> Option<Topics> + Send + Sync>;

/// What groups need to know of topics.
#[derive(Clone)]
pub struct TopicAccess {
    /// Whether a partition exists.
    pub check: CheckTopic,
    /// All of them.
    pub since: TopicsSince,
}

/// Starts the task over a machine that has replayed the log.
///
/// Ends when [`Groups::close`] is called. If it ends otherwise, the machine met a defect and the broker should stop.
pub fn start(
    mut machine: GroupCoordinator,
    log: CoordinatorLog,
    topics: TopicAccess,
    on_event: OnEvent,
    now_ms: UnixMillis,
) -> (Groups, JoinHandle<()>) {
    let clock = Clock::start(now_ms);
    learn_topics(&mut machine, &topics);
    machine.loaded(clock.now());
    let machine = Arc::new(RwLock::new(machine));
    let (mailbox, requests) = mpsc::channel(MAILBOX);
    let (lost, losses) = mpsc::unbounded_channel();
    let task = Task {
        machine: Arc::clone(&machine),
        clock,
        log,
        topics,
        on_event,
        requests,
        losses,
        waiting: HashMap::new(),
        in_flight: FuturesOrdered::new(),
    };
    let groups = Groups { machine, mailbox, lost, tickets: Arc::default(), refused: None };
    (groups, tokio::spawn(task.run()))
}

/// Consumer groups, for those who ask. Cheap to clone.
#[derive(Clone)]
pub struct Groups {
    machine: Arc<RwLock<GroupCoordinator>>,
    mailbox: mpsc::Sender<Message>,
    lost: mpsc::UnboundedSender<Loss>,
    tickets: Arc<AtomicU64>,
    refused: Option<Arc<BrokerError>>,
}

enum Message {
    Ask { ticket: Ticket, request: Request, reply: oneshot::Sender<Result<Reply, BrokerError>> },
    Close,
}

/// A caller that went away before its answer came.
struct Loss {
    group: String,
    ticket: Ticket,
}

/// Each method is one request. When its future is dropped the machine forgets the caller; what was to be written is written.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident($request:ty) = $variant:ident -> $reply:ident($value:ty);)*) => {
        impl Groups {
            $($(#[$doc])*
            pub async fn $name(&self, request: $request) -> Result<$value, BrokerError> {
                match self.ask(Request::$variant(request)).await? {
                    Reply::$reply(value) => Ok(value),
                    other => Err(mismatch(&other)),
                }
            })*
        }
    };
}

requests! {
    /// Joins a group. Answers when the rebalance is through.
    join(JoinRequest) = Join -> Joined(Joined);
    /// Fetches the assignment. Answers when the leader has brought it.
    sync(SyncRequest) = Sync -> Synced(Synced);
    /// Joins, goes on or leaves, by the consumer protocol. Answers when what it changes is durable.
    consumer_heartbeat(Box<ConsumerHeartbeatRequest>) = ConsumerHeartbeat -> ConsumerAlive(ConsumerAlive);
    /// Joins, goes on or leaves as a member of a share group. Answers when what it changes is durable.
    share_heartbeat(Box<ShareHeartbeatRequest>) = ShareHeartbeat -> ShareAlive(ShareAlive);
    /// Tells where the next records of partitions are.
    share_next(ShareNextRequest) = ShareNext -> ShareNext(Box<ShareNext>);
    /// Gives records to a member, by partition in the order of the request.
    share_acquire(ShareAcquireRequest) = ShareAcquire -> ShareAcquired(Vec<Vec<Acquired>>);
    /// Takes a member's word for records; one outcome for each partition. Those that are `Ok` are durable.
    share_acknowledge(ShareAcknowledgeRequest) = ShareAcknowledge -> ShareAcknowledged(Vec<Result<(), BrokerError>>);
    /// Lets a share group without members begin anew at other places; one outcome for each. Those that are `Ok` are durable.
    alter_share_offsets(AlterShareOffsetsRequest) = AlterShareOffsets -> ShareOffsetsMoved(Vec<Result<(), BrokerError>>);
    /// Forgets what a share group without members has made of topics; one outcome for each. Those that are `Ok` are durable.
    delete_share_offsets(DeleteShareOffsetsRequest) = DeleteShareOffsets -> ShareOffsetsMoved(Vec<Result<(), BrokerError>>);
    /// Takes members out; one outcome for each.
    leave(LeaveRequest) = Leave -> Left(Vec<Result<(), BrokerError>>);
    /// Keeps offsets; one outcome for each. Those that are `Ok` are durable.
    commit(CommitRequest) = Commit -> Committed(Vec<Result<(), BrokerError>>);
    /// Keeps offsets that count once a producer's transaction commits; one outcome for each. Those that are `Ok` are durable.
    commit_transactional(TransactionalCommitRequest) = CommitTransactional -> Committed(Vec<Result<(), BrokerError>>);
    /// Reads offsets.
    fetch(FetchRequest) = Fetch -> Fetched(Vec<FetchedOffset>);
    /// Deletes offsets, durably; one outcome for each.
    delete_offsets(DeleteOffsetsRequest) = DeleteOffsets -> OffsetsDeleted(Vec<Result<(), BrokerError>>);
}

impl Groups {
    /// The same, but every request is refused: what the groups are is not known.
    pub fn refusing(self, error: BrokerError) -> Self {
        Self { refused: Some(Arc::new(error)), ..self }
    }

    /// Whether the groups are known at all: without that, an empty list says nothing.
    pub fn check(&self) -> Result<(), BrokerError> {
        self.refused.as_ref().map_or(Ok(()), |error| Err(BrokerError::clone(error)))
    }

    /// Shows a sign of life. `Err` also tells a member to join again.
    pub async fn heartbeat(&self, request: HeartbeatRequest) -> Result<(), BrokerError> {
        self.ask(Request::Heartbeat(request)).await.map(|_| ())
    }

    /// Begins with partitions that a share group has not read, durably.
    pub async fn share_begin(&self, request: ShareBeginRequest) -> Result<(), BrokerError> {
        self.ask(Request::ShareBegin(request)).await.map(|_| ())
    }

    /// Waits until records of a share group are free again.
    pub async fn share_released(&self, request: ShareWatchRequest) -> Result<(), BrokerError> {
        self.ask(Request::ShareWatch(request)).await.map(|_| ())
    }

    /// Ends a session: what it holds is for others.
    pub async fn share_release(&self, request: ShareReleaseRequest) -> Result<(), BrokerError> {
        self.ask(Request::ShareRelease(request)).await.map(|_| ())
    }

    /// The settings of a share group.
    pub fn share_settings(&self, group: &str) -> ShareSettings {
        self.machine().share_settings(group)
    }

    /// How far a share group is; `None` when there is none of that name.
    pub fn share_offsets(&self, group: &str) -> Option<Vec<ShareOffset>> {
        self.machine().share_offsets(group)
    }

    /// Makes the offsets of a producer's transaction count, or drops them, durably. Doing it again changes nothing.
    pub async fn end_transaction(&self, request: EndTransactionRequest) -> Result<(), BrokerError> {
        self.ask(Request::EndTransaction(request)).await.map(|_| ())
    }

    /// Deletes a group and its offsets, durably.
    pub async fn delete_group(&self, group: String) -> Result<(), BrokerError> {
        self.ask(Request::DeleteGroup { group }).await.map(|_| ())
    }

    /// Deletes all groups' offsets of a topic that is gone, durably. Commits that are on their way are waited for.
    pub async fn forget_topic(&self, topic: &str) -> Result<(), BrokerError> {
        let groups = self.machine().groups_on_topic(topic);
        let forget = |group| self.ask(Request::ForgetTopic { group, topic: topic.to_owned() });
        try_join_all(groups.into_iter().map(forget)).await.map(|_| ())
    }

    /// Who has offsets in which group that wait for a transaction's end: group, producer id and epoch.
    pub fn pending_producers(&self) -> Vec<(String, i64, i16)> {
        self.machine().pending_producers()
    }

    /// All groups, by name.
    pub fn list(&self) -> Vec<GroupSummary> {
        self.machine().list().collect()
    }

    /// Each group's name and version. A version rises whenever the group, its members or its offsets change.
    pub fn versions(&self) -> Vec<(String, u64)> {
        self.machine().versions().map(|(group, version)| (group.to_owned(), version)).collect()
    }

    /// One group; `None` when there is none of that name.
    pub fn describe(&self, group: &str) -> Option<GroupDescription> {
        self.machine().describe(group)
    }

    /// The offsets that a group has committed.
    pub fn offsets(&self, group: &str) -> Option<Offsets> {
        self.machine().offsets(group).cloned()
    }

    /// All topics with an offset, committed or waiting for a transaction: at start, those of them that are gone are to be forgotten.
    pub fn topics(&self) -> Vec<String> {
        self.machine().topics().into_iter().map(str::to_owned).collect()
    }

    /// Gives a group settings of its own, or takes them from it; in force for its members' next requests.
    pub fn configure(&self, group: &str, config: Option<GroupConfig>) {
        self.machine.write().unwrap_or_else(PoisonError::into_inner).configure(group, config);
    }

    /// The settings in force for a group.
    pub fn config(&self, group: &str) -> GroupConfig {
        *self.machine().config(group)
    }

    /// Stops the task, after what it is writing. Callers that still wait are told that the broker shuts down.
    pub async fn close(&self) {
        // Refused only by a task that has stopped already.
        let _ = self.mailbox.send(Message::Close).await;
    }

    async fn ask(&self, request: Request) -> Result<Reply, BrokerError> {
        self.check()?;
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let loss = Loss { group: request.group().to_owned(), ticket };
        let mut caller = Caller { lost: &self.lost, loss: Some(loss) };
        let (reply, answer) = oneshot::channel();
        let sent = self.mailbox.send(Message::Ask { ticket, request, reply }).await;
        let result = match sent {
            Ok(()) => answer.await.unwrap_or(Err(BrokerError::ShuttingDown)),
            Err(_) => Err(BrokerError::ShuttingDown),
        };
        caller.loss = None;
        result
    }

    fn machine(&self) -> RwLockReadGuard<'_, GroupCoordinator> {
        self.machine.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mismatch(reply: &Reply) -> BrokerError {
    BrokerError::Internal { reason: format!("a group's answer does not fit its request: {reply:?}") }
}

/// Tells the task when the caller's future is dropped before it is done.
struct Caller<'a> {
    lost: &'a mpsc::UnboundedSender<Loss>,
    loss: Option<Loss>,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if let Some(loss) = self.loss.take() {
            // Refused only by a task that has stopped.
            let _ = self.lost.send(loss);
        }
    }
}

struct Task {
    machine: Arc<RwLock<GroupCoordinator>>,
    clock: Clock,
    log: CoordinatorLog,
    topics: TopicAccess,
    on_event: OnEvent,
    requests: mpsc::Receiver<Message>,
    losses: mpsc::UnboundedReceiver<Loss>,
    waiting: HashMap<Ticket, oneshot::Sender<Result<Reply, BrokerError>>>,
    /// Writes on their way to the disk, in order.
    in_flight: FuturesOrdered<BoxFuture<'static, (Token, Result<(), BrokerError>)>>,
}

impl Task {
    async fn run(mut self) {
        while self.step().await {}
        // Nobody else gets in, and those whose requests were not begun are sent away.
        self.requests.close();
        while self.requests.try_recv().is_ok() {}
        // What is being written is finished and answered, and so is what waited for that.
        while let Some((token, result)) = self.in_flight.next().await {
            self.drive(|machine, now| machine.appended(now, token, result));
        }
    }

    /// Waits for one thing to happen and sees to it; false when told to stop.
    async fn step(&mut self) -> bool {
        let deadline = self.machine.read().unwrap_or_else(PoisonError::into_inner).next_deadline();
        let due = deadline.map(|at| self.clock.instant(at));
        if due.is_some_and(|due| due <= Instant::now()) {
            // First, lest a stream of requests starve it.
            self.drive(|machine, now| machine.tick(now));
        }
        tokio::select! {
            biased;
            Some((token, result)) = self.in_flight.next() => {
                self.drive(|machine, now| machine.appended(now, token, result));
            }
            Some(Loss { group, ticket }) = self.losses.recv() => {
                if self.waiting.remove(&ticket).is_some() {
                    self.drive(|machine, now| machine.cancel(now, &group, ticket));
                }
            }
            message = self.requests.recv() => match message {
                // A caller that is gone already must not park: its loss may have been reported before this came up.
                Some(Message::Ask { reply, .. }) if reply.is_closed() => {}
                Some(Message::Ask { ticket, request, reply }) => {
                    self.waiting.insert(ticket, reply);
                    self.handle(ticket, request);
                }
                Some(Message::Close) | None => return false,
            },
            () = wait_until(due) => {}
        }
        true
    }

    fn handle(&mut self, ticket: Ticket, request: Request) {
        let topics = self.topics.clone();
        self.drive(|machine, now| {
            learn_topics(machine, &topics);
            machine.handle(now, ticket, check_topics(request, &topics.check))
        });
    }

    fn drive(&mut self, run: impl FnOnce(&mut GroupCoordinator, UnixMillis) -> Vec<Action>) {
        let now = self.clock.now();
        let actions = run(&mut self.machine.write().unwrap_or_else(PoisonError::into_inner), now);
        for action in actions {
            match action {
                Action::Reply(ticket, result) => {
                    if let Some(reply) = self.waiting.remove(&ticket) {
                        // Refused only by a caller that has just gone.
                        let _ = reply.send(result);
                    }
                }
                Action::Append { token, records } => self.append(token, &records, now),
                Action::Event(text) => (self.on_event)(text),
            }
        }
    }

    fn append(&mut self, token: Token, records: &[LogRecord], now: UnixMillis) {
        // A refusal queues, too: outcomes are reported in order.
        let written = self.log.write(records, now);
        self.in_flight.push_back(Box::pin(async move { (token, written.await) }));
    }
}

/// Tells the machine of topics that were made, changed or deleted.
fn learn_topics(machine: &mut GroupCoordinator, topics: &TopicAccess) {
    if let Some(changed) = (topics.since)(machine.topics_version()) {
        machine.topics_changed(changed);
    }
}

/// Refuses the offsets of topics that are not there. The machine is locked meanwhile: whoever then asks which groups have
/// offsets of a topic that has just gone sees this commit.
fn check_topics(mut request: Request, check_topic: &CheckTopic) -> Request {
    let offsets = match &mut request {
        Request::Commit(commit) => &mut commit.offsets,
        Request::CommitTransactional(request) => &mut request.commit.offsets,
        _ => return request,
    };
    for row in offsets {
        row.refused = check_topic(&row.partition, row.topic_id).err();
    }
    request
}

#[cfg(test)]
mod tests;

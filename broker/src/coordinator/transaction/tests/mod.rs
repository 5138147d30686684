//! The rules, one by one. What they come to together is tested by `tests/transaction_simulation`.

mod ends;
mod initialize;
mod layout;
mod markers;
mod opening;
mod views;

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::coordinator::group::NamedPartition;

const START: UnixMillis = 1_700_000_000_000;
const TIMEOUT_MS: i32 = 60_000;

/// A coordinator with a log and markers that can be held up, and made to fail.
struct Desk {
    machine: TransactionCoordinator,
    log: Vec<LogRecord>,
    now: UnixMillis,
    tickets: Ticket,
    replies: BTreeMap<Ticket, Result<Reply, BrokerError>>,
    writes: VecDeque<(Token, Vec<LogRecord>)>,
    marks: VecDeque<(String, Target, Marker)>,
    /// Those that were written.
    written_marks: Vec<(Target, Marker)>,
    slow_log: bool,
    slow_marks: bool,
    events: Vec<String>,
}

impl Desk {
    fn new() -> Self {
        let mut machine = TransactionCoordinator::new(TransactionSettings::default(), 3);
        assert_eq!(machine.loaded(START), []);
        Self {
            machine,
            log: Vec::new(),
            now: START,
            tickets: 0,
            replies: BTreeMap::new(),
            writes: VecDeque::new(),
            marks: VecDeque::new(),
            written_marks: Vec::new(),
            slow_log: false,
            slow_marks: false,
            events: Vec::new(),
        }
    }

    fn ask(&mut self, request: Request) -> Ticket {
        self.tickets += 1;
        let actions = self.machine.handle(self.now, self.tickets, request);
        self.act(actions);
        self.tickets
    }

    /// Sends a request that is answered at once.
    fn call(&mut self, request: Request) -> Result<Reply, BrokerError> {
        let ticket = self.ask(request);
        self.answer(ticket).expect("an answer")
    }

    fn answer(&mut self, ticket: Ticket) -> Option<Result<Reply, BrokerError>> {
        self.replies.remove(&ticket)
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Reply(ticket, reply) => {
                    assert_eq!(self.replies.insert(ticket, reply), None, "{ticket} was answered twice");
                }
                Action::Append { token, records } => self.writes.push_back((token, records)),
                Action::Mark { transactional_id, target, marker } => {
                    self.marks.push_back((transactional_id, target, marker));
                }
                Action::Event(event) => self.events.push(event),
            }
        }
        while !self.slow_log && !self.writes.is_empty() {
            self.write(Ok(()));
        }
        while !self.slow_marks && !self.marks.is_empty() {
            self.mark(Ok(()));
        }
    }

    /// Brings the oldest write to its end.
    fn write(&mut self, result: Result<(), BrokerError>) {
        let (token, records) = self.writes.pop_front().expect("a write");
        if result.is_ok() {
            self.log.extend(records);
        }
        let actions = self.machine.appended(self.now, token, result);
        self.act(actions);
    }

    /// Brings the oldest marker to its end.
    fn mark(&mut self, result: Result<(), BrokerError>) {
        let (id, target, marker) = self.marks.pop_front().expect("a marker");
        if result.is_ok() {
            self.written_marks.push((target.clone(), marker));
        }
        let actions = self.machine.marked(self.now, &id, target, &result);
        self.act(actions);
    }

    /// Lets time pass, with all that is due on the way.
    fn pass(&mut self, ms: i64) {
        let until = self.now + ms;
        while let Some(at) = self.machine.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let actions = self.machine.tick(self.now);
            self.act(actions);
            assert!(self.machine.next_deadline().is_none_or(|next| next > at), "a tick must do what is due");
        }
        self.now = until;
    }

    /// Kills the coordinator, and starts one over what it left in the log.
    fn restart(&mut self) {
        let mut fresh = TransactionCoordinator::new(self.machine.settings.clone(), self.machine.epoch + 1);
        for record in &self.log {
            fresh.replay(&record.key, record.value.as_ref());
        }
        assert_eq!(fresh.ignored_records(), 0);
        self.machine = fresh;
        self.writes.clear();
        self.marks.clear();
        let actions = self.machine.loaded(self.now);
        self.act(actions);
    }

    fn init(&mut self) -> Producer {
        initialized(self.call(init(None)))
    }

    fn state(&self) -> Option<TransactionState> {
        self.machine.describe("t").map(|transaction| transaction.state)
    }

    /// Puts a producer with this epoch into the log, as if it had got there one by one.
    fn jump_to_epoch(&mut self, epoch: i16) -> Producer {
        let mut kept = self.machine.transactions["t"].kept.clone().expect("a producer");
        kept.producer.epoch = epoch;
        self.log.push(records::transaction_record("t", &kept));
        self.restart();
        kept.producer
    }
}

fn init(producer: Option<Producer>) -> Request {
    let transactional_id = Some("t".to_owned());
    Request::Init(InitRequest { transactional_id, timeout_ms: TIMEOUT_MS, producer })
}

fn nameless() -> Request {
    Request::Init(InitRequest { transactional_id: None, timeout_ms: TIMEOUT_MS, producer: None })
}

fn initialized(answer: Result<Reply, BrokerError>) -> Producer {
    match answer {
        Ok(Reply::Initialized(producer)) => producer,
        other => panic!("expected a producer, got {other:?}"),
    }
}

fn orders(partition: i32) -> Target {
    Target::Partition(NamedPartition { topic: "orders".into(), partition })
}

fn group() -> Target {
    Target::Group("g".into())
}

fn add(producer: Producer, targets: &[Target]) -> Request {
    let (transactional_id, targets) = ("t".into(), targets.to_vec());
    Request::Add(AddRequest { transactional_id, producer, targets, bumps_epoch: false })
}

/// As Produce v12 does.
fn add_and_bump(producer: Producer, targets: &[Target]) -> Request {
    let (transactional_id, targets) = ("t".into(), targets.to_vec());
    Request::Add(AddRequest { transactional_id, producer, targets, bumps_epoch: true })
}

fn end(producer: Producer, commit: bool) -> Request {
    Request::End(EndRequest { transactional_id: "t".into(), producer, commit, bumps_epoch: false })
}

/// As EndTxn v5 does.
fn end_and_bump(producer: Producer, commit: bool) -> Request {
    Request::End(EndRequest { transactional_id: "t".into(), producer, commit, bumps_epoch: true })
}

fn at_epoch(producer: Producer, epoch: i16) -> Producer {
    Producer { epoch, ..producer }
}

fn fenced() -> BrokerError {
    BrokerError::ProducerFenced { producer: "t".into() }
}

fn unmapped(producer: Producer) -> BrokerError {
    BrokerError::InvalidProducerIdMapping { transactional_id: "t".into(), producer_id: producer.id }
}

fn concurrent() -> BrokerError {
    BrokerError::ConcurrentTransactions { transactional_id: "t".into() }
}

fn is_invalid_state(answer: &Result<Reply, BrokerError>) -> bool {
    matches!(answer, Err(BrokerError::InvalidTransactionState { .. }))
}

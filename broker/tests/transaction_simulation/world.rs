//! Time, the logs, the producers, and what goes wrong.

use std::collections::{BTreeMap, VecDeque};

use runnel_broker::coordinator::transaction::records::{producer_ids_record, transaction_record};
use runnel_broker::coordinator::transaction::{
    Action, InitRequest, Marker, Producer, Reply, Request, Target, Ticket, TransactionCoordinator,
    TransactionFilter, TransactionMetadata, TransactionSettings, TransactionState,
};
use runnel_broker::error::BrokerError;
use runnel_broker::types::LogRecord;

use crate::groups::Groups;
use crate::model::{Model, TransactionKey};
use crate::producer::{Client, Step, TIMEOUT_MS};
use crate::random::Random;

const START: i64 = 1_700_000_000_000;
const IDS: [&str; 3] = ["a", "b", "c"];
/// Soon enough that some ids are forgotten in a run.
const EXPIRATION_MS: i64 = 20_000;

/// How rough a run is; chances in a thousand, a step.
pub(crate) struct Scenario {
    clients: u64,
    crashes: u64,
    failed_writes: u64,
    failed_markers: u64,
    losses: u64,
    hangs: u64,
    nameless: u64,
    slowness: u64,
    /// Epochs are soon used up.
    is_aged: bool,
}

impl Scenario {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(!seed);
        let mut chance = |most: u64| if random.permille(500) { random.below(most) } else { 0 };
        Self {
            crashes: chance(30),
            failed_writes: chance(150),
            failed_markers: chance(300),
            losses: chance(200),
            hangs: chance(20),
            nameless: chance(100),
            slowness: chance(800),
            is_aged: chance(10) > 4,
            clients: 1 + random.below(6),
        }
    }

    /// Nothing goes wrong but what the test does itself.
    pub(crate) fn calm() -> Self {
        Self {
            clients: 3,
            crashes: 0,
            failed_writes: 0,
            failed_markers: 0,
            losses: 0,
            hangs: 0,
            nameless: 20,
            slowness: 300,
            is_aged: false,
        }
    }
}

/// Somebody was let in, and has not written yet.
struct Writer {
    id: String,
    producer: Producer,
    target: Target,
    key: TransactionKey,
    /// The commit of an offset that is under way.
    commit: Option<(u64, i64)>,
}

/// A marker that was asked for.
struct Mark {
    id: String,
    target: Target,
    marker: Marker,
    key: TransactionKey,
    /// The group's end that is under way.
    ending: Option<u64>,
}

pub(crate) struct World {
    random: Random,
    scenario: Scenario,
    settings: TransactionSettings,
    machine: TransactionCoordinator,
    epoch: i32,
    /// What is durable.
    log: Vec<LogRecord>,
    /// What is on its way to the disk, in order.
    writes: VecDeque<(u64, Vec<LogRecord>)>,
    groups: Groups,
    marks: Vec<Mark>,
    writers: Vec<Writer>,
    clients: Vec<Client>,
    asked: BTreeMap<Ticket, Request>,
    pub(crate) model: Model,
    pub(crate) timeouts: u64,
    now: i64,
    tickets: Ticket,
    offsets: i64,
}

impl World {
    pub(crate) fn new(seed: u64, scenario: Scenario) -> Self {
        let settings = TransactionSettings {
            expiration_ms: EXPIRATION_MS,
            expiration_check_interval_ms: EXPIRATION_MS / 4,
            ..TransactionSettings::default()
        };
        let mut random = Random::new(seed);
        let clients = (0..scenario.clients).map(|number| {
            let id = IDS[number as usize % IDS.len()];
            // Those that share a name mostly agree on how they end transactions.
            Client::new(id.to_owned(), random.permille(if number % 2 == 0 { 200 } else { 800 }))
        });
        let clients = clients.collect();
        let mut machine = TransactionCoordinator::new(settings.clone(), 0);
        machine.loaded(START);
        let is_aged = scenario.is_aged;
        let mut world = Self {
            random,
            scenario,
            settings,
            machine,
            epoch: 0,
            log: Vec::new(),
            writes: VecDeque::new(),
            groups: Groups::new(START),
            marks: Vec::new(),
            writers: Vec::new(),
            clients,
            asked: BTreeMap::new(),
            model: Model::default(),
            timeouts: 0,
            now: START,
            tickets: 0,
            offsets: 0,
        };
        if is_aged {
            world.age();
        }
        world
    }

    /// Lets things happen, good and bad.
    pub(crate) fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            let pause = self.random.below(100) as i64;
            self.pass(pause);
            self.go_wrong();
            self.let_clients_act();
            for _ in 0..self.random.below(3) {
                self.finish_write();
            }
            self.let_writers_write();
            self.let_markers_be_written();
            self.check();
        }
    }

    /// Nothing goes wrong any more, and nobody does anything new: before long every transaction must be over.
    pub(crate) fn settle(&mut self) {
        self.scenario = Scenario { slowness: 0, ..Scenario::calm() };
        let until = self.now + 3 * i64::from(TIMEOUT_MS);
        while self.now < until && !self.is_settled() {
            self.pass(100);
            while !self.writes.is_empty() || self.groups.is_writing() {
                self.finish_write();
            }
            self.let_writers_write();
            self.let_markers_be_written();
            self.check();
        }
        assert!(self.is_settled(), "{:#?}", self.machine);
        assert!(self.asked.is_empty(), "nobody answers {:?}", self.asked);
        self.model.check_settled();
        for id in IDS {
            let seen = self.groups.stable_offset(self.now, id).expect("no transaction is left to change it");
            self.model.check_offset(id, seen);
        }
    }

    fn is_settled(&self) -> bool {
        let unsettled =
            vec![TransactionState::Ongoing, TransactionState::PrepareCommit, TransactionState::PrepareAbort];
        self.machine.list(self.now, &TransactionFilter::new().states(unsettled)).is_empty()
            && self.writers.is_empty()
            && self.marks.is_empty()
            && self.writes.is_empty()
    }

    /// The process dies. Of the writes under way those before some point may have reached the disk all the same, of the markers
    /// any.
    pub(crate) fn crash(&mut self) {
        let survivors = self.random.below(self.writes.len() as u64 + 1) as usize;
        let survived: Vec<_> =
            self.writes.drain(..).take(survivors).flat_map(|(_, records)| records).collect();
        survived.into_iter().for_each(|record| self.keep(record));
        for mark in std::mem::take(&mut self.marks) {
            if matches!(mark.target, Target::Partition(_)) && self.random.permille(500) {
                self.model.marked(&mark.key, &mark.target, mark.marker);
            }
        }
        self.writers.clear();
        let random = &mut self.random;
        self.groups.crash(self.now, |end| random.below(end));
        self.epoch += 1;
        self.machine = TransactionCoordinator::new(self.settings.clone(), self.epoch);
        for record in &self.log {
            self.machine.replay(&record.key, record.value.as_ref());
        }
        assert_eq!(self.machine.ignored_records(), 0);
        self.asked.clear();
        for client in &mut self.clients {
            (client.waiting, client.writes_to) = (None, None);
        }
        let actions = self.machine.loaded(self.now);
        self.act(actions);
    }

    /// Lets time pass, with all that is due on the way.
    fn pass(&mut self, ms: i64) {
        let until = self.now + ms;
        while let Some(at) = self.machine.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let actions = self.machine.tick(self.now);
            self.act(actions);
            assert!(
                self.machine.next_deadline().is_none_or(|next| next > self.now),
                "a tick does what is due"
            );
        }
        self.now = until;
    }

    fn go_wrong(&mut self) {
        if self.random.permille(self.scenario.crashes) {
            self.crash();
        }
        if self.random.permille(self.scenario.nameless) {
            let nobody = InitRequest { transactional_id: None, timeout_ms: TIMEOUT_MS, producer: None };
            self.ask(Request::Init(nobody));
        }
        let at = self.random.below(self.clients.len() as u64) as usize;
        if self.random.permille(self.scenario.losses) {
            (self.clients[at].waiting, self.clients[at].writes_to) = (None, None);
        }
        if self.random.permille(self.scenario.hangs) {
            self.clients[at].acts_at = self.now + self.random.below(3 * TIMEOUT_MS as u64) as i64;
        }
    }

    fn let_clients_act(&mut self) {
        for at in 0..self.clients.len() {
            let client = &mut self.clients[at];
            if client.waiting.is_some() || client.acts_at > self.now {
                continue;
            }
            match client.next_step(&mut self.random) {
                Step::Ask(request) => {
                    client.waiting = Some(self.tickets + 1);
                    self.ask(request);
                }
                Step::Write(producer, target) => {
                    let targets = vec![target.clone()];
                    if client.bumps_epoch && !self.machine.takes_part(&client.id, producer, &targets) {
                        client.waiting = Some(self.tickets + 1);
                        let request = client.extend(producer, targets);
                        client.writes_to = Some((producer, target));
                        self.ask(request);
                    } else {
                        let id = client.id.clone();
                        self.enter(id, producer, target);
                    }
                }
            }
        }
    }

    fn enter(&mut self, id: String, producer: Producer, target: Target) {
        if self.machine.enter(&id, producer, &target).is_ok() {
            self.model.check_not_fenced(&id, producer);
            let key = self.model.current(&id);
            self.writers.push(Writer { id, producer, target, key, commit: None });
        }
    }

    fn let_writers_write(&mut self) {
        for mut writer in std::mem::take(&mut self.writers) {
            if self.random.permille(self.scenario.slowness) {
                self.writers.push(writer);
            } else if let Target::Partition(_) = writer.target {
                self.model.append(&writer.key, &writer.target, writer.producer);
                self.leave(&writer.id);
            } else if let Some((ticket, offset)) = writer.commit {
                match self.groups.answer(ticket) {
                    None => self.writers.push(writer),
                    Some(answer) => {
                        if answer.is_ok() {
                            self.model.offset_acknowledged(offset);
                        }
                        self.leave(&writer.id);
                    }
                }
            } else {
                self.offsets += 1;
                self.model.offset(self.offsets, writer.key.clone());
                let ticket = self.groups.commit(self.now, &writer.id, writer.producer, self.offsets);
                writer.commit = Some((ticket, self.offsets));
                self.writers.push(writer);
            }
        }
    }

    fn leave(&mut self, id: &str) {
        let actions = self.machine.leave(self.now, id);
        self.act(actions);
    }

    /// Markers are written in any order.
    fn let_markers_be_written(&mut self) {
        for mut mark in std::mem::take(&mut self.marks) {
            if self.random.permille(self.scenario.slowness) {
                self.marks.push(mark);
                continue;
            }
            let result = match (&mark.target, mark.ending) {
                (Target::Partition(_), _) if self.random.permille(self.scenario.failed_markers) => {
                    Err(BrokerError::DiskFull)
                }
                (Target::Partition(_), _) => Ok(()),
                (Target::Group(_), None) => {
                    mark.ending = Some(self.groups.end(self.now, mark.marker));
                    self.marks.push(mark);
                    continue;
                }
                (Target::Group(_), Some(ticket)) => match self.groups.answer(ticket) {
                    None => {
                        self.marks.push(mark);
                        continue;
                    }
                    Some(answer) => answer.map(|_| ()),
                },
            };
            if result.is_ok() {
                self.model.marked(&mark.key, &mark.target, mark.marker);
            }
            let actions = self.machine.marked(self.now, &mark.id, mark.target, &result);
            self.act(actions);
        }
    }

    fn ask(&mut self, request: Request) {
        self.tickets += 1;
        self.asked.insert(self.tickets, request.clone());
        let actions = self.machine.handle(self.now, self.tickets, request);
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Reply(ticket, answer) => self.answer(ticket, &answer),
                Action::Append { token, records } => self.writes.push_back((token, records)),
                Action::Mark { transactional_id: id, target, marker } => {
                    let key = self.model.current(&id);
                    self.model.mark(&key, &target, marker);
                    self.marks.push(Mark { id, target, marker, key, ending: None });
                }
                Action::Event(_) => self.timeouts += 1,
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: &Result<Reply, BrokerError>) {
        let request = self.asked.remove(&ticket).expect("a ticket is answered once");
        let described = request.transactional_id().and_then(|id| self.machine.describe(id));
        self.model.answered(&request, answer, described.map(|transaction| transaction.state));
        let mut clients = self.clients.iter_mut();
        if let Some(client) = clients.find(|client| client.waiting == Some(ticket)) {
            client.waiting = None;
            client.answered(answer, &mut self.random);
            if let Some((producer, target)) = client.writes_to.take()
                && answer.is_ok()
            {
                let id = client.id.clone();
                self.enter(id, producer, target);
            }
        }
    }

    /// Brings the oldest write of each log to its end.
    fn finish_write(&mut self) {
        let fails = self.random.permille(self.scenario.failed_writes);
        self.groups.finish_write(self.now, fails);
        let Some((token, records)) = self.writes.pop_front() else { return };
        let fails = self.random.permille(self.scenario.failed_writes);
        let result = if fails { Err(BrokerError::DiskFull) } else { Ok(()) };
        if !fails {
            records.into_iter().for_each(|record| self.keep(record));
        }
        let actions = self.machine.appended(self.now, token, result);
        self.act(actions);
    }

    /// A record is durable.
    fn keep(&mut self, record: LogRecord) {
        self.model.kept(&record, self.asked.values());
        self.log.push(record);
    }

    /// Gives every id a producer who has used up most epochs.
    fn age(&mut self) {
        self.log.push(producer_ids_record(IDS.len() as i64));
        for (producer_id, id) in (0..).zip(IDS) {
            let producer = Producer { id: producer_id, epoch: i16::MAX - 6 };
            self.log.push(transaction_record(
                id,
                &TransactionMetadata {
                    producer,
                    previous_producer_id: None,
                    next_producer_id: None,
                    last_epoch: None,
                    timeout_ms: TIMEOUT_MS,
                    state: TransactionState::Empty,
                    targets: [].into(),
                    updated_ms: START,
                    started_ms: None,
                    bumps_epoch: false,
                },
            ));
            self.model.became_producer(Some(id), producer);
        }
        self.crash();
    }

    fn check(&mut self) {
        for id in IDS {
            if let Ok(seen) = self.groups.stable_offset(self.now, id) {
                self.model.check_offset(id, seen);
            }
        }
    }
}

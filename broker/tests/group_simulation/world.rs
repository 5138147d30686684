//! Time, the log, the clients, and what goes wrong.

use std::collections::VecDeque;

use runnel_broker::coordinator::group::{
    Action, CommitRequest, GroupCoordinator, GroupSettings, GroupState, NamedPartition, OffsetToCommit,
    Reply, Request, Ticket,
};
use runnel_broker::error::BrokerError;
use runnel_broker::types::LogRecord;
use runnel_proto::group::Assignor;

use crate::client::{Client, Manner, PARTITIONS, Phase, partitions};
use crate::model::{GROUP, Model, TOPIC, committed};
use crate::random::Random;

const START: i64 = 1_700_000_000_000;
const SESSION_TIMEOUT_MS: i32 = 10_000;
const REBALANCE_TIMEOUT_MS: i32 = 15_000;

/// A new member's join may wait for so long (the coordinator's own limit).
const LONGEST_WAIT_MS: i64 = 300_000 + 60_000;

/// How rough a run is; chances in a thousand, a step.
pub(crate) struct Scenario {
    clients: u64,
    newcomers: u64,
    crashes: u64,
    failed_writes: u64,
    losses: u64,
    hangs: u64,
    kills: u64,
    leaves: u64,
    administration: u64,
    initial_rebalance_delay_ms: i64,
    other_assignor: Assignor,
}

impl Scenario {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(!seed);
        let mut chance = |most: u64| if random.permille(500) { random.below(most) } else { 0 };
        Self {
            newcomers: 20 + chance(100),
            crashes: chance(20),
            failed_writes: chance(150),
            losses: chance(60),
            hangs: chance(30),
            kills: chance(30),
            leaves: chance(40),
            administration: chance(60),
            initial_rebalance_delay_ms: if chance(10) > 5 { 3_000 } else { 0 },
            clients: 1 + random.below(10),
            other_assignor: Assignor::ALL[1 + random.below(3) as usize],
        }
    }

    pub(crate) fn hundred() -> Self {
        Self {
            clients: 100,
            newcomers: 400,
            crashes: 2,
            losses: 10,
            hangs: 5,
            kills: 5,
            leaves: 5,
            ..Self::calm()
        }
    }

    /// Nothing goes wrong but what the test does itself.
    pub(crate) fn calm() -> Self {
        Self {
            clients: 4,
            newcomers: 100,
            crashes: 0,
            failed_writes: 0,
            losses: 0,
            hangs: 0,
            kills: 0,
            leaves: 0,
            administration: 30,
            initial_rebalance_delay_ms: 0,
            other_assignor: Assignor::CooperativeSticky,
        }
    }
}

pub(crate) struct World {
    random: Random,
    scenario: Scenario,
    settings: GroupSettings,
    machine: GroupCoordinator,
    /// What is durable.
    log: Vec<LogRecord>,
    /// What is on its way to the disk, in order.
    writes: VecDeque<(u64, Vec<LogRecord>)>,
    clients: Vec<Client>,
    pub(crate) model: Model,
    now: i64,
    tickets: Ticket,
    named: u64,
}

impl World {
    pub(crate) fn new(seed: u64, scenario: Scenario) -> Self {
        let settings = GroupSettings {
            initial_rebalance_delay_ms: scenario.initial_rebalance_delay_ms,
            ..GroupSettings::default()
        };
        let mut machine = GroupCoordinator::new(settings.clone(), u128::from(seed));
        machine.loaded(START);
        Self {
            random: Random::new(seed),
            scenario,
            settings,
            machine,
            log: Vec::new(),
            writes: VecDeque::new(),
            clients: Vec::new(),
            model: Model::default(),
            now: START,
            tickets: 0,
            named: 0,
        }
    }

    /// Lets things happen, good and bad.
    pub(crate) fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            let pause = 1 + self.random.below(300) as i64;
            self.pass(pause);
            let newcomers = self.scenario.newcomers;
            if (self.clients.len() as u64) < self.scenario.clients && self.random.permille(newcomers) {
                self.start_client();
            }
            self.go_wrong();
            self.let_clients_act(true);
            for _ in 0..self.random.below(3) {
                self.finish_write();
            }
            self.check();
        }
    }

    /// Nothing goes wrong any more: before long everybody must be in, and every partition have one owner.
    pub(crate) fn settle(&mut self) {
        self.scenario.failed_writes = 0;
        self.clients.retain(|client| !client.fenced);
        for client in &mut self.clients {
            client.acts_at = client.acts_at.min(self.now + 1_000);
        }
        let until = self.now + 4 * i64::from(SESSION_TIMEOUT_MS + REBALANCE_TIMEOUT_MS);
        while self.now < until && !self.is_settled() {
            self.pass(250);
            self.let_clients_act(false);
            while !self.writes.is_empty() {
                self.finish_write();
            }
            self.check();
        }
        assert!(self.is_settled(), "{:#?}\n{:#?}", self.machine.describe(GROUP), self.clients);
    }

    /// Everybody who lives is in, nobody else is, and every partition has one owner.
    fn is_settled(&self) -> bool {
        let Some(group) = self.machine.describe(GROUP) else { return self.clients.is_empty() };
        let settled = if self.clients.is_empty() { GroupState::Empty } else { GroupState::Stable };
        let mut owned: Vec<_> = self.clients.iter().flat_map(|client| &client.owned).copied().collect();
        owned.sort_unstable();
        let is_in =
            |client: &Client| matches!(client.phase, Phase::In) && client.generation == group.generation;
        group.summary.state == settled
            && group.members.len() == self.clients.len()
            && self.clients.iter().all(is_in)
            && (self.clients.is_empty() || owned.into_iter().eq(0..PARTITIONS))
    }

    /// The process dies. Of the writes under way those before some point may have reached the disk all the same.
    pub(crate) fn crash(&mut self) {
        let survivors = self.random.below(self.writes.len() as u64 + 1) as usize;
        self.log.extend(self.writes.drain(..).take(survivors).flat_map(|(_, records)| records));
        let seed = u128::from(self.random.next());
        self.machine = GroupCoordinator::new(self.settings.clone(), seed);
        for record in &self.log {
            self.machine.replay(&record.key, record.value.as_ref());
        }
        assert_eq!(self.machine.ignored_records(), 0);
        self.machine.loaded(self.now);
        for client in &mut self.clients {
            client.disconnect();
        }
        self.model.crashed(&self.machine, PARTITIONS);
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
        if self.random.permille(self.scenario.administration) {
            self.administrate();
        }
        if self.clients.is_empty() {
            return;
        }
        let at = self.random.below(self.clients.len() as u64) as usize;
        if self.random.permille(self.scenario.losses) {
            let tickets = self.clients[at].disconnect();
            self.lose(tickets);
        }
        if self.random.permille(self.scenario.hangs) {
            self.clients[at].acts_at = self.now + self.random.below(40_000) as i64;
        }
        if self.random.permille(self.scenario.kills) || self.clients[at].fenced {
            self.kill(at);
        } else if self.random.permille(self.scenario.leaves) {
            self.leave(at);
        }
    }

    /// A process dies with its connections; a static member's is often started again.
    fn kill(&mut self, at: usize) {
        let mut client = self.clients.swap_remove(at);
        let tickets = client.disconnect();
        self.lose(tickets);
        if client.manner.instance.is_some() && !client.fenced && self.random.permille(800) {
            self.clients.push(Client::new(client.name, client.manner, self.now));
        }
    }

    fn leave(&mut self, at: usize) {
        let mut client = self.clients.swap_remove(at);
        let tickets = client.disconnect();
        self.lose(tickets);
        if !client.id.is_empty() {
            self.ask(client.leave());
        }
    }

    /// Callers go away; the shell tells the machine.
    fn lose(&mut self, tickets: Vec<Ticket>) {
        for ticket in tickets {
            self.model.lost(ticket);
            let actions = self.machine.cancel(self.now, GROUP, ticket);
            self.act(actions);
        }
    }

    fn start_client(&mut self) {
        self.named += 1;
        // Two are known to all, as after a restart only the chosen one is known of those who were there.
        let mut assignors = vec![Assignor::Range, self.scenario.other_assignor];
        let first = self.random.below(2) as usize;
        assignors.swap(0, first);
        let name = format!("c{}", self.named);
        let manner = Manner {
            instance: self.random.permille(300).then(|| format!("i{}", self.named)),
            assignors,
            session_timeout_ms: SESSION_TIMEOUT_MS,
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            asks_for_id: self.random.permille(500),
        };
        self.clients.push(Client::new(name, manner, self.now));
    }

    fn administrate(&mut self) {
        let partition = self.random.below(PARTITIONS as u64) as i32;
        let request = match self.random.below(4) {
            0 => Request::DeleteGroup { group: GROUP.into() },
            1 => Request::ForgetTopic { group: GROUP.into(), topic: TOPIC.into() },
            _ => Request::Commit(CommitRequest {
                group: GROUP.into(),
                generation: -1,
                member_id: String::new(),
                instance_id: None,
                offsets: vec![OffsetToCommit {
                    partition: NamedPartition { topic: TOPIC.into(), partition },
                    offset: self.now,
                    leader_epoch: -1,
                    metadata: "by hand".into(),
                    topic_id: None,
                    refused: None,
                }],
            }),
        };
        self.ask(request);
    }

    fn let_clients_act(&mut self, may_dawdle: bool) {
        for at in 0..self.clients.len() {
            while let Some(client) = self.clients.get_mut(at).filter(|c| !c.fenced && c.acts_at <= self.now) {
                let commits = self.random.permille(100);
                let Some(request) = client.next_request(self.now, commits) else { break };
                let ticket = self.tickets + 1;
                client.asked(ticket, &request);
                if may_dawdle {
                    client.acts_at = self.now + self.random.below(400) as i64;
                }
                self.ask(request);
            }
        }
    }

    fn ask(&mut self, request: Request) {
        self.tickets += 1;
        let ticket = self.tickets;
        self.model.asked(ticket, self.now);
        match &request {
            Request::Commit(commit) => {
                for row in &commit.offsets {
                    self.model.changes(ticket, row.partition.partition, Some(row.offset));
                }
            }
            Request::DeleteGroup { .. } | Request::ForgetTopic { .. } => {
                (0..PARTITIONS).for_each(|partition| self.model.changes(ticket, partition, None));
            }
            _ => {}
        }
        let actions = self.machine.handle(self.now, ticket, request);
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Reply(ticket, answer) => self.answer(ticket, &answer),
                Action::Append { token, records } => self.writes.push_back((token, records)),
                Action::Event(_) => {}
            }
        }
        self.model.observe(&self.machine);
    }

    fn answer(&mut self, ticket: Ticket, answer: &Result<Reply, BrokerError>) {
        let removes = matches!(answer, Ok(Reply::GroupDeleted | Reply::TopicForgotten));
        let commits = matches!(answer, Ok(Reply::Committed(rows)) if rows.iter().all(Result::is_ok));
        self.model.changed(ticket, commits || removes);
        if matches!(answer, Ok(Reply::GroupDeleted)) {
            self.model.deleted();
        }
        if !self.model.answered(ticket) {
            return;
        }
        let now = self.now;
        let mut clients = self.clients.iter_mut();
        let Some(client) = clients.find_map(|client| client.answered(ticket, answer, now).then_some(client))
        else {
            return;
        };
        match answer {
            Ok(Reply::Joined(joined)) => self.model.joined(joined.generation),
            Ok(Reply::Synced(synced)) => {
                let owned = partitions(&synced.assignment);
                self.model.synced(client.generation, &client.identity(), &owned);
            }
            _ => {}
        }
    }

    /// Brings the oldest write to its end.
    fn finish_write(&mut self) {
        let Some((token, records)) = self.writes.pop_front() else { return };
        let fails = self.random.permille(self.scenario.failed_writes);
        let result = if fails { Err(BrokerError::DiskFull) } else { Ok(()) };
        if !fails {
            self.log.extend(records);
        }
        let actions = self.machine.appended(self.now, token, result);
        self.act(actions);
    }

    fn check(&self) {
        for partition in 0..PARTITIONS {
            self.model.check_offset(partition, committed(&self.machine, partition));
        }
        self.model.check_patience(self.now, LONGEST_WAIT_MS);
    }
}

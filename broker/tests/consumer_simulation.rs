//! Groups of both protocols under a seeded simulation: members of the consumer protocol that give partitions up in their own time,
//! classic members beside them, so that groups go from one protocol to the other and back; a slow and failing log, lost answers,
//! silent members, and crashes after which the coordinator is rebuilt from what reached the disk.
//!
//! What must hold: no two members have the same partition; what was committed is not lost; and when nothing goes wrong any more,
//! everybody is in and every partition has one owner.
//!
//! `RUNNEL_SEED=S` runs one seed alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use runnel_broker::config::GroupConfig;
use runnel_broker::coordinator::group::{
    Action, CommitRequest, ConsumerAlive, ConsumerHeartbeatRequest, GroupCoordinator, GroupSettings,
    GroupState, HeartbeatRequest, JoinRequest, Joined, NamedPartition, OffsetToCommit, Partitions, Protocol,
    Reply, Request, SyncRequest, Ticket, Topics,
};
use runnel_broker::error::BrokerError;
use runnel_broker::types::{LogRecord, Uuid};
use runnel_proto::group::{Assignment, Assignor, Subscription};

const GROUP: &str = "g";
const TOPIC: &str = "orders";
const START: i64 = 1_700_000_000_000;
const SESSION_TIMEOUT_MS: i32 = 10_000;
const SEEDS: u64 = 200;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn permille(&mut self, times: u64) -> bool {
        self.below(1_000) < times
    }
}

/// Where a classic member is.
#[derive(Debug, Clone)]
enum Classic {
    Out,
    Joined(Box<Joined>),
    In,
}

#[derive(Debug)]
struct Client {
    name: String,
    /// `None`: it speaks the consumer protocol.
    classic: Option<Classic>,
    instance: Option<String>,
    id: String,
    /// The epoch or the generation.
    epoch: i32,
    owned: BTreeSet<i32>,
    /// What it is to have; gives up the rest in its own time.
    told: BTreeSet<i32>,
    /// It missed an answer, and says everything.
    is_full: bool,
    waiting: Option<Ticket>,
    committing: Option<Ticket>,
    acts_at: i64,
}

impl Client {
    fn reset(&mut self) {
        self.owned.clear();
        self.told.clear();
        self.epoch = 0;
        if let Some(classic) = &mut self.classic {
            *classic = Classic::Out;
        }
    }

    fn next_request(&mut self) -> Request {
        match self.classic.clone() {
            None => self.heartbeat(),
            Some(Classic::Out) => self.join(),
            Some(Classic::Joined(joined)) => self.sync(&joined),
            Some(Classic::In) => Request::Heartbeat(HeartbeatRequest {
                group: GROUP.into(),
                generation: self.epoch,
                member_id: self.id.clone(),
                instance_id: self.instance.clone(),
            }),
        }
    }

    fn heartbeat(&mut self) -> Request {
        let joins = self.epoch == 0;
        let says_all = joins || self.is_full;
        // Now it gives up what it no longer is to have, and takes what it is given.
        self.owned.clone_from(&self.told);
        Request::ConsumerHeartbeat(Box::new(ConsumerHeartbeatRequest {
            group: GROUP.into(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            instance_id: self.instance.clone(),
            client_id: self.name.clone(),
            rebalance_timeout_ms: says_all.then_some(15_000),
            topics: says_all.then(|| vec![TOPIC.into()]),
            owned: Some(partitions(&self.owned)),
            ..ConsumerHeartbeatRequest::default()
        }))
    }

    fn join(&mut self) -> Request {
        // An eager member gives up all before it joins.
        self.owned.clear();
        let subscription = Subscription { topics: vec![TOPIC.into()], ..Subscription::default() };
        Request::Join(JoinRequest {
            group: GROUP.into(),
            member_id: self.id.clone(),
            instance_id: self.instance.clone(),
            client_id: self.name.clone(),
            client_host: String::new(),
            session_timeout_ms: SESSION_TIMEOUT_MS,
            rebalance_timeout_ms: 15_000,
            protocol_type: "consumer".into(),
            protocols: vec![Protocol { name: "range".into(), metadata: subscription.encode() }],
            require_known_member_id: true,
            supports_skipping_assignment: false,
        })
    }

    fn sync(&self, joined: &Joined) -> Request {
        let members: Vec<_> = joined
            .members
            .iter()
            .map(|row| (row.member_id.clone(), Subscription::decode(&row.metadata).expect("a subscription")))
            .collect();
        Request::Sync(SyncRequest {
            group: GROUP.into(),
            generation: joined.generation,
            member_id: self.id.clone(),
            instance_id: self.instance.clone(),
            protocol_type: None,
            protocol: None,
            assignments: Assignor::Range
                .assign(&members, &BTreeMap::from([(TOPIC.to_owned(), COUNT)]))
                .into_iter()
                .map(|(id, assignment)| (id, assignment.encode()))
                .collect(),
        })
    }

    fn answered(&mut self, answer: Result<Reply, BrokerError>, now: i64) {
        self.is_full = false;
        match answer {
            Ok(Reply::ConsumerAlive(ConsumerAlive { member_epoch, assignment, .. })) => {
                self.epoch = member_epoch;
                if let Some(assignment) = assignment {
                    self.told = assignment.into_values().flatten().collect();
                    // What is new it takes at once; what it loses it gives up with its next heartbeat.
                    self.owned.extend(&self.told);
                }
            }
            Ok(Reply::Joined(joined)) => {
                self.id.clone_from(&joined.member_id);
                self.epoch = joined.generation;
                self.classic = Some(Classic::Joined(Box::new(joined)));
            }
            Ok(Reply::Synced(synced)) => {
                let assignment = Assignment::decode(&synced.assignment).expect("an assignment");
                self.owned = assignment.partitions.into_iter().flat_map(|row| row.partitions).collect();
                self.classic = Some(Classic::In);
            }
            Ok(_) => {}
            Err(BrokerError::MemberIdRequired { member }) => self.id = member,
            Err(BrokerError::UnknownMember { .. } | BrokerError::FencedInstance { .. }) => {
                self.reset();
                if self.classic.is_some() {
                    self.id.clear();
                }
            }
            Err(BrokerError::FencedMemberEpoch { .. } | BrokerError::UnknownGroup { .. }) => self.reset(),
            Err(_) if self.classic.is_some() => {
                self.classic = Some(Classic::Out);
                self.acts_at = now + 100;
            }
            Err(_) => {
                self.is_full = true;
                self.acts_at = now + 100;
            }
        }
    }
}

const COUNT: i32 = 12;

fn topic_id() -> Uuid {
    Uuid::from_u128(7)
}

fn partitions(numbers: &BTreeSet<i32>) -> Partitions {
    if numbers.is_empty() { Partitions::new() } else { Partitions::from([(topic_id(), numbers.clone())]) }
}

struct World {
    random: Random,
    rough: bool,
    machine: GroupCoordinator,
    log: Vec<LogRecord>,
    writes: VecDeque<(u64, Vec<LogRecord>)>,
    clients: Vec<Client>,
    acknowledged: BTreeMap<i32, i64>,
    commits: BTreeMap<Ticket, (BTreeSet<i32>, i64)>,
    now: i64,
    tickets: Ticket,
    named: u64,
    both_ways: (u64, u64),
    was_consumer: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: Random(seed),
            rough: true,
            machine: machine(1),
            log: Vec::new(),
            writes: VecDeque::new(),
            clients: Vec::new(),
            acknowledged: BTreeMap::new(),
            commits: BTreeMap::new(),
            now: START,
            tickets: 0,
            named: 0,
            both_ways: (0, 0),
            was_consumer: false,
        };
        world.machine.loaded(START);
        world
    }

    fn run(&mut self, steps: usize, most: usize) {
        for _ in 0..steps {
            let pause = 1 + self.random.below(400) as i64;
            self.pass(pause);
            if self.clients.len() < most && self.random.permille(100) {
                self.start_client();
            }
            self.go_wrong();
            self.let_clients_act();
            for _ in 0..self.random.below(4) {
                self.finish_write();
            }
            self.check();
        }
    }

    fn start_client(&mut self) {
        self.named += 1;
        let classic = self.random.permille(450).then_some(Classic::Out);
        let id = if classic.is_some() { String::new() } else { format!("n{}", self.named) };
        self.clients.push(Client {
            name: format!("c{}", self.named),
            instance: self.random.permille(250).then(|| format!("i{}", self.named)),
            classic,
            id,
            epoch: 0,
            owned: BTreeSet::new(),
            told: BTreeSet::new(),
            is_full: false,
            waiting: None,
            committing: None,
            acts_at: self.now,
        });
    }

    fn go_wrong(&mut self) {
        if self.random.permille(8) {
            self.crash();
        }
        if self.clients.is_empty() {
            return;
        }
        let at = self.random.below(self.clients.len() as u64) as usize;
        if self.random.permille(15) {
            self.clients[at].acts_at = self.now + self.random.below(20_000) as i64;
        }
        if self.random.permille(25) {
            self.lose(at);
        }
        if self.random.permille(12) {
            // Its process dies, or says goodbye; its next one may speak the other protocol.
            self.lose(at);
            let client = self.clients.swap_remove(at);
            if client.classic.is_none() && client.epoch > 0 && self.random.permille(600) {
                let member_epoch = if client.instance.is_some() { -2 } else { -1 };
                self.ask(Request::ConsumerHeartbeat(Box::new(ConsumerHeartbeatRequest {
                    group: GROUP.into(),
                    member_id: client.id.clone(),
                    member_epoch,
                    instance_id: client.instance.clone(),
                    ..ConsumerHeartbeatRequest::default()
                })));
            }
            if client.instance.is_some() {
                self.start_client();
                let next = self.clients.last_mut().expect("it was started");
                next.instance = client.instance;
            }
        }
    }

    /// Its call is cut: the answer, if any, does not reach it.
    fn lose(&mut self, at: usize) {
        let client = &mut self.clients[at];
        client.is_full = true;
        if matches!(client.classic, Some(Classic::Joined(_)))
            || client.waiting.is_some() && client.classic.is_some()
        {
            client.classic = Some(Classic::Out);
        }
        let tickets: Vec<_> = client.waiting.take().into_iter().chain(client.committing.take()).collect();
        for ticket in tickets {
            let actions = self.machine.cancel(self.now, GROUP, ticket);
            self.act(actions);
        }
    }

    fn let_clients_act(&mut self) {
        for at in 0..self.clients.len() {
            let now = self.now;
            let Some(client) = self.clients.get_mut(at).filter(|client| client.acts_at <= now) else {
                continue;
            };
            if client.waiting.is_none() {
                let request = client.next_request();
                client.acts_at = now + if self.rough { 50 + self.random.below(1_500) as i64 } else { 500 };
                client.waiting = Some(self.tickets + 1);
                self.ask(request);
            }
            self.maybe_commit(at);
        }
    }

    fn maybe_commit(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let is_in = client.classic.as_ref().is_none_or(|classic| matches!(classic, Classic::In));
        if client.owned.is_empty() || client.committing.is_some() || !is_in || !self.random.permille(200) {
            return;
        }
        let offset = self.tickets as i64;
        let ticket = self.tickets + 1;
        client.committing = Some(ticket);
        self.commits.insert(ticket, (client.owned.clone(), offset));
        let row = |partition: &i32| OffsetToCommit {
            partition: NamedPartition { topic: TOPIC.into(), partition: *partition },
            offset,
            leader_epoch: -1,
            metadata: String::new(),
            topic_id: None,
            refused: None,
        };
        let commit = CommitRequest {
            group: GROUP.into(),
            generation: client.epoch,
            member_id: client.id.clone(),
            instance_id: client.instance.clone(),
            offsets: client.owned.iter().map(row).collect(),
        };
        self.ask(Request::Commit(commit));
    }

    fn ask(&mut self, request: Request) {
        self.tickets += 1;
        let actions = self.machine.handle(self.now, self.tickets, request);
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Reply(ticket, answer) => self.answer(ticket, answer),
                Action::Append { token, records } => self.writes.push_back((token, records)),
                Action::Event(_) => {}
            }
        }
        let is_consumer = self.machine.describe(GROUP).is_some_and(|group| group.assignment_epoch.is_some());
        match (self.was_consumer, is_consumer) {
            (false, true) => self.both_ways.0 += 1,
            (true, false) => self.both_ways.1 += 1,
            _ => {}
        }
        self.was_consumer = is_consumer;
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<Reply, BrokerError>) {
        if let Some((numbers, offset)) = self.commits.remove(&ticket)
            && matches!(&answer, Ok(Reply::Committed(_)))
        {
            for partition in numbers {
                let known = self.acknowledged.entry(partition).or_default();
                *known = offset.max(*known);
            }
        }
        let now = self.now;
        for client in &mut self.clients {
            client.committing.take_if(|mine| *mine == ticket);
            if client.waiting == Some(ticket) {
                client.waiting = None;
                client.answered(answer, now);
                return;
            }
        }
    }

    fn finish_write(&mut self) {
        let Some((token, records)) = self.writes.pop_front() else { return };
        let fails = self.rough && self.random.permille(60);
        let result = if fails { Err(BrokerError::DiskFull) } else { Ok(()) };
        if !fails {
            self.log.extend(records);
        }
        let actions = self.machine.appended(self.now, token, result);
        self.act(actions);
    }

    /// The process dies. Of the writes under way those before some point may have reached the disk all the same.
    fn crash(&mut self) {
        let survivors = self.random.below(self.writes.len() as u64 + 1) as usize;
        self.log.extend(self.writes.drain(..).take(survivors).flat_map(|(_, records)| records));
        self.commits.clear();
        self.machine = machine(u128::from(self.random.below(u64::MAX)));
        for record in &self.log {
            self.machine.replay(&record.key, record.value.as_ref());
        }
        assert_eq!(self.machine.ignored_records(), 0);
        self.machine.loaded(self.now);
        for at in 0..self.clients.len() {
            self.lose(at);
        }
    }

    fn pass(&mut self, ms: i64) {
        let until = self.now + ms;
        while let Some(at) = self.machine.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let actions = self.machine.tick(self.now);
            self.act(actions);
        }
        self.now = until;
    }

    /// Nobody has what another one has, of those that the coordinator takes for members; and no commit is lost.
    fn check(&self) {
        let group = self.machine.describe(GROUP);
        let members: BTreeSet<&str> =
            group.iter().flat_map(|group| &group.members).map(|row| row.member_id.as_str()).collect();
        let mut owners: BTreeMap<i32, &Client> = BTreeMap::new();
        for client in self.clients.iter().filter(|client| members.contains(client.id.as_str())) {
            for partition in &client.owned {
                let other = owners.insert(*partition, client);
                assert!(other.is_none(), "partition {partition}: {client:#?}\n{other:#?}\n{group:#?}");
            }
        }
        let offsets = self.machine.offsets(GROUP);
        for (partition, offset) in &self.acknowledged {
            let kept = offsets.and_then(|offsets| offsets.get(TOPIC, *partition)).map(|row| row.offset);
            assert!(
                kept >= Some(*offset),
                "partition {partition}: {offset} was committed, {kept:?} is there"
            );
        }
    }

    /// Nothing goes wrong any more: before long everybody is in, and every partition has one owner.
    fn settle(&mut self) {
        self.rough = false;
        let until = self.now + 180_000;
        while self.now < until && !self.is_settled() {
            self.pass(250);
            for client in &mut self.clients {
                client.acts_at = client.acts_at.min(self.now + 1_000);
            }
            self.let_clients_act();
            while !self.writes.is_empty() {
                self.finish_write();
            }
            self.check();
        }
        assert!(self.is_settled(), "{:#?}\n{:#?}", self.machine.describe(GROUP), self.clients);
    }

    fn is_settled(&self) -> bool {
        let Some(group) = self.machine.describe(GROUP) else { return self.clients.is_empty() };
        let state = if self.clients.is_empty() { GroupState::Empty } else { GroupState::Stable };
        let mut owned: Vec<_> = self.clients.iter().flat_map(|client| &client.owned).copied().collect();
        owned.sort_unstable();
        group.summary.state == state
            && group.members.len() == self.clients.len()
            && (self.clients.is_empty() || owned.into_iter().eq(0..COUNT))
    }
}

fn machine(seed: u128) -> GroupCoordinator {
    let each = GroupConfig { consumer_session_timeout_ms: SESSION_TIMEOUT_MS, ..GroupConfig::default() };
    let settings = GroupSettings { each, ..GroupSettings::default() };
    let mut machine = GroupCoordinator::new(settings, seed);
    machine.topics_changed(Topics::new(1, [(TOPIC.to_owned(), topic_id(), COUNT)]));
    machine
}

/// Tells the seed when the run behind it panics.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let line = format!("failed with RUNNEL_SEED={}\n", self.0);
            std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).expect("standard error");
        }
    }
}

fn seeds(default: u64) -> Vec<u64> {
    let one = std::env::var("RUNNEL_SEED").ok().map(|seed| seed.parse().expect("a seed"));
    one.map_or_else(|| (0..default).collect(), |seed| vec![seed])
}

#[test]
fn members_of_both_protocols_share_partitions_through_crashes_and_migrations() {
    let (mut up, mut down, mut commits) = (0, 0, 0);
    let seeds = seeds(SEEDS);
    for &seed in &seeds {
        let _told = Told(seed);
        let mut world = World::new(seed);
        world.run(400, 1 + (seed % 7) as usize);
        world.settle();
        up += world.both_ways.0;
        down += world.both_ways.1;
        commits += world.acknowledged.len();
    }
    if seeds.len() as u64 == SEEDS {
        assert!(up > SEEDS && down > SEEDS / 4 && commits > 0, "{up} up, {down} down, {commits} commits");
    }
}

#[test]
fn a_hundred_members_share_out_while_some_come_and_go() {
    for seed in seeds(2) {
        let _told = Told(seed);
        let mut world = World::new(seed);
        for _ in 0..100 {
            world.start_client();
        }
        world.run(150, 100);
        world.settle();
    }
}

#[test]
fn a_crash_at_any_step_loses_nothing() {
    for seed in seeds(2) {
        let _told = Told(seed);
        for step in 0..100 {
            let mut world = World::new(seed);
            world.run(step, 4);
            world.crash();
            world.run(20, 4);
            world.settle();
        }
    }
}

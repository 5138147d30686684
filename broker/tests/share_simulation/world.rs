//! A coordinator, its log, two partitions and some members, in one thread.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use runnel_broker::config::GroupConfig;
use runnel_broker::coordinator::group::{
    AckBatch, AckKind, Action, Found, GroupCoordinator, GroupSettings, NextOffset, Reply, Request,
    ShareAcknowledgeRequest, ShareAcquireRequest, ShareAlive, ShareBeginRequest, ShareHeartbeatRequest,
    ShareLimits, ShareNextRequest, ShareReleaseRequest, Span, Ticket, Topics,
};
use runnel_broker::error::BrokerError;
use runnel_broker::types::{LogRecord, TopicPartition, Uuid};

use crate::model::Model;
use crate::random::Random;

const GROUP: &str = "g";
const TOPIC: &str = "orders";
const PARTITIONS: i32 = 2;
const START: i64 = 1_700_000_000_000;
/// All times are whole rounds of the coordinator's, so that locks end when they should.
const ROUND_MS: i64 = 50;
const LOCK_MS: i64 = 10_000;
const LIMIT: i16 = 3;

/// A member; its number is its place.
#[derive(Debug, Default)]
struct Member {
    epoch: i32,
    session: u64,
    /// It looked, and is about to take what it found.
    looked: Option<Found>,
}

/// What an answer is about.
#[derive(Debug)]
enum Asked {
    Joined(usize),
    /// These are over with it.
    Acknowledged(Vec<(i32, i64)>),
    Nothing,
}

pub(crate) struct World {
    random: Random,
    machine: GroupCoordinator,
    /// What is on disk.
    log: Vec<LogRecord>,
    writes: VecDeque<(u64, Vec<LogRecord>)>,
    now: i64,
    tickets: Ticket,
    asked: BTreeMap<Ticket, Asked>,
    replies: BTreeMap<Ticket, Result<Reply, BrokerError>>,
    members: Vec<Member>,
    /// Batches by partition, and the offset that the next one begins at.
    batches: Vec<Vec<Span>>,
    ends: Vec<i64>,
    begun: BTreeSet<i32>,
    sessions: u64,
    pub(crate) model: Model,
    pub(crate) crashes: u64,
}

fn topic_partition(partition: i32) -> TopicPartition {
    TopicPartition { topic_id: Uuid::from_u128(9), partition }
}

fn coordinator(log: &[LogRecord], now: i64) -> GroupCoordinator {
    let share = ShareLimits { delivery_count_limit: LIMIT, max_record_locks: 40, ..ShareLimits::default() };
    let each = GroupConfig { share_record_lock_duration_ms: LOCK_MS as i32, ..GroupConfig::default() };
    let mut machine = GroupCoordinator::new(GroupSettings { share, each, ..GroupSettings::default() }, 7);
    for record in log {
        machine.replay(&record.key, record.value.as_ref());
    }
    assert_eq!(machine.ignored_records(), 0);
    machine.topics_changed(Topics::new(1, [(TOPIC.to_owned(), Uuid::from_u128(9), PARTITIONS)]));
    machine.loaded(now);
    machine
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let members = 1 + random.below(4) as usize;
        Self {
            random,
            machine: coordinator(&[], START),
            log: Vec::new(),
            writes: VecDeque::new(),
            now: START,
            tickets: 0,
            asked: BTreeMap::new(),
            replies: BTreeMap::new(),
            members: (0..members).map(|_| Member::default()).collect(),
            batches: vec![Vec::new(); PARTITIONS as usize],
            ends: vec![0; PARTITIONS as usize],
            begun: BTreeSet::new(),
            sessions: 0,
            model: Model::new(LIMIT),
            crashes: 0,
        }
    }

    /// Lets so many things happen.
    pub(crate) fn run(&mut self, steps: usize, crashes: bool) {
        for _ in 0..steps {
            let member = self.random.below(self.members.len() as u64) as usize;
            match self.random.below(100) {
                0..10 => self.append(),
                10..22 => self.heartbeat(member),
                22..45 => self.look(member),
                45..65 => self.acquire(member),
                65..83 => self.acknowledge(member),
                83..86 => self.end_session(member),
                86..87 => self.leave(member),
                87..95 => self.write(),
                95 if crashes => self.crash(),
                _ => {
                    let rounds = self.random.below(40) as i64;
                    self.pass(rounds * ROUND_MS);
                }
            }
        }
    }

    /// Nothing goes wrong any more: everything is delivered, and accepted, until there is nothing left.
    pub(crate) fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 1_000, "it never ends");
            self.write_all();
            self.heartbeat(0);
            self.write_all();
            for partition in 0..PARTITIONS {
                self.look_at(0, partition);
                self.write_all();
                self.look_at(0, partition);
                self.acquire(0);
                let held = self.model.held(0, partition);
                self.tell(0, partition, held.into_iter().map(|offset| (offset, AckKind::Accept)).collect());
                self.write_all();
            }
            let next = self.next_offsets();
            if next.iter().zip(&self.ends).all(|(next, end)| *next == NextOffset::At(*end)) {
                // What somebody still has comes back when its time is over.
                self.pass(LOCK_MS + ROUND_MS);
                self.write_all();
                let next = self.next_offsets();
                if next.iter().zip(&self.ends).all(|(next, end)| *next == NextOffset::At(*end)) {
                    break;
                }
            }
            self.pass(ROUND_MS);
        }
        self.model.check_nothing_is_lost();
        let offsets = self.machine.share_offsets(GROUP).unwrap_or_default();
        for offset in offsets {
            let end = self.ends[offset.partition.partition as usize];
            assert_eq!(offset.lag(end), 0, "{offset:?}");
        }
    }

    /// The coordinator dies with what is not on disk, and comes back. Of what was being written some may be there.
    pub(crate) fn crash(&mut self) {
        self.crashes += 1;
        let kept = self.random.below(self.writes.len() as u64 + 1) as usize;
        for (_, records) in self.writes.drain(..).take(kept) {
            self.log.extend(records);
        }
        self.writes.clear();
        self.asked.clear();
        self.model.crashed();
        for member in &mut self.members {
            (member.epoch, member.looked, member.session) = (0, None, 0);
        }
        self.machine = coordinator(&self.log, self.now);
        let begun = self.machine.share_offsets(GROUP).unwrap_or_default();
        self.begun = begun.iter().map(|row| row.partition.partition).collect();
    }

    /// Some batches, with gaps between them now and then.
    fn append(&mut self) {
        let partition = self.random.below(PARTITIONS as u64) as usize;
        for _ in 0..1 + self.random.below(3) {
            if self.random.permille(200) {
                self.ends[partition] += 1 + self.random.below(3) as i64;
            }
            let first = self.ends[partition];
            let last = first + self.random.below(6) as i64;
            self.batches[partition].push(Span { first, last });
            self.ends[partition] = last + 1;
            (first..=last).for_each(|offset| self.model.appended((partition as i32, offset)));
        }
    }

    fn heartbeat(&mut self, number: usize) {
        if self.asked.values().any(|asked| matches!(asked, Asked::Joined(_))) {
            return;
        }
        let epoch = self.members[number].epoch;
        let request = ShareHeartbeatRequest {
            group: GROUP.to_owned(),
            member_id: name(number),
            member_epoch: epoch,
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            topics: (epoch == 0).then(|| vec![TOPIC.to_owned()]),
            ..ShareHeartbeatRequest::default()
        };
        self.ask(Request::ShareHeartbeat(Box::new(request)), Asked::Joined(number));
    }

    fn leave(&mut self, number: usize) {
        if self.members[number].epoch == 0 {
            return;
        }
        self.write_all();
        let request = ShareHeartbeatRequest {
            group: GROUP.to_owned(),
            member_id: name(number),
            member_epoch: -1,
            ..ShareHeartbeatRequest::default()
        };
        self.ask(Request::ShareHeartbeat(Box::new(request)), Asked::Nothing);
        self.write_all();
        self.out(number);
    }

    /// A member is out of the group: it holds nothing.
    fn out(&mut self, number: usize) {
        self.members[number] = Member::default();
        self.model.released(number, self.now);
    }

    fn look(&mut self, number: usize) {
        let partition = self.random.below(PARTITIONS as u64) as i32;
        self.look_at(number, partition);
    }

    /// Finds out where the next records are, as a fetch does before it takes them.
    fn look_at(&mut self, number: usize, partition: i32) {
        self.be_ready();
        if !self.begun.contains(&partition) {
            let starts = vec![(topic_partition(partition), 0)];
            let request = ShareBeginRequest { group: GROUP.to_owned(), starts };
            self.ask(Request::ShareBegin(request), Asked::Nothing);
            self.begun.insert(partition);
            return;
        }
        let request =
            ShareNextRequest { group: GROUP.to_owned(), partitions: vec![(topic_partition(partition), 0)] };
        let Some(Ok(Reply::ShareNext(next))) = self.ask(Request::ShareNext(request), Asked::Nothing) else {
            return;
        };
        let from = match next.next[0] {
            NextOffset::At(from) => from,
            NextOffset::Full => return,
            NextOffset::NotBegun => {
                // The write of that failed.
                self.begun.remove(&partition);
                return;
            }
        };
        let count = 1 + self.random.below(4) as usize;
        let batches = self.batches[partition as usize].iter().filter(|span| span.last >= from);
        let spans: Vec<_> = batches.take(count).copied().collect();
        if let Some(last) = spans.last() {
            let (partition, to) = (topic_partition(partition), last.last + 1);
            self.members[number].looked = Some(Found { partition, from, to, spans });
        }
    }

    /// Takes what was found, whatever has happened since.
    fn acquire(&mut self, number: usize) {
        self.be_ready();
        let Some(found) = self.members[number].looked.take() else { return };
        if self.members[number].session == 0 {
            self.sessions += 1;
            self.members[number].session = self.sessions;
        }
        let partition = found.partition.partition;
        let request = ShareAcquireRequest {
            group: GROUP.to_owned(),
            member_id: name(number),
            session: self.members[number].session,
            found: vec![found],
            max_records: 1 + self.random.below(10) as i64,
            is_exact: self.random.permille(300),
            batch_size: self.random.below(4) as i64,
        };
        let (exact, most) = (request.is_exact, request.max_records);
        let Some(Ok(Reply::ShareAcquired(acquired))) =
            self.ask(Request::ShareAcquire(request), Asked::Nothing)
        else {
            return;
        };
        let mut count = 0;
        for got in &acquired[0] {
            count += got.last - got.first + 1;
            for offset in got.first..=got.last {
                let until = self.now + LOCK_MS;
                self.model.delivered((partition, offset), number, got.deliveries, self.now, until);
            }
        }
        assert!(!exact || count <= most, "{count} records, at most {most} were asked for");
    }

    /// Says something of a part of what a member holds.
    fn acknowledge(&mut self, number: usize) {
        let partition = self.random.below(PARTITIONS as u64) as i32;
        let mut held = self.model.held(number, partition);
        if self.random.permille(30) {
            // Something that it may not have any more, or never had.
            held.push(self.random.below(self.ends[partition as usize].max(1) as u64) as i64);
            held.sort_unstable();
            held.dedup();
        }
        held.truncate(1 + self.random.below(12) as usize);
        let kinds = held.into_iter().map(|offset| {
            let kind = match self.random.below(10) {
                0..5 => AckKind::Accept,
                5..8 => AckKind::Release,
                8 => AckKind::Reject,
                _ => AckKind::Renew,
            };
            (offset, kind)
        });
        let kinds = kinds.collect();
        self.tell(number, partition, kinds);
    }

    fn tell(&mut self, number: usize, partition: i32, kinds: Vec<(i64, AckKind)>) {
        if kinds.is_empty() {
            return;
        }
        self.be_ready();
        // Neighbours go in one batch, with a type for each.
        let mut batches: Vec<AckBatch> = Vec::new();
        for (offset, kind) in &kinds {
            match batches.last_mut().filter(|batch| batch.last + 1 == *offset) {
                Some(batch) => {
                    batch.last = *offset;
                    batch.kinds.push(*kind);
                }
                None => batches.push(AckBatch { first: *offset, last: *offset, kinds: vec![*kind] }),
            }
        }
        let request = ShareAcknowledgeRequest {
            group: GROUP.to_owned(),
            member_id: name(number),
            partitions: vec![(topic_partition(partition), batches)],
        };
        let holds: Vec<_> = kinds
            .iter()
            .map(|(offset, _)| self.model.holds((partition, *offset), number, self.now))
            .collect();
        let is_end = |kind: &AckKind| !matches!(kind, AckKind::Release | AckKind::Renew);
        let ends = kinds.iter().filter(|(_, kind)| is_end(kind));
        let places: Vec<_> = ends.map(|(offset, _)| (partition, *offset)).collect();
        let begun = self.start_of(partition);
        let answer = self.ask(Request::ShareAcknowledge(request), Asked::Acknowledged(places));
        let refused = match &answer {
            Some(Ok(Reply::ShareAcknowledged(rows))) => rows[0].is_err(),
            Some(Err(error)) => !matches!(error, BrokerError::DiskFull),
            _ => false,
        };
        if refused {
            let sure = holds.iter().all(|holds| *holds == Some(true));
            assert!(!sure, "{number} holds {kinds:?} of {partition}, and is refused: {answer:?}");
            return;
        }
        for ((offset, kind), holds) in kinds.iter().zip(holds) {
            if begun.is_some_and(|start| *offset < start) {
                continue;
            }
            assert_ne!(
                holds,
                Some(false),
                "{number} does not hold {offset} of {partition}, and is not refused"
            );
            self.model.acknowledged((partition, *offset), *kind, self.now + LOCK_MS);
        }
        if let Some(Ok(_)) = answer {
            // Nothing of it had to be written, or it is.
            for (offset, _) in kinds.iter().filter(|(_, kind)| is_end(kind)) {
                self.model.written((partition, *offset));
            }
        }
    }

    fn start_of(&self, partition: i32) -> Option<i64> {
        let offsets = self.machine.share_offsets(GROUP)?;
        offsets.iter().find(|row| row.partition.partition == partition).map(|row| row.start)
    }

    fn end_session(&mut self, number: usize) {
        let session = std::mem::take(&mut self.members[number].session);
        if session == 0 {
            return;
        }
        self.be_ready();
        let request = ShareReleaseRequest { group: GROUP.to_owned(), member_id: name(number), session };
        self.ask(Request::ShareRelease(request), Asked::Nothing);
        self.model.released(number, self.now);
    }

    fn next_offsets(&mut self) -> Vec<NextOffset> {
        self.be_ready();
        let partitions = (0..PARTITIONS).map(|partition| (topic_partition(partition), 0)).collect();
        let request = ShareNextRequest { group: GROUP.to_owned(), partitions };
        match self.ask(Request::ShareNext(request), Asked::Nothing) {
            Some(Ok(Reply::ShareNext(next))) => next.next,
            other => panic!("{other:?}"),
        }
    }

    /// Lets the group have what it waits for, so that it answers what it is asked next.
    fn be_ready(&mut self) {
        if self.asked.values().any(|asked| matches!(asked, Asked::Joined(_) | Asked::Nothing)) {
            self.write_all();
        }
    }

    /// Asks, and returns the answer if it is there at once.
    fn ask(&mut self, request: Request, asked: Asked) -> Option<Result<Reply, BrokerError>> {
        self.tickets += 1;
        let ticket = self.tickets;
        self.asked.insert(ticket, asked);
        let actions = self.machine.handle(self.now, ticket, request);
        self.act(actions);
        self.replies.remove(&ticket)
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Append { token, records } => self.writes.push_back((token, records)),
                Action::Reply(ticket, reply) => self.answered(ticket, reply),
                Action::Event(_) => {}
            }
        }
    }

    fn answered(&mut self, ticket: Ticket, reply: Result<Reply, BrokerError>) {
        match (self.asked.remove(&ticket), &reply) {
            (Some(Asked::Joined(number)), Ok(Reply::ShareAlive(ShareAlive { member_epoch, .. }))) => {
                self.members[number].epoch = *member_epoch;
            }
            (Some(Asked::Joined(number)), Err(_)) => self.members[number].epoch = 0,
            (Some(Asked::Acknowledged(places)), Ok(Reply::ShareAcknowledged(rows))) if rows[0].is_ok() => {
                places.into_iter().for_each(|place| self.model.written(place));
            }
            _ => {}
        }
        self.replies.insert(ticket, reply);
    }

    /// The oldest write ends, well or not.
    fn write(&mut self) {
        let fails = self.random.permille(100);
        self.write_one(fails);
    }

    fn write_one(&mut self, fails: bool) {
        let Some((token, records)) = self.writes.pop_front() else { return };
        let result = if fails { Err(BrokerError::DiskFull) } else { Ok(()) };
        if result.is_ok() {
            self.log.extend(records);
        }
        let actions = self.machine.appended(self.now, token, result);
        self.act(actions);
        self.look_who_is_out();
    }

    fn write_all(&mut self) {
        while !self.writes.is_empty() {
            self.write_one(false);
        }
    }

    /// Lets time pass, with all that is due on the way.
    fn pass(&mut self, ms: i64) {
        let until = self.now + ms;
        while let Some(at) = self.machine.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let actions = self.machine.tick(self.now);
            self.act(actions);
        }
        self.now = until;
    }

    /// Members that fell silent are dropped.
    fn look_who_is_out(&mut self) {
        let described = self.machine.describe(GROUP).map(|group| group.members).unwrap_or_default();
        let within: BTreeSet<_> = described.into_iter().map(|member| member.member_id).collect();
        for number in 0..self.members.len() {
            if self.members[number].epoch > 0 && !within.contains(&name(number)) {
                self.out(number);
            }
        }
    }
}

fn name(member: usize) -> String {
    format!("member-{member}")
}

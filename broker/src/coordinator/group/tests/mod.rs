//! The rules, one by one. What they come to together is tested by `tests/group_simulation.rs`.

mod consumer;
mod membership;
mod migration;
mod offsets;
mod share;
mod statics;
mod timeouts;
mod transactional;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use runnel_proto::group::Subscription;

use super::*;

/// A coordinator with a log that can be held up, and made to fail.
struct Desk {
    machine: GroupCoordinator,
    log: Vec<LogRecord>,
    now: UnixMillis,
    tickets: Ticket,
    replies: BTreeMap<Ticket, Result<Reply, BrokerError>>,
    writes: VecDeque<(Token, Vec<LogRecord>)>,
    slow_log: bool,
    events: Vec<String>,
}

const START: UnixMillis = 1_700_000_000_000;

impl Desk {
    fn new() -> Self {
        Self::with(GroupSettings::default())
    }

    fn with(settings: GroupSettings) -> Self {
        let mut machine = GroupCoordinator::new(settings, 7);
        machine.loaded(START);
        Self {
            machine,
            log: Vec::new(),
            now: START,
            tickets: 0,
            replies: BTreeMap::new(),
            writes: VecDeque::new(),
            slow_log: false,
            events: Vec::new(),
        }
    }

    /// Sends a request; the answer may be there at once, later, or never.
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
                    assert_eq!(
                        self.replies.insert(ticket, reply),
                        None,
                        "ticket {ticket} was answered twice"
                    );
                }
                Action::Append { token, records } => self.writes.push_back((token, records)),
                Action::Event(event) => self.events.push(event),
            }
        }
        if !self.slow_log {
            self.write_all();
        }
    }

    fn write_all(&mut self) {
        while !self.writes.is_empty() {
            self.write(Ok(()));
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
        let mut fresh = GroupCoordinator::new(self.machine.settings.clone(), 8);
        for record in &self.log {
            fresh.replay(&record.key, record.value.as_ref());
        }
        assert_eq!(fresh.ignored_records(), 0);
        fresh.loaded(self.now);
        self.machine = fresh;
        self.writes.clear();
    }

    fn state(&self) -> Option<GroupState> {
        self.machine.describe("g").map(|group| group.summary.state)
    }

    /// A settled group of these members, who join in this order; the first leads. Returns their ids.
    fn settle(&mut self, members: &[JoinRequest]) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for member in members {
            let mut tickets = vec![self.ask(Request::Join(member.clone()))];
            for (id, earlier) in ids.iter().zip(members) {
                tickets
                    .push(self.ask(Request::Join(JoinRequest { member_id: id.clone(), ..earlier.clone() })));
            }
            let joined: Vec<_> = tickets.into_iter().map(|ticket| joined(self.answer(ticket))).collect();
            ids.push(joined[0].member_id.clone());
            let generation = joined[0].generation;
            let syncs: Vec<_> = ids.iter().map(|id| self.ask(sync(id, generation, &ids))).collect();
            syncs.into_iter().for_each(|ticket| assert!(matches!(self.answer(ticket), Some(Ok(_)))));
        }
        assert_eq!(self.state(), Some(GroupState::Stable));
        ids
    }

    fn generation(&self) -> i32 {
        self.machine.describe("g").expect("a group").generation
    }

    fn heartbeat(&mut self, id: &str) -> Result<Reply, BrokerError> {
        let generation = self.generation();
        self.call(heartbeat(id, generation))
    }

    fn offset(&mut self, topic: &str) -> Option<i64> {
        let partitions = Some(vec![NamedPartition { topic: topic.into(), partition: 0 }]);
        let request = FetchRequest { group: "g".into(), member: None, partitions, require_stable: false };
        match self.call(Request::Fetch(request)) {
            Ok(Reply::Fetched(rows)) => {
                let committed = rows[0].committed.as_ref().expect("stable is not required");
                committed.as_ref().map(|committed| committed.offset)
            }
            other => panic!("{other:?}"),
        }
    }
}

fn subscription(topics: &[&str]) -> Bytes {
    let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
    Subscription { topics, ..Subscription::default() }.encode()
}

fn member(name: &str) -> JoinRequest {
    JoinRequest {
        group: "g".into(),
        member_id: String::new(),
        instance_id: None,
        client_id: name.into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: subscription(&["orders"]) }],
        require_known_member_id: false,
        supports_skipping_assignment: false,
    }
}

fn joined(answer: Option<Result<Reply, BrokerError>>) -> Joined {
    match answer {
        Some(Ok(Reply::Joined(joined))) => joined,
        other => panic!("expected to be in, got {other:?}"),
    }
}

/// Everybody gets its own name.
fn sync(id: &str, generation: i32, members: &[String]) -> Request {
    Request::Sync(SyncRequest {
        group: "g".into(),
        generation,
        member_id: id.into(),
        instance_id: None,
        protocol_type: None,
        protocol: None,
        assignments: members.iter().map(|id| (id.clone(), Bytes::from(id.clone()))).collect(),
    })
}

fn assignment(answer: Option<Result<Reply, BrokerError>>) -> Bytes {
    match answer {
        Some(Ok(Reply::Synced(synced))) => synced.assignment,
        other => panic!("expected an assignment, got {other:?}"),
    }
}

fn heartbeat(id: &str, generation: i32) -> Request {
    let (group, member_id) = ("g".into(), id.into());
    Request::Heartbeat(HeartbeatRequest { group, generation, member_id, instance_id: None })
}

fn leave(id: &str, instance_id: Option<&str>) -> Request {
    let leaving = LeavingMember { member_id: id.into(), instance_id: instance_id.map(str::to_owned) };
    Request::Leave(LeaveRequest { group: "g".into(), members: vec![leaving] })
}

fn commit(id: &str, generation: i32, rows: &[(&str, i64)]) -> Request {
    let row = |(topic, offset): &(&str, i64)| OffsetToCommit {
        partition: NamedPartition { topic: (*topic).into(), partition: 0 },
        offset: *offset,
        leader_epoch: -1,
        metadata: String::new(),
        topic_id: None,
        refused: None,
    };
    Request::Commit(CommitRequest {
        group: "g".into(),
        generation,
        member_id: id.into(),
        instance_id: None,
        offsets: rows.iter().map(row).collect(),
    })
}

fn unknown_member(id: &str) -> BrokerError {
    BrokerError::UnknownMember { group: "g".into(), member: id.into() }
}

fn rebalancing() -> BrokerError {
    BrokerError::RebalanceInProgress { group: "g".into() }
}

fn illegal_generation(generation: i32) -> BrokerError {
    BrokerError::IllegalGeneration { group: "g".into(), generation }
}

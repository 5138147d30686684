//! The group that offsets are committed to: the real coordinator over a log of its own.

use std::collections::{BTreeMap, VecDeque};

use runnel_broker::coordinator::group::{
    Action, CommitRequest, EndTransactionRequest, FetchRequest, GroupCoordinator, GroupSettings,
    NamedPartition, OffsetToCommit, Reply, Request, TransactionalCommitRequest,
};
use runnel_broker::coordinator::transaction::{Marker, Producer};
use runnel_broker::error::BrokerError;
use runnel_broker::types::LogRecord;

pub(crate) const GROUP: &str = "g";

pub(crate) struct Groups {
    machine: GroupCoordinator,
    log: Vec<LogRecord>,
    writes: VecDeque<(u64, Vec<LogRecord>)>,
    tickets: u64,
    /// Answers that nobody has fetched.
    answers: BTreeMap<u64, Result<Reply, BrokerError>>,
}

impl Groups {
    pub(crate) fn new(now: i64) -> Self {
        let mut machine = GroupCoordinator::new(GroupSettings::default(), 1);
        machine.loaded(now);
        Self { machine, log: Vec::new(), writes: VecDeque::new(), tickets: 0, answers: BTreeMap::new() }
    }

    /// Commits the offset of an id, within a transaction. Returns the ticket.
    pub(crate) fn commit(&mut self, now: i64, id: &str, producer: Producer, offset: i64) -> u64 {
        let partition = row_of(id);
        self.ask(
            now,
            Request::CommitTransactional(TransactionalCommitRequest {
                producer_id: producer.id,
                producer_epoch: producer.epoch,
                commit: CommitRequest {
                    group: GROUP.into(),
                    generation: -1,
                    member_id: String::new(),
                    instance_id: None,
                    offsets: vec![OffsetToCommit {
                        partition,
                        offset,
                        leader_epoch: -1,
                        metadata: String::new(),
                        topic_id: None,
                        refused: None,
                    }],
                },
            }),
        )
    }

    /// Brings a transaction's end to the group. Returns the ticket.
    pub(crate) fn end(&mut self, now: i64, marker: Marker) -> u64 {
        self.ask(
            now,
            Request::EndTransaction(EndTransactionRequest {
                group: GROUP.into(),
                producer_id: marker.producer.id,
                producer_epoch: marker.producer.epoch,
                commit: marker.commit,
            }),
        )
    }

    /// The answer to a request, once.
    pub(crate) fn answer(&mut self, ticket: u64) -> Option<Result<Reply, BrokerError>> {
        self.answers.remove(&ticket)
    }

    /// An id's offset, unless a transaction may change it.
    pub(crate) fn stable_offset(&mut self, now: i64, id: &str) -> Result<Option<i64>, BrokerError> {
        let partitions = Some(vec![row_of(id)]);
        let request = FetchRequest { group: GROUP.into(), member: None, partitions, require_stable: true };
        let ticket = self.ask(now, Request::Fetch(request));
        match self.answer(ticket) {
            Some(Ok(Reply::Fetched(rows))) => rows[0].committed.clone().map(|row| row.map(|row| row.offset)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn is_writing(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Brings the oldest write to its end.
    pub(crate) fn finish_write(&mut self, now: i64, fails: bool) {
        let Some((token, records)) = self.writes.pop_front() else { return };
        if !fails {
            self.log.extend(records);
        }
        let result = if fails { Err(BrokerError::DiskFull) } else { Ok(()) };
        let actions = self.machine.appended(now, token, result);
        self.act(actions);
    }

    /// The process dies; so many of the writes under way had reached the disk.
    pub(crate) fn crash(&mut self, now: i64, choose: impl FnOnce(u64) -> u64) {
        let survivors = choose(self.writes.len() as u64 + 1) as usize;
        self.log.extend(self.writes.drain(..).take(survivors).flat_map(|(_, records)| records));
        self.machine = GroupCoordinator::new(GroupSettings::default(), 1);
        for record in &self.log {
            self.machine.replay(&record.key, record.value.as_ref());
        }
        assert_eq!(self.machine.ignored_records(), 0);
        self.machine.loaded(now);
        self.answers.clear();
    }

    fn ask(&mut self, now: i64, request: Request) -> u64 {
        self.tickets += 1;
        let actions = self.machine.handle(now, self.tickets, request);
        self.act(actions);
        self.tickets
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Reply(ticket, answer) => {
                    assert_eq!(self.answers.insert(ticket, answer), None, "answered twice");
                }
                Action::Append { token, records } => self.writes.push_back((token, records)),
                Action::Event(_) => {}
            }
        }
    }
}

/// Each id has a row of its own.
fn row_of(id: &str) -> NamedPartition {
    NamedPartition { topic: format!("read by {id}"), partition: 0 }
}

//! Share groups: who is in, who reads what, and how what a group has made of its partitions reaches the log.

use super::consumer::{id_of, partitions, set_topics};
use super::*;
use crate::types::TopicPartition;

fn beating(id: &str, epoch: i32, topics: Option<&[&str]>) -> Request {
    Request::ShareHeartbeat(Box::new(ShareHeartbeatRequest {
        group: "g".into(),
        member_id: id.into(),
        member_epoch: epoch,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        topics: topics.map(|topics| topics.iter().map(|topic| (*topic).to_owned()).collect()),
        ..ShareHeartbeatRequest::default()
    }))
}

fn place(partition: i32) -> TopicPartition {
    TopicPartition { topic_id: id_of("orders"), partition }
}

impl Desk {
    fn share_beat(&mut self, request: Request) -> Result<ShareAlive, BrokerError> {
        match self.call(request)? {
            Reply::ShareAlive(alive) => Ok(alive),
            other => panic!("{other:?}"),
        }
    }

    fn share_join(&mut self, id: &str) -> ShareAlive {
        self.share_beat(beating(id, 0, Some(&["orders"]))).expect("a member that joins")
    }

    fn begin(&mut self, start: i64) {
        let starts = vec![(place(0), start)];
        self.call(Request::ShareBegin(ShareBeginRequest { group: "g".into(), starts })).expect("a beginning");
    }

    fn next(&mut self) -> NextOffset {
        let request = ShareNextRequest { group: "g".into(), partitions: vec![(place(0), 0)] };
        match self.call(Request::ShareNext(request)) {
            Ok(Reply::ShareNext(next)) => next.next[0],
            other => panic!("{other:?}"),
        }
    }

    /// Gives a member what lies in one batch.
    fn acquire(&mut self, id: &str, first: i64, last: i64) -> Vec<(i64, i64, i16)> {
        let span = Span { first, last };
        let found = Found { partition: place(0), from: first, to: last + 1, spans: vec![span] };
        let request = ShareAcquireRequest {
            group: "g".into(),
            member_id: id.into(),
            session: 1,
            found: vec![found],
            max_records: 500,
            is_exact: false,
            batch_size: 0,
        };
        match self.call(Request::ShareAcquire(request)) {
            Ok(Reply::ShareAcquired(rows)) => {
                rows[0].iter().map(|got| (got.first, got.last, got.deliveries)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn told(&mut self, id: &str, first: i64, last: i64, kind: AckKind) -> Ticket {
        let batches = vec![AckBatch { first, last, kinds: vec![kind] }];
        self.ask(Request::ShareAcknowledge(ShareAcknowledgeRequest {
            group: "g".into(),
            member_id: id.into(),
            partitions: vec![(place(0), batches)],
        }))
    }

    fn acknowledge(&mut self, id: &str, first: i64, last: i64, kind: AckKind) -> Result<(), BrokerError> {
        let ticket = self.told(id, first, last, kind);
        match self.answer(ticket).expect("an answer")? {
            Reply::ShareAcknowledged(mut rows) => rows.remove(0),
            other => panic!("{other:?}"),
        }
    }
}

fn desk() -> Desk {
    let mut desk = Desk::new();
    set_topics(&mut desk, &[("orders", 2)]);
    desk
}

#[test]
fn members_share_partitions_and_learn_of_each_other_by_heartbeats() {
    let mut desk = desk();
    let a = desk.share_join("a");
    assert_eq!((a.member_epoch, a.assignment), (1, Some(partitions("orders", [0, 1]))));
    let b = desk.share_join("b");
    assert_eq!((b.member_epoch, b.assignment), (2, Some(partitions("orders", [1]))));
    let a = desk.share_beat(beating("a", 1, None)).unwrap();
    assert_eq!((a.member_epoch, a.assignment), (2, Some(partitions("orders", [0]))));
    let before = desk.log.len();
    let a = desk.share_beat(beating("a", 2, None)).unwrap();
    assert_eq!((a.member_epoch, a.assignment, desk.log.len()), (2, None, before), "nothing is new");
    let c = desk.share_join("c");
    assert_eq!(c.assignment, Some(partitions("orders", [0, 1])), "four places for three members");
    let group = desk.machine.describe("g").expect("a group");
    assert_eq!((group.summary.kind, group.summary.state), (GroupType::Share, GroupState::Stable));
    assert_eq!((group.summary.members, &*group.protocol, group.generation), (3, "simple", 3));
}

#[test]
fn epochs_are_checked_and_the_last_answer_may_have_been_lost() {
    let mut desk = desk();
    desk.share_join("a");
    desk.share_join("b");
    desk.share_beat(beating("a", 1, None)).unwrap();
    let again = desk.share_beat(beating("a", 1, None)).unwrap();
    assert_eq!((again.member_epoch, again.assignment), (2, None));
    let refused = desk.share_beat(beating("a", 7, None));
    assert!(matches!(refused, Err(BrokerError::FencedMemberEpoch { current: 2, .. })), "{refused:?}");
    let unknown = desk.share_beat(beating("x", 1, None));
    assert!(matches!(unknown, Err(BrokerError::UnknownMember { .. })), "{unknown:?}");
    for request in [beating("", 0, Some(&["orders"])), beating("c", 0, None), beating("c", -2, None)] {
        assert!(matches!(desk.share_beat(request), Err(BrokerError::InvalidArgument { .. })));
    }
}

#[test]
fn members_leave_or_fall_silent_and_others_get_what_they_held() {
    let mut desk = desk();
    desk.share_join("a");
    desk.share_join("b");
    desk.begin(0);
    desk.acquire("a", 0, 9);
    assert_eq!(desk.next(), NextOffset::At(10));
    desk.share_beat(beating("a", -1, None)).unwrap();
    assert_eq!(desk.acquire("b", 0, 9), [(0, 9, 1)], "what a had does not count");
    let b = desk.share_beat(beating("b", 2, None)).unwrap();
    assert_eq!((b.member_epoch, b.assignment), (3, Some(partitions("orders", [0, 1]))));
    desk.pass(60_000);
    assert_eq!(desk.state(), Some(GroupState::Empty));
    assert_eq!(desk.next(), NextOffset::At(0));
    desk.call(Request::DeleteGroup { group: "g".into() }).unwrap();
    assert!(desk.machine.describe("g").is_none() && desk.machine.share_offsets("g").is_none());
    desk.restart();
    assert!(desk.machine.list().next().is_none());
}

#[test]
fn a_group_is_of_one_kind() {
    let mut desk = desk();
    desk.share_join("a");
    let commit = CommitRequest {
        group: "g".into(),
        generation: -1,
        member_id: String::new(),
        instance_id: None,
        offsets: Vec::new(),
    };
    assert!(matches!(desk.call(Request::Commit(commit)), Err(BrokerError::OtherGroupKind { .. })));
    let consumer = ConsumerHeartbeatRequest { group: "g".into(), ..consumer::joining("b", &["orders"]) };
    assert!(matches!(desk.beat(consumer), Err(BrokerError::OtherGroupKind { .. })));
    let mut other = Desk::new();
    set_topics(&mut other, &[("orders", 2)]);
    other.join("b", &["orders"]);
    let refused = other.share_beat(beating("a", 0, Some(&["orders"])));
    assert!(matches!(refused, Err(BrokerError::OtherGroupKind { .. })), "{refused:?}");
    let next = ShareNextRequest { group: "none".into(), partitions: Vec::new() };
    assert!(matches!(other.call(Request::ShareNext(next)), Err(BrokerError::UnknownGroup { .. })));
}

#[test]
fn an_answer_waits_for_the_log_and_what_comes_meanwhile_shares_a_write() {
    let mut desk = desk();
    desk.share_join("a");
    desk.begin(0);
    desk.acquire("a", 0, 9);
    desk.slow_log = true;
    let first = desk.told("a", 0, 0, AckKind::Accept);
    let others: Vec<_> = (1..5).map(|offset| desk.told("a", offset, offset, AckKind::Accept)).collect();
    assert_eq!((desk.writes.len(), desk.answer(first)), (1, None));
    desk.write(Ok(()));
    assert!(matches!(desk.answer(first), Some(Ok(_))));
    assert_eq!(desk.writes.len(), 1, "one write for all others");
    assert!(others.iter().all(|ticket| !desk.replies.contains_key(ticket)));
    desk.write(Ok(()));
    assert!(others.into_iter().all(|ticket| matches!(desk.answer(ticket), Some(Ok(_)))));
    desk.restart();
    desk.slow_log = false;
    assert_eq!(desk.next(), NextOffset::At(5));
    assert_eq!(desk.acquire("a", 5, 9), [(5, 9, 1)], "what was under way does not count");
}

#[test]
fn a_failed_write_is_told_and_made_up_for() {
    let mut desk = desk();
    desk.share_join("a");
    desk.begin(0);
    desk.acquire("a", 0, 9);
    desk.slow_log = true;
    let ticket = desk.told("a", 0, 4, AckKind::Accept);
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(ticket), Some(Err(BrokerError::DiskFull)));
    desk.slow_log = false;
    assert_eq!(desk.next(), NextOffset::At(10), "nobody is given it again");
    desk.pass(1_000);
    desk.restart();
    assert_eq!(desk.next(), NextOffset::At(5));
}

#[test]
fn locks_end_and_whoever_waits_is_woken() {
    let mut desk = desk();
    desk.share_join("a");
    desk.begin(0);
    desk.acquire("a", 0, 9);
    let waiting = desk.ask(Request::ShareWatch(ShareWatchRequest { group: "g".into(), since: 1 }));
    desk.pass(29_000);
    desk.acknowledge("a", 0, 1, AckKind::Renew).unwrap();
    assert_eq!((desk.next(), desk.answer(waiting)), (NextOffset::At(10), None));
    desk.pass(1_050);
    assert_eq!(desk.answer(waiting), Some(Ok(Reply::ShareReleased)));
    assert_eq!(desk.acquire("b", 0, 9), [(2, 9, 2)]);
    let late = desk.acknowledge("a", 2, 2, AckKind::Accept);
    assert!(matches!(late, Err(BrokerError::InvalidRecordState { .. })), "{late:?}");
    desk.acknowledge("a", 0, 1, AckKind::Accept).unwrap();
    desk.restart();
    assert_eq!(desk.acquire("b", 2, 9), [(2, 9, 2)], "the count is kept");
}

#[test]
fn operators_move_a_group_without_members() {
    let mut desk = desk();
    let alter = |start| {
        let starts = vec![Ok((place(0), start)), Err(BrokerError::DiskFull)];
        Request::AlterShareOffsets(AlterShareOffsetsRequest { group: "g".into(), starts })
    };
    let altered = desk.call(alter(7)).unwrap();
    assert_eq!(altered, Reply::ShareOffsetsMoved(vec![Ok(()), Err(BrokerError::DiskFull)]));
    assert_eq!((desk.state(), desk.next()), (Some(GroupState::Empty), NextOffset::At(7)));
    desk.share_join("a");
    assert!(matches!(desk.call(alter(8)), Err(BrokerError::GroupNotEmpty { .. })));
    desk.acquire("a", 7, 9);
    desk.share_beat(beating("a", -1, None)).unwrap();
    desk.call(alter(2)).unwrap();
    assert_eq!(desk.next(), NextOffset::At(2));
    desk.restart();
    assert_eq!(desk.next(), NextOffset::At(2));
    let delete = DeleteShareOffsetsRequest { group: "g".into(), topics: vec![Ok(id_of("orders"))] };
    desk.call(Request::DeleteShareOffsets(delete)).unwrap();
    assert_eq!(desk.next(), NextOffset::NotBegun);
}

#[test]
fn what_was_made_of_a_topic_goes_with_it() {
    let mut desk = desk();
    desk.share_join("a");
    desk.begin(3);
    assert_eq!(desk.machine.groups_on_topic("orders"), ["g"]);
    set_topics(&mut desk, &[]);
    assert_eq!(desk.machine.groups_on_topic("orders"), ["g"], "its name is gone, too");
    desk.call(Request::ForgetTopic { group: "g".into(), topic: "orders".into() }).unwrap();
    assert_eq!(desk.machine.share_offsets("g"), Some(Vec::new()));
    desk.restart();
    assert_eq!(desk.machine.share_offsets("g"), Some(Vec::new()));
}

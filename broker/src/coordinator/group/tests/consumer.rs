//! The consumer protocol: epochs, who gets what and when, static members, what members read, who may commit.

use std::collections::BTreeSet;

use super::*;
use crate::config::GroupConfig;
use crate::types::{TopicId, Uuid};

/// A topic's id, from its name.
pub(super) fn id_of(topic: &str) -> TopicId {
    Uuid::from_u128(topic.bytes().fold(1, |id, byte| id * 257 + u128::from(byte)))
}

/// The topics there are from now on.
pub(super) fn set_topics(desk: &mut Desk, topics: &[(&str, i32)]) {
    let rows = topics.iter().map(|(name, partitions)| ((*name).to_owned(), id_of(name), *partitions));
    let version = desk.machine.topics_version() + 1;
    desk.machine.topics_changed(Topics::new(version, rows));
}

pub(super) fn partitions(topic: &str, numbers: impl IntoIterator<Item = i32>) -> Partitions {
    let numbers: BTreeSet<i32> = numbers.into_iter().collect();
    if numbers.is_empty() { Partitions::new() } else { Partitions::from([(id_of(topic), numbers)]) }
}

pub(super) fn joining(id: &str, topics: &[&str]) -> ConsumerHeartbeatRequest {
    ConsumerHeartbeatRequest {
        group: "g".into(),
        member_id: id.into(),
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        rebalance_timeout_ms: Some(60_000),
        topics: Some(topics.iter().map(|topic| (*topic).to_owned()).collect()),
        owned: Some(Partitions::new()),
        ..ConsumerHeartbeatRequest::default()
    }
}

/// Goes on in an epoch, and says what it has.
pub(super) fn beating(id: &str, epoch: i32, owned: Option<Partitions>) -> ConsumerHeartbeatRequest {
    ConsumerHeartbeatRequest {
        group: "g".into(),
        member_id: id.into(),
        member_epoch: epoch,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        owned,
        ..ConsumerHeartbeatRequest::default()
    }
}

impl Desk {
    pub(super) fn beat(&mut self, request: ConsumerHeartbeatRequest) -> Result<ConsumerAlive, BrokerError> {
        match self.call(Request::ConsumerHeartbeat(Box::new(request)))? {
            Reply::ConsumerAlive(alive) => Ok(alive),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn join(&mut self, id: &str, topics: &[&str]) -> ConsumerAlive {
        self.beat(joining(id, topics)).expect("a member that joins")
    }

    /// Lets members follow what they are told until nothing changes. Returns what each has.
    pub(super) fn follow(&mut self, members: &mut [(&str, ConsumerAlive)]) {
        for _ in 0..10 {
            for (id, alive) in members.iter_mut() {
                let owned = alive.assignment.clone().unwrap_or_default();
                let next = self.beat(beating(id, alive.member_epoch, Some(owned))).expect("a member");
                alive.member_epoch = next.member_epoch;
                alive.assignment = next.assignment.or(alive.assignment.take());
            }
        }
        assert_eq!(self.state(), Some(GroupState::Stable));
    }
}

fn orders() -> Desk {
    let mut desk = Desk::new();
    set_topics(&mut desk, &[("orders", 4)]);
    desk
}

fn has(alive: &ConsumerAlive) -> Vec<i32> {
    alive.assignment.iter().flatten().flat_map(|(_, numbers)| numbers.iter().copied()).collect()
}

#[test]
fn the_first_member_gets_all_at_once() {
    let mut desk = orders();
    let alive = desk.join("a", &["orders"]);
    assert_eq!((alive.member_epoch, has(&alive)), (1, vec![0, 1, 2, 3]));
    assert_eq!(alive.heartbeat_interval_ms, 5_000);
    assert_eq!(desk.state(), Some(GroupState::Stable));
    let writes = desk.log.len();
    let alive = desk.beat(beating("a", 1, None)).expect("alive");
    assert_eq!((alive.assignment, desk.log.len()), (None, writes), "nothing changed, nothing is written");
    let looked_at = desk.machine.groups["g"].lives.topics_version;
    assert_eq!(looked_at, desk.machine.topics_version(), "topics are looked at once");
}

/// Others keep what holds for all, and so does the group once it has none.
#[test]
fn a_group_goes_by_its_own_times_from_the_next_heartbeat_on() {
    let mut desk = orders();
    let own = GroupConfig {
        consumer_heartbeat_interval_ms: 7_000,
        consumer_session_timeout_ms: 50_000,
        ..GroupConfig::default()
    };
    desk.join("a", &["orders"]);
    desk.machine.configure("g", Some(own));
    desk.machine.configure("other", Some(GroupConfig { consumer_session_timeout_ms: 1, ..own }));
    desk.pass(44_999);
    let alive = desk.beat(beating("a", 1, None)).expect("its session is the one that it began with");
    assert_eq!(alive.heartbeat_interval_ms, 7_000);
    desk.pass(49_999);
    desk.machine.configure("g", None);
    let alive = desk.beat(beating("a", 1, None)).expect("its session is longer now");
    assert_eq!(alive.heartbeat_interval_ms, 5_000);
    desk.pass(45_000);
    assert_eq!(desk.state(), Some(GroupState::Empty), "silent for as long as holds for all");
}

#[test]
fn a_partition_is_given_on_when_it_was_given_up() {
    let mut desk = orders();
    desk.join("a", &["orders"]);
    let b = desk.join("b", &["orders"]);
    assert_eq!((b.member_epoch, has(&b)), (2, vec![]), "they are not free yet");
    assert_eq!(desk.state(), Some(GroupState::Reconciling));
    let a = desk.beat(beating("a", 1, None)).expect("alive");
    assert_eq!((a.member_epoch, has(&a)), (1, vec![0, 1]), "it is to give two up before its epoch rises");
    let b = desk.beat(beating("b", 2, Some(Partitions::new()))).expect("alive");
    assert_eq!(b.assignment, None);
    let a = desk.beat(beating("a", 1, Some(partitions("orders", 0..4)))).expect("alive");
    assert_eq!((a.member_epoch, a.assignment), (1, None), "it still has them");
    let a = desk.beat(beating("a", 1, Some(partitions("orders", 0..2)))).expect("alive");
    assert_eq!(a.member_epoch, 2);
    let b = desk.beat(beating("b", 2, None)).expect("alive");
    assert_eq!((b.member_epoch, has(&b)), (2, vec![2, 3]));
    assert_eq!(desk.state(), Some(GroupState::Stable));
}

#[test]
fn a_start_in_the_middle_of_a_rebalance_goes_on_there() {
    let mut desk = orders();
    desk.join("a", &["orders"]);
    desk.join("b", &["orders"]);
    desk.beat(beating("a", 1, None)).expect("alive");
    let before = desk.machine.groups["g"].rows.clone();
    desk.restart();
    assert_eq!(desk.machine.groups["g"].rows, before);
    set_topics(&mut desk, &[("orders", 4)]);
    assert_eq!(desk.state(), Some(GroupState::Reconciling));
    let a = desk.beat(beating("a", 1, Some(partitions("orders", 0..2)))).expect("alive");
    let b = desk.beat(beating("b", 2, None)).expect("alive");
    assert_eq!((a.member_epoch, has(&b)), (2, vec![2, 3]));
}

#[test]
fn an_epoch_that_is_over_is_fenced_but_for_a_lost_answer() {
    let mut desk = orders();
    desk.join("a", &["orders"]);
    let fenced = |epoch, current| BrokerError::FencedMemberEpoch {
        group: "g".into(),
        member: "a".into(),
        epoch,
        current,
    };
    assert_eq!(desk.beat(beating("a", 5, None)), Err(fenced(5, 1)));
    let b = desk.join("b", &["orders"]);
    let mut members =
        [("a", desk.beat(beating("a", 1, Some(partitions("orders", 0..4)))).expect("a")), ("b", b)];
    desk.follow(&mut members);
    assert_eq!(members[0].1.member_epoch, 2);
    // The answer that raised its epoch was lost: it says what it still has, of what it is to have.
    assert!(desk.beat(beating("a", 1, Some(partitions("orders", 0..2)))).is_ok());
    assert_eq!(desk.beat(beating("a", 1, Some(partitions("orders", 0..3)))), Err(fenced(1, 2)));
    assert_eq!(desk.beat(beating("a", 1, None)), Err(fenced(1, 2)));
    // Who was fenced gives all up and joins again, in the present epoch.
    let a = desk.join("a", &["orders"]);
    assert_eq!((a.member_epoch, has(&a)), (2, vec![0, 1]));
    assert_eq!(desk.beat(beating("x", 1, None)), Err(unknown_member("x")));
}

#[test]
fn a_silent_member_is_dropped_and_its_partitions_go_to_the_others() {
    let mut desk = orders();
    desk.join("a", &["orders"]);
    let b = desk.join("b", &["orders"]);
    let mut members = [("a", desk.beat(beating("a", 1, None)).expect("a")), ("b", b)];
    desk.follow(&mut members);
    desk.pass(44_000);
    let epoch = members[1].1.member_epoch;
    desk.beat(beating("b", epoch, None)).expect("b");
    desk.pass(2_000);
    assert_eq!(desk.state(), Some(GroupState::Assigning));
    let b = desk.beat(beating("b", epoch, None)).expect("b");
    assert_eq!((b.member_epoch, has(&b)), (3, vec![0, 1, 2, 3]));
    assert_eq!(desk.beat(beating("a", 2, None)), Err(unknown_member("a")));
    desk.pass(46_000);
    assert_eq!(desk.state(), Some(GroupState::Empty));
}

#[test]
fn who_does_not_give_up_in_time_is_dropped() {
    let mut desk = orders();
    desk.beat(ConsumerHeartbeatRequest { rebalance_timeout_ms: Some(10_000), ..joining("a", &["orders"]) })
        .expect("a");
    desk.join("b", &["orders"]);
    for _ in 0..3 {
        assert!(desk.beat(beating("a", 1, None)).is_ok());
        assert!(desk.beat(beating("b", 2, None)).is_ok());
        desk.pass(4_000);
    }
    assert_eq!(desk.beat(beating("a", 1, None)), Err(unknown_member("a")));
    let b = desk.beat(beating("b", 2, None)).expect("b");
    assert_eq!(has(&b), [0, 1, 2, 3]);
}

#[test]
fn topics_that_change_are_shared_out_anew() {
    let mut desk = orders();
    desk.join("a", &["orders", "bills"]);
    set_topics(&mut desk, &[("orders", 6)]);
    let a = desk.beat(beating("a", 1, None)).expect("a");
    assert_eq!((a.member_epoch, has(&a)), (2, vec![0, 1, 2, 3, 4, 5]));
    set_topics(&mut desk, &[("orders", 6), ("others", 2)]);
    assert_eq!(desk.beat(beating("a", 2, None)).expect("a").member_epoch, 2, "nobody reads it");
    set_topics(&mut desk, &[("bills", 1)]);
    let owned = partitions("orders", 0..6);
    let a = desk.beat(beating("a", 2, Some(owned))).expect("a");
    assert_eq!((a.member_epoch, has(&a)), (2, vec![]), "what is gone is given up first");
    let a = desk.beat(beating("a", 2, Some(Partitions::new()))).expect("a");
    assert_eq!((a.member_epoch, a.assignment), (3, Some(partitions("bills", [0]))));
}

#[test]
fn an_expression_reads_all_topics_that_match_wholly() {
    let mut desk = orders();
    set_topics(&mut desk, &[("orders", 2), ("orders-eu", 1), ("reorders", 3)]);
    let by = |text: &str| ConsumerHeartbeatRequest {
        topics: None,
        expression: Some(text.into()),
        ..joining("a", &[])
    };
    for bad in ["a(", "a)|(b", "(?P<x"] {
        let refused = desk.beat(by(bad));
        assert!(matches!(refused, Err(BrokerError::InvalidRegularExpression { .. })), "{bad}: {refused:?}");
    }
    let a = desk.beat(by("orders.*")).expect("a");
    let both = |a: Partitions, b: Partitions| a.into_iter().chain(b).collect::<Partitions>();
    assert_eq!(a.assignment, Some(both(partitions("orders", 0..2), partitions("orders-eu", [0]))));
    set_topics(&mut desk, &[("orders", 2), ("orders-eu", 1), ("reorders", 3), ("orders-us", 1)]);
    let a = desk.beat(beating("a", 1, None)).expect("a");
    assert_eq!(a.member_epoch, 2);
    assert!(a.assignment.expect("more").contains_key(&id_of("orders-us")));
    desk.restart();
    set_topics(&mut desk, &[("orders", 2)]);
    let row = ConsumerHeartbeatRequest {
        expression: Some(String::new()),
        topics: Some(vec!["orders".into()]),
        ..by("")
    };
    let a = desk.beat(row).expect("a");
    assert_eq!(a.assignment, Some(partitions("orders", 0..2)));
    assert!(desk.machine.groups["g"].rows.expressions.is_empty(), "nobody has it any more");
}

#[test]
fn assignors_are_voted_for() {
    let mut desk = Desk::new();
    set_topics(&mut desk, &[("x", 2), ("y", 2)]);
    let with = |id: &str, assignor: &str| ConsumerHeartbeatRequest {
        assignor: Some(assignor.into()),
        ..joining(id, &["x", "y"])
    };
    assert!(matches!(desk.beat(with("a", "mine")), Err(BrokerError::UnsupportedAssignor { .. })));
    let a = desk.beat(with("a", "range")).expect("a");
    let b = desk.beat(with("b", "range")).expect("b");
    let mut members = [("a", a), ("b", b)];
    desk.follow(&mut members);
    assert_eq!(desk.machine.describe("g").expect("a group").protocol, "range");
    for (alive, number) in [(&members[0].1, 0), (&members[1].1, 1)] {
        let of_both = partitions("x", [number]).into_iter().chain(partitions("y", [number])).collect();
        assert_eq!(alive.assignment, Some(of_both));
    }
}

#[test]
fn a_static_member_that_is_away_keeps_its_partitions_for_its_next_self() {
    let mut desk = orders();
    let named = |id: &str, epoch, request: ConsumerHeartbeatRequest| ConsumerHeartbeatRequest {
        member_id: id.into(),
        member_epoch: epoch,
        instance_id: Some("i".into()),
        ..request
    };
    desk.beat(named("a", 0, joining("a", &["orders"]))).expect("a");
    let early = desk.beat(named("a2", 0, joining("a2", &["orders"])));
    let unreleased = BrokerError::UnreleasedInstance { group: "g".into(), instance: "i".into() };
    assert_eq!(early, Err(unreleased));
    let gone = desk.beat(named("a", -2, beating("a", -2, None))).expect("a farewell");
    assert_eq!(gone.member_epoch, -2);
    assert_eq!(desk.beat(named("a", 1, beating("a", 1, None))).expect_err("away").code(), {
        runnel_proto::v1::ErrorCode::IllegalGeneration
    });
    let b = desk.join("b", &["orders"]);
    assert_eq!(has(&b), [] as [i32; 0], "nothing of it is free");
    desk.restart();
    set_topics(&mut desk, &[("orders", 4)]);
    let again = desk.beat(named("a2", 0, joining("a2", &["orders"]))).expect("its next self");
    assert_eq!((again.member_epoch, has(&again)), (2, vec![0, 1]));
    let fenced = BrokerError::FencedInstance { group: "g".into(), instance: "i".into() };
    assert_eq!(desk.beat(named("a", 1, beating("a", 1, None))), Err(fenced));
    let b = desk.beat(beating("b", 2, None)).expect("b");
    assert_eq!(has(&b), [2, 3]);
    // One that does not come back is dropped when its session ends.
    desk.beat(named("a2", -2, beating("a2", -2, None))).expect("a farewell");
    desk.pass(30_000);
    desk.beat(beating("b", 2, None)).expect("b");
    desk.pass(20_000);
    let b = desk.beat(beating("b", 2, None)).expect("b");
    assert_eq!(has(&b), [0, 1, 2, 3]);
}

#[test]
fn members_commit_in_their_epoch_and_others_only_while_there_are_none() {
    let mut desk = orders();
    desk.join("a", &["orders"]);
    let stale =
        |epoch| BrokerError::StaleMemberEpoch { group: "g".into(), member: "a".into(), epoch, current: 1 };
    assert!(desk.call(commit("a", 1, &[("orders", 7)])).is_ok());
    assert_eq!(desk.call(commit("a", 2, &[("orders", 9)])), Err(stale(2)));
    assert_eq!(desk.call(commit("x", 1, &[("orders", 9)])), Err(unknown_member("x")));
    assert_eq!(desk.call(commit("", -1, &[("orders", 9)])), Err(unknown_member("")));
    let fetch = |epoch| {
        Request::Fetch(FetchRequest {
            group: "g".into(),
            member: Some(("a".into(), epoch)),
            partitions: None,
            require_stable: false,
        })
    };
    assert!(desk.call(fetch(1)).is_ok());
    assert_eq!(desk.call(fetch(0)), Err(stale(0)));
    let delete = || Request::DeleteGroup { group: "g".into() };
    assert!(matches!(desk.call(delete()), Err(BrokerError::GroupNotEmpty { .. })));
    desk.beat(beating("a", -1, None)).expect("it leaves");
    assert!(desk.call(commit("", -1, &[("orders", 3)])).is_ok());
    assert_eq!(desk.offset("orders"), Some(3));
    assert_eq!(desk.call(delete()), Ok(Reply::GroupDeleted));
    desk.restart();
    assert_eq!(desk.machine.describe("g"), None);
}

#[test]
fn offsets_of_a_group_without_members_expire_with_it() {
    let mut desk = orders();
    desk.join("a", &["orders"]);
    assert!(desk.call(commit("a", 1, &[("orders", 7)])).is_ok());
    desk.beat(beating("a", -1, None)).expect("it leaves");
    desk.pass(6 * 24 * 3_600_000);
    assert_eq!(desk.offset("orders"), Some(7));
    desk.pass(2 * 24 * 3_600_000);
    assert_eq!(desk.machine.describe("g"), None);
    desk.restart();
    assert_eq!(desk.machine.describe("g"), None);
}

#[test]
fn a_write_that_fails_changes_nothing() {
    let mut desk = orders();
    desk.slow_log = true;
    let ticket = desk.ask(Request::ConsumerHeartbeat(Box::new(joining("a", &["orders"]))));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(ticket), Some(Err(BrokerError::DiskFull)));
    assert_eq!(desk.machine.describe("g"), None);
    desk.slow_log = false;
    assert_eq!(desk.join("a", &["orders"]).member_epoch, 1);
    desk.slow_log = true;
    desk.pass(50_000);
    desk.write(Err(BrokerError::DiskFull));
    desk.pass(2_000);
    desk.slow_log = false;
    desk.write_all();
    assert_eq!(desk.state(), Some(GroupState::Empty), "it is tried again");
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let mut desk = orders();
    let sound = || joining("a", &["orders"]);
    let bad = [
        ConsumerHeartbeatRequest { rebalance_timeout_ms: None, ..sound() },
        ConsumerHeartbeatRequest { owned: None, ..sound() },
        ConsumerHeartbeatRequest { owned: Some(partitions("orders", [0])), ..sound() },
        ConsumerHeartbeatRequest { topics: None, ..sound() },
        ConsumerHeartbeatRequest { topics: Some(Vec::new()), ..sound() },
        ConsumerHeartbeatRequest { instance_id: Some(String::new()), ..sound() },
        ConsumerHeartbeatRequest { rack_id: Some(String::new()), ..sound() },
        ConsumerHeartbeatRequest { member_epoch: -3, ..sound() },
        ConsumerHeartbeatRequest { member_epoch: -2, ..sound() },
        ConsumerHeartbeatRequest { member_epoch: 3, member_id: String::new(), ..sound() },
        ConsumerHeartbeatRequest { member_id: "x".repeat(40_000), ..sound() },
    ];
    for request in bad {
        let refused = desk.beat(request.clone());
        assert!(matches!(refused, Err(BrokerError::InvalidArgument { .. })), "{request:?}: {refused:?}");
    }
    let unknown = BrokerError::UnknownGroup { group: "g".into() };
    assert_eq!(desk.beat(beating("a", 1, None)), Err(unknown.clone()));
    assert_eq!(desk.beat(beating("a", -1, None)), Err(unknown));
    assert_eq!(desk.machine.describe("g"), None);
}

//! Groups that go from one protocol to the other, and members of both in one group.

use runnel_proto::group::{Assignment, TopicPartitions};

use super::consumer::{beating, joining, partitions, set_topics};
use super::*;

fn assigned(numbers: &[i32]) -> Bytes {
    let partitions = vec![TopicPartitions { topic: "orders".into(), partitions: numbers.to_vec() }];
    Assignment { partitions, user_data: None }.encode()
}

/// A settled classic group of one member, which has all four partitions. Returns its id.
fn classic(desk: &mut Desk) -> String {
    set_topics(desk, &[("orders", 4)]);
    let joined = joined_at_once(desk, &member("m"));
    let sync = sync_with(&joined, vec![(joined.member_id.clone(), assigned(&[0, 1, 2, 3]))]);
    assert!(desk.call(sync).is_ok());
    joined.member_id
}

fn joined_at_once(desk: &mut Desk, request: &JoinRequest) -> Joined {
    let ticket = desk.ask(Request::Join(request.clone()));
    joined(desk.answer(ticket))
}

fn sync_with(joined: &Joined, assignments: Vec<(String, Bytes)>) -> Request {
    Request::Sync(SyncRequest {
        group: "g".into(),
        generation: joined.generation,
        member_id: joined.member_id.clone(),
        instance_id: None,
        protocol_type: Some("consumer".into()),
        protocol: Some("range".into()),
        assignments,
    })
}

fn numbers(desk: &mut Desk, joined: &Joined) -> Vec<i32> {
    let ticket = desk.ask(sync_with(joined, Vec::new()));
    let assignment = Assignment::decode(&assignment(desk.answer(ticket))).expect("an assignment");
    assignment.partitions.into_iter().flat_map(|row| row.partitions).collect()
}

fn kind(desk: &Desk) -> GroupType {
    desk.machine.describe("g").expect("a group").summary.kind
}

#[test]
fn a_member_of_the_consumer_protocol_takes_a_classic_group_along_and_leaves_it_behind() {
    let mut desk = Desk::new();
    let m = classic(&mut desk);
    assert!(desk.call(commit(&m, 1, &[("orders", 7)])).is_ok());
    let a = desk.beat(joining("a", &["orders"])).expect("a");
    assert_eq!((a.member_epoch, a.assignment), (2, Some(Partitions::new())));
    assert_eq!((kind(&desk), desk.state()), (GroupType::Consumer, Some(GroupState::Reconciling)));
    // The classic member goes on as it knows it: told to join again, it gives up all, and gets its part.
    assert!(desk.call(commit(&m, 1, &[("orders", 8)])).is_ok());
    assert_eq!(desk.call(heartbeat(&m, 1)), Err(rebalancing()));
    let again = JoinRequest { member_id: m.clone(), ..member("m") };
    let joined = joined_at_once(&mut desk, &again);
    assert_eq!((joined.generation, joined.leader.as_str(), joined.members.len()), (2, "", 0));
    assert_eq!(numbers(&mut desk, &joined), [0, 1]);
    assert_eq!(desk.call(heartbeat(&m, 2)), Ok(Reply::Alive));
    let a = desk.beat(beating("a", 2, None)).expect("a");
    assert_eq!(a.assignment, Some(partitions("orders", 2..4)));
    assert_eq!(desk.state(), Some(GroupState::Stable));
    desk.restart();
    set_topics(&mut desk, &[("orders", 4)]);
    assert_eq!(desk.call(heartbeat(&m, 2)), Ok(Reply::Alive));
    // The last one of the new protocol leaves: the group is a classic one, and rebalances.
    desk.beat(beating("a", -1, None)).expect("it leaves");
    assert_eq!((kind(&desk), desk.state()), (GroupType::Classic, Some(GroupState::PreparingRebalance)));
    let joined = joined_at_once(&mut desk, &again);
    assert_eq!(joined.leader, m);
    let sync = sync_with(&joined, vec![(m.clone(), assigned(&[0, 1, 2, 3]))]);
    assert!(desk.call(sync).is_ok());
    assert_eq!(desk.offset("orders"), Some(8));
    desk.restart();
    assert_eq!((kind(&desk), desk.state()), (GroupType::Classic, Some(GroupState::Stable)));
}

#[test]
fn a_cooperative_member_keeps_what_stays_its_own() {
    let mut desk = Desk::new();
    let m = classic(&mut desk);
    desk.beat(joining("a", &["orders"])).expect("a");
    let own = |numbers: &[i32]| {
        let owned = vec![TopicPartitions { topic: "orders".into(), partitions: numbers.to_vec() }];
        let subscription = Subscription {
            topics: vec!["orders".into()],
            owned_partitions: owned,
            generation: 1,
            ..Subscription::default()
        };
        let protocols = vec![Protocol { name: "range".into(), metadata: subscription.encode() }];
        JoinRequest { member_id: m.clone(), protocols, ..member("m") }
    };
    let joined = joined_at_once(&mut desk, &own(&[0, 1, 2, 3]));
    assert_eq!(joined.generation, 1, "it is to give up two first");
    assert_eq!(numbers(&mut desk, &joined), [0, 1]);
    assert_eq!(desk.call(heartbeat(&m, 1)), Err(rebalancing()));
    let joined = joined_at_once(&mut desk, &own(&[0, 1]));
    assert_eq!(joined.generation, 2);
    assert_eq!(numbers(&mut desk, &joined), [0, 1]);
}

#[test]
fn who_waits_in_a_classic_group_is_told_to_join_the_other() {
    let mut desk = Desk::new();
    let m = classic(&mut desk);
    // A second one wants in: it waits for the first.
    let waiting = desk.ask(Request::Join(member("n")));
    assert_eq!(desk.answer(waiting), None);
    let a = desk.beat(joining("a", &["orders"])).expect("a");
    assert_eq!(a.member_epoch, 2);
    assert_eq!(desk.answer(waiting), Some(Err(rebalancing())));
    assert_eq!(desk.call(heartbeat(&m, 1)), Err(rebalancing()));
}

#[test]
fn no_group_goes_over_against_the_policy_or_with_another_protocol() {
    let unknown = BrokerError::UnknownGroup { group: "g".into() };
    let settings =
        GroupSettings { consumer_migration: MigrationPolicy::Disabled, ..GroupSettings::default() };
    let mut desk = Desk::with(settings);
    classic(&mut desk);
    assert_eq!(desk.beat(joining("a", &["orders"])), Err(unknown.clone()));
    let mut desk = Desk::new();
    let connect = JoinRequest { protocol_type: "connect".into(), ..member("m") };
    desk.settle(&[connect]);
    assert_eq!(desk.beat(joining("a", &["orders"])), Err(unknown));
}

#[test]
fn without_the_downgrade_classic_members_stay_where_they_are() {
    let settings = GroupSettings { consumer_migration: MigrationPolicy::Upgrade, ..GroupSettings::default() };
    let mut desk = Desk::with(settings);
    let m = classic(&mut desk);
    desk.beat(joining("a", &["orders"])).expect("a");
    desk.beat(beating("a", -1, None)).expect("it leaves");
    assert_eq!(kind(&desk), GroupType::Consumer);
    let joined = joined_at_once(&mut desk, &JoinRequest { member_id: m, ..member("m") });
    assert_eq!(numbers(&mut desk, &joined), [0, 1, 2, 3]);
}

#[test]
fn a_group_without_members_takes_the_protocol_of_whoever_comes() {
    let mut desk = Desk::new();
    let m = classic(&mut desk);
    assert!(desk.call(commit(&m, 1, &[("orders", 7)])).is_ok());
    assert!(desk.call(leave(&m, None)).is_ok());
    let a = desk.beat(joining("a", &["orders"])).expect("a");
    assert_eq!((a.member_epoch, kind(&desk)), (1, GroupType::Consumer));
    desk.beat(beating("a", -1, None)).expect("it leaves");
    assert_eq!((kind(&desk), desk.state()), (GroupType::Consumer, Some(GroupState::Empty)));
    classic(&mut desk);
    assert_eq!((kind(&desk), desk.offset("orders")), (GroupType::Classic, Some(7)));
    desk.restart();
    assert_eq!((kind(&desk), desk.state()), (GroupType::Classic, Some(GroupState::Stable)));
}

#[test]
fn a_classic_member_that_does_not_come_back_or_leaves_is_dropped() {
    let mut desk = Desk::new();
    let m = classic(&mut desk);
    desk.beat(joining("a", &["orders"])).expect("a");
    let joined = joined_at_once(&mut desk, &JoinRequest { member_id: m.clone(), ..member("m") });
    numbers(&mut desk, &joined);
    desk.pass(9_000);
    assert_eq!(desk.call(heartbeat(&m, 2)), Ok(Reply::Alive));
    desk.pass(11_000);
    let a = desk.beat(beating("a", 2, None)).expect("a");
    assert_eq!(a.assignment, Some(partitions("orders", 0..4)));
    let n = joined_at_once(&mut desk, &member("n"));
    assert_eq!(desk.call(leave(&n.member_id, None)), Ok(Reply::Left(vec![Ok(())])));
    assert_eq!(desk.call(leave("a", None)), Ok(Reply::Left(vec![Err(unknown_member("a"))])));
}

#[test]
fn a_static_member_can_change_its_protocol_both_ways() {
    let mut desk = Desk::new();
    set_topics(&mut desk, &[("orders", 4)]);
    let named = |request: JoinRequest| JoinRequest { instance_id: Some("i".into()), ..request };
    let first = joined_at_once(&mut desk, &named(member("m")));
    let up = ConsumerHeartbeatRequest { instance_id: Some("i".into()), ..joining("a", &["orders"]) };
    let a = desk.beat(up).expect("its next self speaks the consumer protocol");
    assert_eq!(kind(&desk), GroupType::Consumer);
    assert_eq!(a.assignment, Some(partitions("orders", 0..4)));
    assert!(desk.call(heartbeat(&first.member_id, first.generation)).is_err());
    let back = joined_at_once(&mut desk, &named(member("m")));
    assert_eq!((kind(&desk), back.leader), (GroupType::Classic, back.member_id));
}

//! Static members (KIP-345, KIP-814).

use super::*;

fn instance(name: &str) -> JoinRequest {
    JoinRequest { instance_id: Some(name.into()), session_timeout_ms: 30_000, ..member("c") }
}

#[test]
fn one_that_comes_back_unchanged_takes_its_place_without_a_rebalance() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[instance("a"), instance("b")]);
    desk.slow_log = true;
    let waiting = desk.ask(Request::Join(instance("b")));
    assert_eq!(desk.answer(waiting), None, "the new id must be in the log first");
    desk.write_all();
    desk.slow_log = false;
    let reply = joined(desk.answer(waiting));
    assert_eq!((reply.generation, &reply.leader), (2, &ids[0]));
    assert_ne!(reply.member_id, ids[1]);
    assert_eq!(desk.state(), Some(GroupState::Stable));
    assert_eq!(assignment(Some(desk.call(sync(&reply.member_id, 2, &[])))), ids[1], "it has what it had");
    desk.restart();
    assert_eq!(desk.heartbeat(&reply.member_id), Ok(Reply::Alive));
    assert_eq!(desk.heartbeat(&ids[1]), Err(unknown_member(&ids[1])));
}

#[test]
fn a_replacement_that_cannot_be_written_changes_nothing() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[instance("a")]);
    desk.slow_log = true;
    let waiting = desk.ask(Request::Join(instance("a")));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(waiting), Some(Err(BrokerError::DiskFull)));
    assert_eq!(desk.heartbeat(&ids[0]), Ok(Reply::Alive));
}

#[test]
fn a_leader_that_comes_back_is_kept_from_assigning() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[instance("a"), instance("b")]);
    let old_client = joined(Some(desk.call(Request::Join(instance("a")))));
    assert_eq!(old_client.leader, ids[0], "the id that it no longer has");
    assert!(!old_client.skip_assignment && old_client.members.is_empty());
    let new_client = JoinRequest { supports_skipping_assignment: true, ..instance("a") };
    let new_client = joined(Some(desk.call(Request::Join(new_client))));
    assert_eq!((&new_client.leader, new_client.skip_assignment), (&new_client.member_id, true));
    assert_eq!(new_client.members.len(), 2);
}

#[test]
fn one_that_comes_back_with_other_topics_rebalances() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[instance("a"), instance("b")]);
    let mut changed = instance("b");
    changed.protocols[0].metadata = subscription(&["orders", "payments"]);
    let waiting = desk.ask(Request::Join(changed));
    assert_eq!((desk.answer(waiting), desk.state()), (None, Some(GroupState::PreparingRebalance)));
    desk.ask(Request::Join(JoinRequest { member_id: ids[0].clone(), ..instance("a") }));
    assert_eq!(joined(desk.answer(waiting)).generation, 3);
}

#[test]
fn owned_partitions_are_no_reason_to_rebalance() {
    let owning = |partitions: Vec<i32>| {
        let owned = vec![runnel_proto::group::TopicPartitions { topic: "orders".into(), partitions }];
        let metadata = Subscription {
            topics: vec!["orders".into()],
            owned_partitions: owned,
            ..Subscription::default()
        };
        JoinRequest {
            protocols: vec![Protocol { name: "cooperative-sticky".into(), metadata: metadata.encode() }],
            ..instance("a")
        }
    };
    let mut desk = Desk::new();
    desk.settle(&[owning(vec![0, 1])]);
    assert_eq!(joined(Some(desk.call(Request::Join(owning(vec![]))))).generation, 1);
}

#[test]
fn the_former_self_is_fenced() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[instance("a"), instance("b")]);
    // It waits for a rebalance when its successor appears.
    let first = desk.ask(Request::Join(JoinRequest { member_id: ids[0].clone(), ..instance("a") }));
    let successor = desk.ask(Request::Join(instance("a")));
    let fenced = BrokerError::FencedInstance { group: "g".into(), instance: "a".into() };
    assert_eq!(desk.answer(first), Some(Err(fenced.clone())));
    desk.ask(Request::Join(JoinRequest { member_id: ids[1].clone(), ..instance("b") }));
    let reply = joined(desk.answer(successor));
    assert_eq!(reply.leader, reply.member_id, "it inherits the lead");
    let old = HeartbeatRequest {
        group: "g".into(),
        generation: reply.generation,
        member_id: ids[0].clone(),
        instance_id: Some("a".into()),
    };
    assert_eq!(desk.call(Request::Heartbeat(old)), Err(fenced));
}

#[test]
fn a_place_is_kept_through_a_rebalance_until_the_session_ends() {
    let mut desk = Desk::new();
    let hasty = |name| JoinRequest { rebalance_timeout_ms: 5_000, ..instance(name) };
    let ids = desk.settle(&[hasty("a"), hasty("b")]);
    let waiting = desk.ask(Request::Join(JoinRequest { member_id: ids[0].clone(), ..hasty("a") }));
    desk.pass(5_000);
    let reply = joined(desk.answer(waiting));
    assert_eq!(reply.members.len(), 2, "the absent one is given its share");
    desk.call(sync(&ids[0], reply.generation, &ids)).expect("assigned");
    for _ in 0..24 {
        desk.pass(1_000);
        assert_eq!(desk.heartbeat(&ids[0]), Ok(Reply::Alive));
    }
    desk.pass(1_000);
    assert_eq!(desk.heartbeat(&ids[0]), Err(rebalancing()));
}

#[test]
fn an_administrator_takes_one_out_by_its_instance_id() {
    let mut desk = Desk::new();
    desk.settle(&[instance("a")]);
    assert_eq!(desk.call(leave("", Some("who"))), Ok(Reply::Left(vec![Err(unknown_member("who"))])));
    let fenced = BrokerError::FencedInstance { group: "g".into(), instance: "a".into() };
    assert_eq!(desk.call(leave("other", Some("a"))), Ok(Reply::Left(vec![Err(fenced)])));
    assert_eq!(desk.call(leave("", Some("a"))), Ok(Reply::Left(vec![Ok(())])));
    assert_eq!(desk.state(), Some(GroupState::Empty));
}

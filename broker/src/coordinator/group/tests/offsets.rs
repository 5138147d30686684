//! Committing, reading, deleting and outliving offsets.

use super::*;

const DAY_MS: i64 = 86_400_000;

fn delete() -> Request {
    Request::DeleteGroup { group: "g".into() }
}

fn delete_offsets(topics: &[&str]) -> Request {
    let named = |topic: &&str| NamedPartition { topic: (*topic).into(), partition: 0 };
    Request::DeleteOffsets(DeleteOffsetsRequest {
        group: "g".into(),
        partitions: topics.iter().map(named).collect(),
    })
}

fn unknown_group() -> BrokerError {
    BrokerError::UnknownGroup { group: "g".into() }
}

#[test]
fn a_commit_counts_once_it_is_in_the_log_and_survives() {
    let mut desk = Desk::new();
    desk.slow_log = true;
    let first = desk.ask(commit("", -1, &[("orders", 5)]));
    let second = desk.ask(commit("", -1, &[("orders", 6)]));
    assert_eq!((desk.writes.len(), desk.offset("orders")), (2, None), "commits do not wait for one another");
    desk.write(Ok(()));
    assert_eq!(desk.answer(first), Some(Ok(Reply::Committed(vec![Ok(())]))));
    assert_eq!((desk.answer(second), desk.offset("orders")), (None, Some(5)));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(second), Some(Err(BrokerError::DiskFull)));
    assert_eq!(desk.offset("orders"), Some(5));
    desk.restart();
    assert_eq!(desk.offset("orders"), Some(5));
    let partition = NamedPartition { topic: "orders".into(), partition: 0 };
    let kept = desk.machine.offsets("g").and_then(|offsets| offsets.get("orders", 0)).cloned().expect("kept");
    assert_eq!((kept.commit_time_ms, kept.leader_epoch), (START, -1));
    let all = desk.call(Request::Fetch(FetchRequest {
        group: "g".into(),
        member: None,
        partitions: None,
        require_stable: false,
    }));
    assert_eq!(all, Ok(Reply::Fetched(vec![FetchedOffset { partition, committed: Ok(Some(kept)) }])));
}

#[test]
fn who_may_commit_depends_on_the_state() {
    let committed = || Ok(Reply::Committed(vec![Ok(())]));
    let rows = [("orders", 1)];
    let mut desk = Desk::new();
    assert_eq!(desk.call(commit("a", 3, &rows)), Err(unknown_group()), "no such group");
    assert_eq!(desk.state(), None);
    assert_eq!(desk.call(commit("", -1, &rows)), committed(), "from outside");
    assert_eq!(desk.call(commit("a", 3, &rows)), Err(unknown_member("a")), "empty");
    let a = joined(Some(desk.call(Request::Join(member("a"))))).member_id;
    assert_eq!(desk.call(commit(&a, 1, &rows)), Err(rebalancing()), "completing");
    assert_eq!(desk.call(commit("", -1, &rows)), Err(unknown_member("")), "from outside, with members");
    desk.call(sync(&a, 1, &[])).expect("assigned");
    assert_eq!(desk.call(commit(&a, 1, &rows)), committed(), "stable");
    assert_eq!(desk.call(commit(&a, 0, &rows)), Err(illegal_generation(0)));
    assert_eq!(desk.call(commit(&a, -1, &rows)), Err(illegal_generation(-1)));
    assert_eq!(desk.call(commit("b", 1, &rows)), Err(unknown_member("b")));
    desk.ask(Request::Join(member("b")));
    assert_eq!(desk.state(), Some(GroupState::PreparingRebalance));
    assert_eq!(desk.call(commit(&a, 1, &rows)), committed(), "preparing: what was read is not read again");
}

#[test]
fn each_row_of_a_commit_has_its_own_outcome() {
    let mut desk = Desk::new();
    let Request::Commit(mut request) = commit("", -1, &[("a", 1), ("b", -1), ("c", 3)]) else { panic!() };
    request.offsets[2].metadata = "m".repeat(4_097);
    let Ok(Reply::Committed(results)) = desk.call(Request::Commit(request.clone())) else { panic!() };
    assert_eq!(results[0], Ok(()));
    assert!(matches!(results[1], Err(BrokerError::InvalidArgument { .. })));
    assert_eq!(results[2], Err(BrokerError::MetadataTooLarge { size_bytes: 4_097, limit_bytes: 4_096 }));
    assert_eq!((desk.offset("a"), desk.offset("b"), desk.offset("c")), (Some(1), None, None));
    request.offsets.remove(0);
    let Ok(Reply::Committed(results)) = desk.call(Request::Commit(request)) else { panic!() };
    assert!(results.iter().all(Result::is_err));
}

#[test]
fn a_group_is_deleted_when_nobody_is_in_it() {
    let mut desk = Desk::new();
    assert_eq!(desk.call(delete()), Err(unknown_group()));
    let a = desk.settle(&[member("a")]).remove(0);
    desk.call(commit(&a, 1, &[("orders", 1)])).expect("committed");
    let Err(BrokerError::GroupNotEmpty { members, .. }) = desk.call(delete()) else { panic!() };
    assert_eq!(members, format!("{a:?}"));
    desk.call(leave(&a, None)).expect("left");
    assert_eq!(desk.call(delete()), Ok(Reply::GroupDeleted));
    assert_eq!((desk.state(), desk.offset("orders")), (None, None));
    desk.restart();
    assert_eq!((desk.state(), desk.offset("orders")), (None, None));
}

#[test]
fn a_deletion_takes_the_commits_that_came_before_it_and_none_that_comes_after() {
    let mut desk = Desk::new();
    desk.slow_log = true;
    desk.ask(commit("", -1, &[("orders", 1)]));
    let deletion = desk.ask(delete());
    let after = desk.ask(commit("", -1, &[("payments", 2)]));
    assert_eq!(desk.writes.len(), 1);
    desk.write_all();
    assert_eq!(desk.answer(deletion), Some(Ok(Reply::GroupDeleted)));
    assert!(matches!(desk.answer(after), Some(Ok(_))));
    assert_eq!((desk.offset("orders"), desk.offset("payments")), (None, Some(2)));
    desk.restart();
    assert_eq!((desk.offset("orders"), desk.offset("payments")), (None, Some(2)));
}

#[test]
fn a_deletion_that_cannot_be_written_deletes_nothing() {
    let mut desk = Desk::new();
    desk.call(commit("", -1, &[("orders", 1)])).expect("committed");
    desk.slow_log = true;
    let deletion = desk.ask(delete());
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(deletion), Some(Err(BrokerError::DiskFull)));
    assert_eq!(desk.offset("orders"), Some(1));
}

#[test]
fn offsets_are_deleted_unless_somebody_reads_the_topic() {
    let mut desk = Desk::new();
    assert_eq!(desk.call(delete_offsets(&["orders"])), Err(unknown_group()));
    desk.call(commit("", -1, &[("orders", 1), ("payments", 2)])).expect("committed");
    desk.settle(&[member("a")]);
    let subscribed = BrokerError::SubscribedTopic { group: "g".into(), topic: "orders".into() };
    let results = vec![Err(subscribed), Ok(()), Ok(())];
    let deletion = delete_offsets(&["orders", "payments", "nothing"]);
    assert_eq!(desk.call(deletion), Ok(Reply::OffsetsDeleted(results)));
    assert_eq!((desk.offset("orders"), desk.offset("payments")), (Some(1), None));
    desk.restart();
    assert_eq!((desk.offset("orders"), desk.offset("payments")), (Some(1), None));
}

#[test]
fn what_members_read_is_only_known_of_consumers() {
    let mut desk = Desk::new();
    desk.call(commit("", -1, &[("orders", 1)])).expect("committed");
    desk.settle(&[JoinRequest { protocol_type: "connect".into(), ..member("a") }]);
    assert!(matches!(desk.call(delete_offsets(&["orders"])), Err(BrokerError::GroupNotEmpty { .. })));
    let mut desk = Desk::new();
    desk.call(commit("", -1, &[("orders", 1)])).expect("committed");
    let mut opaque = member("a");
    opaque.protocols[0].metadata = Bytes::from_static(b"?");
    desk.settle(&[opaque]);
    let Ok(Reply::OffsetsDeleted(results)) = desk.call(delete_offsets(&["orders"])) else { panic!() };
    assert!(matches!(results[0], Err(BrokerError::SubscribedTopic { .. })));
}

#[test]
fn a_deleted_topic_is_forgotten_by_all_that_read_it() {
    let mut desk = Desk::new();
    let a = desk.settle(&[member("a")]).remove(0);
    desk.call(commit(&a, 1, &[("orders", 1), ("payments", 2)])).expect("committed");
    assert_eq!(desk.machine.groups_on_topic("orders"), ["g"]);
    assert_eq!(desk.machine.topics().into_iter().collect::<Vec<_>>(), ["orders", "payments"]);
    let forget = Request::ForgetTopic { group: "g".into(), topic: "orders".into() };
    assert_eq!(desk.call(forget.clone()), Ok(Reply::TopicForgotten));
    assert_eq!((desk.offset("orders"), desk.offset("payments")), (None, Some(2)));
    assert!(desk.machine.groups_on_topic("orders").is_empty());
    assert_eq!(desk.call(forget), Ok(Reply::TopicForgotten));
}

#[test]
fn offsets_from_outside_expire_by_their_commit() {
    let mut desk = Desk::new();
    desk.call(commit("", -1, &[("orders", 1)])).expect("committed");
    desk.pass(4 * DAY_MS);
    desk.call(commit("", -1, &[("payments", 2)])).expect("committed");
    desk.pass(3 * DAY_MS + 600_000);
    assert_eq!((desk.offset("orders"), desk.offset("payments")), (None, Some(2)));
    desk.pass(4 * DAY_MS);
    assert_eq!((desk.state(), desk.machine.topics().len()), (None, 0));
    desk.restart();
    assert_eq!(desk.state(), None);
}

#[test]
fn offsets_of_a_group_expire_after_it_empties_and_take_it_along() {
    let mut desk = Desk::new();
    let patient = JoinRequest { session_timeout_ms: 1_800_000, ..member("a") };
    let a = desk.settle(&[patient]).remove(0);
    desk.call(commit(&a, 1, &[("orders", 1), ("payments", 2)])).expect("committed");
    for _ in 0..8 * 72 {
        desk.pass(DAY_MS / 72);
        desk.heartbeat(&a).expect("alive");
    }
    assert_eq!(
        (desk.offset("orders"), desk.offset("payments")),
        (Some(1), None),
        "what is read never expires"
    );
    desk.call(leave(&a, None)).expect("left");
    desk.restart();
    desk.pass(7 * DAY_MS - 1);
    assert_eq!(desk.offset("orders"), Some(1));
    desk.pass(600_001);
    assert_eq!((desk.offset("orders"), desk.state()), (None, None));
    desk.restart();
    assert_eq!(desk.state(), None, "the log has forgotten it, too");
}

#[test]
fn an_emptied_group_whose_record_failed_is_written_later() {
    let mut desk = Desk::new();
    let a = desk.settle(&[member("a")]).remove(0);
    desk.call(commit(&a, 1, &[("orders", 1)])).expect("committed");
    desk.slow_log = true;
    desk.ask(leave(&a, None));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.state(), Some(GroupState::Empty));
    desk.slow_log = false;
    desk.pass(600_000);
    desk.restart();
    assert_eq!(desk.state(), Some(GroupState::Empty));
}

#[test]
fn foreign_records_are_left_alone() {
    let mut desk = Desk::new();
    desk.machine.replay(&Bytes::from_static(b"\0\x09\0\x01g"), None);
    desk.machine.replay(&Bytes::from_static(b"?"), Some(&Bytes::from_static(b"?")));
    assert_eq!((desk.machine.ignored_records(), desk.state()), (2, None));
}

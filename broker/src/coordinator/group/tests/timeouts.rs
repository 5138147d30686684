//! What happens when nobody does anything.

use super::*;

#[test]
fn members_that_do_not_come_back_are_dropped_when_the_rebalance_has_waited_for_them() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[member("a"), member("b")]);
    let waiting = desk.ask(Request::Join(JoinRequest { member_id: ids[0].clone(), ..member("a") }));
    // It shows signs of life, and yet does not join.
    for _ in 0..11 {
        desk.pass(5_000);
        assert_eq!(desk.call(heartbeat(&ids[1], 2)), Err(rebalancing()));
        assert_eq!(desk.answer(waiting), None);
    }
    desk.pass(5_000);
    assert_eq!(joined(desk.answer(waiting)).members.len(), 1);
    assert_eq!(desk.call(heartbeat(&ids[1], 2)), Err(unknown_member(&ids[1])));
    assert!(desk.events.iter().any(|event| event.contains("did not rejoin in time")), "{:?}", desk.events);
}

#[test]
fn members_that_never_fetch_their_assignment_are_dropped() {
    for leader_is_late in [true, false] {
        let mut desk = Desk::new();
        let a = desk.settle(&[member("a")]).remove(0);
        let b = desk.ask(Request::Join(member("b")));
        desk.ask(Request::Join(JoinRequest { member_id: a.clone(), ..member("a") }));
        let b = joined(desk.answer(b)).member_id;
        let (early, late) = if leader_is_late { (&b, &a) } else { (&a, &b) };
        let waiting = desk.ask(sync(early, 2, &[]));
        for _ in 0..12 {
            desk.pass(5_000);
            let _ = desk.call(heartbeat(early, 2));
            let _ = desk.call(heartbeat(late, 2));
        }
        let answer = desk.answer(waiting).expect("an answer");
        assert_eq!(answer.is_err(), leader_is_late);
        assert_eq!(desk.call(heartbeat(late, 2)), Err(unknown_member(late)));
        assert_eq!(desk.call(heartbeat(early, 2)), Err(rebalancing()));
    }
}

#[test]
fn members_that_fall_silent_are_dropped() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[member("a"), member("b")]);
    desk.pass(6_000);
    desk.heartbeat(&ids[0]).expect("alive");
    desk.pass(4_000);
    assert_eq!(desk.heartbeat(&ids[0]), Err(rebalancing()));
    desk.pass(10_000);
    assert_eq!(desk.state(), Some(GroupState::Empty));
}

#[test]
fn a_commit_is_a_sign_of_life() {
    let mut desk = Desk::new();
    let a = desk.settle(&[member("a")]).remove(0);
    desk.pass(9_000);
    desk.call(commit(&a, 1, &[("orders", 1)])).expect("committed");
    desk.pass(9_000);
    assert_eq!(desk.heartbeat(&a), Ok(Reply::Alive));
}

#[test]
fn an_id_that_nobody_joins_with_lapses() {
    let mut desk = Desk::new();
    let first = JoinRequest { require_known_member_id: true, ..member("a") };
    let Err(BrokerError::MemberIdRequired { member: slow }) = desk.call(Request::Join(first)) else {
        panic!()
    };
    let quick = desk.ask(Request::Join(member("b")));
    assert_eq!(desk.answer(quick), None, "a rebalance waits for those who were given an id");
    desk.pass(10_000);
    assert_eq!(joined(desk.answer(quick)).members.len(), 1);
    let late = Request::Join(JoinRequest { member_id: slow.clone(), ..member("a") });
    assert_eq!(desk.call(late), Err(unknown_member(&slow)));
}

#[test]
fn an_id_alone_leaves_no_group_behind() {
    let mut desk = Desk::new();
    let first = JoinRequest { require_known_member_id: true, ..member("a") };
    assert!(desk.call(Request::Join(first)).is_err());
    assert_eq!(desk.state(), Some(GroupState::Empty));
    desk.pass(10_000);
    assert_eq!((desk.state(), desk.log.len()), (None, 0));
}

#[test]
fn a_new_member_whose_caller_hangs_is_dropped_at_last() {
    let mut desk = Desk::new();
    let patient =
        |name| JoinRequest { rebalance_timeout_ms: 3_600_000, session_timeout_ms: 1_800_000, ..member(name) };
    desk.settle(&[patient("a")]);
    let hanging = desk.ask(Request::Join(patient("b")));
    desk.pass(299_999);
    assert_eq!(desk.answer(hanging), None);
    desk.pass(1);
    assert!(matches!(desk.answer(hanging), Some(Err(BrokerError::UnknownMember { .. }))));
}

#[test]
fn the_first_member_waits_for_company_when_told_to() {
    let mut desk =
        Desk::with(GroupSettings { initial_rebalance_delay_ms: 3_000, ..GroupSettings::default() });
    let first = desk.ask(Request::Join(member("a")));
    desk.pass(2_000);
    let second = desk.ask(Request::Join(member("b")));
    desk.pass(1_000);
    assert_eq!(desk.answer(first), None, "somebody came, so somebody else may come");
    desk.pass(2_999);
    assert_eq!(desk.answer(first), None);
    desk.pass(1);
    assert_eq!((joined(desk.answer(first)).generation, joined(desk.answer(second)).generation), (1, 1));
    // The wait is prolonged no further than a rebalance may take.
    let mut desk =
        Desk::with(GroupSettings { initial_rebalance_delay_ms: 3_000, ..GroupSettings::default() });
    let hasty = JoinRequest { rebalance_timeout_ms: 7_000, ..member("a") };
    let first = desk.ask(Request::Join(hasty.clone()));
    for _ in 0..6 {
        desk.pass(1_000);
        desk.ask(Request::Join(hasty.clone()));
    }
    desk.pass(1_000);
    assert_eq!(joined(desk.answer(first)).generation, 1);
}

/// A heartbeat or a commit that waited for a write was the last thing to happen, and the group was never looked at again.
#[test]
fn time_goes_on_after_a_write_whatever_waited_for_it() {
    let mut desk = Desk::new();
    let a = desk.settle(&[member("a")]).remove(0);
    desk.call(commit(&a, 1, &[("payments", 1)])).expect("committed");
    desk.slow_log = true;
    desk.ask(Request::ForgetTopic { group: "g".into(), topic: "payments".into() });
    let waiting = desk.ask(heartbeat(&a, 1));
    desk.write_all();
    assert_eq!(desk.answer(waiting), Some(Ok(Reply::Alive)));
    desk.slow_log = false;
    desk.pass(10_000);
    assert_eq!(desk.state(), Some(GroupState::Empty));
}

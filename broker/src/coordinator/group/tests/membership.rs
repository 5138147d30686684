//! Joining, syncing, signs of life, leaving; lost callers; failed writes; restarts.

use super::*;

#[test]
fn a_first_join_is_only_given_an_id_when_asked_so() {
    let mut desk = Desk::new();
    let first = JoinRequest { require_known_member_id: true, ..member("c") };
    let Err(BrokerError::MemberIdRequired { member: id }) = desk.call(Request::Join(first.clone())) else {
        panic!("an id was due");
    };
    assert!(id.starts_with("c-") && id.len() == "c-".len() + 36, "{id}");
    let reply = joined(Some(desk.call(Request::Join(JoinRequest { member_id: id.clone(), ..first }))));
    assert_eq!((reply.generation, &reply.member_id, &reply.leader), (1, &id, &id));
}

#[test]
fn only_the_leader_sees_the_members_and_the_generation_rises() {
    let mut desk = Desk::new();
    let a = desk.settle(&[member("a")]).remove(0);
    let b = desk.ask(Request::Join(member("b")));
    assert_eq!(desk.answer(b), None);
    assert_eq!(desk.heartbeat(&a), Err(rebalancing()));
    let leader = joined(Some(desk.call(Request::Join(JoinRequest { member_id: a.clone(), ..member("a") }))));
    let follower = joined(desk.answer(b));
    assert_eq!((leader.generation, follower.generation), (2, 2));
    assert_eq!((leader.members.len(), follower.members.len()), (2, 0));
    assert_eq!((&leader.leader, &follower.leader), (&a, &a));
    assert_eq!(leader.members[0].metadata, subscription(&["orders"]));
}

#[test]
fn members_vote_for_a_protocol_that_all_know() {
    let protocols = |names: &[&str]| {
        let protocol = |name: &&str| Protocol { name: (*name).into(), metadata: subscription(&[]) };
        names.iter().map(protocol).collect::<Vec<_>>()
    };
    let mut desk = Desk::new();
    let with = |name, names| JoinRequest { protocols: protocols(names), ..member(name) };
    let voters = [with("a", &["x", "y", "z"]), with("b", &["z", "y"]), with("c", &["u", "y", "z"])];
    desk.settle(&voters);
    assert_eq!(desk.machine.describe("g").map(|group| group.protocol), Some("y".into()));
    let error = BrokerError::InconsistentProtocol { group: "g".into() };
    assert_eq!(desk.call(Request::Join(with("d", &["x"]))), Err(error.clone()));
    let connect = JoinRequest { protocol_type: "connect".into(), ..with("d", &["y"]) };
    assert_eq!(desk.call(Request::Join(connect)), Err(error.clone()));
    assert_eq!(desk.call(Request::Join(with("d", &[]))), Err(error));
}

#[test]
fn joins_outside_the_rules_are_refused() {
    let limit = GroupSettings { max_size: 1, ..GroupSettings::default() };
    let mut desk = Desk::with(limit);
    let too_short = JoinRequest { session_timeout_ms: 5_999, ..member("a") };
    let error = BrokerError::InvalidSessionTimeout { timeout_ms: 5_999, min_ms: 6_000, max_ms: 1_800_000 };
    assert_eq!(desk.call(Request::Join(too_short)), Err(error));
    let nameless = JoinRequest { group: String::new(), ..member("a") };
    assert!(matches!(desk.call(Request::Join(nameless)), Err(BrokerError::InvalidName { .. })));
    let stranger = JoinRequest { member_id: "who".into(), ..member("a") };
    assert_eq!(desk.call(Request::Join(stranger)), Err(unknown_member("who")));
    assert_eq!(desk.machine.list().count(), 0, "refused joins leave no group behind");
    desk.settle(&[member("a")]);
    let full = BrokerError::GroupFull { group: "g".into(), limit: 1 };
    assert_eq!(desk.call(Request::Join(member("b"))), Err(full));
    let long = JoinRequest { client_id: "c".repeat(40_000), ..member("a") };
    assert!(matches!(desk.call(Request::Join(long)), Err(BrokerError::InvalidArgument { .. })));
}

#[test]
fn an_assignment_is_handed_out_once_it_is_in_the_log() {
    let mut desk = Desk::new();
    desk.slow_log = true;
    let a = joined(Some(desk.call(Request::Join(member("a"))))).member_id;
    let waiting = desk.ask(sync(&a, 1, std::slice::from_ref(&a)));
    assert_eq!((desk.answer(waiting), desk.writes.len()), (None, 1));
    let held = desk.ask(heartbeat(&a, 1));
    assert_eq!(desk.answer(held), None, "nothing is decided while the outcome is unknown");
    desk.write(Ok(()));
    assert_eq!(assignment(desk.answer(waiting)), a);
    assert_eq!(desk.answer(held), Some(Ok(Reply::Alive)));
    assert_eq!(desk.events, ["group \"g\" rebalanced (0 -> 1 members)"]);
}

#[test]
fn an_assignment_that_cannot_be_written_is_not_handed_out() {
    let mut desk = Desk::new();
    desk.slow_log = true;
    let a = joined(Some(desk.call(Request::Join(member("a"))))).member_id;
    let waiting = desk.ask(sync(&a, 1, std::slice::from_ref(&a)));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(waiting), Some(Err(BrokerError::DiskFull)));
    assert_eq!(desk.state(), Some(GroupState::PreparingRebalance));
    desk.slow_log = false;
    let again = joined(Some(desk.call(Request::Join(JoinRequest { member_id: a.clone(), ..member("a") }))));
    assert_eq!(again.generation, 2);
    assert_eq!(assignment(Some(desk.call(sync(&a, 2, std::slice::from_ref(&a))))), a);
}

#[test]
fn a_member_that_the_leader_forgot_gets_nothing() {
    let mut desk = Desk::new();
    let a = desk.settle(&[member("a")]).remove(0);
    let b = desk.ask(Request::Join(member("b")));
    desk.call(Request::Join(JoinRequest { member_id: a.clone(), ..member("a") })).expect("in");
    let b = joined(desk.answer(b)).member_id;
    let waiting = desk.ask(sync(&b, 2, &[]));
    desk.call(sync(&a, 2, std::slice::from_ref(&a))).expect("assigned");
    assert_eq!(assignment(desk.answer(waiting)), "");
}

#[test]
fn signs_of_life_are_judged_by_member_then_generation_then_state() {
    let mut desk = Desk::new();
    assert_eq!(desk.call(heartbeat("a", 1)), Err(unknown_member("a")));
    let a = joined(Some(desk.call(Request::Join(member("a"))))).member_id;
    assert_eq!(desk.state(), Some(GroupState::CompletingRebalance));
    assert_eq!(desk.call(heartbeat(&a, 1)), Ok(Reply::Alive));
    desk.call(sync(&a, 1, &[])).expect("assigned");
    assert_eq!(desk.call(heartbeat(&a, 1)), Ok(Reply::Alive));
    assert_eq!(desk.call(heartbeat(&a, 2)), Err(illegal_generation(2)));
    assert_eq!(desk.call(heartbeat("b", 2)), Err(unknown_member("b")));
    desk.ask(Request::Join(member("b")));
    assert_eq!(desk.call(heartbeat(&a, 1)), Err(rebalancing()));
    assert_eq!(desk.call(sync(&a, 1, &[])), Err(rebalancing()));
}

#[test]
fn a_follower_that_joins_unchanged_learns_the_generation_and_a_leader_starts_a_rebalance() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[member("a"), member("b")]);
    let again = |id: &String, name| Request::Join(JoinRequest { member_id: id.clone(), ..member(name) });
    let reply = joined(Some(desk.call(again(&ids[1], "b"))));
    assert_eq!((reply.generation, reply.members.len()), (2, 0));
    assert_eq!(desk.state(), Some(GroupState::Stable));
    let leader = desk.ask(again(&ids[0], "a"));
    assert_eq!((desk.answer(leader), desk.state()), (None, Some(GroupState::PreparingRebalance)));
    let second = desk.ask(again(&ids[0], "a"));
    assert_eq!(
        desk.answer(leader),
        Some(Err(rebalancing())),
        "a later join takes the place of an earlier one"
    );
    joined(Some(desk.call(again(&ids[1], "b"))));
    assert_eq!(joined(desk.answer(second)).generation, 3);
    // Its answer was lost: it is told again, roster and all.
    let lost = joined(Some(desk.call(again(&ids[0], "a"))));
    assert_eq!((lost.generation, lost.members.len()), (3, 2));
}

#[test]
fn leaving_rebalances_and_the_last_one_is_written_down() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[member("a"), member("b")]);
    assert_eq!(desk.call(leave("who", None)), Ok(Reply::Left(vec![Err(unknown_member("who"))])));
    assert_eq!(desk.call(leave(&ids[0], None)), Ok(Reply::Left(vec![Ok(())])));
    assert_eq!(desk.state(), Some(GroupState::PreparingRebalance));
    let b = joined(Some(desk.call(Request::Join(JoinRequest { member_id: ids[1].clone(), ..member("b") }))));
    assert_eq!((b.leader, b.members.len()), (ids[1].clone(), 1));
    assert_eq!(desk.call(leave(&ids[1], None)), Ok(Reply::Left(vec![Ok(())])));
    assert_eq!(desk.state(), Some(GroupState::Empty));
    desk.restart();
    let group = desk.machine.describe("g").expect("kept");
    assert_eq!((group.summary.state, group.generation), (GroupState::Empty, 4));
    assert_eq!(joined(Some(desk.call(Request::Join(member("c"))))).generation, 5);
}

#[test]
fn a_restart_takes_the_settled_generation_for_alive() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[member("a"), member("b")]);
    desk.restart();
    assert_eq!(desk.state(), Some(GroupState::Stable));
    assert_eq!(desk.heartbeat(&ids[1]), Ok(Reply::Alive));
    assert_eq!(assignment(Some(desk.call(sync(&ids[1], 2, &[])))), ids[1]);
    // One of them does not come back.
    desk.pass(9_999);
    assert_eq!(desk.heartbeat(&ids[1]), Ok(Reply::Alive));
    desk.pass(1);
    assert_eq!(desk.heartbeat(&ids[1]), Err(rebalancing()));
    assert_eq!(desk.machine.describe("g").map(|group| group.members.len()), Some(1));
}

#[test]
fn a_restart_with_a_lower_limit_or_a_senseless_record_rebalances() {
    let mut desk = Desk::new();
    desk.settle(&[member("a"), member("b")]);
    desk.machine.settings.max_size = 1;
    desk.restart();
    assert_eq!(desk.state(), Some(GroupState::PreparingRebalance));
}

#[test]
fn a_lost_caller_holds_nobody_up() {
    let mut desk = Desk::new();
    let a = desk.settle(&[member("a")]).remove(0);
    // A member that nobody was told of goes with its caller.
    let lost = desk.ask(Request::Join(member("b")));
    let actions = desk.machine.cancel(desk.now, "g", lost);
    desk.act(actions);
    let reply = joined(Some(desk.call(Request::Join(JoinRequest { member_id: a.clone(), ..member("a") }))));
    assert_eq!((reply.generation, reply.members.len()), (2, 1));
    desk.call(sync(&a, 2, &[])).expect("assigned");
    // One that knows its id may come back, until the rebalance has waited long enough.
    let first = JoinRequest { require_known_member_id: true, ..member("b") };
    let Err(BrokerError::MemberIdRequired { member: b }) = desk.call(Request::Join(first)) else { panic!() };
    let lost = desk.ask(Request::Join(JoinRequest { member_id: b.clone(), ..member("b") }));
    let actions = desk.machine.cancel(desk.now, "g", lost);
    desk.act(actions);
    let waiting = desk.ask(Request::Join(JoinRequest { member_id: a, ..member("a") }));
    assert_eq!(desk.answer(waiting), None);
    desk.pass(10_000);
    assert_eq!(joined(desk.answer(waiting)).members.len(), 1);
    assert_eq!(desk.answer(lost), None);
}

#[test]
fn a_lost_caller_is_forgotten_in_the_queue_and_while_it_waits_for_its_assignment() {
    let mut desk = Desk::new();
    let ids = desk.settle(&[member("a"), member("b")]);
    desk.ask(Request::Join(JoinRequest { member_id: ids[0].clone(), ..member("a") }));
    desk.ask(Request::Join(JoinRequest { member_id: ids[1].clone(), ..member("b") }));
    let waiting = desk.ask(sync(&ids[1], 3, &[]));
    desk.slow_log = true;
    let leader = desk.ask(sync(&ids[0], 3, &ids));
    let queued = desk.ask(leave(&ids[1], None));
    for ticket in [queued, waiting] {
        let actions = desk.machine.cancel(desk.now, "g", ticket);
        desk.act(actions);
    }
    desk.write_all();
    assert_eq!(assignment(desk.answer(leader)), ids[0]);
    assert_eq!(desk.answer(queued), None);
    assert_eq!(desk.heartbeat(&ids[1]), Ok(Reply::Alive), "it did not leave");
}

#[test]
fn versions_rise_with_what_can_be_seen() {
    let mut desk = Desk::new();
    let a = desk.settle(&[member("a")]).remove(0);
    let version = |desk: &Desk| desk.machine.versions().next().expect("a group").1;
    let before = version(&desk);
    desk.heartbeat(&a).expect("alive");
    assert_eq!(version(&desk), before);
    desk.call(commit(&a, 1, &[("orders", 1)])).expect("committed");
    assert!(version(&desk) > before);
}

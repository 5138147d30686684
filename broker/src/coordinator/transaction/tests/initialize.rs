//! Becoming a producer, with and without a name.

use super::*;

#[test]
fn nameless_producers_get_ids_that_nobody_had() {
    let mut desk = Desk::new();
    desk.slow_log = true;
    let tickets: Vec<_> = (0..1_500).map(|_| desk.ask(nameless())).collect();
    assert_eq!(desk.writes.len(), 1, "one write for a block");
    desk.write(Ok(()));
    desk.write(Ok(()));
    let mut ids: Vec<_> =
        tickets.into_iter().map(|ticket| initialized(desk.answer(ticket).expect("an answer")).id).collect();
    desk.slow_log = false;
    for _ in 0..3 {
        desk.restart();
        ids.push(initialized(desk.call(nameless())).id);
        ids.push(desk.init().id);
    }
    let given = ids.len() - 2;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), given, "all differ, but for the named one, which comes back");
}

#[test]
fn ids_that_could_not_be_reserved_are_not_given_out() {
    let mut desk = Desk::new();
    desk.slow_log = true;
    let (first, named) = (desk.ask(nameless()), desk.ask(init(None)));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(first), Some(Err(BrokerError::DiskFull)));
    assert_eq!(desk.answer(named), Some(Err(BrokerError::DiskFull)));
    assert_eq!((desk.state(), desk.machine.transactions.len()), (None, 0));
    desk.slow_log = false;
    assert_eq!(initialized(desk.call(nameless())).epoch, 0);
}

#[test]
fn each_instance_has_a_higher_epoch_and_fences_those_before() {
    let mut desk = Desk::new();
    let first = desk.init();
    assert_eq!(first.epoch, 0);
    let second = desk.init();
    assert_eq!(second, at_epoch(first, 1));
    desk.restart();
    let third = desk.init();
    assert_eq!(third, at_epoch(first, 2));
    for zombie in [first, second] {
        assert_eq!(desk.call(add(zombie, &[orders(0)])), Err(fenced()));
        assert_eq!(desk.call(end(zombie, true)), Err(fenced()));
        assert_eq!(desk.call(init(Some(zombie))), Err(fenced()));
    }
    assert_eq!(desk.call(add(third, &[orders(0)])), Ok(Reply::Added));
}

#[test]
fn an_instance_counts_once_it_is_in_the_log() {
    let mut desk = Desk::new();
    let first = desk.init();
    desk.slow_log = true;
    let second = desk.ask(init(None));
    let late = desk.ask(add(first, &[orders(0)]));
    assert_eq!((desk.answer(second), desk.answer(late)), (None, None));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(second), Some(Err(BrokerError::DiskFull)));
    desk.write(Ok(()));
    assert_eq!(desk.answer(late), Some(Ok(Reply::Added)), "nobody took over");
}

#[test]
fn who_goes_on_must_be_right_about_who_it_is() {
    let mut desk = Desk::new();
    let stranger = Producer { id: 77, epoch: 3 };
    let first = initialized(desk.call(init(Some(stranger))));
    assert_ne!(first.id, stranger.id, "a name that nobody has: a fresh id");
    assert_eq!(desk.call(init(Some(stranger))), Err(fenced()));
    let second = initialized(desk.call(init(Some(first))));
    assert_eq!(second, at_epoch(first, 1));
    assert_eq!(initialized(desk.call(init(Some(first)))), second, "it missed the answer");
    desk.restart();
    assert_eq!(initialized(desk.call(init(Some(first)))), second, "also across a restart");
    assert_eq!(desk.call(init(Some(at_epoch(first, 2)))), Err(fenced()), "not yet");
    desk.init();
    assert_eq!(desk.call(init(Some(first))), Err(fenced()));
    assert_eq!(desk.call(init(Some(second))), Err(fenced()), "another instance came between");
}

#[test]
fn used_up_epochs_lead_to_a_fresh_id() {
    let mut desk = Desk::new();
    desk.init();
    let last = desk.jump_to_epoch(i16::MAX - 1);
    let next = initialized(desk.call(init(Some(last))));
    assert_eq!((next.epoch, next.id == last.id), (0, false));
    assert_eq!(initialized(desk.call(init(Some(last)))), next, "it missed the answer");
    assert_eq!(desk.call(add(last, &[orders(0)])), Err(unmapped(last)));
    let last = desk.jump_to_epoch(i16::MAX - 1);
    let next = desk.init();
    assert_eq!((next.epoch, next.id == last.id), (0, false));
    assert_eq!(desk.call(init(Some(last))), Err(fenced()), "another instance has it");
}

#[test]
fn fencing_may_use_up_the_last_epoch() {
    let mut desk = Desk::new();
    desk.init();
    let last = desk.jump_to_epoch(i16::MAX - 1);
    desk.call(add(last, &[orders(0)])).expect("open");
    assert_eq!(desk.call(init(None)), Err(concurrent()));
    assert_eq!(desk.written_marks[0].1.producer.epoch, i16::MAX);
    assert_ne!(desk.init().id, last.id);
}

#[test]
fn the_timeout_has_limits() {
    let mut desk = Desk::new();
    for timeout_ms in [i32::MIN, -1, 0, 900_001, i32::MAX] {
        let request = InitRequest { transactional_id: Some("t".into()), timeout_ms, producer: None };
        let refused = BrokerError::InvalidTransactionTimeout { timeout_ms, max_ms: 900_000 };
        assert_eq!(desk.call(Request::Init(request)), Err(refused));
    }
    for timeout_ms in [1, 900_000] {
        let request = InitRequest { transactional_id: Some("t".into()), timeout_ms, producer: None };
        initialized(desk.call(Request::Init(request)));
    }
}

#[test]
fn a_name_must_fit_into_the_log() {
    let mut desk = Desk::new();
    for id in [String::new(), "x".repeat(32_768)] {
        let request = InitRequest { transactional_id: Some(id), timeout_ms: 1, producer: None };
        assert!(matches!(desk.call(Request::Init(request)), Err(BrokerError::InvalidName { .. })));
    }
    let producer = desk.init();
    let nowhere = Target::Group("x".repeat(32_768));
    assert!(matches!(desk.call(add(producer, &[nowhere])), Err(BrokerError::InvalidName { .. })));
}

#[test]
fn a_new_instance_aborts_what_the_one_before_left_open() {
    let mut desk = Desk::new();
    desk.slow_marks = true;
    let first = desk.init();
    desk.call(add(first, &[orders(0), group()])).expect("open");
    assert_eq!(desk.call(init(None)), Err(concurrent()), "it is aborted first");
    assert_eq!(desk.state(), Some(TransactionState::PrepareAbort));
    assert_eq!(desk.call(init(None)), Err(concurrent()));
    assert_eq!(desk.call(end(first, true)), Err(fenced()));
    desk.mark(Ok(()));
    desk.mark(Ok(()));
    let marker =
        Marker { producer: at_epoch(first, 1), coordinator_epoch: 3, commit: false, bumps_epoch: false };
    assert_eq!(desk.written_marks, [(orders(0), marker), (group(), marker)]);
    assert_eq!(desk.init(), at_epoch(first, 2));
    assert_eq!(desk.call(end(first, false)), Err(fenced()));
}

#[test]
fn a_zombie_cannot_abort_what_its_successor_has_open() {
    let mut desk = Desk::new();
    let zombie = desk.init();
    let producer = desk.init();
    desk.call(add(producer, &[orders(0)])).expect("open");
    assert_eq!(desk.call(init(Some(zombie))), Err(fenced()));
    assert_eq!(desk.state(), Some(TransactionState::Ongoing));
    assert_eq!(desk.call(end(producer, true)), Ok(Reply::Ended(producer)));
}

#[test]
fn names_that_nobody_uses_are_forgotten_and_never_come_back_as_they_were() {
    const DAY_MS: i64 = 86_400_000;
    let mut desk = Desk::new();
    let first = desk.init();
    desk.pass(6 * DAY_MS);
    desk.call(add(first, &[orders(0)])).expect("open");
    desk.call(end(first, true)).expect("committed");
    desk.pass(6 * DAY_MS);
    assert_eq!(desk.state(), Some(TransactionState::CompleteCommit));
    desk.pass(2 * DAY_MS);
    assert_eq!((desk.state(), desk.machine.transactions.len()), (None, 0));
    assert_eq!(desk.call(add(first, &[orders(0)])), Err(unmapped(first)));
    desk.restart();
    assert_eq!((desk.state(), desk.machine.transactions.len()), (None, 0));
    assert_ne!(desk.init().id, first.id);
}

#[test]
fn an_id_that_cannot_be_forgotten_yet_is_forgotten_later() {
    let mut desk = Desk::new();
    desk.init();
    desk.slow_log = true;
    desk.pass(7 * 86_400_000);
    let waiting = desk.ask(init(None));
    desk.write(Err(BrokerError::DiskFull));
    desk.write(Ok(()));
    assert!(matches!(desk.answer(waiting), Some(Ok(_))));
    desk.slow_log = false;
    desk.pass(8 * 86_400_000);
    assert_eq!(desk.state(), None);
}

//! Beginning and extending a transaction, and writing within it.

use super::*;

#[test]
fn what_takes_part_is_in_the_log_before_it_is_written_to() {
    let mut desk = Desk::new();
    let producer = desk.init();
    assert_eq!(desk.state(), Some(TransactionState::Empty));
    desk.slow_log = true;
    let first = desk.ask(add(producer, &[orders(1), orders(0)]));
    let second = desk.ask(add(producer, &[group()]));
    assert_eq!((desk.answer(first), desk.state()), (None, Some(TransactionState::Empty)));
    desk.write(Ok(()));
    assert_eq!((desk.answer(first), desk.answer(second)), (Some(Ok(Reply::Added)), None));
    desk.write(Ok(()));
    assert_eq!(desk.answer(second), Some(Ok(Reply::Added)));
    desk.restart();
    let open = desk.machine.describe("t").expect("open");
    assert_eq!(
        (open.state, open.partitions.len(), open.groups),
        (TransactionState::Ongoing, 2, vec!["g".into()])
    );
    assert_eq!(open.started_ms, Some(START));
}

#[test]
fn adding_what_takes_part_already_writes_nothing() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add(producer, &[orders(0), orders(1)])).expect("open");
    let written = desk.log.len();
    assert_eq!(desk.call(add(producer, &[orders(1)])), Ok(Reply::Added));
    assert_eq!(desk.log.len(), written);
}

#[test]
fn a_failed_write_opens_nothing() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.slow_log = true;
    let ticket = desk.ask(add(producer, &[orders(0)]));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(ticket), Some(Err(BrokerError::DiskFull)));
    assert_eq!(desk.state(), Some(TransactionState::Empty));
    assert_eq!(desk.machine.next_deadline(), Some(START + 3_600_000), "nothing to time out");
}

#[test]
fn who_adds_must_be_the_producer() {
    let mut desk = Desk::new();
    let nobody = Producer { id: 9, epoch: 0 };
    assert_eq!(desk.call(add(nobody, &[orders(0)])), Err(unmapped(nobody)));
    assert!(desk.machine.transactions.is_empty());
    let producer = desk.init();
    assert_eq!(desk.call(add(nobody, &[orders(0)])), Err(unmapped(nobody)));
    assert_eq!(desk.call(add(at_epoch(producer, 1), &[orders(0)])), Err(fenced()));
    assert_eq!(desk.call(add(at_epoch(producer, -1), &[orders(0)])), Err(fenced()));
}

#[test]
fn the_next_transaction_begins_when_the_one_before_is_over() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add(producer, &[orders(0)])).expect("open");
    desk.pass(1_000);
    desk.slow_marks = true;
    desk.call(end(producer, true)).expect("decided");
    let (impatient, late) = (desk.ask(add(producer, &[orders(1)])), desk.ask(init(Some(producer))));
    desk.pass(99);
    assert_eq!((desk.answer(impatient), desk.answer(late)), (None, None));
    desk.pass(1);
    assert_eq!(desk.answer(impatient), Some(Err(concurrent())), "it has waited long enough");
    assert_eq!(desk.answer(late), Some(Err(concurrent())), "in line behind it");
    let patient = desk.ask(add(producer, &[orders(1)]));
    desk.pass(50);
    desk.mark(Ok(()));
    assert_eq!(desk.answer(patient), Some(Ok(Reply::Added)));
    let open = desk.machine.describe("t").expect("open");
    let partition = NamedPartition { topic: "orders".into(), partition: 1 };
    assert_eq!((open.partitions, open.started_ms), (vec![partition], Some(START + 1_150)));
}

#[test]
fn only_what_takes_part_in_an_open_transaction_is_written_to() {
    let invalid = |reason| BrokerError::InvalidTransactionState { producer: "t".into(), reason };
    let mut desk = Desk::new();
    let nobody = Producer { id: 9, epoch: 0 };
    assert_eq!(desk.machine.enter("t", nobody, &orders(0)), Err(unmapped(nobody)));
    let producer = desk.init();
    assert_eq!(desk.machine.enter("t", producer, &orders(0)), Err(invalid("it is not open")));
    desk.call(add(producer, &[orders(0)])).expect("open");
    let stranger = invalid("what is written to does not take part in it");
    assert_eq!(desk.machine.enter("t", producer, &orders(1)), Err(stranger));
    assert_eq!(desk.machine.enter("t", at_epoch(producer, 1), &orders(0)), Err(fenced()));
    assert_eq!(desk.machine.enter("t", producer, &orders(0)), Ok(()));
    desk.slow_log = true;
    desk.ask(end(producer, true));
    assert_eq!(desk.machine.enter("t", producer, &orders(0)), Err(invalid("it is not open")), "it closes");
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.machine.enter("t", producer, &orders(0)), Ok(()), "it did not");
}

#[test]
fn an_open_transaction_times_out_and_its_producer_is_fenced() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add(producer, &[orders(0)])).expect("open");
    desk.pass(i64::from(TIMEOUT_MS) - 1);
    desk.call(add(producer, &[group()])).expect("still open; this does not prolong it");
    assert_eq!((desk.state(), desk.events.len()), (Some(TransactionState::Ongoing), 0));
    desk.pass(1);
    assert_eq!((desk.state(), desk.events.len()), (Some(TransactionState::CompleteAbort), 1));
    let producer_now = at_epoch(producer, 1);
    let marker = Marker { producer: producer_now, coordinator_epoch: 3, commit: false, bumps_epoch: false };
    assert_eq!(desk.written_marks, [(orders(0), marker), (group(), marker)]);
    for request in [add(producer, &[orders(0)]), end(producer, true), end(producer, false)] {
        assert_eq!(desk.call(request), Err(fenced()));
    }
    assert_eq!(desk.call(end_and_bump(producer, false)), Err(fenced()), "it did not ask for this epoch");
    assert_eq!(desk.call(init(Some(producer))), Err(fenced()));
    assert_eq!(desk.init(), at_epoch(producer, 2));
}

#[test]
fn with_rising_epochs_a_producer_goes_on_after_a_timeout() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add_and_bump(producer, &[orders(0)])).expect("open");
    desk.slow_marks = true;
    desk.pass(i64::from(TIMEOUT_MS));
    let next = at_epoch(producer, 1);
    assert_eq!(desk.machine.enter("t", producer, &orders(0)), Err(fenced()), "nothing is written any more");
    assert_eq!(desk.call(add_and_bump(producer, &[orders(1)])), Err(fenced()));
    assert_eq!(desk.call(end_and_bump(producer, false)), Err(concurrent()));
    desk.restart();
    desk.slow_marks = false;
    desk.mark(Ok(()));
    assert!(is_invalid_state(&desk.call(end_and_bump(producer, true))), "it was aborted");
    assert_eq!(desk.call(end_and_bump(producer, false)), Ok(Reply::Ended(next)));
    assert_eq!(desk.call(add_and_bump(next, &[orders(0)])), Ok(Reply::Added));
    assert_eq!(desk.call(end_and_bump(producer, false)), Err(fenced()), "late");
}

#[test]
fn with_rising_epochs_who_takes_over_fences_all_the_same() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add_and_bump(producer, &[orders(0)])).expect("open");
    assert_eq!(desk.call(init(None)), Err(concurrent()));
    assert_eq!(desk.call(end_and_bump(producer, false)), Err(fenced()));
    assert_eq!(desk.init(), at_epoch(producer, 2));
}

#[test]
fn time_runs_on_through_a_restart() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add(producer, &[orders(0)])).expect("open");
    desk.pass(30_000);
    desk.restart();
    desk.pass(29_999);
    assert_eq!(desk.state(), Some(TransactionState::Ongoing));
    desk.pass(1);
    assert_eq!(desk.state(), Some(TransactionState::CompleteAbort));
}

#[test]
fn a_clock_that_was_set_back_keeps_no_transaction_open() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add(producer, &[orders(0)])).expect("open");
    desk.now = START - 86_400_000;
    desk.restart();
    desk.pass(i64::from(TIMEOUT_MS));
    assert_eq!(desk.state(), Some(TransactionState::CompleteAbort));
}

#[test]
fn a_timeout_that_cannot_be_written_is_tried_again() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add(producer, &[orders(0)])).expect("open");
    desk.slow_log = true;
    desk.pass(i64::from(TIMEOUT_MS));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!((desk.state(), desk.events.len()), (Some(TransactionState::Ongoing), 0));
    desk.slow_log = false;
    desk.pass(999);
    assert_eq!(desk.state(), Some(TransactionState::Ongoing));
    desk.pass(1);
    assert_eq!((desk.state(), desk.events.len()), (Some(TransactionState::CompleteAbort), 1));
}

#[test]
fn a_commit_goes_before_a_timeout_that_comes_while_it_is_written() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add(producer, &[orders(0)])).expect("open");
    desk.pass(i64::from(TIMEOUT_MS) - 1);
    desk.slow_log = true;
    let ending = desk.ask(end(producer, true));
    desk.pass(10);
    desk.write(Ok(()));
    assert_eq!(desk.answer(ending), Some(Ok(Reply::Ended(producer))));
    desk.slow_log = false;
    desk.write(Ok(()));
    assert_eq!(desk.state(), Some(TransactionState::CompleteCommit));
}

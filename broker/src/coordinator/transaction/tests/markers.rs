//! From the decision to the end: markers, failures, restarts.

use super::*;

/// A desk with an open transaction of two partitions and a group.
fn open() -> (Desk, Producer) {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add(producer, &[orders(0), orders(1), group()])).expect("open");
    (desk, producer)
}

fn unreachable_disk() -> Result<(), BrokerError> {
    Err(BrokerError::DiskFull)
}

#[test]
fn it_is_over_when_everybody_knows() {
    let (mut desk, producer) = open();
    desk.slow_marks = true;
    desk.call(end(producer, true)).expect("decided");
    let marker = Marker { producer, coordinator_epoch: 3, commit: true, bumps_epoch: false };
    let asked: Vec<_> = desk.marks.iter().map(|(_, target, marker)| (target.clone(), *marker)).collect();
    assert_eq!(asked, [(orders(0), marker), (orders(1), marker), (group(), marker)]);
    desk.mark(Ok(()));
    desk.mark(Ok(()));
    assert_eq!(desk.state(), Some(TransactionState::PrepareCommit));
    desk.mark(Ok(()));
    assert_eq!(desk.state(), Some(TransactionState::CompleteCommit));
    let done = desk.machine.describe("t").expect("done");
    assert_eq!((done.partitions.len(), done.groups.len(), done.started_ms), (0, 0, Some(START)));
}

#[test]
fn markers_that_failed_are_tried_again_and_only_they() {
    let (mut desk, producer) = open();
    desk.slow_marks = true;
    desk.call(end(producer, false)).expect("decided");
    desk.mark(unreachable_disk());
    desk.mark(Ok(()));
    desk.mark(unreachable_disk());
    assert_eq!(desk.marks.len(), 0);
    desk.pass(999);
    assert_eq!(desk.marks.len(), 0);
    desk.pass(1);
    let again: Vec<_> = desk.marks.iter().map(|(_, target, _)| target.clone()).collect();
    assert_eq!(again, [orders(0), group()]);
    desk.mark(Ok(()));
    desk.mark(Ok(()));
    assert_eq!(desk.state(), Some(TransactionState::CompleteAbort));
}

#[test]
fn a_restart_takes_up_what_was_decided() {
    for commit in [true, false] {
        let (mut desk, producer) = open();
        desk.slow_marks = true;
        desk.call(end(producer, commit)).expect("decided");
        desk.mark(Ok(()));
        desk.restart();
        let marker = Marker { producer, coordinator_epoch: 4, commit, bumps_epoch: false };
        assert_eq!(desk.marks.len(), 3, "which were written is not known");
        assert!(desk.marks.iter().all(|(_, _, asked)| *asked == marker));
        (0..3).for_each(|_| desk.mark(Ok(())));
        desk.restart();
        assert_eq!(desk.marks.len(), 0);
        assert_eq!(desk.call(end(producer, commit)), Ok(Reply::Ended(producer)));
    }
}

#[test]
fn the_conclusion_is_tried_again_too() {
    let (mut desk, producer) = open();
    desk.slow_marks = true;
    desk.call(end(producer, true)).expect("decided");
    desk.slow_log = true;
    (0..3).for_each(|_| desk.mark(Ok(())));
    desk.write(unreachable_disk());
    assert_eq!((desk.state(), desk.writes.len()), (Some(TransactionState::PrepareCommit), 0));
    desk.slow_log = false;
    desk.pass(1_000);
    assert_eq!((desk.state(), desk.marks.len()), (Some(TransactionState::CompleteCommit), 0));
}

#[test]
fn markers_wait_for_those_who_are_writing() {
    let (mut desk, producer) = open();
    desk.slow_marks = true;
    desk.machine.enter("t", producer, &orders(0)).expect("in");
    desk.machine.enter("t", producer, &group()).expect("in");
    assert_eq!(desk.call(end(producer, true)), Ok(Reply::Ended(producer)), "the answer does not wait");
    let actions = desk.machine.leave(desk.now, "t");
    desk.act(actions);
    assert_eq!(desk.marks.len(), 0);
    desk.pass(1_000);
    assert_eq!(desk.marks.len(), 0);
    let actions = desk.machine.leave(desk.now, "t");
    desk.act(actions);
    assert_eq!(desk.marks.len(), 3);
    (0..3).for_each(|_| desk.mark(Ok(())));
    assert_eq!(desk.state(), Some(TransactionState::CompleteCommit));
}

#[test]
fn reports_that_nobody_waits_for_change_nothing() {
    let (mut desk, producer) = open();
    assert_eq!(desk.machine.marked(desk.now, "t", orders(0), &Ok(())), []);
    assert_eq!(desk.machine.marked(desk.now, "nobody", orders(0), &Ok(())), []);
    assert_eq!(desk.machine.appended(desk.now, 99, Ok(())), []);
    assert_eq!(desk.machine.transactions.len(), 1);
    desk.call(end(producer, true)).expect("committed");
    assert_eq!(desk.state(), Some(TransactionState::CompleteCommit));
}

#[test]
fn foreign_records_are_left_alone() {
    let mut desk = Desk::new();
    desk.machine.replay(&Bytes::from_static(b"\0\x07\0\x01t"), None);
    desk.machine.replay(&Bytes::from_static(b"\0\0\0\x01t"), Some(&Bytes::from_static(b"\0\x09?")));
    assert_eq!((desk.machine.ignored_records(), desk.state()), (2, None));
    assert!(desk.machine.transactions.len() <= 1);
}

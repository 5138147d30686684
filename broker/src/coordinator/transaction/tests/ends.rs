//! What an end is answered, in each state: the table of the rules.

use super::*;

/// A desk whose transaction is in a state, and its producer.
fn desk_in(state: TransactionState) -> (Desk, Producer) {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.slow_marks = state.is_ending();
    if state != TransactionState::Empty {
        desk.call(add(producer, &[orders(0)])).expect("open");
    }
    let commit = match state {
        TransactionState::PrepareCommit | TransactionState::CompleteCommit => Some(true),
        TransactionState::PrepareAbort | TransactionState::CompleteAbort => Some(false),
        _ => None,
    };
    if let Some(commit) = commit {
        desk.call(end(producer, commit)).expect("ended");
    }
    assert_eq!(desk.state(), Some(state));
    (desk, producer)
}

#[test]
fn an_end_can_be_asked_for_again_but_not_otherwise() {
    enum Answer {
        Ended,
        Concurrent,
        InvalidState,
    }
    use Answer::{Concurrent, Ended, InvalidState};
    use TransactionState::{CompleteAbort, CompleteCommit, Empty, Ongoing, PrepareAbort, PrepareCommit};
    let table = [
        (Empty, InvalidState, InvalidState),
        (Ongoing, Ended, Ended),
        (PrepareCommit, Concurrent, InvalidState),
        (PrepareAbort, InvalidState, Concurrent),
        (CompleteCommit, Ended, InvalidState),
        (CompleteAbort, InvalidState, Ended),
    ];
    for (state, to_commit, to_abort) in table {
        for (commit, expected) in [(true, to_commit), (false, to_abort)] {
            let (mut desk, producer) = desk_in(state);
            let answer = desk.call(end(producer, commit));
            match expected {
                Ended => assert_eq!(answer, Ok(Reply::Ended(producer)), "{state} {commit}"),
                Concurrent => assert_eq!(answer, Err(concurrent()), "{state} {commit}"),
                InvalidState => assert!(is_invalid_state(&answer), "{state} {commit}: {answer:?}"),
            }
            let after = desk.state();
            desk.restart();
            assert_eq!(desk.state(), after, "{state} {commit}");
        }
    }
}

#[test]
fn who_ends_must_be_the_producer() {
    let mut desk = Desk::new();
    let nobody = Producer { id: 9, epoch: 0 };
    assert_eq!(desk.call(end(nobody, true)), Err(unmapped(nobody)));
    for state in TransactionState::ALL {
        let (mut desk, producer) = desk_in(state);
        assert_eq!(desk.call(end(nobody, true)), Err(unmapped(nobody)));
        for epoch in [-1, 1, i16::MAX] {
            assert_eq!(desk.call(end(at_epoch(producer, epoch), true)), Err(fenced()), "{state}");
            assert_eq!(desk.call(end_and_bump(at_epoch(producer, epoch), true)), Err(fenced()), "{state}");
        }
    }
}

#[test]
fn an_end_counts_once_it_is_in_the_log() {
    let (mut desk, producer) = desk_in(TransactionState::Ongoing);
    desk.slow_log = true;
    let (ending, again) = (desk.ask(end(producer, true)), desk.ask(end(producer, true)));
    assert_eq!((desk.answer(ending), desk.marks.len(), desk.written_marks.len()), (None, 0, 0));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(ending), Some(Err(BrokerError::DiskFull)));
    assert_eq!((desk.answer(again), desk.written_marks.len()), (None, 0));
    desk.slow_marks = true;
    desk.write(Ok(()));
    assert_eq!(desk.answer(again), Some(Ok(Reply::Ended(producer))), "before the markers are written");
    assert_eq!((desk.state(), desk.marks.len()), (Some(TransactionState::PrepareCommit), 1));
}

#[test]
fn with_rising_epochs_the_answer_names_the_next() {
    let (mut desk, producer) = desk_in(TransactionState::Ongoing);
    let next = at_epoch(producer, 1);
    desk.slow_marks = true;
    assert_eq!(desk.call(end_and_bump(producer, true)), Ok(Reply::Ended(next)));
    assert_eq!(desk.call(end_and_bump(producer, true)), Err(concurrent()));
    assert!(is_invalid_state(&desk.call(end_and_bump(producer, false))));
    for commit in [true, false] {
        assert_eq!(desk.call(end_and_bump(next, commit)), Err(concurrent()), "of its next transaction");
    }
    desk.mark(Ok(()));
    let marker = desk.written_marks[0].1;
    assert_eq!((marker.producer, marker.bumps_epoch), (next, true));
    desk.restart();
    desk.slow_marks = false;
    assert_eq!(desk.call(end_and_bump(producer, true)), Ok(Reply::Ended(next)), "it missed the answer");
    assert!(is_invalid_state(&desk.call(end_and_bump(producer, false))));
    assert!(is_invalid_state(&desk.call(end_and_bump(next, true))), "nothing is open");
    desk.call(add(next, &[orders(0)])).expect("open");
    assert_eq!(desk.call(end_and_bump(producer, false)), Err(fenced()), "late");
    assert_eq!(desk.call(end_and_bump(next, false)), Ok(Reply::Ended(at_epoch(producer, 2))));
}

#[test]
fn with_rising_epochs_what_is_not_open_can_be_aborted() {
    use TransactionState::{CompleteAbort, CompleteCommit, Empty};
    for state in [Empty, CompleteCommit, CompleteAbort] {
        let (mut desk, producer) = desk_in(state);
        let marks = desk.written_marks.len();
        assert_eq!(desk.call(end_and_bump(producer, false)), Ok(Reply::Ended(at_epoch(producer, 1))));
        assert_eq!((desk.state(), desk.written_marks.len()), (Some(CompleteAbort), marks), "{state}");
    }
}

#[test]
fn with_rising_epochs_the_last_leads_to_a_fresh_id() {
    let mut desk = Desk::new();
    desk.init();
    let last = desk.jump_to_epoch(i16::MAX - 1);
    desk.call(add(last, &[orders(0)])).expect("open");
    desk.slow_log = true;
    let ending = desk.ask(end_and_bump(last, true));
    desk.write(Ok(()));
    assert_eq!(desk.answer(ending), None, "that was the block of ids");
    (desk.slow_log, desk.slow_marks) = (false, true);
    desk.write(Ok(()));
    let Some(Ok(Reply::Ended(next))) = desk.answer(ending) else { panic!() };
    assert_eq!((next.epoch, next.id == last.id), (0, false));
    assert_eq!(desk.call(end_and_bump(next, false)), Err(concurrent()), "markers are still under way");
    assert_eq!(desk.call(init(Some(next))), Err(concurrent()));
    let begins = desk.ask(add_and_bump(next, &[orders(0)]));
    assert_eq!(desk.answer(begins), None);
    desk.restart();
    assert_eq!(desk.call(end_and_bump(next, false)), Err(concurrent()), "also after a restart");
    desk.slow_marks = false;
    desk.mark(Ok(()));
    assert_eq!(desk.written_marks[0].1.producer, at_epoch(last, i16::MAX));
    assert_eq!(desk.call(end_and_bump(last, true)), Ok(Reply::Ended(next)), "it missed the answer");
    assert_eq!(desk.call(end(last, true)), Err(unmapped(last)));
    assert_eq!(desk.call(add(next, &[orders(0)])), Ok(Reply::Added));
}

#[test]
fn the_version_of_a_transaction_is_that_of_its_requests() {
    let mut desk = Desk::new();
    let producer = desk.init();
    desk.call(add_and_bump(producer, &[orders(0)])).expect("open");
    assert_eq!(desk.call(end(producer, true)), Ok(Reply::Ended(producer)), "an older program of that name");
    desk.call(add(producer, &[orders(0)])).expect("open");
    assert_eq!(desk.call(end_and_bump(producer, true)), Ok(Reply::Ended(at_epoch(producer, 1))));
    let bumps: Vec<_> = desk.written_marks.iter().map(|(_, marker)| marker.bumps_epoch).collect();
    assert_eq!(bumps, [false, true]);
}

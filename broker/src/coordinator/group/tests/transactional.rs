//! Offsets that are committed within transactions.

use super::*;

const DAY_MS: i64 = 86_400_000;
const PRODUCER: i64 = 7;

fn outsider(epoch: i16, rows: &[(&str, i64)]) -> Request {
    within(PRODUCER, epoch, commit("", -1, rows))
}

fn within(producer_id: i64, producer_epoch: i16, request: Request) -> Request {
    let Request::Commit(commit) = request else { panic!("{request:?}") };
    Request::CommitTransactional(TransactionalCommitRequest { producer_id, producer_epoch, commit })
}

fn end(producer_id: i64, producer_epoch: i16, commit: bool) -> Request {
    Request::EndTransaction(EndTransactionRequest { group: "g".into(), producer_id, producer_epoch, commit })
}

fn committed() -> Result<Reply, BrokerError> {
    Ok(Reply::Committed(vec![Ok(())]))
}

/// What a fetch of stable offsets says.
fn stable(desk: &mut Desk, topic: &str) -> Result<Option<i64>, BrokerError> {
    let partitions = Some(vec![NamedPartition { topic: topic.into(), partition: 0 }]);
    let request = FetchRequest { group: "g".into(), member: None, partitions, require_stable: true };
    match desk.call(Request::Fetch(request)) {
        Ok(Reply::Fetched(rows)) => rows[0].committed.clone().map(|found| found.map(|row| row.offset)),
        other => panic!("{other:?}"),
    }
}

fn unstable(topic: &str) -> Result<Option<i64>, BrokerError> {
    Err(BrokerError::UnstableOffset { topic: topic.into(), partition: 0 })
}

#[test]
fn offsets_count_when_the_transaction_commits_and_survive_until_then() {
    let mut desk = Desk::new();
    desk.call(commit("", -1, &[("orders", 1)])).expect("committed");
    assert_eq!(desk.call(outsider(0, &[("orders", 5)])), committed());
    desk.restart();
    assert_eq!((desk.offset("orders"), stable(&mut desk, "orders")), (Some(1), unstable("orders")));
    assert_eq!(desk.call(end(PRODUCER, 0, true)), Ok(Reply::TransactionEnded));
    assert_eq!((desk.offset("orders"), stable(&mut desk, "orders")), (Some(5), Ok(Some(5))));
    desk.restart();
    assert_eq!((desk.offset("orders"), stable(&mut desk, "orders")), (Some(5), Ok(Some(5))));
    assert_eq!(desk.call(end(PRODUCER, 0, true)), Ok(Reply::TransactionEnded), "again");
    assert_eq!(desk.offset("orders"), Some(5));
}

#[test]
fn an_abort_drops_them_and_a_group_that_had_nothing_else() {
    let mut desk = Desk::new();
    desk.call(outsider(0, &[("orders", 5)])).expect("committed");
    assert_eq!(desk.state(), Some(GroupState::Empty));
    assert_eq!(desk.call(end(PRODUCER, 1, false)), Ok(Reply::TransactionEnded), "fenced by a later epoch");
    assert_eq!((desk.offset("orders"), desk.state()), (None, None));
    desk.restart();
    assert_eq!(desk.state(), None);
    assert_eq!(desk.call(end(PRODUCER, 1, false)), Ok(Reply::TransactionEnded), "nothing is left to end");
    assert_eq!(desk.state(), None);
}

#[test]
fn each_producer_ends_its_own() {
    let mut desk = Desk::new();
    desk.call(outsider(0, &[("orders", 5), ("payments", 6)])).expect("committed");
    desk.call(within(8, 0, commit("", -1, &[("orders", 9)]))).expect("committed");
    desk.call(end(PRODUCER, 0, true)).expect("ended");
    assert_eq!((desk.offset("orders"), desk.offset("payments")), (Some(5), Some(6)));
    assert_eq!(
        (stable(&mut desk, "orders"), stable(&mut desk, "payments")),
        (unstable("orders"), Ok(Some(6)))
    );
    desk.call(end(8, 0, false)).expect("ended");
    assert_eq!(stable(&mut desk, "orders"), Ok(Some(5)));
}

#[test]
fn a_commit_from_elsewhere_is_not_undone_by_the_end_of_an_older_one() {
    let mut desk = Desk::new();
    desk.call(outsider(0, &[("orders", 5)])).expect("committed");
    desk.pass(1);
    desk.call(commit("", -1, &[("orders", 9)])).expect("committed");
    desk.call(end(PRODUCER, 0, true)).expect("ended");
    assert_eq!(stable(&mut desk, "orders"), Ok(Some(9)));
}

#[test]
fn an_end_does_not_overtake_the_commits_before_it_nor_stop_those_of_others() {
    let mut desk = Desk::new();
    desk.slow_log = true;
    let commit_first = desk.ask(outsider(0, &[("orders", 5)]));
    let ending = desk.ask(end(PRODUCER, 0, true));
    let after = desk.ask(outsider(0, &[("orders", 6)]));
    assert_eq!(desk.writes.len(), 1);
    desk.write(Ok(()));
    assert_eq!((desk.answer(commit_first), desk.answer(ending)), (Some(committed()), None));
    desk.write(Ok(()));
    assert_eq!(desk.answer(ending), Some(Ok(Reply::TransactionEnded)));
    desk.write(Ok(()));
    assert_eq!(desk.answer(after), Some(committed()));
    assert_eq!((desk.offset("orders"), stable(&mut desk, "orders")), (Some(5), unstable("orders")));
}

#[test]
fn an_end_that_cannot_be_written_can_be_tried_again() {
    let mut desk = Desk::new();
    desk.call(outsider(0, &[("orders", 5)])).expect("committed");
    desk.slow_log = true;
    let ending = desk.ask(end(PRODUCER, 0, true));
    desk.write(Err(BrokerError::DiskFull));
    assert_eq!(desk.answer(ending), Some(Err(BrokerError::DiskFull)));
    desk.slow_log = false;
    assert_eq!((desk.offset("orders"), stable(&mut desk, "orders")), (None, unstable("orders")));
    desk.call(end(PRODUCER, 0, true)).expect("ended");
    assert_eq!(desk.offset("orders"), Some(5));
}

#[test]
fn who_names_itself_must_be_right_about_it() {
    let rows = [("orders", 1)];
    let mut desk = Desk::new();
    let member_commit = |id: &str, generation| within(PRODUCER, 0, commit(id, generation, &rows));
    assert_eq!(desk.call(member_commit("a", 3)), Err(illegal_generation(3)), "no such group");
    let a = joined(Some(desk.call(Request::Join(member("a"))))).member_id;
    assert_eq!(desk.call(member_commit(&a, 1)), committed(), "a group between generations takes them");
    desk.call(sync(&a, 1, &[])).expect("assigned");
    assert_eq!(desk.call(member_commit(&a, 1)), committed());
    assert_eq!(desk.call(member_commit(&a, 0)), Err(illegal_generation(0)));
    assert_eq!(desk.call(member_commit(&a, -1)), Err(illegal_generation(-1)));
    assert_eq!(desk.call(member_commit("b", 1)), Err(unknown_member("b")));
    assert_eq!(desk.call(outsider(0, &rows)), committed(), "old clients do not name themselves");
}

#[test]
fn an_older_epoch_is_fenced_by_what_a_newer_one_left_here() {
    let mut desk = Desk::new();
    desk.call(outsider(3, &[("orders", 5)])).expect("committed");
    let fenced = BrokerError::ProducerFenced { producer: PRODUCER.to_string() };
    assert_eq!(desk.call(outsider(2, &[("payments", 5)])), Err(fenced));
    desk.call(end(PRODUCER, 2, true)).expect("nothing of that epoch is left");
    assert_eq!((desk.offset("orders"), stable(&mut desk, "orders")), (None, unstable("orders")));
}

#[test]
fn what_a_transaction_may_change_never_expires() {
    let mut desk = Desk::new();
    desk.call(commit("", -1, &[("orders", 1), ("payments", 2)])).expect("committed");
    desk.call(outsider(0, &[("orders", 5)])).expect("committed");
    desk.pass(20 * DAY_MS);
    assert_eq!((desk.offset("orders"), desk.offset("payments")), (Some(1), None));
    desk.call(end(PRODUCER, 0, false)).expect("ended");
    desk.pass(DAY_MS);
    assert_eq!(desk.state(), None);
}

#[test]
fn an_emptied_group_stays_while_a_transaction_may_bring_it_offsets() {
    let mut desk = Desk::new();
    let a = desk.settle(&[member("a")]).remove(0);
    desk.call(within(PRODUCER, 0, commit(&a, 1, &[("orders", 5)]))).expect("committed");
    desk.call(leave(&a, None)).expect("left");
    desk.pass(20 * DAY_MS);
    let generation = desk.generation();
    desk.restart();
    assert_eq!(desk.generation(), generation);
    desk.call(end(PRODUCER, 0, true)).expect("ended");
    assert_eq!((desk.offset("orders"), desk.generation()), (Some(5), generation));
}

#[test]
fn deletions_take_along_what_waits() {
    let forget = Request::ForgetTopic { group: "g".into(), topic: "orders".into() };
    let delete_group = Request::DeleteGroup { group: "g".into() };
    let partitions = vec![NamedPartition { topic: "orders".into(), partition: 0 }];
    let delete = Request::DeleteOffsets(DeleteOffsetsRequest { group: "g".into(), partitions });
    for deletion in [forget, delete_group, delete] {
        let mut desk = Desk::new();
        desk.call(outsider(0, &[("orders", 5)])).expect("committed");
        assert_eq!(desk.machine.groups_on_topic("orders"), ["g"]);
        assert_eq!(desk.machine.topics().into_iter().collect::<Vec<_>>(), ["orders"]);
        desk.call(deletion).expect("deleted");
        desk.call(end(PRODUCER, 0, true)).expect("ended");
        assert_eq!((desk.offset("orders"), desk.state()), (None, None));
        desk.restart();
        assert_eq!((desk.offset("orders"), desk.state()), (None, None));
    }
}

//! Listing and describing.

use super::*;

fn list(desk: &Desk, filter: TransactionFilter) -> Vec<String> {
    let found = desk.machine.list(desk.now, &filter);
    found.into_iter().map(|summary| summary.transactional_id).collect()
}

/// Three names: `idle`, `open` since a second, and `t`, which has committed.
fn desk_of_three() -> (Desk, Producer) {
    let mut desk = Desk::new();
    let named = |id: &str| {
        let transactional_id = Some(id.to_owned());
        Request::Init(InitRequest { transactional_id, timeout_ms: TIMEOUT_MS, producer: None })
    };
    desk.call(named("idle")).expect("a producer");
    let open = initialized(desk.call(named("open")));
    let (transactional_id, targets) = ("open".to_owned(), vec![orders(2), orders(10), group()]);
    desk.call(Request::Add(AddRequest { transactional_id, producer: open, targets, bumps_epoch: false }))
        .expect("open");
    let producer = desk.init();
    desk.call(add(producer, &[orders(0)])).expect("open");
    desk.call(end(producer, true)).expect("committed");
    desk.pass(1_000);
    (desk, open)
}

#[test]
fn filters_narrow_the_list() {
    let (desk, open) = desk_of_three();
    let all = || TransactionFilter::new();
    assert_eq!(list(&desk, all()), ["idle", "open", "t"]);
    assert_eq!(list(&desk, all().states(vec![TransactionState::Ongoing])), ["open"]);
    let settled = vec![TransactionState::Empty, TransactionState::CompleteCommit];
    assert_eq!(list(&desk, all().states(settled.clone())), ["idle", "t"]);
    assert_eq!(list(&desk, all().producer_ids(vec![open.id, 99])), ["open"]);
    assert_eq!(list(&desk, all().open_for_ms(Some(999))), ["open"]);
    assert_eq!(list(&desk, all().open_for_ms(Some(1_000))), [""; 0]);
    assert_eq!(list(&desk, all().open_for_ms(Some(-1))).len(), 3);
    assert_eq!(list(&desk, all().pattern("o.*").expect("a pattern")), ["open"]);
    assert_eq!(list(&desk, all().pattern("t|idle").expect("a pattern")), ["idle", "t"]);
    assert_eq!(list(&desk, all().pattern("pe").expect("a pattern")), [""; 0], "the whole name");
    assert_eq!(list(&desk, all().states(settled).pattern("t").expect("a pattern")), ["t"]);
    for broken in ["(", "a)|(b", "["] {
        assert!(matches!(all().pattern(broken), Err(BrokerError::InvalidArgument { .. })), "{broken}");
    }
}

#[test]
fn a_description_tells_who_takes_part() {
    let (desk, open) = desk_of_three();
    let partition = |partition| NamedPartition { topic: "orders".into(), partition };
    let described = TransactionDescription {
        transactional_id: "open".into(),
        producer: open,
        state: TransactionState::Ongoing,
        timeout_ms: TIMEOUT_MS,
        started_ms: Some(START),
        partitions: vec![partition(2), partition(10)],
        groups: vec!["g".into()],
    };
    assert_eq!(desk.machine.describe("open"), Some(described));
    assert_eq!(desk.machine.describe("idle").and_then(|idle| idle.started_ms), None);
    assert_eq!(desk.machine.describe("nobody"), None);
}

#[test]
fn states_have_kafkas_names() {
    for state in TransactionState::ALL {
        assert_eq!(TransactionState::named(&state.to_string()), Some(state));
    }
    assert_eq!(TransactionState::named("Dead"), None);
}

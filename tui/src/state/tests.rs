//! The state as messages and keys change it.

use std::time::{Duration, Instant};

use runnel_proto::v1::{GroupState, Snapshot, TopicPartitions};

use super::*;
use crate::fixture::{TIME_MS, full, group, heard, partition, position, topic, totals};
use crate::input::{Intent, Typing};

const SECOND: Duration = Duration::from_secs(1);

/// A snapshot of what changed.
fn delta(time_ms: i64, topics: Vec<runnel_proto::v1::TopicSample>) -> Snapshot {
    Snapshot { time_ms, totals: Some(totals(&topics, 0)), topics, ..Default::default() }
}

fn cluster(snapshots: Vec<Snapshot>) -> Cluster {
    let mut cluster = Cluster::default();
    snapshots.into_iter().for_each(|snapshot| cluster.apply(snapshot));
    cluster
}

fn two_partitions(ends: [i64; 2]) -> Vec<runnel_proto::v1::TopicSample> {
    vec![topic("orders", vec![partition(0, 0, ends[0], 10.0), partition(1, 0, ends[1], 5.0)])]
}

#[test]
fn a_delta_changes_what_it_names_and_nothing_else() {
    let mut changed = topic("orders", vec![partition(1, 0, 300, 7.0)]);
    changed.partition_count = 2;
    let cluster = cluster(vec![
        full(TIME_MS, two_partitions([100, 200]), vec![]),
        delta(TIME_MS + 1000, vec![changed]),
    ]);
    let orders = &cluster.topics["id-orders"];
    assert_eq!(orders.partitions[&0].log_end_offset, 100);
    assert_eq!(orders.partitions[&1].log_end_offset, 300);
    assert_eq!(orders.sums.records, 400.0);
    assert_eq!(orders.sums.records_in_per_s, 17.0);
    assert_eq!(cluster.rate(orders.sums.records_in_per_s), Figure::Exact(17.0));
}

#[test]
fn what_is_removed_is_gone_and_the_rest_stays() {
    let rows = vec![position("orders", 0, 50, 100, "m"), position("orders", 1, 50, 200, "m")];
    let groups = vec![
        group("readers", GroupState::Stable, &["m"], rows),
        group("other", GroupState::Empty, &[], vec![]),
    ];
    let mut cluster = cluster(vec![full(TIME_MS, two_partitions([100, 200]), groups)]);
    assert_eq!(cluster.groups["readers"].sums.lag, Some(Figure::Exact(200.0)));
    assert_eq!(cluster.topics["id-orders"].readers.len(), 1);

    let mut fewer = group("readers", GroupState::Empty, &[], vec![]);
    fewer.removed_partitions = vec![TopicPartitions { topic: "orders".into(), partitions: vec![1] }];
    let mut change = delta(TIME_MS + 1000, vec![]);
    (change.groups, change.removed_groups) = (vec![fewer], vec!["other".into()]);
    cluster.apply(change);
    assert_eq!(cluster.groups.keys().collect::<Vec<_>>(), ["readers"]);
    assert_eq!(cluster.groups["readers"].sums.lag, Some(Figure::Exact(50.0)));
    assert_eq!(cluster.groups["readers"].state, GroupState::Empty);

    let mut change = delta(TIME_MS + 2000, vec![]);
    change.removed_topic_ids = vec!["id-orders".into()];
    cluster.apply(change);
    assert!(cluster.topics.is_empty());
}

#[test]
fn a_full_snapshot_forgets_but_keeps_the_history_of_what_lives_on() {
    let mut topics = two_partitions([100, 200]);
    topics.push(topic("gone", vec![partition(0, 0, 1, 1.0)]));
    let mut cluster = cluster(vec![full(TIME_MS, topics, vec![])]);
    cluster.stream_opened(SECOND);
    let fewer = vec![topic("orders", vec![partition(0, 0, 150, 10.0)])];
    cluster.apply(full(TIME_MS + 1000, fewer, vec![]));
    assert_eq!(cluster.topics.len(), 1);
    let orders = &cluster.topics["id-orders"];
    assert_eq!(orders.partitions.len(), 1);
    assert_eq!(orders.records_in.last(9).collect::<Vec<_>>(), [15.0, 10.0]);
}

#[test]
fn a_topic_created_again_starts_a_new_series_and_its_screen_follows() {
    let now = Instant::now();
    let mut state = heard(vec![full(TIME_MS, two_partitions([100, 200]), vec![])], now);
    state.perform(Intent::GoTo(Place::Topics), now);
    state.perform(Intent::Open, now);
    let mut again = topic("orders", vec![partition(0, 0, 5, 1.0)]);
    again.id = "id-again".into();
    let mut change = delta(TIME_MS + 1000, vec![again]);
    change.removed_topic_ids = vec!["id-orders".into()];
    state.receive(Message::Snapshot(Box::new(change)), now);
    assert_eq!(state.data.live.topics["id-again"].records_in.last(9).collect::<Vec<_>>(), [1.0]);
    let table = state.ui.screen().table().unwrap();
    assert_eq!(table.list, List::Partitions("id-again".into()));
    assert_eq!(table.items, [Item::Partition(0)]);
}

#[test]
fn an_end_that_goes_back_restarts_the_series() {
    let rows = |end| vec![position("orders", 0, 0, end, "m")];
    let at = |time_ms, end| {
        let groups = vec![group("readers", GroupState::Stable, &["m"], rows(end))];
        full(time_ms, two_partitions([end, 200]), groups)
    };
    let mut cluster = cluster(vec![at(TIME_MS, 100), at(TIME_MS + 1000, 110)]);
    assert_eq!(cluster.topics["id-orders"].records_in.len(), 2);
    cluster.apply(at(TIME_MS + 2000, 3));
    assert_eq!(cluster.topics["id-orders"].records_in.len(), 1);
    assert_eq!(cluster.groups["readers"].lags.last(9).collect::<Vec<_>>(), [3.0]);
}

#[test]
fn rates_of_nothing_are_unknown_until_the_second_snapshot() {
    let idle = || vec![topic("orders", vec![partition(0, 0, 10, 0.0)])];
    let mut cluster = cluster(vec![full(TIME_MS, idle(), vec![])]);
    assert_eq!(cluster.rate(0.0), Figure::Unknown);
    assert_eq!(cluster.records_in.len(), 0);
    cluster.apply(delta(TIME_MS + 1000, vec![]));
    assert_eq!(cluster.rate(0.0), Figure::Exact(0.0));
    assert_eq!(cluster.brokers.len(), 0, "the brokers come with every snapshot");
}

#[test]
fn time_without_a_broker_is_a_gap_in_the_history() {
    let at = |seconds: i64| full(TIME_MS + seconds * 1000, two_partitions([100, 200]), vec![]);
    let mut cluster = cluster(vec![at(0), at(1), at(2)]);
    cluster.stream_opened(SECOND);
    cluster.apply(at(60));
    cluster.apply(at(61));
    // A sample a second, known or not: a chart's columns stand for equal times.
    let history: Vec<f64> = cluster.records_in.last(100).collect();
    assert_eq!(history.len(), 62);
    assert!(
        history[3..60].iter().all(|sample| sample.is_nan()) && !history[2].is_nan() && !history[60].is_nan()
    );
    assert_eq!(cluster.topics["id-orders"].records_in.len(), 62, "all series stay in step");
    assert_eq!(cluster.times_ms.last(100).next(), Some(TIME_MS as f64));
}

#[test]
fn events_come_once_and_tell_of_the_broker_s_absence() {
    let now = Instant::now();
    let told = |seconds: i64| {
        let mut snapshot = full(TIME_MS + seconds * 1000, vec![], vec![]);
        let event = |message: &str| runnel_proto::v1::Event { time_ms: TIME_MS, message: message.into() };
        snapshot.events = vec![event("topic a was created")];
        snapshot
    };
    let mut state = heard(vec![told(0)], now);
    let lost = || Message::Lost { cause: "gone".into(), attempt: 1, retry_in: SECOND };
    state.receive(lost(), now);
    state.receive(lost(), now);
    state.receive(Message::Opened { interval: SECOND }, now);
    state.receive(Message::Snapshot(Box::new(told(12))), now);
    let messages: Vec<_> = state.data.live.events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages.contains(&"the broker does not answer: gone"), "{messages:?}");
    assert_eq!(messages[2], "the broker answers again, after 12 s");
}

#[test]
fn equal_rows_stand_by_name() {
    let now = Instant::now();
    let mut topics: Vec<_> =
        ["c", "a", "b"].iter().map(|name| topic(name, vec![partition(0, 0, 1, 0.0)])).collect();
    for (place, topic) in topics.iter_mut().enumerate() {
        topic.id = format!("id-{place}");
    }
    let mut state =
        heard(vec![full(TIME_MS, topics.clone(), vec![]), full(TIME_MS + 1000, topics, vec![])], now);
    state.perform(Intent::GoTo(Place::Topics), now);
    let items = &state.ui.screen().table().unwrap().items;
    let expected = ["id-1", "id-2", "id-0"].map(|id| Item::Topic(id.into()));
    assert_eq!(items[..], expected);
}

#[test]
fn a_reader_that_is_never_far_behind_keeps_up() {
    let at = |second: i64, lag: i64, age_ms: i64| {
        let mut row = position("orders", 0, 1000 - lag, 1000, "m");
        row.time_lag_ms = Some(age_ms);
        full(TIME_MS + second * 1000, vec![], vec![group("readers", GroupState::Stable, &["m"], vec![row])])
    };
    let eta = |snapshots| {
        let cluster = cluster(snapshots);
        cluster.eta(&cluster.groups["readers"])
    };
    let saw = |age_ms| (0..12).map(|second| at(second, 60 + second % 2, age_ms)).collect::<Vec<_>>();
    assert_eq!(eta(saw(700)), Some(Eta::KeepingUp));
    assert_eq!(eta(saw(60_000)), Some(Eta::Never), "an old lag that stays is no good sign");
}

#[test]
fn processor_use_is_told_from_two_samples_of_one_run() {
    let at = |time_ms, cpu_ms, start_time_ms| {
        let mut snapshot = full(time_ms, vec![], vec![]);
        (snapshot.brokers[0].cpu_ms, snapshot.brokers[0].start_time_ms) = (cpu_ms, start_time_ms);
        snapshot
    };
    let mut cluster = cluster(vec![at(TIME_MS, 1000, 1)]);
    assert_eq!(cluster.brokers[0].cpu_cores, None);
    cluster.apply(at(TIME_MS + 2000, 2000, 1));
    assert_eq!(cluster.brokers[0].cpu_cores, Some(0.5));
    cluster.apply(at(TIME_MS + 3000, 100, 2));
    assert_eq!(cluster.brokers[0].cpu_cores, None, "another run counts from 0");
}

#[test]
fn lags_that_are_not_known_are_not_zero() {
    let mut unknown = position("orders", 0, 0, 100, "m");
    (unknown.committed_offset, unknown.lag, unknown.time_lag_ms) = (None, None, None);
    let known = position("orders", 1, 10, 200, "m");
    let groups = vec![
        group("none", GroupState::Stable, &["m"], vec![unknown.clone()]),
        group("some", GroupState::Stable, &["m"], vec![unknown, known]),
        group("empty", GroupState::Empty, &[], vec![]),
    ];
    let cluster = cluster(vec![full(TIME_MS, two_partitions([100, 200]), groups)]);
    assert_eq!(cluster.groups["none"].sums.lag, Some(Figure::Unknown));
    assert_eq!(cluster.groups["some"].sums.lag, Some(Figure::About(190.0)));
    assert_eq!(cluster.groups["empty"].sums.lag, None);
}

/// Topics `a` to `e`, of which the first is the hottest, or the last.
fn five(first_is_hottest: bool, time_ms: i64) -> Snapshot {
    let rate = |place: usize| (if first_is_hottest { 5 - place } else { place + 1 }) as f64;
    let names = ["a", "b", "c", "d", "e"].iter().enumerate();
    full(
        time_ms,
        names.map(|(place, name)| topic(name, vec![partition(0, 0, 10, rate(place))])).collect(),
        vec![],
    )
}

fn rows(state: &mut State) -> String {
    let table = state.ui.screen().table().unwrap();
    table
        .items
        .iter()
        .map(|item| if let Item::Topic(id) = item { id.trim_start_matches("id-") } else { "?" })
        .collect()
}

fn selected(state: &mut State) -> String {
    match state.ui.screen().table().unwrap().selected() {
        Some(Item::Topic(id)) => id.trim_start_matches("id-").to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn the_order_holds_still_while_the_cursor_moves_and_the_selection_follows_the_item() {
    let start = Instant::now();
    let mut state = heard(vec![five(true, TIME_MS)], start);
    state.perform(Intent::GoTo(Place::Topics), start);
    state.ui.screen().table().unwrap().set_size(10, vec![]);
    assert_eq!(rows(&mut state), "abcde");
    state.perform(Intent::Move(Motion::Down), start);
    assert_eq!(selected(&mut state), "b");

    // The rates turn around, but the user is still at the keys.
    state.receive(Message::Snapshot(Box::new(five(false, TIME_MS + 1000))), start + SECOND);
    assert_eq!((rows(&mut state).as_str(), selected(&mut state).as_str()), ("abcde", "b"));

    // At rest it sorts, and the cursor stays on the item.
    state.receive(Message::Snapshot(Box::new(five(false, TIME_MS + 2000))), start + 3 * SECOND);
    assert_eq!((rows(&mut state).as_str(), selected(&mut state).as_str()), ("edcba", "b"));

    // At the top the cursor stays at the top.
    state.perform(Intent::Move(Motion::First), start + 3 * SECOND);
    state.receive(Message::Snapshot(Box::new(five(true, TIME_MS + 3000))), start + 3 * SECOND);
    assert_eq!((rows(&mut state).as_str(), selected(&mut state).as_str()), ("abcde", "a"));
}

#[test]
fn rows_that_come_and_go_while_the_order_is_held() {
    let start = Instant::now();
    let mut state = heard(vec![five(true, TIME_MS)], start);
    state.perform(Intent::GoTo(Place::Topics), start);
    state.ui.screen().table().unwrap().set_size(3, vec![]);
    state.perform(Intent::Move(Motion::Last), start);
    assert_eq!((selected(&mut state).as_str(), state.ui.screen().table().unwrap().top), ("e", 2));
    let mut change = delta(TIME_MS + 1000, vec![topic("f", vec![partition(0, 0, 10, 99.0)])]);
    change.removed_topic_ids = vec!["id-b".into(), "id-e".into()];
    state.receive(Message::Snapshot(Box::new(change)), start + SECOND);
    assert_eq!((rows(&mut state).as_str(), selected(&mut state).as_str()), ("acdf", "f"));
    assert_eq!(state.ui.screen().table().unwrap().total, 4);
}

#[test]
fn filters_narrow_and_escape_clears_them_first() {
    let now = Instant::now();
    let mut state = heard(vec![five(true, TIME_MS)], now);
    state.perform(Intent::GoTo(Place::Topics), now);
    state.perform(Intent::Filter(Typing::Begin), now);
    assert_eq!(state.ui.mode(), Mode::Typing);
    for character in "!c".chars() {
        state.perform(Intent::Filter(Typing::Character(character)), now);
    }
    assert_eq!(rows(&mut state), "abde");
    state.perform(Intent::Filter(Typing::Accept), now);
    assert_eq!(state.ui.mode(), Mode::Normal);
    state.perform(Intent::Escape, now);
    assert_eq!(rows(&mut state), "abcde");
    assert_eq!(state.ui.screens.len(), 2);
    state.perform(Intent::Escape, now);
    assert_eq!(state.ui.screens.len(), 1);
    assert_eq!(state.perform(Intent::Escape, now), None, "escape never leaves the program");
    assert_eq!(state.perform(Intent::Back, now), Some(Effect::Quit));
}

#[test]
fn sorting_goes_through_the_columns_and_turns() {
    let now = Instant::now();
    let mut state = heard(vec![five(true, TIME_MS)], now);
    state.perform(Intent::GoTo(Place::Topics), now);
    state.perform(Intent::SortReverse, now);
    assert_eq!(rows(&mut state), "edcba");
    state.ui.screen().table().unwrap().set_size(10, vec![Column::Topic, Column::RecordsIn, Column::Size]);
    let sorts: Vec<_> = (0..3)
        .map(|_| {
            state.perform(Intent::SortNext, now);
            let table = state.ui.screen().table().unwrap();
            (table.sort, table.descending)
        })
        .collect();
    assert_eq!(sorts, [(Column::Size, true), (Column::Topic, false), (Column::RecordsIn, true)]);
}

#[test]
fn intervals_step_and_stop_at_the_ends() {
    let now = Instant::now();
    let mut state = heard(vec![], now);
    let told = |effect| match effect {
        Some(Effect::Tell(Command::Interval(interval))) => interval.as_millis(),
        _ => 0,
    };
    let longer: Vec<_> = (0..4).map(|_| told(state.perform(Intent::LongerInterval, now))).collect();
    assert_eq!(longer, [2_000, 5_000, 10_000, 0]);
    let shorter: Vec<_> = (0..6).map(|_| told(state.perform(Intent::ShorterInterval, now))).collect();
    assert_eq!(shorter, [5_000, 2_000, 1_000, 500, 200, 0]);
}

#[test]
fn enter_leads_down_and_panes_turn() {
    let now = Instant::now();
    let rows = vec![position("a", 0, 5, 10, "m")];
    let mut snapshot = five(true, TIME_MS);
    snapshot.groups = vec![group("readers", GroupState::Stable, &["m"], rows)];
    let mut state = heard(vec![snapshot], now);
    state.perform(Intent::Open, now);
    assert!(matches!(state.ui.screen(), Screen::Group { name, .. } if name == "readers"));
    state.perform(Intent::Open, now);
    assert!(matches!(state.ui.screen(), Screen::Topic { name, .. } if name == "a"));
    state.perform(Intent::Pane(2), now);
    state.perform(Intent::Open, now);
    assert!(matches!(state.ui.screen(), Screen::Group { .. }));
    assert_eq!(state.ui.screens.len(), 4);
    state.perform(Intent::GoTo(Place::Overview), now);
    state.perform(Intent::Pane(1), now);
    state.perform(Intent::Open, now);
    assert_eq!(state.ui.screen().table().unwrap().sort, Column::BytesIn);
    state.perform(Intent::NextPane, now);
    assert!(matches!(state.ui.screen(), Screen::Groups(_)));
}

#[test]
fn internal_topics_show_when_asked() {
    let now = Instant::now();
    let mut snapshot = five(true, TIME_MS);
    snapshot.topics.push(topic("__consumer_offsets", vec![partition(0, 0, 10, 100.0)]));
    let mut state = heard(vec![snapshot], now);
    state.perform(Intent::GoTo(Place::Topics), now);
    assert_eq!(rows(&mut state), "abcde");
    state.perform(Intent::ToggleInternal, now);
    assert_eq!(rows(&mut state), "__consumer_offsetsabcde");
}

#[test]
fn data_is_stale_when_the_link_breaks_or_the_broker_is_silent() {
    let now = Instant::now();
    let mut state = heard(vec![five(true, TIME_MS)], now);
    assert_eq!(state.data.stale_for(now + 2 * SECOND), None);
    assert_eq!(state.data.stale_for(now + 5 * SECOND), Some(5 * SECOND));
    state.receive(Message::Lost { cause: "gone".into(), attempt: 1, retry_in: SECOND }, now + SECOND);
    assert_eq!(state.data.stale_for(now + SECOND), Some(SECOND));
    assert_eq!(state.data.link.trouble(), Some("gone"));
}

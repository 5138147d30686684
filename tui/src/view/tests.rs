//! Every screen on fixed data, as text. `INSTA_UPDATE=always cargo test -p runnel-tui` accepts a new look.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use super::{Theme, as_text, draw};
use crate::fixture;
use crate::input::{Intent, Typing};
use crate::state::{Message, Motion, Place, State};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// The frame that a state makes, as text.
fn frame(state: &mut State, (width, height): (u16, u16), now: Instant) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, &Theme::plain(), now)).unwrap();
    as_text(terminal.backend().buffer())
}

/// Snapshots of one state in all sizes.
fn assert_frames(name: &str, state: &mut State, now: Instant) {
    for size in SIZES {
        assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), frame(state, size, now));
    }
}

fn perform(state: &mut State, now: Instant, intents: &[Intent]) {
    for intent in intents {
        assert_eq!(state.perform(*intent, now), None);
    }
}

#[test]
fn overview_of_a_busy_cluster() {
    let now = Instant::now();
    assert_frames("overview_busy", &mut fixture::heard(fixture::busy(), now), now);
}

#[test]
fn lists_of_a_busy_cluster() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::busy(), now);
    perform(&mut state, now, &[Intent::GoTo(Place::Topics)]);
    assert_frames("topics_busy", &mut state, now);
    perform(&mut state, now, &[Intent::GoTo(Place::Groups)]);
    assert_frames("groups_busy", &mut state, now);
}

#[test]
fn a_topic_and_a_group() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::busy(), now);
    perform(&mut state, now, &[Intent::GoTo(Place::Topics), Intent::Open]);
    assert_frames("topic_partitions", &mut state, now);
    perform(&mut state, now, &[Intent::NextPane]);
    assert_frames("topic_groups", &mut state, now);
    perform(&mut state, now, &[Intent::GoTo(Place::Groups), Intent::Open]);
    assert_frames("group_partitions", &mut state, now);
    perform(&mut state, now, &[Intent::Pane(2)]);
    assert_frames("group_members", &mut state, now);
}

#[test]
fn an_empty_cluster_and_the_first_snapshot() {
    let now = Instant::now();
    let empty = fixture::full(fixture::TIME_MS, Vec::new(), Vec::new());
    let mut later = empty.clone();
    later.time_ms += 1000;
    assert_frames("overview_empty", &mut fixture::heard(vec![empty, later], now), now);

    // One snapshot, in which nothing moved: rates can't be known yet, and are not 0.
    let idle = fixture::topic("orders", vec![fixture::partition(0, 0, 10, 0.0)]);
    let mut state = fixture::heard(vec![fixture::full(fixture::TIME_MS, vec![idle], Vec::new())], now);
    let frame = frame(&mut state, (80, 24), now);
    assert!(frame.contains("in ? rec/s ?/s"), "{frame}");
}

#[test]
fn before_the_first_snapshot() {
    let now = Instant::now();
    let mut state = State::new("prod.example:9092".into(), Duration::from_secs(1));
    assert_snapshot!("connecting_80x24", frame(&mut state, (80, 24), now));
    let lost = Message::Lost {
        cause: "cannot connect to prod.example:9092: connection refused".into(),
        attempt: 3,
        retry_in: Duration::from_millis(1700),
    };
    state.receive(lost, now);
    assert_snapshot!("never_connected_80x24", frame(&mut state, (80, 24), now));
}

#[test]
fn a_lost_broker_leaves_the_data_with_its_age() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::busy(), now);
    let cause = "the connection broke: \u{1b}[31mbroken pipe".to_owned();
    state.receive(Message::Lost { cause, attempt: 5, retry_in: Duration::from_secs(8) }, now);
    let later = now + Duration::from_secs(3);
    assert_frames("overview_lost", &mut state, later);

    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| draw(frame, &mut state, &Theme::plain(), later)).unwrap();
    let cell = &terminal.backend().buffer()[(10, 10)];
    assert!(cell.modifier.contains(Modifier::DIM), "stale data is dimmed");

    // A new attempt keeps the cause on the screen.
    state.receive(Message::Connecting { attempt: 6 }, later);
    let frame = frame(&mut state, (80, 24), later);
    assert!(frame.contains("attempt 6, trying now") && frame.contains("the connection broke"), "{frame}");
}

#[test]
fn a_frozen_display_says_so() {
    let now = Instant::now();
    let mut snapshots = fixture::busy();
    let last = snapshots.pop().unwrap();
    let mut state = fixture::heard(snapshots, now);
    perform(&mut state, now, &[Intent::Freeze]);
    let before = frame(&mut state, (120, 40), now);
    state.receive(Message::Snapshot(Box::new(last)), now);
    assert_eq!(frame(&mut state, (120, 40), now), before, "nothing moves while frozen");
    assert!(before.contains("FROZEN 0s"), "{before}");
    perform(&mut state, now, &[Intent::Freeze]);
    assert_ne!(frame(&mut state, (120, 40), now), before, "sampling went on");
}

#[test]
fn hostile_names_stay_text() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::hostile(), now);
    assert_frames("overview_hostile", &mut state, now);
    perform(&mut state, now, &[Intent::GoTo(Place::Groups), Intent::Open]);
    assert_snapshot!("group_hostile_120x40", frame(&mut state, (120, 40), now));
    for place in [Place::Overview, Place::Topics, Place::Groups] {
        perform(&mut state, now, &[Intent::GoTo(place)]);
        let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
        terminal.draw(|frame| draw(frame, &mut state, &Theme::plain(), now)).unwrap();
        for cell in terminal.backend().buffer().content() {
            assert!(!cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", cell.symbol());
        }
    }
}

#[test]
fn huge_figures_keep_their_columns() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::huge(), now);
    assert_frames("overview_huge", &mut state, now);
    perform(&mut state, now, &[Intent::GoTo(Place::Topics), Intent::Open]);
    assert_frames("topic_huge", &mut state, now);
}

#[test]
fn partitions_that_are_not_served_show_on_every_screen() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::huge(), now);
    for (size, place) in [((80, 24), Place::Overview), ((80, 24), Place::Topics), ((120, 40), Place::Groups)]
    {
        perform(&mut state, now, &[Intent::GoTo(place)]);
        let frame = frame(&mut state, size, now);
        assert!(frame.contains("1 partition not served  huge/0: segment 0000"), "{frame}");
        assert!(place == Place::Groups || frame.contains("✕ huge"), "{frame}");
    }
}

#[test]
fn ten_thousand_partitions() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::many_partitions(10_000), now);
    perform(&mut state, now, &[Intent::GoTo(Place::Topics), Intent::Open]);
    frame(&mut state, (120, 40), now);
    perform(&mut state, now, &[Intent::SortNext, Intent::SortNext, Intent::SortNext, Intent::SortNext]);
    perform(&mut state, now, &[Intent::Move(Motion::PageDown), Intent::Move(Motion::Down)]);
    assert_frames("topic_wide", &mut state, now);
    perform(&mut state, now, &[Intent::Filter(Typing::Begin)]);
    for character in "!9".chars() {
        perform(&mut state, now, &[Intent::Filter(Typing::Character(character))]);
    }
    assert_snapshot!("topic_wide_filtered_120x40", frame(&mut state, (120, 40), now));
}

#[test]
fn help_for_every_screen_fits_a_small_terminal() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::busy(), now);
    perform(&mut state, now, &[Intent::Help]);
    assert_snapshot!("help_overview_80x24", frame(&mut state, (80, 24), now));
    perform(&mut state, now, &[Intent::Move(Motion::Last)]);
    let end = frame(&mut state, (80, 12), now);
    assert!(end.contains("unknown, estimated"), "the end can be reached: {end}");
}

#[test]
fn small_terminals_fold_and_tiny_ones_are_told() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::busy(), now);
    assert_snapshot!("overview_busy_60x20", frame(&mut state, (60, 20), now));
    assert_snapshot!("overview_busy_40x10", frame(&mut state, (40, 10), now));
    assert_snapshot!("too_small_39x9", frame(&mut state, (39, 9), now));
    for (width, height) in [(1, 1), (5, 1), (40, 10), (41, 11), (79, 23), (300, 100)] {
        for place in [Place::Overview, Place::Topics, Place::Groups] {
            perform(&mut state, now, &[Intent::GoTo(place), Intent::Open]);
            frame(&mut state, (width, height), now);
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let now = Instant::now();
    let mut state = fixture::heard(fixture::busy(), now);
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    terminal.draw(|frame| draw(frame, &mut state, &Theme::indexed(), now)).unwrap();
    assert_eq!(as_text(terminal.backend().buffer()), frame(&mut state, (120, 40), now));
}

//! kill -9 under load, again and again; `crash_loop` is the long form.

use runnel_tests::crash::{Plan, run};

#[test]
fn nothing_acknowledged_is_lost_or_doubled_when_the_broker_is_killed() {
    let cycles = std::env::var("RUNNEL_CRASH_CYCLES")
        .map_or(8, |text| text.parse().expect("RUNNEL_CRASH_CYCLES is a number"));
    let summary = run(Plan { cycles, seed: 1 }).unwrap_or_else(|loss| panic!("{loss}"));
    assert!(summary.acknowledged > 0 && summary.seen > 0, "there was no load:\n{summary}");
}

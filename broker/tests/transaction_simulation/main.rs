//! Transactions under a seeded simulation: producers that come back, take over, fall silent and miss answers; slow and failing logs;
//! markers in any order; writers in the middle of it; and crashes after which both coordinators, that of transactions and that of
//! groups, are rebuilt from what reached the disk. What they do is compared with a simple model (`model.rs`).
//!
//! `RUNNEL_SEEDS=N` runs N seeds instead of the default, `RUNNEL_SEED=S` that one alone.

mod groups;
mod model;
mod producer;
#[path = "../group_simulation/random.rs"]
mod random;
mod world;

use world::{Scenario, World};

const SEEDS: u64 = 300;

/// The seeds to run: those of the default, or in proportion when told how many.
fn seeds(default: u64) -> Vec<u64> {
    let number =
        |name| std::env::var(name).ok().map(|text| text.parse().expect("a number of seeds, or a seed"));
    match (number("RUNNEL_SEED"), number("RUNNEL_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(count)) => (0..(count * default).div_ceil(SEEDS)).collect(),
        (None, None) => (0..default).collect(),
    }
}

/// Tells the seed when the run behind it panics.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let line = format!("failed with RUNNEL_SEED={}\n", self.0);
            std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).expect("standard error");
        }
    }
}

#[test]
fn every_transaction_ends_one_way_through_crashes_and_losses() {
    let (mut ends, mut fenced, mut timeouts, seeds) = ([0, 0], 0, 0, seeds(SEEDS));
    for &seed in &seeds {
        let _told = Told(seed);
        let mut world = World::new(seed, Scenario::random(seed));
        world.run(600);
        world.settle();
        for commit in [false, true] {
            ends[usize::from(commit)] += world.model.ended(commit);
        }
        fenced += world.model.fenced;
        timeouts += world.timeouts;
    }
    // Some runs are quiet; all together must have had something to get wrong.
    let runs = seeds.len() as u64;
    if runs >= SEEDS {
        assert!(ends.iter().all(|ends| *ends > 5 * runs), "{ends:?} transactions were aborted and committed");
        assert!(fenced > 2 * runs && timeouts > runs / 2, "{fenced} refusals, {timeouts} timeouts");
    }
}

#[test]
fn a_crash_at_any_step_leaves_nothing_half_done() {
    for seed in seeds(4) {
        let _told = Told(seed);
        for step in 0..150 {
            let mut world = World::new(seed, Scenario::calm());
            world.run(step);
            world.crash();
            world.run(20);
            world.settle();
        }
    }
}

//! Consumer groups under a seeded simulation: many members, a slow and failing log, lost callers, silent members, static members
//! that are restarted, and crashes after which the coordinator is rebuilt from what reached the disk. What callers see is
//! compared with a simple model (`model.rs`).
//!
//! `RUNNEL_SEEDS=N` runs N seeds instead of the default, `RUNNEL_SEED=S` that one alone.

mod client;
mod model;
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
fn groups_keep_their_promises_through_crashes_and_losses() {
    let (mut settled, mut committed, seeds) = (0, 0, seeds(SEEDS));
    for &seed in &seeds {
        let _told = Told(seed);
        let mut world = World::new(seed, Scenario::random(seed));
        world.run(400);
        world.settle();
        settled += world.model.generations_settled;
        committed += world.model.changes_acknowledged;
    }
    // Some runs are quiet; all together must have had something to get wrong.
    let runs = seeds.len() as u64;
    if runs >= SEEDS {
        assert!(settled > 5 * runs && committed > 20 * runs, "{settled} generations, {committed} commits");
    }
}

#[test]
fn a_hundred_members_rebalance_while_some_come_and_go() {
    for seed in seeds(4) {
        let _told = Told(seed);
        let mut world = World::new(seed, Scenario::hundred());
        world.run(300);
        world.settle();
    }
}

#[test]
fn a_crash_at_any_step_loses_nothing() {
    for seed in seeds(3) {
        let _told = Told(seed);
        for step in 0..120 {
            let mut world = World::new(seed, Scenario::calm());
            world.run(step);
            world.crash();
            world.run(20);
            world.settle();
        }
    }
}

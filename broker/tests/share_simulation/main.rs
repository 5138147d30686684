//! Share groups under a seeded simulation: members that are given records, accept, release and reject them, fall silent, end their
//! sessions and leave; a slow and failing log; and crashes after which the coordinator is rebuilt from what reached the disk. What
//! members see is compared with a simple model (`model.rs`): no record is lost, none is delivered again after it was accepted, no
//! two members hold the same one, and none is delivered too often.
//!
//! `RUNNEL_SEED=S` runs one seed alone.

mod model;
#[path = "../group_simulation/random.rs"]
mod random;
mod world;

use world::World;

const SEEDS: u64 = 200;

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

fn seeds(default: u64) -> Vec<u64> {
    match std::env::var("RUNNEL_SEED") {
        Ok(seed) => vec![seed.parse().expect("a seed")],
        Err(_) => (0..default).collect(),
    }
}

#[test]
fn records_are_delivered_until_they_are_acknowledged_and_no_longer() {
    let (mut accepted, mut again, mut dropped, mut crashes) = (0, 0, 0, 0);
    for seed in seeds(SEEDS) {
        let _told = Told(seed);
        let mut world = World::new(seed);
        world.run(300, true);
        world.settle();
        accepted += world.model.accepted();
        again += world.model.redelivered;
        dropped += world.model.delivered_too_often();
        crashes += world.crashes;
    }
    // Some runs are quiet; all together must have had something to get wrong.
    if std::env::var_os("RUNNEL_SEED").is_none() {
        let told = format!("{accepted} accepted, {again} again, {dropped} too often, {crashes} crashes");
        assert!(
            accepted > 50 * SEEDS && again > 20 * SEEDS && dropped > SEEDS / 2 && crashes > SEEDS,
            "{told}"
        );
    }
}

#[test]
fn a_crash_at_any_step_loses_nothing() {
    for seed in seeds(4) {
        let _told = Told(seed);
        for step in 0..100 {
            let mut world = World::new(seed);
            world.run(step, false);
            world.crash();
            world.run(20, false);
            world.settle();
        }
    }
}

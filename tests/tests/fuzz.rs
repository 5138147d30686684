//! A short run of the fuzz targets: the corpus, and bytes made from it by chance. `fuzz/run` runs them for longer.

use std::fs;
use std::sync::{Mutex, PoisonError};

use runnel_fuzz::{TARGETS, Target};
use runnel_tests::harness::Random;

/// Always the same: whatever fails here fails again.
const SEED: u64 = 20_261_128;

/// One target at a time: the memory that one takes is that of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// How many inputs each target gets beside its corpus.
const INPUTS: usize = 20_000;

/// So long may an input grow by chance.
const MAX_BYTES: usize = 4096;

#[test]
fn frames() {
    run("frames");
}

#[test]
fn requests() {
    run("requests");
}

#[test]
fn batches() {
    run("batches");
}

#[test]
fn every_target_runs_here() {
    assert_eq!(TARGETS.map(|target| target.name), ["frames", "requests", "batches"]);
}

fn run(name: &str) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let target = Target::named(name).expect("there is such a target");
    let mut files: Vec<_> =
        fs::read_dir(target.corpus()).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    // In an order that no file system decides.
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a file")).collect();
    for input in &corpus {
        feed(target, input);
    }
    let mut random = Random::new(SEED);
    for _ in 0..INPUTS {
        let mut input = pick(&mut random, &corpus).to_vec();
        for _ in 0..=random.below(4) {
            change(&mut random, &mut input, &corpus);
        }
        input.truncate(MAX_BYTES);
        feed(target, &input);
    }
}

/// Feeds a target, and tells with what if it fails.
fn feed(target: Target, input: &[u8]) {
    struct Told<'a>(&'static str, &'a [u8]);
    impl Drop for Told<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                let hex: String = self.1.iter().map(|byte| format!("{byte:02x}")).collect();
                // The test harness shows what a failed test has printed.
                #[expect(clippy::print_stderr)]
                {
                    eprintln!("target {}, seed {SEED}, input {hex}", self.0);
                }
            }
        }
    }
    let _told = Told(target.name, input);
    (target.feed)(input);
}

fn pick<'a>(random: &mut Random, corpus: &'a [Vec<u8>]) -> &'a [u8] {
    &corpus[random.below(corpus.len() as u64) as usize]
}

/// One change, as fuzzers make them.
fn change(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = random.below(input.len() as u64 + 1) as usize;
    let some = random.below(8) as usize + 1;
    match random.below(6) {
        // A bit, bytes that are extreme, bytes by chance.
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 => {
            let extreme = [0x00, 0xff, 0x7f, 0x80, 0x01][random.below(5) as usize];
            input.iter_mut().skip(at).take(some).for_each(|byte| *byte = extreme);
        }
        2 => {
            let bytes = random.bytes(some);
            input.splice(at..at, bytes);
        }
        // Bytes less, the end cut off, the end of another input.
        3 => drop(input.drain(at..(at + some).min(input.len()))),
        4 => input.truncate(at),
        _ => {
            let other = pick(random, corpus);
            input.truncate(at);
            input.extend_from_slice(&other[random.below(other.len() as u64 + 1) as usize..]);
        }
    }
}

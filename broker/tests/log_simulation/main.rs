//! Random lives of a log on a disk that tears, forgets and fails, checked against a simple model.
//!
//! `RUNNEL_SEEDS=N` runs N lives, `RUNNEL_SEED=S` that one alone.

// A test's output is its report, and shown when it fails.
#![allow(clippy::print_stdout)]

mod producers;

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use nix::errno::Errno;
use producers::{Ledger, Sent, Verdict, committed_offsets};
use runnel_broker::config::{CleanupPolicy, TopicConfig};
use runnel_broker::log::{Appended, Log, LogError, Scrubbed, SyncPoint, ValidBatch, validate};
use runnel_broker::storage::Disk;
use runnel_broker::storage::simulated::{Call, Fault, Random, Simulation};
use runnel_proto::records::{BatchBuilder, BatchReader, Compression, control_batch, split_batches};

const FIRST_MS: i64 = 1_700_000_000_000;
const LEADER_EPOCH: i32 = 7;

#[test]
fn acknowledged_records_survive_crashes_and_faults() {
    let mut seen = Seen::default();
    let seeds = seeds(400);
    for seed in seeds.clone() {
        let _named = NameOnPanic(format!("RUNNEL_SEED={seed}"));
        let mut life = Life::new(seed);
        (0..80).for_each(|_| life.step(true));
        life.end();
        seen.add(&life.seen);
    }
    println!("{seen:?}");
    let Seen { kills, power_cuts, cut_tails, failures, full, compactions, deletions, .. } = seen;
    let Seen { duplicates, refusals, aborts, snapshots, .. } = seen;
    let tried = [
        kills,
        power_cuts,
        cut_tails,
        failures,
        full,
        compactions,
        deletions,
        duplicates,
        refusals,
        aborts,
        snapshots,
    ];
    assert!(seeds.end - seeds.start < 100 || !tried.contains(&0), "something was not tried: {seen:?}");
}

/// The power goes at every single call of some lives, one after the other.
#[test]
fn the_power_may_go_at_any_call() {
    const STEPS: usize = 30;
    for seed in seeds(4) {
        let calls = {
            let mut life = Life::new(seed);
            (0..STEPS).for_each(|_| life.step(false));
            life.simulation.calls()
        };
        // Every call takes long; by default, the seeds share them.
        let stride = if env::var("RUNNEL_SEEDS").is_ok() { 1 } else { 7 };
        for call in (seed % 7..calls).step_by(stride) {
            let _named = NameOnPanic(format!("RUNNEL_SEED={seed}, power cut at call {call}"));
            let mut life = Life::new(seed);
            life.faulty = true;
            life.simulation.inject(None, call, Fault::PowerCut);
            for _ in 0..STEPS {
                if life.log.is_some() {
                    life.step(false);
                }
            }
            life.revive();
            life.end();
        }
    }
}

/// A bit that flips on disk is found, and nothing is cut for it that was synced.
#[test]
fn damage_is_found_and_left_alone() {
    for seed in seeds(200) {
        let _named = NameOnPanic(format!("RUNNEL_SEED={seed}"));
        let mut life = Life::new(seed);
        (0..40).for_each(|_| life.step(false));
        life.kill();
        life.damage_a_log();
    }
}

fn seeds(default: u64) -> std::ops::Range<u64> {
    let number = |name| {
        env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    match number("RUNNEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RUNNEL_SEEDS").unwrap_or(default),
    }
}

struct NameOnPanic(String);

impl Drop for NameOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("failed with {}", self.0);
        }
    }
}

/// What the lives met.
#[derive(Debug, Default)]
struct Seen {
    kills: usize,
    power_cuts: usize,
    cut_tails: usize,
    failures: usize,
    full: usize,
    compactions: usize,
    deletions: usize,
    quarantines: usize,
    duplicates: usize,
    refusals: usize,
    aborts: usize,
    snapshots: usize,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.power_cuts += other.power_cuts;
        self.cut_tails += other.cut_tails;
        self.failures += other.failures;
        self.full += other.full;
        self.compactions += other.compactions;
        self.deletions += other.deletions;
        self.quarantines += other.quarantines;
        self.duplicates += other.duplicates;
        self.refusals += other.refusals;
        self.aborts += other.aborts;
        self.snapshots += other.snapshots;
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Record {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    timestamp_ms: i64,
}

/// What was done, and what of it was promised.
#[derive(Default)]
struct Model {
    records: BTreeMap<i64, Record>,
    /// Batches as they have to be stored, by base offset.
    batches: BTreeMap<i64, Vec<u8>>,
    end: i64,
    /// Every record before it was synced.
    acked: i64,
    /// Records before it are deleted for good.
    start: i64,
    /// A deletion that failed may have moved the start up to here.
    start_at_most: i64,
    /// What the broker's checkpoint says; it may be old.
    checkpoint: SyncPoint,
    /// A compaction may have run.
    compacted: bool,
    producers: Ledger,
    /// What was known of producers may be lost: batches were deleted, and what was written of them is damaged.
    forgetful: bool,
}

struct Life {
    random: Random,
    simulation: Simulation,
    disk: Disk,
    config: Arc<TopicConfig>,
    /// None when the process has failed.
    log: Option<Log>,
    model: Model,
    now_ms: i64,
    scrubbed: i64,
    /// Reads may fail, since a fault was injected.
    faulty: bool,
    /// Snapshots of producers were damaged since the last start.
    snapshots_damaged: bool,
    /// The disk is full or fails.
    strained: bool,
    /// The last things that producers sent, whatever became of them.
    attempts: Vec<Sent>,
    seen: Seen,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let simulation = Simulation::new(random.number());
        let config = any_config(&mut random);
        let disk = simulation.disk();
        let log = Log::create(disk.clone(), dir(), config.clone()).unwrap();
        Self {
            random,
            simulation,
            disk,
            config,
            log: Some(log),
            model: Model::default(),
            now_ms: FIRST_MS,
            scrubbed: 0,
            faulty: false,
            snapshots_damaged: false,
            strained: false,
            attempts: Vec::new(),
            seen: Seen::default(),
        }
    }

    fn step(&mut self, crashes: bool) {
        self.now_ms += self.random.below(2000) as i64;
        match self.random.below(if crashes { 33 } else { 22 }) {
            0..8 => self.append(),
            8..12 => self.sync(),
            12..14 => self.model.checkpoint = self.log().sync_point(),
            14 => {
                self.roll();
                self.save_producers();
            }
            15 => self.retain(),
            16 => self.truncate(),
            17..19 => self.compact(),
            19 => self.scrub(),
            20 => self.reconfigure(),
            21 => self.check(),
            22..24 => self.kill(),
            24..27 => self.cut_power(),
            27 => self.stop_cleanly(),
            28 => self.fill_disk(),
            _ => self.meet_fault(),
        }
    }

    /// One last crash, and everything has to be there.
    fn end(&mut self) {
        self.sync();
        self.cut_power();
        self.check();
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().expect("the process runs")
    }

    /// What came of a call. After a failure the process is gone, as the broker is.
    fn done<T>(&mut self, result: Result<T, LogError>) -> Option<T> {
        match result {
            Ok(value) => return Some(value),
            Err(LogError::DiskFull) => self.seen.full += 1,
            Err(LogError::Unreadable { .. } | LogError::Corrupt { .. }) if self.faulty => {}
            Err(LogError::Failed { .. }) => {
                self.seen.failures += 1;
                self.log = None;
            }
            Err(error) => panic!("unexpected: {error:?}"),
        }
        None
    }

    fn append(&mut self) {
        for _ in 0..1 + self.random.below(6) {
            if self.random.chance(2) && !self.model.forgetful {
                if !self.produce() {
                    return;
                }
                continue;
            }
            let (batch, records) = self.any_batch();
            let (base, now_ms) = (self.model.end, self.now_ms);
            let appended = self.log().append(&batch, LEADER_EPOCH, now_ms);
            let Some(appended) = self.done(appended) else { return };
            assert_eq!(appended.base_offset, base, "offsets are dense");
            self.model.note(&appended, &batch, records);
        }
    }

    /// Something of a producer: new, wrong, or once more. False if the process is gone.
    fn produce(&mut self) -> bool {
        let again = self.random.chance(4) && !self.attempts.is_empty();
        let sent = if again {
            self.attempts[self.random.below(self.attempts.len())].clone()
        } else {
            self.model.producers.any(&mut self.random, self.now_ms)
        };
        self.attempts.push(sent.clone());
        if self.attempts.len() > 8 {
            self.attempts.remove(0);
        }
        let (batch, records) = match sent.marker {
            Some(marker) => {
                let stamp = sent.stamp;
                let bytes = control_batch(marker, stamp.producer_id, stamp.producer_epoch, sent.timestamp_ms);
                (ValidBatch::internal(bytes).unwrap(), Vec::new())
            }
            None => {
                let records = self.any_records(sent.count as usize);
                let bytes = producers::batch(&sent, &records, Compression::ALL[self.random.below(5)]);
                (ValidBatch::internal(bytes).unwrap(), records)
            }
        };
        let (base, now_ms) = (self.model.end, self.now_ms);
        let expected = self.model.producers.verdict(&sent);
        let appended = self.log().append(&batch, LEADER_EPOCH, now_ms);
        if let Some(verdict) = appended.as_ref().err().and_then(Verdict::of) {
            assert_eq!(verdict, expected, "{sent:?}");
            self.seen.refusals += 1;
            return true;
        }
        let Some(appended) = self.done(appended) else { return false };
        if appended.duplicate {
            assert_eq!(Verdict::Duplicate(appended.base_offset), expected, "{sent:?}");
            assert_eq!(appended.next_offset, appended.base_offset + i64::from(sent.count));
            self.seen.duplicates += 1;
            return true;
        }
        assert_eq!((Verdict::Append, base), (expected, appended.base_offset), "{sent:?}");
        self.seen.aborts += usize::from(sent.marker.is_some());
        self.model.note(&appended, &batch, records);
        self.model.producers.sent.insert(base, sent);
        true
    }

    fn save_producers(&mut self) {
        let now_ms = self.now_ms;
        let Some(log) = &mut self.log else { return };
        let planned = log.plan_snapshot(now_ms);
        let Some(Some(plan)) = self.done(planned) else { return };
        if self.random.chance(3) {
            self.append();
        }
        let written = plan.run();
        let Some(Some(written)) = self.done(written) else { return };
        if let Some(log) = &mut self.log {
            log.finish_snapshot(&written);
            self.seen.snapshots += 1;
        }
    }

    fn any_batch(&mut self) -> (ValidBatch, Vec<Record>) {
        let mut builder = BatchBuilder::new(Compression::ALL[self.random.below(5)]);
        let count = 1 + self.random.below(4);
        let records = self.any_records(count);
        for Record { key, value, timestamp_ms } in &records {
            builder.push(*timestamp_ms, Some(key), value.as_deref(), &[]);
        }
        let batch = validate::check(builder.build().unwrap(), &self.config, "topic", self.now_ms).unwrap();
        (batch, records)
    }

    fn any_records(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        for _ in 0..count {
            let size = if self.random.chance(20) { 3000 } else { self.random.below(200) };
            let byte = self.random.below(256) as u8;
            records.push(Record {
                key: vec![b'a' + self.random.below(6) as u8],
                value: (!self.random.chance(6)).then(|| vec![byte; size]),
                timestamp_ms: self.now_ms - self.random.below(5000) as i64,
            });
        }
        records
    }

    fn sync(&mut self) {
        let unsynced = self.log().unsynced();
        if let Err(error) = self.disk.sync_files(&unsynced.files) {
            self.done::<()>(Err(LogError::Failed { reason: error.to_string() }));
            return;
        }
        self.log().synced(&unsynced.point);
        self.model.acked = unsynced.point.offset;
    }

    fn roll(&mut self) {
        let now_ms = self.now_ms;
        let rolled = self.log().roll_if_due(now_ms);
        self.done(rolled);
    }

    fn retain(&mut self) {
        let (now_ms, upper) = (self.now_ms, self.model.acked);
        self.model.start_at_most = upper;
        self.model.forgetful |= self.strained || self.snapshots_damaged;
        let deleted = self.log().apply_retention(now_ms, upper);
        if let Some(deleted) = self.done(deleted) {
            self.seen.deletions += deleted.segments;
            self.note_start();
        }
    }

    fn truncate(&mut self) {
        let (start, acked) = (self.model.start, self.model.acked);
        if start >= acked {
            return;
        }
        let offset = start + self.random.below((acked - start) as usize + 1) as i64;
        self.model.start_at_most = self.model.start_at_most.max(offset);
        self.model.forgetful |= self.strained || self.snapshots_damaged;
        let truncated = self.log().truncate_before(offset);
        if let Some(new_start) = self.done(truncated) {
            assert!(new_start >= offset);
            self.note_start();
        }
    }

    fn note_start(&mut self) {
        let start = self.log().start_offset();
        assert!((self.model.start..=self.model.start_at_most).contains(&start), "the start moved to {start}");
        self.model.start = start;
    }

    fn compact(&mut self) {
        let (now_ms, upper) = (self.now_ms, self.model.acked);
        let Some(plan) = self.log().plan_compaction(now_ms, upper) else { return };
        self.model.compacted = true;
        if self.random.chance(3) {
            self.append();
        }
        let Some(result) = self.done(plan.run()) else { return };
        if self.log.is_some() && self.random.chance(4) {
            self.retain();
        }
        let Some(log) = &mut self.log else { return };
        let finished = log.finish_compaction(result, now_ms);
        if let Some(compacted) = self.done(finished) {
            self.seen.compactions += usize::from(compacted.segments_before > 0);
        }
    }

    fn scrub(&mut self) {
        let from = self.scrubbed;
        let planned = self.log().plan_scrub(from);
        let Some(planned) = self.done(planned) else { return };
        self.scrubbed = 0;
        if let Some(plan) = planned
            && let Some(Scrubbed { next_offset, .. }) = self.done(plan.run(1000))
        {
            assert!(next_offset > from, "verification stands still");
            self.scrubbed = next_offset;
        }
    }

    fn reconfigure(&mut self) {
        self.config = any_config(&mut self.random);
        let config = self.config.clone();
        self.log().set_config(config);
    }

    fn kill(&mut self) {
        self.seen.kills += 1;
        self.log = None;
        self.simulation.restart();
        self.reopen(false);
    }

    fn cut_power(&mut self) {
        self.seen.power_cuts += 1;
        self.log = None;
        self.simulation.cut_power();
        self.reopen(false);
    }

    fn stop_cleanly(&mut self) {
        let closed = self.log().close();
        let Some(point) = self.done(closed) else { return };
        assert_eq!(point.offset, self.model.end);
        self.model.acked = point.offset;
        self.model.checkpoint = point;
        self.log = None;
        if self.random.chance(2) {
            self.simulation.restart()
        } else {
            self.simulation.cut_power()
        }
        self.reopen(true);
    }

    fn fill_disk(&mut self) {
        let (free, total) = self.disk.space().expect("a simulated disk knows its space");
        self.simulation.set_capacity(Some(total - free + self.random.below(3000) as u64));
        self.strained = true;
        for _ in 0..4 {
            if self.log.is_some() {
                self.step(false);
            }
        }
        self.simulation.set_capacity(None);
        self.strained = false;
        self.revive();
    }

    fn meet_fault(&mut self) {
        let (call, number, fault) = if self.random.chance(3) {
            (None, self.random.below(40), Fault::PowerCut)
        } else {
            let call = Call::ALL[self.random.below(Call::ALL.len())];
            (Some(call), self.random.below(3), any_fault(call, &mut self.random))
        };
        self.faulty = true;
        self.strained = true;
        self.simulation.inject(call, number as u64, fault);
        for _ in 0..3 {
            if self.log.is_some() {
                self.step(false);
            }
        }
        self.simulation.heal();
        self.strained = false;
        self.revive();
    }

    /// Starts the process again if it is gone.
    fn revive(&mut self) {
        self.simulation.heal();
        self.faulty = false;
        if !self.simulation.is_powered() {
            self.cut_power();
        } else if self.log.is_none() {
            if self.random.chance(2) { self.kill() } else { self.cut_power() }
        }
    }

    fn reopen(&mut self, mut clean: bool) {
        if self.random.chance(6) {
            // A start that fails, or a process that ends right after it, is no different from none.
            clean = false;
            let number = self.random.below(40) as u64;
            let fault = if self.random.chance(2) { Fault::PowerCut } else { Fault::Error(Errno::EIO) };
            self.simulation.inject(None, number, fault);
            let (disk, point) = (self.simulation.disk(), self.model.checkpoint);
            drop(Log::open(disk, dir(), self.config.clone(), Some(point), false));
            let powered = self.simulation.is_powered();
            if powered { self.simulation.restart() } else { self.simulation.cut_power() }
        }
        self.disk = self.simulation.disk();
        let known = if clean || !self.random.chance(5) { self.model.checkpoint } else { SyncPoint::START };
        let mut opened = Err(LogError::DiskFull);
        if !clean && self.random.chance(8) {
            // With the checkpoint lost, sectors that reached the disk out of order look like damage. Nothing is cut.
            opened = Log::open(self.disk.clone(), dir(), self.config.clone(), None, false);
            self.seen.quarantines += usize::from(matches!(opened, Err(LogError::Corrupt { .. })));
        }
        let opened =
            opened.or_else(|_| Log::open(self.disk.clone(), dir(), self.config.clone(), Some(known), clean));
        let (log, recovery) = opened.unwrap_or_else(|error| panic!("the log does not open: {error}"));
        assert!(
            !clean || recovery.cut_bytes + recovery.verified_bytes == 0,
            "{recovery:?} after a clean stop"
        );
        self.seen.cut_tails += usize::from(recovery.cut_bytes > 0);
        let (start, end) = (log.start_offset(), log.end_offset());
        let model = &mut self.model;
        assert!(end >= model.acked, "{} was acknowledged, the log ends at {end}", model.acked);
        assert!(end <= model.end, "the log ends at {end}, only {} was written", model.end);
        assert!(
            (model.start..=model.start_at_most.max(model.start)).contains(&start),
            "the log starts at {start}"
        );
        model.forgetful |= self.snapshots_damaged && start > 0;
        self.snapshots_damaged = false;
        model.forget_from(end);
        model.start = start;
        model.start_at_most = start;
        // What was recovered is on disk, and readers may see it.
        model.acked = end;
        self.scrubbed = 0;
        self.log = Some(log);
        if self.random.chance(3) {
            self.damage_indexes();
        }
        self.check();
    }

    /// Indexes are hints: whatever happens to them does no harm.
    fn damage_indexes(&mut self) {
        let names = self.disk.list(&dir()).unwrap();
        for name in &names {
            let path = dir().join(name);
            let (snapshot, aborted) = (name.ends_with(".snapshot"), name.ends_with(".txnindex"));
            if !(snapshot || aborted || name.ends_with(".index")) {
                continue;
            }
            let ways = if aborted { 1 } else { 2 };
            let way = if self.random.chance(2) { self.random.below(ways) } else { 2 };
            // From batches that are deleted nothing is found anew.
            self.snapshots_damaged |= (snapshot || aborted) && way < 2;
            match way {
                0 => self.simulation.rot(&path, self.random.below(200), 3),
                1 => self.disk.remove_file(&path).unwrap(),
                _ => {}
            }
        }
    }

    fn damage_a_log(&mut self) {
        let (end, point) = (self.log().end_offset(), self.log().sync_point());
        self.log = None;
        self.simulation.restart();
        let disk = self.simulation.disk();
        let names: Vec<String> =
            disk.list(&dir()).unwrap().into_iter().filter(|name| name.ends_with(".log")).collect();
        let path = dir().join(&names[self.random.below(names.len())]);
        let sealed = path != dir().join(names.last().unwrap());
        let before = disk.read(&path).unwrap();
        if before.is_empty() {
            return;
        }
        let byte = loop {
            let byte = self.random.below(before.len());
            // The leader epoch is covered by no sum.
            if !(12..16).contains(&place_in_batch(&before, byte)) {
                break byte;
            }
        };
        self.simulation.rot(&path, byte, self.random.below(8) as u8);
        let damaged = disk.read(&path).unwrap();
        let config = self.config.clone();
        let verified = Log::open(self.simulation.disk(), dir(), config.clone(), None, false);
        match verified {
            Err(LogError::Corrupt { reason }) => {
                assert_eq!(disk.read(&path).unwrap(), damaged, "damaged files are left alone: {reason}");
            }
            // The last batch of all: without a checkpoint nothing tells whether it was synced.
            Ok((log, _)) => {
                assert!(
                    !sealed && log.end_offset() < end,
                    "the damage of byte {byte} of {path:?} was not found"
                );
                return;
            }
            Err(error) => panic!("unexpected: {error:?}"),
        }
        match Log::open(self.simulation.disk(), dir(), config, Some(point), false) {
            Err(LogError::Corrupt { .. }) => {}
            Err(error) => panic!("unexpected: {error:?}"),
            Ok((log, _)) => {
                let mut from = 0;
                let found = loop {
                    match log.plan_scrub(from).and_then(|plan| plan.map(|plan| plan.run(500)).transpose()) {
                        Ok(Some(scrubbed)) => from = scrubbed.next_offset,
                        Ok(None) => break false,
                        Err(error) => break matches!(error, LogError::Corrupt { .. }),
                    }
                };
                let synced = sealed || (byte as u64) < point.position;
                let skipped = log.start_offset() > 0;
                assert!(found || !synced || skipped, "the damage of byte {byte} of {path:?} was not found");
            }
        }
        assert_eq!(disk.read(&path).unwrap(), damaged, "damaged files are left alone");
    }

    fn check(&mut self) {
        if self.faulty {
            return;
        }
        let max_bytes = 1 + self.random.below(2000);
        let log = self.log.as_ref().expect("the process runs");
        self.model.check(log, max_bytes);
    }
}

impl Model {
    fn note(&mut self, appended: &Appended, batch: &ValidBatch, records: Vec<Record>) {
        let base = appended.base_offset;
        let mut bytes = batch.bytes.to_vec();
        bytes[..8].copy_from_slice(&base.to_be_bytes());
        bytes[12..16].copy_from_slice(&LEADER_EPOCH.to_be_bytes());
        self.batches.insert(base, bytes);
        self.records.extend((base..).zip(records));
        self.end = appended.next_offset;
    }

    fn forget_from(&mut self, end: i64) {
        self.records.split_off(&end);
        self.batches.split_off(&end);
        self.producers.sent.split_off(&end);
        self.end = end;
    }

    fn check(&self, log: &Log, max_bytes: usize) {
        let start = log.start_offset();
        let found = self.read(log, start, max_bytes);
        for (offset, record) in &found {
            assert_eq!(Some(record), self.records.get(offset), "the record at {offset} is another one");
        }
        let expected: BTreeMap<i64, Record> =
            self.records.range(start..self.acked).map(|(&offset, record)| (offset, record.clone())).collect();
        let (aborted, _) = self.producers.undone();
        if !self.forgetful {
            self.producers.check(log, self.acked);
            let stable = log.last_stable_offset(self.acked);
            let committed = committed_offsets(log, self.acked, max_bytes);
            let wanted =
                found.keys().filter(|offset| **offset < stable && !aborted.contains(offset)).copied();
            assert_eq!(committed, wanted.collect::<Vec<_>>(), "what a reader of committed records sees");
        }
        if !self.compacted {
            assert_eq!(found.len(), expected.len(), "records are missing");
            self.check_times(log, &expected);
            return;
        }
        let counts = |offset: &i64| !aborted.contains(offset);
        let newest: BTreeMap<&[u8], i64> = expected
            .iter()
            .filter(|(offset, _)| counts(offset))
            .map(|(&offset, record)| (&record.key[..], offset))
            .collect();
        for (key, newest) in newest {
            let of_key = |(offset, record): &(&i64, &Record)| record.key == key && counts(offset);
            let last = found.iter().rev().find(of_key).map(|(offset, _)| *offset);
            let tombstone = expected[&newest].value.is_none();
            assert!(
                last == Some(newest) || tombstone && last.is_none(),
                "the newest record of {key:?} is at {newest}, found {last:?}"
            );
        }
    }

    fn read(&self, log: &Log, start: i64, max_bytes: usize) -> BTreeMap<i64, Record> {
        let mut reader = BatchReader::new(1 << 20);
        let mut found = BTreeMap::new();
        let mut offset = start;
        while offset < self.acked {
            let read = log.plan_read(offset, max_bytes, self.acked).unwrap().read().unwrap();
            for batch in split_batches(&read.bytes) {
                let (header, batch) = batch.unwrap();
                assert!(self.compacted || self.batches[&header.base_offset] == batch, "bytes were changed");
                if header.is_control() {
                    continue;
                }
                for record in reader.read(batch).unwrap() {
                    let record = record.unwrap();
                    let (key, value) = (record.key.unwrap().to_vec(), record.value.map(<[u8]>::to_vec));
                    if record.offset >= start {
                        found.insert(record.offset, Record { key, value, timestamp_ms: record.timestamp_ms });
                    }
                }
            }
            assert!(read.next_offset > offset, "reading stands still at {offset}");
            offset = read.next_offset;
        }
        assert_eq!(offset, self.acked.max(start), "reading goes beyond what is acknowledged");
        found
    }

    fn check_times(&self, log: &Log, expected: &BTreeMap<i64, Record>) {
        // Markers have a time and an offset as records do.
        let markers = self.producers.sent.range(log.start_offset()..self.acked);
        let markers = markers.filter(|(_, sent)| sent.marker.is_some());
        let mut times: BTreeMap<i64, i64> =
            expected.iter().map(|(&offset, record)| (offset, record.timestamp_ms)).collect();
        times.extend(markers.map(|(&offset, sent)| (offset, sent.timestamp_ms)));
        for record in expected.values().step_by(7) {
            let time = record.timestamp_ms;
            let first = times.iter().find(|(_, at)| **at >= time).map(|(&offset, &at)| (offset, at));
            assert_eq!(
                log.offset_for_timestamp(time, self.acked).unwrap(),
                first,
                "the first record at {time}"
            );
        }
    }
}

fn dir() -> PathBuf {
    PathBuf::from("topics/topic-0")
}

fn any_config(random: &mut Random) -> Arc<TopicConfig> {
    let compact = random.chance(3);
    Arc::new(TopicConfig {
        cleanup_policy: CleanupPolicy { delete: !compact || random.chance(2), compact },
        segment_bytes: [300, 1000, 5000, 1 << 20][random.below(4)],
        segment_ms: [1000, 10_000, 1_000_000][random.below(3)],
        index_interval_bytes: [0, 200, 4096][random.below(3)],
        retention_ms: [None, Some(5000), Some(50_000)][random.below(3)],
        retention_bytes: [None, None, Some(3000)][random.below(3)],
        delete_retention_ms: [0, 5000][random.below(2)],
        min_compaction_lag_ms: [0, 3000][random.below(2)],
        min_cleanable_dirty_ratio: [0.0, 0.5][random.below(2)],
        ..TopicConfig::default()
    })
}

fn any_fault(call: Call, random: &mut Random) -> Fault {
    match (call, random.below(3)) {
        (Call::Write, 0) => Fault::Short,
        (Call::Write | Call::Create | Call::Rename, 1) => Fault::Error(Errno::ENOSPC),
        (Call::Open, 0) => Fault::Error(Errno::EMFILE),
        _ => Fault::Error(Errno::EIO),
    }
}

/// How far into its batch `byte` is.
fn place_in_batch(log: &[u8], byte: usize) -> usize {
    let mut start = 0;
    for batch in split_batches(log) {
        let (header, _) = batch.unwrap();
        if byte < start + header.size_bytes {
            break;
        }
        start += header.size_bytes;
    }
    byte - start
}

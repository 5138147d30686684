//! Whatever happens to the files of the metadata image, a start comes to the same state: the logs are the truth.
//!
//! `RUNNEL_SEEDS` sets the number of cases, `RUNNEL_SEED` runs one of them.
#![allow(clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use runnel_broker::metadata::{InternalLog, Loaded, Mirror, Place, Stretch, catch_up};
use runnel_broker::types::{LogRecord, Offset};

const LOGS: [InternalLog; 2] = [InternalLog::Metadata, InternalLog::ConsumerOffsets];
const DEADLINE: Duration = Duration::from_secs(10);

#[test]
fn an_image_survives_whatever_happens_to_its_files() {
    silence_panics_of_sled();
    let prepared = Prepared::new();
    let mut rebuilt = 0;
    let seeds = seeds(200);
    let cases = seeds.len();
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| prepared.run_case(seed))) {
            Ok(was_rebuilt) => rebuilt += usize::from(was_rebuilt),
            Err(panic) => {
                eprintln!("the case that failed: RUNNEL_SEED={seed}");
                resume_unwind(panic);
            }
        }
    }
    eprintln!("{cases} cases, {rebuilt} of them rebuilt from the logs");
    assert!(
        cases < 100 || rebuilt > cases / 4,
        "the damage was too kind to prove anything: {rebuilt} of {cases}"
    );
}

#[test]
fn an_untouched_image_is_used() {
    let prepared = Prepared::new();
    for taken in [&prepared.closed, &prepared.killed] {
        let (_keep, dir) = taken.restore();
        let mirror = open(&dir);
        for log in LOGS {
            let truth = &taken.truth[&log];
            let loaded = mirror.load(log, truth.end);
            assert_eq!(loaded.applied, taken.marked(log), "{log}");
            assert_eq!(truth.state_after(&mirror, log, loaded), truth.state(), "{log}");
        }
        assert_eq!(mirror.status().rebuilds, 0);
    }
}

#[test]
fn a_start_that_dies_while_it_opens_the_image_is_the_last_to_try() {
    let prepared = Prepared::new();
    let (_keep, dir) = prepared.closed.restore();
    // What a broker leaves that is killed at this point: it no longer trusts the image, and did not come to trust it again.
    let mut marks = fs::read(dir.join("marks")).unwrap();
    let len = marks.len();
    marks[5] = 0;
    let crc = crc32c::crc32c(&marks[..len - 4]).to_be_bytes();
    marks[len - 4..].copy_from_slice(&crc);
    fs::write(dir.join("marks"), marks).unwrap();
    assert!(prepared.closed.start_and_check(&dir));
}

#[test]
fn an_image_ahead_of_its_log_is_rebuilt() {
    let prepared = Prepared::new();
    let (_keep, dir) = prepared.closed.restore();
    let mirror = open(&dir);
    let log = InternalLog::Metadata;
    let truth = prepared.closed.truth[&log].cut(10);
    let loaded = mirror.load(log, truth.end);
    assert_eq!(loaded, Loaded::default());
    assert_eq!(truth.state_after(&mirror, log, loaded), truth.state());
    // The other log is none the worse for it.
    let other = InternalLog::ConsumerOffsets;
    assert_eq!(mirror.load(other, prepared.closed.truth[&other].end).applied, prepared.closed.marked(other));
    mirror.close();
    let mirror = open(&dir);
    let loaded = mirror.load(log, truth.end);
    assert_eq!(loaded.applied, truth.end);
    assert_eq!(truth.state_after(&mirror, log, loaded), truth.state());
    assert_eq!(mirror.status().rebuilds, 0);
}

#[test]
fn three_of_the_images_set_aside_are_kept() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("image");
    for round in 0..6 {
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("marks"), format!("round {round}")).unwrap();
        open(&dir).close();
    }
    let names = || fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let kept = names().filter(|name| name.to_string_lossy().starts_with("image.corrupt-")).count();
    assert_eq!(kept, 3, "{:?}", names().collect::<Vec<_>>());
}

#[test]
fn a_directory_that_cannot_be_used_costs_the_image_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "in the way").unwrap();
    let mirror = Mirror::open(Place::Directory(root.path().join("file").join("image")), DEADLINE);
    let mut truth = Truth::default();
    truth.grow(&mut Random(1), 50, 0);
    let loaded = mirror.load(InternalLog::Metadata, truth.end);
    assert_eq!(truth.state_after(&mirror, InternalLog::Metadata, loaded), truth.state());
    assert!(mirror.status().resting);
}

/// Images as a broker leaves them, and the logs they are of.
struct Prepared {
    /// An earlier state of the same image, for files that fall back.
    earlier: Taken,
    closed: Taken,
    killed: Taken,
}

/// The files of an image, and the logs at that time.
struct Taken {
    files: BTreeMap<PathBuf, Vec<u8>>,
    truth: BTreeMap<InternalLog, Truth>,
}

impl Prepared {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("image");
        let mut random = Random(7);
        let mut truth: BTreeMap<_, _> = LOGS.map(|log| (log, Truth::default())).into();
        for _ in 0..3 {
            session(&dir, &mut truth, &mut random);
        }
        let earlier = Taken::take(&dir, &truth);
        for _ in 0..2 {
            session(&dir, &mut truth, &mut random);
        }
        let closed = Taken::take(&dir, &truth);

        // Killed: the files as they are while the image is open, and logs that have gone on since.
        let mirror = open(&dir);
        grow(&mirror, &mut truth, &mut random, 100);
        let mut killed = Taken::take(&dir, &truth);
        while LOGS.iter().any(|log| killed.marked(*log) < truth[log].end) {
            std::thread::sleep(Duration::from_millis(20));
            killed = Taken::take(&dir, &truth);
        }
        killed.truth.values_mut().for_each(|truth| truth.grow(&mut random, 10, 0));
        mirror.close();
        let [earlier, closed, killed] = [earlier, closed, killed].map(Taken::compact);
        Self { earlier, closed, killed }
    }

    /// Damages a copy, starts on it twice and checks what is known then. Tells whether it was rebuilt.
    fn run_case(&self, seed: u64) -> bool {
        let mut random = Random(seed);
        let taken = if random.below(2) == 0 { &self.closed } else { &self.killed };
        let (_keep, dir) = taken.restore();
        for _ in 0..=random.below(3) / 2 {
            self.damage(&mut random, &dir);
        }
        taken.start_and_check(&dir)
    }

    fn damage(&self, random: &mut Random, dir: &Path) {
        let mut files: Vec<_> = files_below(dir).into_iter().collect();
        if files.is_empty() {
            return;
        }
        let (name, mut bytes) = files.swap_remove(random.below(files.len()));
        let path = dir.join(&name);
        let len = bytes.len();
        let at = random.below(len + 1);
        let reach = (len - at).min(1 << random.below(16));
        match random.below(12) {
            0 => return fs::remove_file(path).unwrap(),
            1 => return fs::remove_dir_all(dir).unwrap(),
            2 => return fs::remove_dir_all(dir.join("sled")).unwrap_or(()),
            3 => {
                let partial =
                    dir.join("sled").join(format!("snap.{:016X}.generating", random.below(1 << 20)));
                return fs::write(partial, random.bytes(40)).unwrap_or(());
            }
            4 => bytes.truncate(at),
            5 => bytes[at..at + reach].fill(0),
            6 => bytes[at..at + reach].copy_from_slice(&random.bytes(reach)),
            7 => {
                let len = 1 + random.below(600);
                bytes.splice(at..at, random.bytes(len));
            }
            8 => {
                let len = 1 + random.below(100_000);
                bytes.extend(random.bytes(len));
            }
            9 => bytes = random.bytes(len),
            // Marks that fell back as well could not show that the store did; nothing could.
            10 => match self.earlier.files.get(&name) {
                Some(earlier) if name != Path::new("marks") => bytes.clone_from(earlier),
                _ => bytes.clear(),
            },
            _ => {
                for _ in 0..=random.below(4).min(len) {
                    let at = random.below(len.max(1));
                    bytes.resize(len.max(1), 0);
                    bytes[at] ^= 1 << random.below(8);
                }
            }
        }
        fs::write(path, bytes).unwrap();
    }
}

/// A broker that starts, goes on for a while and stops.
fn session(dir: &Path, truth: &mut BTreeMap<InternalLog, Truth>, random: &mut Random) {
    let mirror = open(dir);
    grow(&mirror, truth, random, 150);
    mirror.close();
}

fn grow(mirror: &Mirror, truth: &mut BTreeMap<InternalLog, Truth>, random: &mut Random, records: usize) {
    for (log, truth) in truth {
        let applied = mirror.load(*log, truth.end).applied;
        assert_eq!(applied, truth.end);
        // Only one log, since the other is then replayed from there and could not show that rows were lost.
        let large = usize::from(*log == InternalLog::ConsumerOffsets);
        truth.grow(random, records, large);
        mirror.record(*log, applied..truth.end, truth.from(applied));
    }
}

impl Taken {
    fn take(dir: &Path, truth: &BTreeMap<InternalLog, Truth>) -> Self {
        Self { files: files_below(dir), truth: truth.clone() }
    }

    fn restore(&self) -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("image");
        for (name, bytes) in &self.files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        (root, dir)
    }

    /// How far the image had come for sure.
    fn marked(&self, log: InternalLog) -> Offset {
        let at = 6 + 8 * (log as usize - 1);
        let marks = self.files.get(Path::new("marks"));
        marks.map_or(0, |marks| i64::from_be_bytes(marks[at..at + 8].try_into().unwrap()))
    }

    /// Lets compaction go as far as it may: what the image had applied for sure has lost its tombstones.
    fn compact(mut self) -> Self {
        for log in LOGS {
            let marked = self.marked(log);
            self.truth.get_mut(&log).unwrap().compact(marked);
        }
        self
    }

    /// Starts on an image, goes on for a while, stops and starts again. Tells whether it was rebuilt.
    fn start_and_check(&self, dir: &Path) -> bool {
        let mut truth = self.truth.clone();
        let mirror = open(dir);
        for (log, truth) in &mut truth {
            let loaded = mirror.load(*log, truth.end);
            assert_eq!(
                truth.state_after(&mirror, *log, loaded),
                truth.state(),
                "{log} after the first start"
            );
            let before = truth.end;
            truth.grow(&mut Random(before as u64), 20, 0);
            mirror.record(*log, before..truth.end, truth.from(before));
        }
        let status = mirror.status();
        mirror.close();
        let mirror = open(dir);
        for (log, truth) in &truth {
            let loaded = mirror.load(*log, truth.end);
            if !status.resting {
                assert_eq!(loaded.applied, truth.end, "{log} was mirrored");
            }
            assert_eq!(
                truth.state_after(&mirror, *log, loaded),
                truth.state(),
                "{log} after the second start"
            );
        }
        status.rebuilds > 0
    }
}

/// A keyed log.
#[derive(Debug, Clone, Default)]
struct Truth {
    records: Vec<(Offset, LogRecord)>,
    end: Offset,
}

impl Truth {
    /// Appends records, `large` of which have values too large for a row.
    fn grow(&mut self, random: &mut Random, records: usize, large: usize) {
        for left in (0..records).rev() {
            let key = format!("key {}", random.below(120));
            let len = if left < large { 70_000 } else { random.below(300) };
            let value = (left < large || random.below(4) > 0).then(|| Bytes::from(random.bytes(len)));
            self.records.push((self.end, LogRecord { key: Bytes::from(key), value }));
            self.end += 1;
        }
    }

    fn from(&self, offset: Offset) -> impl Iterator<Item = (Offset, &LogRecord)> {
        self.records.iter().filter(move |(at, _)| *at >= offset).map(|(at, record)| (*at, record))
    }

    fn cut(&self, end: Offset) -> Self {
        let records = self.records.iter().filter(|(at, _)| *at < end).cloned().collect();
        Self { records, end }
    }

    fn compact(&mut self, below: Offset) {
        let mut seen = BTreeSet::new();
        let mut kept = Vec::new();
        for (offset, record) in self.records.drain(..).rev() {
            let newest = seen.insert(record.key.clone());
            if offset >= below || newest && record.value.is_some() {
                kept.push((offset, record));
            }
        }
        kept.reverse();
        self.records = kept;
    }

    fn state(&self) -> BTreeMap<Bytes, Bytes> {
        let mut state = BTreeMap::new();
        for (_, LogRecord { key, value }) in &self.records {
            match value {
                Some(value) => state.insert(key.clone(), value.clone()),
                None => state.remove(key),
            };
        }
        state
    }

    /// What a start comes to that goes on from an image.
    fn state_after(&self, mirror: &Mirror, log: InternalLog, loaded: Loaded) -> BTreeMap<Bytes, Bytes> {
        let mut state = BTreeMap::new();
        let read = |offset| {
            let records: Vec<_> =
                self.from(offset).take(16).map(|(at, record)| (at, record.clone())).collect();
            let next_offset = records.last().map_or(self.end, |(last, _)| last + 1);
            Ok::<_, String>(Stretch { records, next_offset })
        };
        let replay = |key: &[u8], value: Option<&[u8]>| {
            let key = Bytes::copy_from_slice(key);
            match value {
                Some(value) => state.insert(key, Bytes::copy_from_slice(value)),
                None => state.remove(&key),
            };
            Ok(())
        };
        let hand_on = |range: Range<Offset>, records: &[(Offset, LogRecord)]| {
            mirror.record(log, range, records.iter().map(|(offset, record)| (*offset, record)));
        };
        assert_eq!(catch_up(loaded, read, replay, hand_on), Ok(self.end));
        state
    }
}

fn open(dir: &Path) -> Mirror {
    Mirror::open(Place::Directory(dir.to_owned()), DEADLINE)
}

fn files_below(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                files.insert(path.strip_prefix(dir).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

fn seeds(count: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    match number("RUNNEL_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("RUNNEL_SEEDS").unwrap_or(count)).collect(),
    }
}

/// sled's panics are expected here; they would bury the message that matters.
fn silence_panics_of_sled() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            if !name.starts_with("image") && !name.starts_with("sled") {
                loud(panic);
            }
        }));
    });
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

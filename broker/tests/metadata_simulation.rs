//! Topics and settings are changed while the broker crashes at every step of decide, append, replay, sync and mirror; after
//! each start the image must be what the log on disk comes to, and hold every change that was acknowledged.
//!
//! `RUNNEL_SEEDS` sets the number of runs, `RUNNEL_SEED` runs one of them.
#![allow(clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use runnel_broker::error::BrokerError;
use runnel_broker::metadata::store::{Changes, Doubt, SimulatedDisk};
use runnel_broker::metadata::{
    ConfigChange, ImageStore, InternalLog, Loaded, MetadataImage, NewTopic, Place, Stretch, catch_up,
};
use runnel_broker::types::{LogRecord, Offset, TopicId, Uuid};

const LOG: InternalLog = InternalLog::Metadata;
const NAMES: [&str; 9] = ["a", "b", "a.b", "a_b", "a-b", "orders", "__own", "", "x/y"];
const KEYS: [&str; 4] = ["retention.ms", "segment.bytes", "cleanup.policy", "wrong"];

#[test]
fn no_crash_loses_or_invents_metadata() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = match number("RUNNEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RUNNEL_SEEDS").unwrap_or(400),
    };
    let runs = seeds.end - seeds.start;
    let mut total = Total::default();
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| Simulation::new(seed).run(300))) {
            Ok(run) => total.add(&run),
            Err(panic) => {
                eprintln!("the run that failed: RUNNEL_SEED={seed}");
                resume_unwind(panic);
            }
        }
    }
    eprintln!("{runs} runs: {total:?}");
    assert!(runs < 100 || total.all_seen(), "something was never tried: {total:?}");
}

/// How often what is worth trying was tried.
#[derive(Debug, Default)]
struct Total {
    changes: u64,
    refusals: u64,
    crashes: u64,
    tails_lost: u64,
    starts_from_store: u64,
    rebuilds: u64,
}

impl Total {
    fn add(&mut self, other: &Self) {
        self.changes += other.changes;
        self.refusals += other.refusals;
        self.crashes += other.crashes;
        self.tails_lost += other.tails_lost;
        self.starts_from_store += other.starts_from_store;
        self.rebuilds += other.rebuilds;
    }

    fn all_seen(&self) -> bool {
        let Self { changes, refusals, crashes, tails_lost, starts_from_store, rebuilds } = *self;
        [changes, refusals, crashes, tails_lost, starts_from_store, rebuilds].iter().all(|seen| *seen > 100)
    }
}

/// What the metadata should be, in the simplest form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    cluster: Option<Uuid>,
    topics: BTreeMap<String, (TopicId, i32, BTreeMap<String, String>)>,
    broker_configs: BTreeMap<String, String>,
    epoch: i32,
}

impl Model {
    fn of(image: &MetadataImage) -> Self {
        let topic = |topic: &runnel_broker::metadata::Topic| {
            (topic.name.clone(), (topic.id, topic.partitions, topic.configs.clone()))
        };
        Self {
            cluster: image.cluster().map(|cluster| cluster.id),
            topics: image.topics().map(|shared| topic(shared)).collect(),
            broker_configs: image.broker_configs().clone(),
            epoch: image.broker_epoch(),
        }
    }
}

/// A change that somebody asks for.
#[derive(Debug, Clone)]
enum Request {
    Create(NewTopic),
    Delete(String),
    Grow(String, i32),
    AlterTopic(String, ConfigChange),
    AlterBroker(ConfigChange),
}

struct Simulation {
    random: Random,
    /// Batches of the log: where each ends, and its records. A batch survives whole or not at all.
    log: Vec<(Offset, Vec<(Offset, LogRecord)>)>,
    end: Offset,
    synced: Offset,
    /// What the metadata is when the log ends there.
    models: BTreeMap<Offset, Model>,
    disk: SimulatedDisk,
    /// Rows of earlier times, to fall back to.
    earlier: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
    running: Option<Running>,
    names_of_ids: BTreeMap<TopicId, String>,
    total: Total,
}

/// What a crash takes.
struct Running {
    image: MetadataImage,
    /// `None` when it failed and rests.
    store: Option<ImageStore>,
    changes: Changes,
    /// How far records were handed on to the store, how far it took them in, and how far they lasted.
    mirrored: Offset,
    applied: Offset,
    flushed: Offset,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            log: Vec::new(),
            end: 0,
            synced: 0,
            models: BTreeMap::from([(0, Model::default())]),
            disk: SimulatedDisk::default(),
            earlier: Vec::new(),
            running: None,
            names_of_ids: BTreeMap::new(),
            total: Total::default(),
        }
    }

    fn run(mut self, steps: usize) -> Total {
        self.start();
        for _ in 0..steps {
            match self.random.below(20) {
                0 => self.crash(),
                1 => self.compact(),
                2 => self.earlier.push(self.disk.rows()),
                3..6 => self.sync(),
                6..9 => self.mirror(),
                9..12 => self.apply_to_store(),
                12..14 => self.flush_store(),
                _ => self.change(),
            }
            if self.running.is_none() {
                self.start();
            }
        }
        self.total
    }

    /// Decides, appends and replays one request. The answer would be sent when [`Self::sync`] comes.
    fn change(&mut self) {
        let request = self.request();
        let image = &self.running.as_ref().unwrap().image;
        let before = Model::of(image);
        let decided = decide(image, request.clone());
        assert_eq!(Model::of(image), before, "a decision changes nothing");
        let expected = expect(&before, &request);
        match (decided, expected) {
            (Ok(records), Some(expected)) => {
                self.total.changes += 1;
                self.append(records, expected);
            }
            (Err(_), None) => self.total.refusals += 1,
            (decided, expected) => panic!("{request:?} on {before:?} gave {decided:?}, not {expected:?}"),
        }
    }

    /// Appends and replays a batch of records.
    fn append(&mut self, records: Vec<LogRecord>, expected: Model) {
        if records.is_empty() {
            assert_eq!(self.models[&self.end], expected);
            return;
        }
        let batch: Vec<_> = (self.end..).zip(records).collect();
        self.end += batch.len() as Offset;
        self.log.push((self.end, batch.clone()));
        self.models.insert(self.end, expected);
        let running = self.running.as_mut().unwrap();
        for (_, record) in &batch {
            running.image.replay(&record.key, record.value.as_deref()).unwrap();
        }
        self.check_image();
    }

    fn sync(&mut self) {
        self.synced = self.end;
    }

    /// Hands records on to the store: those that are synced, and once in a while those that are not.
    fn mirror(&mut self) {
        let upto = if self.random.below(10) == 0 { self.end } else { self.synced };
        let running = self.running.as_mut().unwrap();
        let records = self.log.iter().flat_map(|(_, batch)| batch);
        let new = records.filter(|(offset, _)| (running.mirrored..upto).contains(offset));
        running.changes.extend(new.map(|(offset, record)| (*offset, record)), upto.max(running.mirrored));
        running.mirrored = upto.max(running.mirrored);
    }

    fn apply_to_store(&mut self) {
        let failing = self.random.below(60) == 0;
        let running = self.running.as_mut().unwrap();
        let changes = std::mem::replace(&mut running.changes, Changes::starting_at(running.mirrored));
        let Some(store) = &mut running.store else { return };
        running.applied = running.mirrored;
        self.disk.set_failing(failing);
        let applied = store.apply(LOG, &changes);
        self.disk.set_failing(false);
        if applied.is_err() {
            assert!(failing, "{applied:?}");
            running.store = None;
            self.earlier.clear();
            Place::Simulated(self.disk.clone()).set_aside(0).unwrap();
        }
    }

    fn flush_store(&mut self) {
        let running = self.running.as_mut().unwrap();
        if let Some(store) = &running.store {
            store.flush().unwrap();
            running.flushed = running.applied;
        }
    }

    /// What compaction may do: drop what was superseded and is synced, and tombstones that the store has for sure.
    fn compact(&mut self) {
        let mut seen = BTreeSet::new();
        // Without a store the next start reads all of the log, and tombstones do not matter to it.
        let running = self.running.as_ref().unwrap();
        let marked = if running.store.is_some() { running.flushed } else { self.synced };
        for (_, batch) in self.log.iter_mut().rev() {
            batch.reverse();
            batch.retain(|(offset, record)| {
                // What is not synced may be lost, and then supersedes nothing.
                *offset >= self.synced
                    || (seen.insert(record.key.clone()) && (record.value.is_some() || *offset >= marked))
            });
            batch.reverse();
        }
    }

    fn crash(&mut self) {
        self.total.crashes += 1;
        self.running = None;
        let ends: Vec<_> = self.models.range(self.synced..=self.end).map(|(end, _)| *end).collect();
        let end = ends[self.random.below(ends.len())];
        self.total.tails_lost += u64::from(end < self.end);
        self.log.retain(|(batch_end, _)| *batch_end <= end);
        self.models.retain(|model_end, _| *model_end <= end);
        (self.end, self.synced) = (end, end);
        let kept = self.random.below(self.disk.unflushed() + 1);
        self.disk.crash(kept);
        match self.random.below(8) {
            0 => self.lose_or_damage_a_row(),
            1 if !self.earlier.is_empty() => {
                let pick = self.random.below(self.earlier.len());
                let earlier = self.earlier[pick].clone();
                self.disk.tamper(|rows| *rows = earlier);
            }
            2 => self.disk.tamper(BTreeMap::clear),
            _ => {}
        }
    }

    fn lose_or_damage_a_row(&mut self) {
        let (pick, how) = (self.random.below(1 << 16), self.random.below(3));
        let older = self.earlier.last().cloned().unwrap_or_default();
        self.disk.tamper(|rows| {
            let Some(key) = rows.keys().nth(pick % rows.len().max(1)).cloned() else { return };
            match how {
                0 => drop(rows.remove(&key)),
                1 => rows.get_mut(&key).unwrap()[pick % 14] ^= 4,
                _ => drop(older.get(&key).and_then(|row| rows.insert(key, row.clone()))),
            }
        });
    }

    fn start(&mut self) {
        let place = Place::Simulated(self.disk.clone());
        let deadline = Duration::from_secs(1);
        let (mut store, mut loaded) = ImageStore::open(place.clone(), deadline).unwrap_or_else(|_: Doubt| {
            self.total.rebuilds += 1;
            self.earlier.clear();
            place.set_aside(0).unwrap();
            ImageStore::open(place, deadline).unwrap()
        });
        let mut loaded = loaded.remove(&LOG).unwrap();
        if loaded.applied > self.end {
            self.total.rebuilds += 1;
            self.earlier.clear();
            loaded = Loaded::default();
            store.apply(LOG, &Changes::from_scratch()).unwrap();
            store.flush().unwrap();
        }
        self.total.starts_from_store += u64::from(loaded.applied > 0);
        let flushed = loaded.applied;
        let mut changes = Changes::starting_at(loaded.resume);

        let mut image = MetadataImage::default();
        let step = 1 + self.random.below(5);
        let end = catch_up(
            loaded,
            |offset| Ok::<_, String>(self.read(offset, step)),
            |key, value| image.replay(key, value).map_err(|error| error.to_string()),
            |range, records| {
                changes.extend(records.iter().map(|(offset, record)| (*offset, record)), range.end)
            },
        );
        assert_eq!(end, Ok(self.end));
        let running =
            Running { image, store: Some(store), changes, mirrored: self.end, applied: flushed, flushed };
        self.running = Some(running);
        self.check_image();

        let image = &self.running.as_ref().unwrap().image;
        let (cluster, epoch) = (image.register_cluster(Uuid::from_u128(7), 0), image.raise_broker_epoch());
        let mut expected = self.models[&self.end].clone();
        expected.cluster = Some(Uuid::from_u128(7));
        self.append(cluster, expected.clone());
        expected.epoch += 1;
        self.append(epoch, expected);
    }

    fn read(&self, offset: Offset, most: usize) -> Stretch {
        let records = self.log.iter().flat_map(|(_, batch)| batch).filter(|(at, _)| *at >= offset);
        let records: Vec<_> = records.take(most).cloned().collect();
        let next_offset = records.last().map_or(self.end, |(last, _)| last + 1);
        Stretch { records, next_offset }
    }

    /// The image is what the log comes to, and no id ever names two topics.
    fn check_image(&mut self) {
        let image = &self.running.as_ref().unwrap().image;
        assert_eq!(Model::of(image), self.models[&self.end], "at offset {}", self.end);
        for topic in image.topics() {
            let name = self.names_of_ids.entry(topic.id).or_insert_with(|| topic.name.clone());
            assert_eq!(*name, topic.name, "an id was used again");
            assert_eq!(image.topic_by_id(topic.id), Some(topic));
        }
    }

    fn request(&mut self) -> Request {
        let name = NAMES[self.random.below(NAMES.len())].to_owned();
        match self.random.below(6) {
            0 | 1 => {
                let partitions = self.random.below(6) as i32;
                let id = Uuid::from_u64_pair(self.random.next(), self.random.next());
                let configs = if self.random.below(2) == 0 { self.configs() } else { BTreeMap::new() };
                Request::Create(NewTopic { id, name, partitions, configs, internal: false })
            }
            2 => Request::Delete(name),
            3 => Request::Grow(name, self.random.below(12) as i32),
            4 => Request::AlterTopic(name, self.config_change()),
            _ => Request::AlterBroker(self.config_change()),
        }
    }

    fn configs(&mut self) -> BTreeMap<String, String> {
        let keys = if self.random.below(8) == 0 { KEYS.len() } else { KEYS.len() - 1 };
        let mut configs = BTreeMap::new();
        for _ in 0..1 + self.random.below(2) {
            let value = match self.random.below(40) {
                // Too large for a row of the store.
                0 => "9".repeat(70_000),
                _ => self.random.below(4).to_string(),
            };
            configs.insert(KEYS[self.random.below(keys)].to_owned(), value);
        }
        configs
    }

    fn config_change(&mut self) -> ConfigChange {
        let set = if self.random.below(3) == 0 { BTreeMap::new() } else { self.configs() };
        let unset =
            (0..self.random.below(3)).map(|_| KEYS[self.random.below(KEYS.len())].to_owned()).collect();
        ConfigChange { set, unset }
    }
}

fn decide(image: &MetadataImage, request: Request) -> Result<Vec<LogRecord>, BrokerError> {
    let check = |configs: &BTreeMap<String, String>| match configs.contains_key("wrong") {
        true => Err(BrokerError::InvalidConfig { key: "wrong".into(), reason: "unknown".into() }),
        false => Ok(()),
    };
    match request {
        Request::Create(topic) => image.create_topic(topic, 0, &check),
        Request::Delete(name) => image.delete_topic(&name),
        Request::Grow(name, total) => image.create_partitions(&name, total),
        Request::AlterTopic(name, change) => image.alter_topic_configs(&name, &change, &check),
        Request::AlterBroker(change) => image.alter_broker_configs(&change, &check),
    }
}

/// What a request should come to; `None`: it should be refused.
fn expect(before: &Model, request: &Request) -> Option<Model> {
    let mut after = before.clone();
    match request {
        Request::Create(topic) => {
            let bad = topic.name.is_empty() || topic.name.contains('/') || topic.name.starts_with("__");
            let taken =
                before.topics.keys().any(|name| name.replace('.', "_") == topic.name.replace('.', "_"));
            if bad || taken || topic.partitions < 1 || topic.configs.contains_key("wrong") {
                return None;
            }
            after.topics.insert(topic.name.clone(), (topic.id, topic.partitions, topic.configs.clone()));
        }
        Request::Delete(name) => drop(after.topics.remove(name)?),
        Request::Grow(name, total) => {
            let topic = after.topics.get_mut(name)?;
            if *total <= topic.1 {
                return None;
            }
            topic.1 = *total;
        }
        Request::AlterTopic(name, change) => alter(&mut after.topics.get_mut(name)?.2, change)?,
        Request::AlterBroker(change) => alter(&mut after.broker_configs, change)?,
    }
    Some(after)
}

fn alter(configs: &mut BTreeMap<String, String>, change: &ConfigChange) -> Option<()> {
    if change.set.contains_key("wrong") || change.unset.iter().any(|key| change.set.contains_key(key)) {
        return None;
    }
    change.unset.iter().for_each(|key| drop(configs.remove(key)));
    configs.extend(change.set.clone());
    Some(())
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
}

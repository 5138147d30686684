use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use runnel_proto::records::{BatchBuilder, BatchReader, Compression, split_batches};

use super::State;
use crate::config::{CleanupPolicy, TopicConfig};
use crate::log::{Log, ValidBatch};
use crate::storage::Disk;
use crate::storage::simulated::Random;

const NOW_MS: i64 = 1_700_000_000_000;

type Found = (i64, i64, Vec<u8>, Option<Vec<u8>>);

fn config() -> TopicConfig {
    TopicConfig {
        cleanup_policy: CleanupPolicy { delete: false, compact: true },
        segment_bytes: 700,
        delete_retention_ms: 1000,
        ..TopicConfig::default()
    }
}

fn open(disk: &Disk, config: &TopicConfig) -> Log {
    Log::create(disk.clone(), PathBuf::from("topic-0"), Arc::new(config.clone())).unwrap()
}

fn append(log: &mut Log, records: &[(u8, Option<u8>)], compression: Compression) {
    let mut builder = BatchBuilder::new(compression);
    for &(key, value) in records {
        let value = value.map(|value| [value; 30]);
        let headers: &[(&[u8], Option<&[u8]>)] = &[(b"name", Some(&[key])), (b"name", None)];
        builder.push(
            NOW_MS + log.end_offset(),
            Some(&[key]),
            value.as_ref().map(|value| &value[..]),
            headers,
        );
    }
    let batch = ValidBatch::internal(builder.build().unwrap()).unwrap();
    log.append(&batch, 0, NOW_MS).unwrap();
}

fn records(log: &Log) -> Vec<Found> {
    let mut reader = BatchReader::new(1 << 20);
    let mut found = Vec::new();
    let mut offset = log.start_offset();
    while offset < log.end_offset() {
        let read = log.plan_read(offset, 1000, log.end_offset()).unwrap().read().unwrap();
        for batch in split_batches(&read.bytes) {
            for record in reader.read(batch.unwrap().1).unwrap() {
                let record = record.unwrap();
                assert_eq!(record.headers().count(), 2);
                let value = record.value.map(<[u8]>::to_vec);
                found.push((record.offset, record.timestamp_ms, record.key.unwrap().to_vec(), value));
            }
        }
        assert!(read.next_offset > offset, "reading stands still at {offset}");
        offset = read.next_offset;
    }
    found
}

fn newest(found: &[Found]) -> BTreeMap<Vec<u8>, Found> {
    found.iter().map(|record| (record.2.clone(), record.clone())).collect()
}

fn compact(log: &mut Log, now_ms: i64, max_keys: usize) -> bool {
    let Some(plan) = log.plan_compaction(now_ms, log.end_offset()) else { return false };
    let result = plan.with_max_keys(max_keys).run().unwrap();
    log.finish_compaction(result, now_ms).unwrap();
    true
}

#[test]
fn the_newest_record_of_each_key_stays_as_it_was() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let disk = Disk::simulated(seed);
        let settings = TopicConfig { min_cleanable_dirty_ratio: 0.0, ..config() };
        let mut log = open(&disk, &settings);
        let max_keys = [3, 10, 1000][random.below(3)];
        for _ in 0..4 {
            for _ in 0..random.below(60) {
                let batch: Vec<(u8, Option<u8>)> = (0..1 + random.below(4))
                    .map(|_| (random.below(12) as u8, (!random.chance(5)).then(|| random.below(200) as u8)))
                    .collect();
                append(&mut log, &batch, Compression::ALL[random.below(5)]);
            }
            let before = records(&log);
            let end = log.end_offset();
            let passes = (0..1000).take_while(|_| compact(&mut log, NOW_MS, max_keys)).count();
            assert!(passes < 1000, "seed {seed}: compaction does not come to an end");
            let after = records(&log);
            assert_eq!(newest(&before), newest(&after), "seed {seed}");
            assert!(after.iter().all(|record| before.contains(record)), "seed {seed}");
            assert_eq!(log.end_offset(), end);
            let active = log.active().files.base;
            let sealed: Vec<&Found> = after.iter().filter(|record| record.0 < active).collect();
            let keys: std::collections::BTreeSet<&Vec<u8>> = sealed.iter().map(|record| &record.2).collect();
            assert_eq!(keys.len(), sealed.len(), "seed {seed}: a key is there twice");
        }
        let before = records(&log);
        let point = log.close().unwrap();
        disk.simulation().unwrap().cut_power();
        let disk = disk.simulation().unwrap().disk();
        let dir = PathBuf::from("topic-0");
        let (log, _) = Log::open(disk.clone(), dir.clone(), Arc::new(config()), Some(point), false).unwrap();
        assert_eq!(records(&log), before, "seed {seed}");
        let (log, _) = Log::open(disk, dir, Arc::new(config()), None, false).unwrap();
        assert_eq!(records(&log), before, "seed {seed}: verified whole");
    }
}

#[test]
fn tombstones_stay_for_their_time_and_then_go() {
    let disk = Disk::simulated(1);
    let mut log = open(&disk, &TopicConfig { segment_bytes: 1, ..config() });
    append(&mut log, &[(1, Some(1))], Compression::None);
    append(&mut log, &[(1, None)], Compression::None);
    append(&mut log, &[(2, Some(1))], Compression::None);
    assert!(compact(&mut log, NOW_MS, 100));
    assert_eq!(records(&log).iter().map(|record| record.0).collect::<Vec<_>>(), [1, 2]);
    assert!(!compact(&mut log, NOW_MS + 999, 100), "there is nothing to do yet");
    let point = log.close().unwrap();
    let dir = PathBuf::from("topic-0");
    let (mut log, _) = Log::open(disk, dir, Arc::new(config()), Some(point), true).unwrap();
    assert!(!compact(&mut log, NOW_MS + 999, 100), "the time is remembered");
    assert!(compact(&mut log, NOW_MS + 1000, 100));
    assert_eq!(records(&log).iter().map(|record| record.0).collect::<Vec<_>>(), [2]);
    assert!(!compact(&mut log, NOW_MS + 9000, 100));
    assert_eq!(
        log.plan_read(0, 1, 3).unwrap().read().unwrap().next_offset,
        2,
        "an empty batch bridges the gap"
    );
}

#[test]
fn what_is_new_or_not_worth_it_is_left_alone() {
    let disk = Disk::simulated(1);
    let mut log = open(&disk, &TopicConfig { min_compaction_lag_ms: 500, ..config() });
    for _ in 0..20 {
        append(&mut log, &[(1, Some(1)), (1, Some(2))], Compression::None);
    }
    assert!(!compact(&mut log, NOW_MS + 400, 100), "all is too new");
    assert!(log.plan_compaction(NOW_MS + 1000, 3).is_none(), "nothing above the bound is touched");
    assert!(compact(&mut log, NOW_MS + 1000, 100));
    for _ in 0..3 {
        append(&mut log, &(3..60).map(|key| (key, Some(1))).collect::<Vec<_>>(), Compression::None);
    }
    assert!(compact(&mut log, NOW_MS + 2000, 1000));
    let sealed = log.size_bytes();
    append(&mut log, &[(1, Some(1))], Compression::None);
    append(&mut log, &(0..20).map(|_| (2, Some(1))).collect::<Vec<_>>(), Compression::None);
    assert!(sealed > 0 && !compact(&mut log, NOW_MS + 3000, 1000), "less than half of it is new");
    log.set_config(Arc::new(TopicConfig { max_compaction_lag_ms: 100, ..config() }));
    assert!(compact(&mut log, NOW_MS + 3000, 1000), "but it is there for too long");
}

#[test]
fn what_cannot_be_decoded_is_kept() {
    let disk = Disk::simulated(1);
    let mut log = open(&disk, &TopicConfig { segment_bytes: 1, ..config() });
    append(&mut log, &[(1, Some(1))], Compression::None);
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(NOW_MS, Some(b"key"), None, &[]);
    let mut garbled = builder.build().unwrap().to_vec();
    garbled[61] = 0x7f;
    let sum = crc32c::crc32c(&garbled[21..]);
    garbled[17..21].copy_from_slice(&sum.to_be_bytes());
    log.append(&ValidBatch::internal(Bytes::from(garbled.clone())).unwrap(), 0, NOW_MS).unwrap();
    append(&mut log, &[(1, Some(2))], Compression::None);
    append(&mut log, &[(1, Some(3))], Compression::None);
    assert!(compact(&mut log, NOW_MS, 100));
    let read = log.plan_read(1, 1, 4).unwrap().read().unwrap();
    assert_eq!(read.bytes[16..], garbled[16..]);
}

#[test]
fn the_state_is_read_back_and_doubted_when_damaged() {
    let mut state = State::default();
    for pass in 1..100 {
        state.note(pass * 10, 0, pass % 3 != 0, pass);
    }
    assert!(state.passes.len() <= 32 && state.passes.is_sorted());
    assert_eq!(state.tombstones_until(1000, 998), 0);
    let bytes = state.encode();
    assert_eq!(State::decode(&bytes), Some(state));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert_eq!(State::decode(&damaged), None);
        assert_eq!(State::decode(&bytes[..at]), None);
    }
}

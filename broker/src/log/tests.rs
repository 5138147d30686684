use std::path::Path;

use runnel_proto::records::{BatchBuilder, BatchReader, Compression, split_batches};

use super::*;
use crate::storage::Open;
use crate::storage::simulated::{Call, Fault, Simulation};

const NOW_MS: i64 = 1_700_000_000_000;

fn config(segment_bytes: u64) -> Arc<TopicConfig> {
    Arc::new(TopicConfig { segment_bytes, ..TopicConfig::default() })
}

fn dir() -> PathBuf {
    PathBuf::from("topic-0")
}

/// A batch of `count` records, each a millisecond after the one before.
fn batch(config: &TopicConfig, first_ms: i64, count: usize, size: usize) -> ValidBatch {
    let mut builder = BatchBuilder::new(Compression::None);
    for i in 0..count {
        let value = vec![b'a' + (i % 26) as u8; size];
        builder.push(first_ms + i as i64, Some(b"key"), Some(&value), &[]);
    }
    validate::check(builder.build().unwrap(), config, "topic", NOW_MS).unwrap()
}

fn sync(log: &mut Log, disk: &Disk) {
    let unsynced = log.unsynced();
    disk.sync_files(&unsynced.files).unwrap();
    log.synced(&unsynced.point);
}

/// Appends `count` batches of 10 records.
fn fill(log: &mut Log, count: i64) {
    for i in 0..count {
        let at = NOW_MS - 1_000_000 + (log.end_offset() / 10) * 10;
        let appended =
            log.append(&batch(&log.config.clone(), at, 10, 20 + (i % 7) as usize), 3, NOW_MS).unwrap();
        assert_eq!(appended.next_offset - appended.base_offset, 10);
    }
}

fn offsets(bytes: &[u8]) -> Vec<i64> {
    let mut reader = BatchReader::new(1 << 20);
    let mut offsets = Vec::new();
    for batch in split_batches(bytes) {
        let (header, batch) = batch.unwrap();
        assert_eq!(header.leader_epoch, 3);
        offsets.extend(reader.read(batch).unwrap().map(|record| record.unwrap().offset));
    }
    offsets
}

fn check_all(log: &Log) {
    let end = log.end_offset();
    for max_bytes in [1, 700, 100_000] {
        let mut offset = log.start_offset();
        while offset < end {
            let read = log.plan_read(offset, max_bytes, end).unwrap().read().unwrap();
            let found = offsets(&read.bytes);
            assert!(found[0] <= offset && found.contains(&offset), "asked for {offset}, read {found:?}");
            assert_eq!(read.next_offset, found.last().unwrap() + 1);
            offset = read.next_offset;
        }
    }
    for offset in log.start_offset()..end {
        let time = NOW_MS - 1_000_000 + offset;
        assert_eq!(log.offset_for_timestamp(time, end).unwrap(), Some((offset, time)));
        assert_eq!(log.timestamp_at(offset).unwrap(), Some(time));
    }
    assert_eq!(log.offset_for_timestamp(NOW_MS, end).unwrap(), None);
    assert!(log.plan_read(end, 1, end).unwrap().is_empty());
}

#[test]
fn records_are_found_by_offset_and_by_time_across_segments() {
    let root = tempfile::tempdir().unwrap();
    for (number, segment_bytes) in [500, 20_000, 1 << 30].into_iter().enumerate() {
        let disk = Disk::open_root(root.path()).unwrap();
        let dir = PathBuf::from(format!("topics/some-{number}"));
        let mut log = Log::create(disk.clone(), dir.clone(), config(segment_bytes)).unwrap();
        fill(&mut log, 150);
        check_all(&log);
        let point = log.close().unwrap();
        check_all(&log);
        let (log, recovery) = Log::open(disk, dir, config(segment_bytes), Some(point), true).unwrap();
        assert_eq!((recovery, log.end_offset()), (Recovery::default(), 1500));
        check_all(&log);
    }
}

#[test]
fn nothing_at_or_above_the_upper_bound_is_read() {
    let disk = Disk::simulated(1);
    let mut log = Log::create(disk, dir(), config(1 << 20)).unwrap();
    fill(&mut log, 20);
    for upper in (0..=200).step_by(10) {
        for offset in 0..=200 {
            let read = log.plan_read(offset, 1 << 20, upper).unwrap().read().unwrap();
            let expected = if offset < upper { upper } else { offset };
            assert_eq!(read.next_offset, expected, "from {offset} below {upper}");
        }
    }
    let out = LogError::OutOfRange { offset: 201, start: 0, end: 200 };
    assert_eq!(log.plan_read(201, 1, 200).err(), Some(out));
}

#[test]
fn lost_cut_and_garbled_indexes_do_no_harm() {
    let disk = Disk::simulated(1);
    let mut log = Log::create(disk.clone(), dir(), config(40_000)).unwrap();
    fill(&mut log, 400);
    let point = log.close().unwrap();
    let indexes: Vec<String> =
        disk.list(&dir()).unwrap().into_iter().filter(|name| name.ends_with(".index")).collect();
    assert!(indexes.len() > 2);
    for clean in [true, false] {
        for damage in 0..6 {
            for name in &indexes {
                let file = disk.open(&dir().join(name), Open::ReadWrite).unwrap();
                let len = file.len().unwrap();
                match damage {
                    0 => disk.remove_file(&dir().join(name)).unwrap(),
                    1 => file.set_len(0).unwrap(),
                    2 => file.set_len(len - 7).unwrap(),
                    3 => file.set_len(len / 2).unwrap(),
                    4 => file.write_all_at(&mut [std::io::IoSlice::new(&[0x55; 60])], 0).unwrap(),
                    _ => file.write_all_at(&mut [std::io::IoSlice::new(&vec![1; len as usize])], 0).unwrap(),
                }
            }
            let (mut log, _) = Log::open(disk.clone(), dir(), config(40_000), Some(point), clean).unwrap();
            check_all(&log);
            log.close().unwrap();
        }
    }
}

#[test]
fn a_torn_tail_is_cut_and_damage_before_it_is_reported() {
    let disk = Disk::simulated(1);
    let mut log = Log::create(disk.clone(), dir(), config(1 << 20)).unwrap();
    fill(&mut log, 5);
    sync(&mut log, &disk);
    let point = log.sync_point();
    fill(&mut log, 5);
    let path = dir().join("00000000000000000000.log");
    let file = disk.open(&path, Open::ReadWrite).unwrap();
    file.set_len(log.size_bytes() - 1).unwrap();
    let (log, recovery) = Log::open(disk.clone(), dir(), config(1 << 20), Some(point), false).unwrap();
    assert_eq!(log.end_offset(), 90);
    assert!(recovery.cut_bytes > 0 && recovery.verified_bytes > 0);
    check_all(&log);

    // A flipped bit after the sync point is a torn tail, unless the sync point is unknown and good batches follow.
    let simulation = disk.simulation().unwrap();
    simulation.rot(&path, point.position as usize + 100, 3);
    let error = Log::open(disk.clone(), dir(), config(1 << 20), None, false).err().unwrap();
    assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
    let (log, _) = Log::open(disk.clone(), dir(), config(1 << 20), Some(point), false).unwrap();
    assert_eq!(log.end_offset(), 50);

    disk.open(&path, Open::ReadWrite).unwrap().set_len(point.position - 1).unwrap();
    let error = Log::open(disk.clone(), dir(), config(1 << 20), Some(point), false).err().unwrap();
    assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
    assert_eq!(disk.len(&path).unwrap(), point.position - 1, "damaged files are left alone");
}

#[test]
fn zeros_ahead_of_the_end_are_neither_records_nor_damage_and_stay_in_no_sealed_segment() {
    let simulation = Simulation::new(1);
    let disk = simulation.disk();
    let mut log = Log::create(disk.clone(), dir(), config(30_000)).unwrap();
    let path = |base: usize| dir().join(format!("{base:020}.log"));
    let mut lengths = Vec::new();
    for _ in 0..20 {
        fill(&mut log, 1);
        sync(&mut log, &disk);
        lengths.push(disk.len(&path(0)).unwrap());
    }
    let size = log.size_bytes();
    assert!(lengths[19] > size, "no zeros follow {size} bytes");
    lengths.dedup();
    assert!(lengths.len() < 8, "the file grew too often: {lengths:?}");
    let point = log.sync_point();

    // A crash: the zeros are there, and no tail was torn; nor is there damage when nobody knows the sync point.
    simulation.cut_power();
    let disk = simulation.disk();
    for point in [None, Some(point), Some(SyncPoint::START)] {
        let file = disk.open(&path(0), Open::ReadWrite).unwrap();
        file.set_len(lengths[lengths.len() - 1]).unwrap();
        let (log, recovery) = Log::open(disk.clone(), dir(), config(30_000), point, false).unwrap();
        assert_eq!((log.end_offset(), recovery.cut_bytes), (200, 0));
        assert_eq!(disk.len(&path(0)).unwrap(), size);
        check_all(&log);
    }

    let (mut log, _) = Log::open(disk.clone(), dir(), config(30_000), Some(point), false).unwrap();
    while log.segment_count() == 1 {
        fill(&mut log, 1);
        sync(&mut log, &disk);
    }
    assert_eq!(disk.len(&path(0)).unwrap(), log.segments[0].size);
    fill(&mut log, 1);
    let point = log.close().unwrap();
    let active = log.active();
    assert_eq!(disk.len(active.files.log.path()).unwrap(), active.size);
    simulation.cut_power();
    let (log, _) = Log::open(simulation.disk(), dir(), config(30_000), Some(point), true).unwrap();
    assert_eq!(log.end_offset(), point.offset);
    check_all(&log);
}

#[test]
fn a_disk_too_full_for_zeros_takes_records() {
    let simulation = Simulation::new(7);
    let disk = simulation.disk();
    let mut log = Log::create(disk.clone(), dir(), config(1 << 20)).unwrap();
    fill(&mut log, 20);
    sync(&mut log, &disk);
    let len = |disk: &Disk| disk.len(&dir().join("00000000000000000000.log")).unwrap();
    let full = len(&disk) + 600;
    simulation.set_capacity(Some(full));
    while len(&disk) <= log.size_bytes() + 600 {
        fill(&mut log, 1);
        sync(&mut log, &disk);
        if log.size_bytes() + 600 > full {
            break;
        }
    }
    check_all(&log);
    assert!(len(&disk) <= full);
}

#[test]
fn a_missing_segment_is_damage() {
    for missing in 0..4 {
        let disk = Disk::simulated(1);
        let mut log = Log::create(disk.clone(), dir(), config(1)).unwrap();
        fill(&mut log, 4);
        let point = log.close().unwrap();
        disk.remove_file(&dir().join(format!("{:020}.log", missing * 10))).unwrap();
        let error = Log::open(disk, dir(), config(1), Some(point), false).err().unwrap();
        assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
    }
}

#[test]
fn a_full_disk_refuses_appends_until_there_is_space() {
    let simulation = Simulation::new(7);
    let disk = simulation.disk();
    let mut log = Log::create(disk.clone(), dir(), config(2_000)).unwrap();
    fill(&mut log, 3);
    simulation.set_capacity(Some(5_000));
    let refused = (0..20).find_map(|_| log.append(&batch(&config(1), NOW_MS, 10, 20), 3, NOW_MS).err());
    assert_eq!(refused, Some(LogError::DiskFull));
    let end = log.end_offset();
    assert_eq!(log.append(&batch(&config(1), NOW_MS, 10, 20), 3, NOW_MS), Err(LogError::DiskFull));
    sync(&mut log, &disk);
    assert_eq!(log.plan_read(0, 1, end).unwrap().read().unwrap().next_offset, 10);
    simulation.set_capacity(None);
    fill(&mut log, 3);
    assert_eq!(log.end_offset(), end + 30);
    let point = log.close().unwrap();
    simulation.cut_power();
    let (log, recovery) = Log::open(simulation.disk(), dir(), config(2_000), Some(point), false).unwrap();
    assert_eq!((log.end_offset(), recovery.cut_bytes), (end + 30, 0));
}

#[test]
fn nothing_is_accepted_after_a_failed_write_or_sync() {
    for call in [Call::Write, Call::Sync, Call::SyncDir] {
        let simulation = Simulation::new(7);
        let disk = simulation.disk();
        // A roll syncs; a failed write of the index, which it does too, would do no harm.
        let segment_bytes = if call == Call::Write { 1 << 20 } else { 1 };
        let mut log = Log::create(disk.clone(), dir(), config(segment_bytes)).unwrap();
        fill(&mut log, 3);
        simulation.inject(Some(call), 0, Fault::Error(nix::errno::Errno::EIO));
        for _ in 0..3 {
            let refused = log.append(&batch(&config(1), NOW_MS, 10, 20), 3, NOW_MS);
            assert!(matches!(refused, Err(LogError::Failed { .. })), "{call:?}: {refused:?}");
        }
        assert!(call == Call::Write || disk.has_failed() && disk.sync_dir(Path::new("")).is_err());
    }
}

#[test]
fn old_and_excess_segments_are_deleted_and_the_start_moves() {
    let disk = Disk::simulated(1);
    let settings = TopicConfig { segment_bytes: 1, retention_ms: Some(1_000_000), ..TopicConfig::default() };
    let mut log = Log::create(disk.clone(), dir(), Arc::new(settings.clone())).unwrap();
    fill(&mut log, 10);
    assert_eq!(log.apply_retention(NOW_MS, 100).unwrap(), Deleted::default());
    // The first three segments are too old; the upper bound keeps the third.
    assert_eq!(log.apply_retention(NOW_MS + 30, 25).unwrap().segments, 2);
    assert_eq!((log.start_offset(), log.segment_count()), (20, 8));
    let one = log.segments[0].size;
    log.set_config(Arc::new(TopicConfig { retention_bytes: Some(one * 5), ..settings.clone() }));
    assert!(log.apply_retention(NOW_MS, 100).unwrap().segments >= 2);
    assert!(log.size_bytes() >= one * 5);
    assert_eq!(log.truncate_before(75), Ok(75));
    assert_eq!(
        log.plan_read(74, 1, 100).err(),
        Some(LogError::OutOfRange { offset: 74, start: 75, end: 100 })
    );
    check_all(&log);
    // When all is expired, the active segment goes, too.
    log.apply_retention(NOW_MS * 2, 100).unwrap();
    assert_eq!((log.start_offset(), log.end_offset(), log.size_bytes()), (100, 100, 0));
    let point = log.close().unwrap();
    disk.simulation().unwrap().cut_power();
    let disk = disk.simulation().unwrap().disk();
    let (log, _) = Log::open(disk, dir(), Arc::new(settings), Some(point), false).unwrap();
    assert_eq!((log.start_offset(), log.end_offset()), (100, 100));
}

#[test]
fn segments_are_rolled_by_age() {
    let settings = TopicConfig { segment_ms: 1000, ..TopicConfig::default() };
    let mut log = Log::create(Disk::simulated(1), dir(), Arc::new(settings)).unwrap();
    assert_eq!(log.roll_if_due(NOW_MS), Ok(false), "an empty segment is not rolled");
    fill(&mut log, 2);
    assert_eq!(log.roll_if_due(NOW_MS + 999), Ok(false));
    assert_eq!(log.roll_if_due(NOW_MS + 1000), Ok(true));
    assert_eq!((log.segment_count(), log.unsynced().files.len()), (2, 0));
}

//! Damaged files: what can be made again is, what can't is set aside with its bytes kept, and the rest serves.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use runnel_tests::harness::{PATIENCE, Random, TestBroker, eventually};
use serde_json::json;

/// Small segments, so that there are closed ones.
const SETTINGS: [&str; 2] = ["log.segment.bytes=20000", "log.index.interval.bytes=500"];

fn lines(topic: &str, numbers: std::ops::Range<usize>) -> String {
    numbers.map(|line| format!("{topic} line {line}\n")).collect()
}

const ALL: std::ops::Range<usize> = 0..3000;

/// A broker with topics `hurt` and `well` and a group, stopped in order.
fn stopped_broker() -> TestBroker {
    let mut broker = TestBroker::start_with(&SETTINGS);
    for topic in ["hurt", "well"] {
        broker.runnel(["topic", "create", topic, "-p", "2", "-c", "retention.ms=-1"]).run().ok();
        for from in ALL.step_by(500) {
            let input = lines(topic, from..from + 500);
            broker.runnel(["produce", topic, "-p", "0"]).input(input).run().ok();
        }
        broker.runnel(["produce", topic, "-p", "1"]).input("in partition 1\n").run().ok();
    }
    broker.runnel(["consume", "well", "-g", "readers", "-e"]).run().ok();
    broker.stop();
    broker
}

fn read(broker: &TestBroker, topic: &str) -> String {
    broker.runnel(["consume", topic, "-p", "0", "-e"]).run().ok().text().to_owned()
}

/// Everything is there: records, settings, offsets.
fn expect_all(broker: &TestBroker, after: &str) {
    for topic in ["hurt", "well"] {
        assert!(read(broker, topic) == lines(topic, ALL), "{topic} after {after}");
        let described = broker.runnel(["topic", "describe", topic, "-o", "json"]).run().ok().json();
        assert_eq!(described[0]["configs"], json!({"retention.ms": "-1"}), "{after}");
    }
    let group = broker.runnel(["group", "describe", "readers", "-o", "json"]).run().ok().json();
    assert_eq!(group[0]["partitions"][0]["committed_offset"], ALL.end, "{after}");
    let late = broker.runnel(["consume", "hurt", "-p", "0", "-o", "2990:2992"]).run().ok();
    assert_eq!(late.text(), lines("hurt", 2990..2992), "{after}");
}

/// All regular files below a directory, sorted.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn files_with(dir: &Path, ending: &str) -> Vec<PathBuf> {
    files(dir).into_iter().filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("a file to damage");
    let at = at % bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 0x40;
    }
    fs::write(path, bytes).expect("damage");
}

fn cut(path: &Path, kept: u64) {
    OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(kept)).expect("damage");
}

fn half(path: &Path) {
    cut(path, fs::metadata(path).expect("a file to damage").len() / 2);
}

type Damage = fn(&Path);

/// What may happen to a file that can be made again.
const DAMAGES: [(&str, Damage); 6] = [
    ("deletion", |path| fs::remove_file(path).expect("damage")),
    ("emptying", |path| cut(path, 0)),
    ("cutting in half", half),
    ("a flipped bit at the beginning", |path| flip(path, 3)),
    ("a flipped bit in the middle", |path| {
        flip(path, fs::metadata(path).expect("a file").len() as usize / 2)
    }),
    ("garbage", |path| fs::write(path, Random::new(5).bytes(3000)).expect("damage")),
];

/// Damages files in every way, each time on a stopped broker, and expects that nobody notices.
fn expect_harmless(paths: impl Fn(&Path) -> Vec<PathBuf>) {
    let mut broker = stopped_broker();
    for (name, damage) in DAMAGES {
        let paths = paths(broker.data_dir());
        assert!(!paths.is_empty(), "there is nothing to damage");
        paths.iter().for_each(|path| damage(path));
        broker.start_again();
        expect_all(&broker, name);
        broker.stop();
    }
}

#[test]
fn indexes_are_made_again() {
    expect_harmless(|data_dir| files_with(&data_dir.join("topics"), ".index"));
}

#[test]
fn the_checkpoint_is_made_again() {
    expect_harmless(|data_dir| {
        files(data_dir).into_iter().filter(|path| path.to_string_lossy().contains("checkpoint")).collect()
    });
}

#[test]
fn the_state_image_is_made_again() {
    expect_harmless(|data_dir| files(&data_dir.join("image")));
}

#[test]
fn everything_that_can_be_made_again_is_when_all_of_it_is_gone() {
    let mut broker = stopped_broker();
    let data_dir = broker.data_dir().to_owned();
    fs::remove_dir_all(data_dir.join("image")).unwrap();
    for path in files(&data_dir) {
        let name = path.to_string_lossy();
        if name.ends_with(".index") || name.contains("checkpoint") {
            fs::remove_file(&path).unwrap();
        }
    }
    broker.start_again();
    expect_all(&broker, "deleting all of it");
    broker.produce("well", "and on it goes\n");
}

#[test]
fn a_half_written_sled_snapshot_is_no_obstacle() {
    let mut broker = stopped_broker();
    let image = files(&broker.data_dir().join("image"));
    let dir = image.first().and_then(|path| path.parent()).expect("an image").to_owned();
    fs::write(dir.join("snap.0000000000001234.generating"), b"\x01\x02").unwrap();
    broker.start_again();
    expect_all(&broker, "a half-written snapshot");
}

/// Starts the broker and expects that partition 0 of `hurt` is quarantined and everything else serves.
fn expect_quarantine(broker: &mut TestBroker, after: &str) {
    let dir = broker.data_dir().join("topics");
    let kept: Vec<(PathBuf, Vec<u8>)> =
        files_with(&dir, ".log").into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect();
    for _ in 0..2 {
        broker.start_again();
        let described = eventually("the quarantine", || {
            let output = broker.runnel(["topic", "describe", "hurt", "-o", "json"]).run();
            if output.code == Some(1) { Ok(output) } else { Err(output.shown()) }
        });
        let described = described.says("hurt/0").says("quarantined");
        let partitions = &described.json()[0]["partitions"];
        assert_eq!(partitions[0]["error"]["code"], "PARTITION_QUARANTINED", "{after}");
        assert!(partitions[0]["high_watermark"].is_null(), "{after}: unknown is not nought");
        assert!(partitions[1]["error"].is_null(), "{after}");

        let refused =
            broker.runnel(["consume", "hurt", "-p", "0", "-e"]).run().exits_with(1).says("quarantined");
        assert!(refused.stdout.is_empty(), "{after}");
        broker.runnel(["produce", "hurt", "-p", "0"]).input("x\n").run().exits_with(1).says("quarantined");
        let other = broker.runnel(["consume", "hurt", "-p", "1", "-e"]).run().ok();
        assert!(other.text().starts_with("in partition 1\n"), "{after}");
        // Records without a key go where they are taken.
        for _ in 0..3 {
            broker.runnel(["produce", "hurt"]).input("anywhere\n").run().ok();
        }
        assert!(read(broker, "well") == lines("well", ALL), "{after}");
        broker.stop();
    }
    for (path, bytes) in kept {
        let relative = path.strip_prefix(broker.data_dir()).expect("below it").display().to_string();
        assert!(fs::read(&path).is_ok_and(|now| now.starts_with(&bytes)), "{after}: {relative} was changed");
    }
}

/// The segments of partition 0 of `hurt`, of a stopped broker.
fn segments(broker: &mut TestBroker) -> Vec<PathBuf> {
    broker.start_again();
    let dir = broker.partition_dir("hurt", 0);
    broker.stop();
    let segments = files_with(&dir, ".log");
    assert!(segments.len() >= 3, "{segments:?}");
    segments
}

#[test]
fn a_segment_that_was_cut_is_quarantined_with_its_bytes_kept() {
    let mut broker = stopped_broker();
    let segments = segments(&mut broker);
    half(&segments[1]);
    expect_quarantine(&mut broker, "cutting a closed segment");
}

#[test]
fn the_last_segment_cut_before_its_sync_point_is_quarantined() {
    let mut broker = stopped_broker();
    let segments = segments(&mut broker);
    half(segments.last().unwrap());
    expect_quarantine(&mut broker, "cutting the last segment");
}

#[test]
fn a_segment_that_is_gone_quarantines_its_partition() {
    for which in [0, 1, usize::MAX] {
        let mut broker = stopped_broker();
        let segments = segments(&mut broker);
        fs::remove_file(&segments[which.min(segments.len() - 1)]).unwrap();
        expect_quarantine(&mut broker, "deleting a segment");
    }
}

#[test]
fn a_bit_flipped_in_a_closed_segment_is_found_and_never_served() {
    let mut broker = stopped_broker();
    let segments = segments(&mut broker);
    let size = fs::metadata(&segments[1]).unwrap().len() as usize;
    flip(&segments[1], size / 2 + 70);
    broker.start_again();
    let printed = broker.runnel(["consume", "hurt", "-p", "0", "-e"]).run().exits_with(1);
    assert!(lines("hurt", ALL).as_bytes().starts_with(&printed.stdout), "what is printed is right");
    broker.stop();
    expect_quarantine(&mut broker, "a flipped bit");
}

#[test]
fn a_bit_flipped_in_the_last_segment_is_found_and_never_served() {
    let mut broker = stopped_broker();
    let segments = segments(&mut broker);
    flip(segments.last().unwrap(), 100);
    broker.start_again();
    let printed = broker.runnel(["consume", "hurt", "-p", "0", "-e"]).run().exits_with(1);
    assert!(lines("hurt", ALL).as_bytes().starts_with(&printed.stdout), "what is printed is right");
    printed.says("quarantined");
    broker.stop();
    expect_quarantine(&mut broker, "a flipped bit in the last segment");
}

#[test]
fn a_bit_flipped_in_the_last_segment_is_found_after_a_kill_and_before_anybody_reads() {
    let mut broker = TestBroker::start();
    broker.produce("t", lines("t", 0..100));
    let segments = files_with(&broker.partition_dir("t", 0), ".log");
    // Until the checkpoint knows of it.
    broker.stop();
    broker.start_again();
    broker.kill();
    flip(&segments[0], 100);
    broker.start_again();
    let quarantined = || broker.runnel(["topic", "describe", "t"]).run();
    eventually("the quarantine", || {
        let output = quarantined();
        if output.code == Some(1) { Ok(()) } else { Err(output.shown()) }
    });
    broker.runnel(["produce", "t"]).input("more\n").run().exits_with(1).says("quarantined");
}

#[test]
fn a_torn_tail_after_a_crash_is_cut_off() {
    let mut broker = TestBroker::start_with(&SETTINGS);
    broker.produce("t", lines("t", 0..100));
    let dir = broker.partition_dir("t", 0);
    for (round, tail) in [Random::new(3).bytes(500), vec![0; 3000], b"\0\0\0".to_vec()].iter().enumerate() {
        broker.kill();
        let segments = files_with(&dir, ".log");
        let last = segments.last().expect("a segment");
        OpenOptions::new().append(true).open(last).and_then(|mut file| file.write_all(tail)).unwrap();
        broker.start_again();
        let end = 100 + 10 * round;
        assert_eq!(broker.consume("t").text(), lines("t", 0..end));
        broker.produce("t", lines("t", end..end + 10));
    }
}

/// The last segment of one of the broker's own logs, by the number that its topic's id is.
fn own_log(broker: &TestBroker, number: u8) -> PathBuf {
    let own = broker.data_dir().join(format!("topics/00000000-0000-0000-0000-00000000000{number}/0"));
    files_with(&own, ".log").pop().expect("a segment")
}

fn offsets_log(broker: &TestBroker) -> PathBuf {
    own_log(broker, 2)
}

fn forget_the_image(broker: &TestBroker) {
    fs::remove_dir_all(broker.data_dir().join("image")).expect("an image");
}

#[test]
fn damage_to_the_groups_log_that_the_image_makes_up_for_is_repaired() {
    for damage in [half, |path: &Path| flip(path, 100), |path: &Path| fs::remove_file(path).unwrap()] {
        let mut broker = stopped_broker();
        let segment = offsets_log(&broker);
        damage(&segment);
        broker.start_again();
        expect_all(&broker, "damage to the groups' log");
        broker.produce("well", lines("well", ALL.end..ALL.end + 5));
        let read = broker.runnel(["consume", "well", "-g", "readers", "-e"]).run().ok();
        assert!(read.text().ends_with(&lines("well", ALL.end..ALL.end + 5)), "{}", read.shown());
        broker.kill();
        broker.start_again();
        let group = broker.runnel(["group", "describe", "readers", "-o", "json"]).run().ok().json();
        let committed = group[0]["partitions"].as_array().expect("partitions").iter();
        let total: i64 = committed.map(|row| row["committed_offset"].as_i64().expect("an offset")).sum();
        assert_eq!(total, ALL.end as i64 + 5 + 1, "the group goes on where it was");
    }
}

#[test]
fn lost_offsets_refuse_groups_until_somebody_decides_and_all_else_serves() {
    let mut broker = stopped_broker();
    forget_the_image(&broker);
    let segment = offsets_log(&broker);
    flip(&segment, 100);
    let before = fs::read(&segment).unwrap();
    for _ in 0..2 {
        broker.start_again();
        for topic in ["hurt", "well"] {
            assert!(read(&broker, topic) == lines(topic, ALL), "{topic}");
        }
        broker.produce("other", "taken\n");
        for args in [
            &["group", "list"][..],
            &["group", "describe", "readers"],
            &["group", "delete", "readers", "--yes"],
            &["consume", "well", "-g", "readers", "-e"],
            &["topic", "delete", "well", "--yes"],
        ] {
            let refused =
                broker.runnel(args).run().says("__consumer_offsets/0").says("offsets.salvage.enable");
            assert_ne!(refused.code, Some(0), "{args:?}");
        }
        broker.stop();
        assert_eq!(fs::read(&segment).unwrap(), before, "its bytes are kept");
        forget_the_image(&broker);
    }
    broker.start_again_with("offsets.salvage.enable=true");
    broker.runnel(["group", "list"]).run().ok();
    let own = broker.data_dir().join("topics/00000000-0000-0000-0000-000000000002");
    let kept = files_with(&own, segment.file_name().unwrap().to_str().unwrap());
    assert!(
        kept.iter().any(|path| fs::read(path).unwrap() == before),
        "the damaged files are kept: {kept:?}"
    );
    broker.runnel(["consume", "well", "-g", "readers", "-e"]).run().ok();
    broker.stop();
    broker.start_again();
    expect_all(&broker, "going on with what was left");
}

/// A producer of the transactional id `mover`.
fn mover(broker: &TestBroker) -> Result<BaseProducer, KafkaError> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .set("transactional.id", "mover")
        .create()
        .expect("a producer");
    producer.init_transactions(Duration::from_secs(5)).map(|()| producer)
}

/// Begins a transaction and writes within it, durably.
fn write_within(producer: &BaseProducer, value: &str) {
    producer.begin_transaction().expect("one begins");
    producer.send(BaseRecord::<[u8], str>::to("moved").payload(value)).expect("there is room");
    producer.flush(PATIENCE).expect("it is stored");
}

/// A broker with a transaction that is committed and one that is open, stopped in order.
fn stopped_in_a_transaction() -> TestBroker {
    let mut broker = stopped_broker();
    broker.start_again();
    broker.runnel(["topic", "create", "moved"]).run().ok();
    let producer = mover(&broker).expect("a producer id");
    write_within(&producer, "committed");
    producer.commit_transaction(PATIENCE).expect("it is committed");
    write_within(&producer, "open");
    // The client would abort it at its end.
    broker.kill();
    drop(producer);
    broker.start_again();
    broker.stop();
    broker
}

#[test]
fn damage_to_the_transactions_log_that_the_image_makes_up_for_is_repaired() {
    for damage in [half, |path: &Path| flip(path, 100), |path: &Path| fs::remove_file(path).unwrap()] {
        let mut broker = stopped_in_a_transaction();
        damage(&own_log(&broker, 3));
        broker.start_again();
        expect_all(&broker, "damage to the transactions' log");
        assert_eq!(broker.consume("moved").text(), "committed\n", "what is open waits for its end");
        let producer = mover(&broker).expect("it is known");
        write_within(&producer, "after");
        producer.commit_transaction(PATIENCE).expect("it is committed");
        broker.kill();
        broker.start_again();
        assert_eq!(broker.consume("moved").text(), "committed\nafter\n");
    }
}

#[test]
fn lost_transactions_are_refused_until_somebody_decides_and_all_else_serves() {
    let mut broker = stopped_in_a_transaction();
    forget_the_image(&broker);
    let segment = own_log(&broker, 3);
    let size = fs::metadata(&segment).unwrap().len() as usize;
    // No batch stays whole.
    (30..size).step_by(40).for_each(|at| flip(&segment, at));
    let before = fs::read(&segment).unwrap();
    for round in 0..2 {
        broker.start_again();
        let told = broker.process().shown();
        for words in ["__transaction_state/0", "transactions.salvage.enable"] {
            assert!(told.contains(words), "{told}");
        }
        assert!(read(&broker, "hurt") == lines("hurt", ALL));
        broker.runnel(["group", "describe", "readers"]).run().ok();
        let refused = mover(&broker).err().expect("nobody knows who that is");
        assert!(refused.rdkafka_error_code().is_some(), "{refused}");
        let plain: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", broker.address())
            .set("enable.idempotence", "true")
            .create()
            .expect("a producer");
        plain.send(BaseRecord::<[u8], str>::to("plain").payload("taken")).expect("there is room");
        plain.flush(PATIENCE).expect("it has an id of its own, and its record is stored");
        assert_eq!(broker.consume("plain").text(), "taken\n".repeat(round + 1));
        let own = broker.runnel(["topic", "describe", "__transaction_state"]).run().exits_with(1);
        own.says("transactions.salvage.enable");
        broker.stop();
        assert_eq!(fs::read(&segment).unwrap(), before, "its bytes are kept");
        forget_the_image(&broker);
    }
    broker.start_again_with("transactions.salvage.enable=true");
    broker.produce("moved", "outside\n");
    assert_eq!(broker.consume("moved").text(), "committed\noutside\n", "what nobody can end is aborted");
    let producer = mover(&broker).expect("a producer id");
    write_within(&producer, "after");
    producer.commit_transaction(PATIENCE).expect("it is committed");
    broker.stop();
    broker.start_again();
    assert_eq!(broker.consume("moved").text(), "committed\noutside\nafter\n");
    expect_all(&broker, "going on with what was left");
    let own = broker.data_dir().join("topics/00000000-0000-0000-0000-000000000003");
    let kept = files_with(&own, segment.file_name().unwrap().to_str().unwrap());
    assert!(
        kept.iter().any(|path| fs::read(path).unwrap() == before),
        "the damaged files are kept: {kept:?}"
    );
}

#[test]
fn a_damaged_metadata_log_stops_the_start_and_is_kept() {
    let broker = stopped_broker();
    let own = broker.data_dir().join("topics/00000000-0000-0000-0000-000000000001/0");
    let segment = files_with(&own, ".log").first().expect("a segment").clone();
    half(&segment);
    let before = fs::read(&segment).unwrap();
    let refused = broker.runnel(["broker", "--listen", "127.0.0.1:0"]).run().exits_with(1);
    refused.says("__metadata").says("kept").says("from a copy");
    assert_eq!(fs::read(&segment).unwrap(), before);
}

//! Batches that come in, good ones and others.

use bytes::Bytes;
use runnel_proto::kafka::messages::produce_request::{PartitionProduceData, TopicProduceData};
use runnel_proto::kafka::messages::{ListOffsetsRequest, ProduceRequest};
use runnel_proto::records::Compression;

use super::offsets::{EARLIEST, LATEST, partition, topic};
use crate::differential::batches::{
    ATTRIBUTES, BASE_OFFSET, BASE_SEQUENCE, CONTROL, CRC, LAST_OFFSET_DELTA, LEADER_EPOCH, LENGTH,
    LOG_APPEND_TIME, MAGIC, MAX_TIMESTAMP, PRODUCER_EPOCH, PRODUCER_ID, RECORD_COUNT, TRANSACTIONAL, batch,
    compressed, keyed, with,
};
use crate::differential::pair::Pair;
use crate::differential::peer::Peer;

const NOT_LEADER: i16 = 6;

pub(super) fn run(pair: &mut Pair) {
    let logs = pair.name("produce");
    pair.create_topic(&logs, 2, &[("max.message.bytes", "2000")]);
    headers(pair, &logs);
    compression(pair, &logs);
    times(pair);
    keys(pair);
    places(pair, &logs);
    ends(pair, &logs);
}

/// Produces one partition's bytes, and compares the answers.
pub(super) fn produce(
    pair: &mut Pair,
    case: &str,
    name: &str,
    index: i32,
    acks: i16,
    records: Option<Bytes>,
) {
    let request = |peer: &Peer, _| ProduceRequest {
        acks,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: name.into(),
            topic_id: peer.topic_id(name),
            partition_data: vec![PartitionProduceData { index, records: records.clone() }],
        }],
        ..Default::default()
    };
    // Kafka's broker tells of a new topic a moment before it leads it.
    pair.ask_until(case, request, |answer| {
        answer
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses)
            .all(|row| row.error_code != NOT_LEADER)
    });
}

fn headers(pair: &mut Pair, name: &str) {
    let good = batch(pair.now_ms, &["a", "b", "c"]);
    let length = i32::from_be_bytes(*good[LENGTH..].first_chunk().expect("a header"));
    let cases = [
        ("a batch", good.clone()),
        ("two batches", [&good[..], &good[..]].concat().into()),
        ("bytes behind the batch", [&good[..], b"more"].concat().into()),
        ("half a batch", good.slice(..good.len() / 2 + 20)),
        ("half a header", good.slice(..30)),
        ("no bytes", Bytes::new()),
        ("a wrong CRC", with(&good, CRC, [0; 4])),
        ("magic 0", with(&good, MAGIC, [0])),
        ("magic 1", with(&good, MAGIC, [1])),
        ("magic 3", with(&good, MAGIC, [3])),
        ("a negative magic", with(&good, MAGIC, [0xff])),
        ("a base offset", with(&good, BASE_OFFSET, 7_i64.to_be_bytes())),
        ("a negative base offset", with(&good, BASE_OFFSET, (-1_i64).to_be_bytes())),
        ("a leader epoch", with(&good, LEADER_EPOCH, 7_i32.to_be_bytes())),
        ("a length too short", with(&good, LENGTH, (length - 1).to_be_bytes())),
        ("a length too long", with(&good, LENGTH, (length + 1).to_be_bytes())),
        ("a length of nothing", with(&good, LENGTH, [0; 4])),
        ("a negative length", with(&good, LENGTH, (-1_i32).to_be_bytes())),
        ("fewer records than it says", with(&good, RECORD_COUNT, 4_i32.to_be_bytes())),
        ("more records than it says", with(&good, RECORD_COUNT, 2_i32.to_be_bytes())),
        ("no records", with(&good, RECORD_COUNT, [0; 4])),
        ("a negative number of records", with(&good, RECORD_COUNT, (-1_i32).to_be_bytes())),
        ("a last offset too low", with(&good, LAST_OFFSET_DELTA, 1_i32.to_be_bytes())),
        ("a last offset too high", with(&good, LAST_OFFSET_DELTA, 3_i32.to_be_bytes())),
        ("a negative last offset", with(&good, LAST_OFFSET_DELTA, (-1_i32).to_be_bytes())),
        ("a marker", with(&good, ATTRIBUTES, CONTROL.to_be_bytes())),
        ("a marker of a transaction", with(&good, ATTRIBUTES, (CONTROL | TRANSACTIONAL).to_be_bytes())),
        ("a transactional batch without a producer", with(&good, ATTRIBUTES, TRANSACTIONAL.to_be_bytes())),
        ("the broker's time", with(&good, ATTRIBUTES, LOG_APPEND_TIME.to_be_bytes())),
        ("an unknown attribute", with(&good, ATTRIBUTES, (1_i16 << 9).to_be_bytes())),
        ("an unknown compression", with(&good, ATTRIBUTES, 7_i16.to_be_bytes())),
        ("a producer without a sequence", with(&good, PRODUCER_ID, 7_i64.to_be_bytes())),
        ("a sequence without a producer", with(&good, BASE_SEQUENCE, [0; 4])),
        ("an epoch without a producer", with(&good, PRODUCER_EPOCH, [0; 2])),
        ("a largest time too high", with(&good, MAX_TIMESTAMP, (pair.now_ms + 100).to_be_bytes())),
        ("a batch too large", batch(pair.now_ms, &[&"x".repeat(2000)])),
        ("a batch as large as may be", batch(pair.now_ms, &[&"x".repeat(2000 - 61 - 9)])),
    ];
    // Each has a log of its own, where what one broker takes and the other does not shifts no offset.
    for (number, (case, records)) in cases.into_iter().enumerate() {
        let name = format!("{name}-{number}");
        pair.create_topic(&name, 1, &[("max.message.bytes", "2000")]);
        produce(pair, case, &name, 0, -1, Some(records));
    }
    produce(pair, "null", name, 0, -1, None);
    pair.reconnect();
}

fn compression(pair: &mut Pair, name: &str) {
    for (case, codec) in [
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd),
    ] {
        let good = compressed(codec, pair.now_ms, &["a", "b", "c"]);
        produce(pair, case, name, 0, -1, Some(good.clone()));
        let last = good.len() - 2;
        let broken = format!("{name}-{case}");
        pair.create_topic(&broken, 1, &[]);
        produce(pair, &format!("broken {case}"), &broken, 0, -1, Some(with(&good, last, [0x55])));
    }
}

fn times(pair: &mut Pair) {
    const HOUR_MS: i64 = 3_600_000;
    let (created, appended) = (pair.name("produce-created"), pair.name("produce-appended"));
    pair.create_topic(&created, 1, &[("message.timestamp.before.max.ms", "10000000")]);
    pair.create_topic(&appended, 1, &[("message.timestamp.type", "LogAppendTime")]);
    let now_ms = pair.now_ms;
    for (case, time_ms) in [
        ("no time", -1),
        ("a negative time", -2),
        ("a time in the past", now_ms - HOUR_MS),
        ("a time too far in the past", now_ms - 4 * HOUR_MS),
        ("a time in the future", now_ms + HOUR_MS / 2),
        ("a time too far in the future", now_ms + 2 * HOUR_MS),
    ] {
        produce(pair, case, &created, 0, -1, Some(batch(time_ms, &["a"])));
        produce(
            pair,
            &format!("{case}, with the broker's clock"),
            &appended,
            0,
            -1,
            Some(batch(time_ms, &["a"])),
        );
    }
}

fn keys(pair: &mut Pair) {
    let compacted = pair.name("produce-compacted");
    pair.create_topic(&compacted, 1, &[("cleanup.policy", "compact")]);
    for (case, records) in [
        ("keys", &[(Some("a"), Some("1")), (Some("b"), None)][..]),
        ("an empty key", &[(Some(""), Some("1"))]),
        ("a key missing", &[(Some("a"), Some("1")), (None, Some("2")), (None, Some("3"))]),
        ("no key", &[(None, Some("1"))]),
    ] {
        produce(pair, case, &compacted, 0, -1, Some(keyed(pair.now_ms, records)));
    }
}

fn places(pair: &mut Pair, name: &str) {
    let good = batch(pair.now_ms, &["a"]);
    for (case, name, index) in [
        ("an unknown partition", name, 2),
        ("a negative partition", name, -1),
        ("an unknown topic", "nobody", 0),
        ("an illegal topic", "a b", 0),
        ("an internal topic", "__consumer_offsets", 0),
    ] {
        produce(pair, case, name, index, -1, Some(good.clone()));
    }
    for (case, acks) in [("acks of 1", 1), ("acks of 2", 2), ("acks of -2", -2)] {
        produce(pair, case, name, 1, acks, Some(good.clone()));
    }
    pair.ask("no topic", ProduceRequest { acks: -1, timeout_ms: 30_000, ..Default::default() });
    let several = |rows: Vec<(&str, Vec<(i32, Bytes)>)>| {
        let rows: Vec<(String, Vec<(i32, Bytes)>)> =
            rows.into_iter().map(|(name, rows)| (name.to_owned(), rows)).collect();
        move |peer: &Peer, _| ProduceRequest {
            acks: -1,
            timeout_ms: 30_000,
            topic_data: rows
                .iter()
                .map(|(name, rows)| TopicProduceData {
                    name: name.as_str().into(),
                    topic_id: peer.topic_id(name),
                    partition_data: rows
                        .iter()
                        .map(|(index, records)| PartitionProduceData {
                            index: *index,
                            records: Some(records.clone()),
                        })
                        .collect(),
                })
                .collect(),
            ..Default::default()
        }
    };
    let bad = with(&good, CRC, [0; 4]);
    pair.ask_each(
        "good and bad ones",
        several(vec![
            (name, vec![(0, good.clone()), (1, bad), (7, good.clone())]),
            ("nobody", vec![(0, good.clone())]),
        ]),
    );
    pair.ask_each("a partition twice", several(vec![(name, vec![(1, good.clone()), (1, good.clone())])]));
    pair.ask_each(
        "a topic twice",
        several(vec![(name, vec![(0, good.clone())]), (name, vec![(1, good.clone())])]),
    );
}

/// Where the logs end after all this.
fn ends(pair: &mut Pair, name: &str) {
    for (case, timestamp) in [("the ends", LATEST), ("the starts", EARLIEST)] {
        let topics = vec![topic(name, vec![partition(0, timestamp), partition(1, timestamp)])];
        pair.ask(case, ListOffsetsRequest { replica_id: -1, topics, ..Default::default() });
    }
}

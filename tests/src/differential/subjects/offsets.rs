//! Offsets and epochs: where logs begin and end, by time and by leader.

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use runnel_proto::kafka::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use runnel_proto::kafka::messages::{ListOffsetsRequest, OffsetForLeaderEpochRequest};
use runnel_proto::records::Compression;

use super::produce::produce;
use crate::differential::batches::{batch, compressed};
use crate::differential::pair::Pair;

pub(super) const LATEST: i64 = -1;
pub(super) const EARLIEST: i64 = -2;

pub(super) fn run(pair: &mut Pair) {
    let name = pair.name("offsets");
    pair.create_topic(&name, 2, &[]);
    let now_ms = pair.now_ms;
    produce(pair, "three records", &name, 0, -1, Some(batch(now_ms, &["a", "b", "c"])));
    let later = compressed(Compression::Zstd, now_ms + 100, &["d", "e", "f"]);
    if pair.is_highest() {
        produce(pair, "three compressed records", &name, 0, -1, Some(later));
    } else {
        produce(pair, "three more records", &name, 0, -1, Some(batch(now_ms + 100, &["d", "e", "f"])));
    }
    produce(pair, "an older record", &name, 0, -1, Some(batch(now_ms + 50, &["g"])));
    list(pair, &name);
    epochs(pair, &name);
}

/// A partition's row.
pub(super) fn partition(partition_index: i32, timestamp: i64) -> ListOffsetsPartition {
    ListOffsetsPartition { partition_index, timestamp, current_leader_epoch: -1 }
}

/// A topic's rows.
pub(super) fn topic(name: &str, partitions: Vec<ListOffsetsPartition>) -> ListOffsetsTopic {
    ListOffsetsTopic { name: name.into(), partitions }
}

fn list(pair: &mut Pair, name: &str) {
    let now_ms = pair.now_ms;
    let request =
        |topics| ListOffsetsRequest { replica_id: -1, topics, timeout_ms: 1000, ..Default::default() };
    for (case, timestamp) in [
        ("the end", LATEST),
        ("the start", EARLIEST),
        ("the newest", -3),
        ("the earliest local", -4),
        ("the latest tiered", -5),
        ("the earliest to be uploaded", -6),
        ("an unknown place", -7),
        ("time 0", 0),
        ("a time before all", now_ms - 1),
        ("the time of a record", now_ms + 1),
        ("a time between two", now_ms + 30),
        ("a time within the second batch", now_ms + 101),
        ("the time of the last", now_ms + 102),
        ("a time after all", now_ms + 103),
        ("the end of time", i64::MAX),
    ] {
        pair.ask(case, request(vec![topic(name, vec![partition(0, timestamp)])]));
        pair.ask(
            &format!("{case}, of an empty log"),
            request(vec![topic(name, vec![partition(1, timestamp)])]),
        );
    }
    for (case, name, index) in [
        ("an unknown partition", name, 7),
        ("a negative partition", name, -1),
        ("an unknown topic", "nobody", 0),
        ("an illegal topic", "a b", 0),
    ] {
        pair.ask(case, request(vec![topic(name, vec![partition(index, LATEST)])]));
    }
    pair.ask(
        "a partition twice",
        request(vec![topic(name, vec![partition(0, LATEST), partition(0, EARLIEST)])]),
    );
    pair.ask(
        "a topic twice",
        request(vec![topic(name, vec![partition(0, LATEST)]), topic(name, vec![partition(1, LATEST)])]),
    );
    pair.ask("nothing", request(Vec::new()));
    let of_replica = ListOffsetsRequest {
        replica_id: 7,
        topics: vec![topic(name, vec![partition(0, LATEST)])],
        ..Default::default()
    };
    pair.ask("as another broker", of_replica);
    if pair.version(ApiKey::ListOffsets).is_some_and(|version| version >= 4) {
        for (case, epoch) in
            [("the leader's epoch", 0), ("an epoch of the future", 7), ("a negative epoch", -2)]
        {
            let row = ListOffsetsPartition { current_leader_epoch: epoch, ..partition(0, LATEST) };
            pair.ask(case, request(vec![topic(name, vec![row])]));
        }
        let committed = ListOffsetsRequest {
            isolation_level: 1,
            ..request(vec![topic(name, vec![partition(0, LATEST)])])
        };
        pair.ask("the committed end", committed.clone());
        pair.ask("an unknown isolation", ListOffsetsRequest { isolation_level: 2, ..committed });
    }
}

fn epochs(pair: &mut Pair, name: &str) {
    let request =
        |replica_id, name: &str, partition, current_leader_epoch, leader_epoch| OffsetForLeaderEpochRequest {
            replica_id,
            topics: vec![OffsetForLeaderTopic {
                topic: name.into(),
                partitions: vec![OffsetForLeaderPartition { partition, current_leader_epoch, leader_epoch }],
            }],
        };
    for (case, current, asked) in [
        ("the end of the epoch", -1, 0),
        ("the end of an epoch to come", -1, 7),
        ("the end of no epoch", -1, -1),
        ("the end of a negative epoch", -1, -2),
        ("the end of the epoch, known", 0, 0),
        ("the end of the epoch, from the future", 7, 0),
    ] {
        pair.ask(case, request(-1, name, 0, current, asked));
        pair.ask(&format!("{case}, of an empty log"), request(-1, name, 1, current, asked));
    }
    pair.ask("an epoch of an unknown partition", request(-1, name, 7, -1, 0));
    pair.ask("an epoch of an unknown topic", request(-1, "nobody", 0, -1, 0));
    if pair.is_highest() {
        pair.ask("an epoch as another broker", request(7, name, 0, -1, 0));
    }
}

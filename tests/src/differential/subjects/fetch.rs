//! Records read: bytes, limits, refusals, sessions.

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::FetchRequest;
use runnel_proto::kafka::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};

use super::produce::produce;
use crate::differential::batches::batch;
use crate::differential::pair::{Pair, Side};
use crate::differential::peer::Peer;

const LIMIT: i32 = 1 << 20;

pub(super) fn run(pair: &mut Pair) {
    let name = pair.name("fetch");
    pair.create_topic(&name, 3, &[]);
    for (index, values) in [(0, ["a", "b", "c"]), (0, ["d", "e", "f"]), (1, ["g", "h", "i"])] {
        produce(pair, "three records", &name, index, -1, Some(batch(pair.now_ms, &values)));
    }
    offsets(pair, &name);
    limits(pair, &name);
    places(pair, &name);
    epochs(pair, &name);
    sessions(pair, &name);
}

fn request(peer: &Peer, name: &str, partitions: Vec<FetchPartition>) -> FetchRequest {
    FetchRequest {
        replica_id: -1,
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: LIMIT,
        session_epoch: -1,
        topics: vec![FetchTopic { topic: name.into(), topic_id: peer.topic_id(name), partitions }],
        ..Default::default()
    }
}

fn partition(partition: i32, fetch_offset: i64) -> FetchPartition {
    FetchPartition { partition, fetch_offset, partition_max_bytes: LIMIT, ..Default::default() }
}

fn offsets(pair: &mut Pair, name: &str) {
    for (case, offset) in [
        ("from the start", 0),
        ("from within a batch", 1),
        ("from the second batch", 3),
        ("from the end", 6),
        ("from beyond the end", 7),
        ("from a negative offset", -1),
    ] {
        pair.ask_each(case, |peer, _| request(peer, name, vec![partition(0, offset)]));
    }
    pair.ask_each("from an empty log", |peer, _| request(peer, name, vec![partition(2, 0)]));
    pair.ask_each("from several", |peer, _| {
        request(peer, name, vec![partition(0, 0), partition(1, 0), partition(2, 0)])
    });
    pair.ask_each("only what is committed", |peer, _| FetchRequest {
        isolation_level: 1,
        ..request(peer, name, vec![partition(0, 0)])
    });
    pair.ask_each("in an unknown isolation", |peer, _| FetchRequest {
        isolation_level: 2,
        ..request(peer, name, vec![partition(0, 0)])
    });
}

fn limits(pair: &mut Pair, name: &str) {
    let limited = |peer: &Peer, max_bytes, partition_max_bytes| FetchRequest {
        max_bytes,
        ..request(
            peer,
            name,
            vec![
                FetchPartition { partition_max_bytes, ..partition(0, 0) },
                FetchPartition { partition_max_bytes, ..partition(1, 0) },
            ],
        )
    };
    for (case, max_bytes, partition_max_bytes) in [
        ("a byte of each", LIMIT, 1),
        ("a byte in all", 1, LIMIT),
        ("a batch in all", 85, LIMIT),
        ("a batch and a half of each", LIMIT, 120),
        ("two batches in all", 170, LIMIT),
        ("nothing of each", LIMIT, 0),
        ("nothing in all", 0, LIMIT),
        ("less than nothing of each", LIMIT, -1),
        ("less than nothing in all", -1, LIMIT),
    ] {
        pair.ask_each(case, |peer, _| limited(peer, max_bytes, partition_max_bytes));
    }
    pair.ask_each("more than there is, for a moment", |peer, _| FetchRequest {
        min_bytes: LIMIT,
        max_wait_ms: 50,
        ..request(peer, name, vec![partition(0, 0)])
    });
    pair.ask_each("less than nothing at once", |peer, _| FetchRequest {
        min_bytes: -1,
        max_wait_ms: -1,
        ..request(peer, name, vec![partition(2, 0)])
    });
}

fn places(pair: &mut Pair, name: &str) {
    for (case, name, index) in [
        ("an unknown partition", name, 7),
        ("a negative partition", name, -1),
        ("an unknown topic", "nobody", 0),
        ("a topic without name", "", 0),
    ] {
        pair.ask_each(case, |peer, _| request(peer, name, vec![partition(index, 0)]));
    }
    pair.ask_each("known and unknown ones", |peer, _| {
        request(peer, name, vec![partition(0, 0), partition(7, 0)])
    });
    pair.ask_each("a partition twice", |peer, _| request(peer, name, vec![partition(0, 0), partition(0, 3)]));
    pair.ask_each("nothing", |peer, _| FetchRequest {
        topics: Vec::new(),
        ..request(peer, name, Vec::new())
    });
    pair.ask_each("no partition", |peer, _| request(peer, name, Vec::new()));
}

fn epochs(pair: &mut Pair, name: &str) {
    let Some(version) = pair.version(ApiKey::Fetch) else { return };
    let with = |current_leader_epoch, last_fetched_epoch| FetchPartition {
        current_leader_epoch,
        last_fetched_epoch,
        ..partition(0, 3)
    };
    if version >= 12 {
        for (case, current, last) in [
            ("in the leader's epoch", 0, -1),
            ("in an epoch of the future", 7, -1),
            ("in a negative epoch", -2, -1),
            ("after records of the leader's epoch", 0, 0),
            ("after records of the future", 0, 7),
        ] {
            pair.ask_each(case, |peer, _| request(peer, name, vec![with(current, last)]));
        }
    }
}

fn sessions(pair: &mut Pair, name: &str) {
    if pair.version(ApiKey::Fetch).is_none_or(|version| version < 7) {
        return;
    }
    let opened = pair.ask_each("a session's first", |peer, _| FetchRequest {
        session_epoch: 0,
        ..request(peer, name, vec![partition(0, 0), partition(1, 3)])
    });
    let next = |side: Side, session_epoch, topics| FetchRequest {
        replica_id: -1,
        min_bytes: 1,
        max_bytes: LIMIT,
        session_id: opened[side].session_id,
        session_epoch,
        topics,
        ..Default::default()
    };
    let rows = |peer: &Peer, partitions| {
        vec![FetchTopic { topic: name.into(), topic_id: peer.topic_id(name), partitions }]
    };
    pair.ask_each("a session's next, unchanged", |_, side| next(side, 1, Vec::new()));
    pair.ask_each("a session's next, further on", |peer, side| {
        next(side, 2, rows(peer, vec![partition(0, 6)]))
    });
    pair.ask_each("a session's next, with nothing new", |_, side| next(side, 3, Vec::new()));
    pair.ask_each("a session with an unknown partition", |peer, side| {
        next(side, 4, rows(peer, vec![partition(7, 0)]))
    });
    pair.ask_each("a session that still has it", |_, side| next(side, 5, Vec::new()));
    pair.ask_each("a session that forgets", |peer, side| FetchRequest {
        forgotten_topics_data: vec![ForgottenTopic {
            topic: name.into(),
            topic_id: peer.topic_id(name),
            partitions: vec![7, 1, 9],
        }],
        ..next(side, 6, Vec::new())
    });
    pair.ask_each("an epoch twice", |_, side| next(side, 6, Vec::new()));
    pair.ask_each("an epoch too far", |_, side| next(side, 9, Vec::new()));
    pair.ask_each("an unknown session", |_, side| FetchRequest {
        session_id: opened[side].session_id.wrapping_add(1),
        ..next(side, 1, Vec::new())
    });
    pair.ask_each("a session closed", |peer, side| next(side, -1, rows(peer, vec![partition(0, 3)])));
    pair.ask_each("a closed session", |_, side| next(side, 7, Vec::new()));
    pair.ask("a session of nothing", FetchRequest { session_epoch: 0, replica_id: -1, ..Default::default() });
    pair.ask(
        "an epoch without a session",
        FetchRequest { session_epoch: 3, replica_id: -1, ..Default::default() },
    );
}

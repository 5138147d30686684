//! Producers with ids: sequences, duplicates, epochs.

use bytes::Bytes;
use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::describe_producers_request::TopicRequest;
use runnel_proto::kafka::messages::produce_request::{PartitionProduceData, TopicProduceData};
use runnel_proto::kafka::messages::{DescribeProducersRequest, InitProducerIdRequest, ProduceRequest};

use crate::differential::batches::{batch, sequenced};
use crate::differential::pair::Pair;

pub(super) fn run(pair: &mut Pair) {
    let name = pair.name("idempotence");
    pair.create_topic(&name, 2, &[]);
    let new = InitProducerIdRequest { transaction_timeout_ms: 60_000, ..fresh() };
    let id = pair.ask("a producer id", new.clone());
    let records = batch(pair.now_ms, &["a", "b", "c"]);
    for (case, epoch, sequence) in [
        ("the first batch", 0, 0),
        ("the second", 0, 3),
        ("the second again", 0, 3),
        ("the first again", 0, 0),
        ("a gap", 0, 9),
        ("an overlap", 0, 5),
        ("a negative sequence", 0, -1),
        ("a negative epoch", -1, 6),
        ("the third", 0, 6),
        ("the fourth", 0, 9),
        ("the fifth", 0, 12),
        ("the sixth", 0, 15),
        ("the first, forgotten", 0, 0),
        ("a new epoch not at its start", 1, 18),
        ("a new epoch", 1, 0),
        ("the old epoch", 0, 18),
        ("the epoch after next", 3, 0),
    ] {
        pair.ask_each(case, |peer, side| {
            let records = sequenced(&records, id[side].producer_id, epoch, sequence);
            request(&name, peer.topic_id(&name), 0, records)
        });
    }
    pair.ask_each("an unknown producer in the middle", |peer, side| {
        request(&name, peer.topic_id(&name), 1, sequenced(&records, id[side].producer_id, 0, 7))
    });
    pair.ask_each("its next", |peer, side| {
        request(&name, peer.topic_id(&name), 1, sequenced(&records, id[side].producer_id, 0, 10))
    });
    init(pair, &new);
    describe(pair, &name);
}

fn request(name: &str, topic_id: runnel_proto::kafka::Uuid, index: i32, records: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: name.into(),
            topic_id,
            partition_data: vec![PartitionProduceData { index, records: Some(records) }],
        }],
        ..Default::default()
    }
}

/// Of a producer without transactions that has no id yet.
fn fresh() -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: None,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    }
}

fn init(pair: &mut Pair, new: &InitProducerIdRequest) {
    for (case, timeout_ms) in
        [("no timeout", 0), ("a negative timeout", -1), ("a timeout too long", i32::MAX)]
    {
        pair.ask(case, InitProducerIdRequest { transaction_timeout_ms: timeout_ms, ..new.clone() });
    }
    pair.ask(
        "an empty transactional id",
        InitProducerIdRequest { transactional_id: Some("".into()), ..new.clone() },
    );
    if pair.version(ApiKey::InitProducerId).is_some_and(|version| version >= 3) {
        for (case, producer_id, producer_epoch) in
            [("an id of its own", 7, 3), ("an id without epoch", 7, -1), ("an epoch without id", -1, 3)]
        {
            pair.ask(case, InitProducerIdRequest { producer_id, producer_epoch, ..new.clone() });
        }
    }
}

fn describe(pair: &mut Pair, name: &str) {
    let request = |rows: &[(&str, &[i32])]| {
        let row = |(name, partitions): &(&str, &[i32])| TopicRequest {
            name: (*name).into(),
            partition_indexes: partitions.to_vec(),
        };
        DescribeProducersRequest { topics: rows.iter().map(row).collect() }
    };
    pair.ask("producers", request(&[(name, &[0, 1])]));
    pair.ask("producers of unknown partitions", request(&[(name, &[7, -1]), ("nobody", &[0])]));
    pair.ask("producers of an illegal topic", request(&[("", &[0])]));
    pair.ask("producers of nothing", request(&[]));
}

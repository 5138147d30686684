//! Transactions: opened, filled, ended, and asked out of turn.

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use runnel_proto::kafka::messages::fetch_request::{FetchPartition, FetchTopic};
use runnel_proto::kafka::messages::produce_request::{PartitionProduceData, TopicProduceData};
use runnel_proto::kafka::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use runnel_proto::kafka::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    DescribeTransactionsRequest, EndTxnRequest, EndTxnResponse, FetchRequest, InitProducerIdRequest,
    InitProducerIdResponse, ListTransactionsRequest, ProduceRequest, TxnOffsetCommitRequest,
};

use crate::differential::batches::{batch, transactional};
use crate::differential::pair::{Both, Pair};

/// The coordinator is still busy with what came before.
const CONCURRENT_TRANSACTIONS: i16 = 51;

pub(super) fn run(pair: &mut Pair) {
    let (id, topic, group) = (pair.name("txn"), pair.name("txn"), pair.name("txn"));
    pair.create_topic(&topic, 2, &[]);
    let named = Transaction { id, topic, group };
    let refused = pair.name("txn-refused");
    for (case, timeout_ms) in
        [("no timeout", 0), ("a negative timeout", -1), ("a timeout too long", i32::MAX)]
    {
        pair.ask(case, InitProducerIdRequest { transaction_timeout_ms: timeout_ms, ..init(&refused) });
    }
    named.empty(pair);
    let producer = pair.ask("a transactional producer", init(&named.id));
    named.out_of_turn(pair, &producer);
    let producer = named.commits(pair, producer);
    named.refuses(pair, &producer);
    let producer = named.aborts(pair, producer);
    named.fences(pair, &producer);
    named.looks(pair);
}

fn init(id: &str) -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: Some(id.into()),
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
    }
}

struct Transaction {
    id: String,
    topic: String,
    group: String,
}

type Producer = Both<InitProducerIdResponse>;

impl Transaction {
    /// What nobody has begun.
    fn empty(&self, pair: &mut Pair) {
        let unknown = InitProducerIdResponse { producer_id: 7, producer_epoch: 0, ..Default::default() };
        pair.ask("an unknown id adds a partition", self.add("unknown", &unknown, &[(&self.topic, &[0])]));
        pair.ask("an unknown id adds a group", self.add_group("unknown", &unknown, &self.group));
        pair.ask("an unknown id ends", end("unknown", &unknown, true));
        pair.ask("an empty id adds a partition", self.add("", &unknown, &[(&self.topic, &[0])]));
        pair.ask("an empty id ends", end("", &unknown, true));
    }

    fn out_of_turn(&self, pair: &mut Pair, producer: &Producer) {
        pair.ask_each("a commit of nothing", |_, side| end(&self.id, &producer[side], true));
        pair.ask_each("an abort of nothing", |_, side| end(&self.id, &producer[side], false));
        self.produces(pair, "a batch outside", producer, 0, 0);
        self.commits_offsets(pair, "offsets outside", producer, 1);
    }

    fn commits(&self, pair: &mut Pair, producer: Producer) -> Producer {
        let producer = &producer;
        pair.ask_each("an unknown partition", |_, side| {
            self.add(&self.id, &producer[side], &[(&self.topic, &[0, 7]), ("nobody", &[0])])
        });
        pair.ask_each("no partition", |_, side| self.add(&self.id, &producer[side], &[]));
        pair.ask_until(
            "a partition",
            |_, side| self.add(&self.id, &producer[side], &[(&self.topic, &[0])]),
            has_settled,
        );
        pair.ask_each("a partition again", |_, side| {
            self.add(&self.id, &producer[side], &[(&self.topic, &[0])])
        });
        self.produces(pair, "a batch", producer, 0, 0);
        self.produces(pair, "a batch for another partition", producer, 1, 0);
        self.fetches(pair, "an open transaction");
        pair.ask_each("a group", |_, side| self.add_group(&self.id, &producer[side], &self.group));
        pair.ask_each("a group without name", |_, side| self.add_group(&self.id, &producer[side], ""));
        self.commits_offsets(pair, "offsets", producer, 2);
        self.looks(pair);
        let next = self.ends(pair, "the commit", producer, true);
        self.ends(pair, "the commit again", producer, true);
        self.ends(pair, "an abort of what is committed", producer, false);
        self.fetches(pair, "a committed transaction");
        next
    }

    fn refuses(&self, pair: &mut Pair, producer: &Producer) {
        let changed = |side, by: i64, epoch: i16| {
            let known: &InitProducerIdResponse = &producer[side];
            InitProducerIdResponse {
                producer_id: known.producer_id + by,
                producer_epoch: known.producer_epoch + epoch,
                ..Default::default()
            }
        };
        for (case, by, epoch) in
            [("another producer", 1000, 0), ("an older epoch", 0, -1), ("a later epoch", 0, 1)]
        {
            pair.ask_each(&format!("{case} adds a partition"), |_, side| {
                self.add(&self.id, &changed(side, by, epoch), &[(&self.topic, &[0])])
            });
            pair.ask_each(&format!("{case} adds a group"), |_, side| {
                self.add_group(&self.id, &changed(side, by, epoch), &self.group)
            });
            pair.ask_each(&format!("{case} ends"), |_, side| end(&self.id, &changed(side, by, epoch), true));
        }
    }

    fn aborts(&self, pair: &mut Pair, producer: Producer) -> Producer {
        let producer = &producer;
        pair.ask_until(
            "partitions",
            |_, side| self.add(&self.id, &producer[side], &[(&self.topic, &[0, 1])]),
            has_settled,
        );
        // A new epoch, which transactions of version 2 end with, begins its sequence anew.
        let sequence = if pair.version(ApiKey::EndTxn).is_some_and(|version| version >= 5) { 0 } else { 3 };
        self.produces(pair, "a batch to be aborted", producer, 0, sequence);
        let next = self.ends(pair, "the abort", producer, false);
        self.ends(pair, "the abort again", producer, false);
        self.ends(pair, "a commit of what is aborted", producer, true);
        self.fetches(pair, "an aborted transaction");
        next
    }

    fn fences(&self, pair: &mut Pair, producer: &Producer) {
        pair.ask_until(
            "the same id again",
            |_, _| init(&self.id),
            |answer| answer.error_code != CONCURRENT_TRANSACTIONS,
        );
        pair.ask_each("the one fenced adds a partition", |_, side| {
            self.add(&self.id, &producer[side], &[(&self.topic, &[0])])
        });
        self.produces(pair, "the one fenced produces", producer, 0, 6);
        pair.ask_each("the one fenced ends", |_, side| end(&self.id, &producer[side], true));
        if pair.version(ApiKey::InitProducerId).is_some_and(|version| version >= 3) {
            pair.ask_each("the one fenced begins anew", |_, side| InitProducerIdRequest {
                producer_id: producer[side].producer_id,
                producer_epoch: producer[side].producer_epoch,
                ..init(&self.id)
            });
            pair.ask(
                "a stranger begins anew",
                InitProducerIdRequest { producer_id: 777_777, producer_epoch: 0, ..init(&self.id) },
            );
        }
    }

    fn looks(&self, pair: &mut Pair) {
        pair.ask(
            "the transaction",
            DescribeTransactionsRequest { transactional_ids: vec![self.id.as_str().into()] },
        );
        pair.ask("all transactions", ListTransactionsRequest { duration_filter: -1, ..Default::default() });
    }

    fn add(
        &self,
        id: &str,
        producer: &InitProducerIdResponse,
        rows: &[(&str, &[i32])],
    ) -> AddPartitionsToTxnRequest {
        let topic = |(name, partitions): &(&str, &[i32])| AddPartitionsToTxnTopic {
            name: (*name).into(),
            partitions: partitions.to_vec(),
        };
        AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: id.into(),
            v3_and_below_producer_id: producer.producer_id,
            v3_and_below_producer_epoch: producer.producer_epoch,
            v3_and_below_topics: rows.iter().map(topic).collect(),
            ..Default::default()
        }
    }

    fn add_group(&self, id: &str, producer: &InitProducerIdResponse, group: &str) -> AddOffsetsToTxnRequest {
        AddOffsetsToTxnRequest {
            transactional_id: id.into(),
            producer_id: producer.producer_id,
            producer_epoch: producer.producer_epoch,
            group_id: group.into(),
        }
    }

    /// Ends it, and waits until its markers are written. Since version 5 the producer goes on with another epoch.
    fn ends(&self, pair: &mut Pair, case: &str, producer: &Producer, committed: bool) -> Producer {
        let ended = pair.ask_until(
            case,
            |_, side| end(&self.id, &producer[side], committed),
            |answer| answer.error_code != CONCURRENT_TRANSACTIONS,
        );
        Both::each(|side| match &ended[side] {
            EndTxnResponse { producer_id, producer_epoch, .. } if *producer_epoch >= 0 => {
                InitProducerIdResponse {
                    producer_id: *producer_id,
                    producer_epoch: *producer_epoch,
                    ..Default::default()
                }
            }
            _ => producer[side].clone(),
        })
    }

    fn produces(&self, pair: &mut Pair, case: &str, producer: &Producer, index: i32, sequence: i32) {
        let records = batch(pair.now_ms, &["a", "b", "c"]);
        pair.ask_each(case, |peer, side| {
            let InitProducerIdResponse { producer_id, producer_epoch, .. } = producer[side];
            let records = transactional(&records, producer_id, producer_epoch, sequence);
            ProduceRequest {
                transactional_id: Some(self.id.as_str().into()),
                acks: -1,
                timeout_ms: 30_000,
                topic_data: vec![TopicProduceData {
                    name: self.topic.as_str().into(),
                    topic_id: peer.topic_id(&self.topic),
                    partition_data: vec![PartitionProduceData { index, records: Some(records) }],
                }],
            }
        });
    }

    fn commits_offsets(&self, pair: &mut Pair, case: &str, producer: &Producer, offset: i64) {
        pair.ask_each(case, |_, side| TxnOffsetCommitRequest {
            transactional_id: self.id.as_str().into(),
            group_id: self.group.as_str().into(),
            producer_id: producer[side].producer_id,
            producer_epoch: producer[side].producer_epoch,
            topics: vec![TxnOffsetCommitRequestTopic {
                name: self.topic.as_str().into(),
                partitions: vec![TxnOffsetCommitRequestPartition {
                    partition_index: 0,
                    committed_offset: offset,
                    committed_leader_epoch: -1,
                    committed_metadata: Some("note".into()),
                }],
            }],
            ..Default::default()
        });
    }

    /// What readers of committed records see, who wait until the markers are there.
    fn fetches(&self, pair: &mut Pair, case: &str) {
        for isolation_level in [0, 1] {
            pair.ask_each(&format!("{case}, isolation {isolation_level}"), |peer, _| FetchRequest {
                replica_id: -1,
                min_bytes: 1,
                max_bytes: 1 << 20,
                isolation_level,
                session_epoch: -1,
                topics: vec![FetchTopic {
                    topic: self.topic.as_str().into(),
                    topic_id: peer.topic_id(&self.topic),
                    partitions: vec![FetchPartition {
                        partition: 0,
                        partition_max_bytes: 1 << 20,
                        ..Default::default()
                    }],
                }],
                ..Default::default()
            });
        }
    }
}

fn end(id: &str, producer: &InitProducerIdResponse, committed: bool) -> EndTxnRequest {
    EndTxnRequest {
        transactional_id: id.into(),
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch,
        committed,
    }
}

/// Whether the transaction before has ended.
fn has_settled(answer: &AddPartitionsToTxnResponse) -> bool {
    let mut rows = answer.results_by_topic_v3_and_below.iter().flat_map(|topic| &topic.results_by_partition);
    rows.all(|row| row.partition_error_code != CONCURRENT_TRANSACTIONS)
}

//! Transactions over real logs: partitions, groups and coordinators of a broker on disk, stopped and started again.

use std::path::Path;

use runnel_broker::config::BrokerConfig;
use runnel_broker::connections::Connections;
use runnel_broker::coordinator::group::{
    CommitRequest, NamedPartition, OffsetToCommit, TransactionalCommitRequest,
};
use runnel_broker::coordinator::transaction::{EndRequest, InitRequest, Producer, TransactionState};
use runnel_broker::error::BrokerError;
use runnel_broker::logs::Logs;
use runnel_broker::operations::{BrokerInfo, CreateTopic, Operations, Parts};
use runnel_broker::partition::{Fatal, FetchPosition, IsolationLevel};
use runnel_proto::records::{BatchBuilder, Compression, ProducerStamp, stamp_producer};
use tokio::sync::watch;

const TOPIC: &str = "orders";
const ID: &str = "shop";

async fn start(dir: &Path) -> (Operations, Logs) {
    let config = BrokerConfig::default();
    let (logs, opened) = Logs::open(dir, &config, Fatal::default()).await.expect("open logs");
    let operations = Operations::new(Parts {
        disk: opened.disk,
        registry: opened.registry,
        partitions: opened.partitions,
        image: opened.image,
        metadata_log: opened.metadata_log,
        mirror: opened.mirror,
        groups: opened.groups,
        transactions: opened.transactions,
        events: opened.events,
        connections: Connections::new(10),
        stop: watch::channel(false).1,
        broker: BrokerInfo {
            id: 1,
            version: "test",
            listeners: Vec::new(),
            data_dir: dir.to_owned(),
            start_time_ms: 0,
            autostarted: false,
        },
        config,
    });
    (operations.expect("operations"), logs)
}

async fn create_topic(operations: &Operations) {
    let request = CreateTopic {
        name: TOPIC.into(),
        partitions: 2,
        configs: [].into(),
        if_not_exists: false,
        auto_create: false,
        validate_only: false,
    };
    operations.create_topic(request).await.expect("a topic");
}

fn init() -> InitRequest {
    InitRequest { transactional_id: Some(ID.into()), timeout_ms: 60_000, producer: None }
}

fn orders(partition: i32) -> NamedPartition {
    NamedPartition { topic: TOPIC.into(), partition }
}

fn end(producer: Producer, commit: bool) -> EndRequest {
    EndRequest { transactional_id: ID.into(), producer, commit, bumps_epoch: false }
}

/// Appends one record within the producer's transaction.
fn write(
    operations: &Operations,
    producer: Producer,
    partition: i32,
    sequence: i32,
) -> Result<(), BrokerError> {
    let _pass = operations.enter_transaction(ID, producer, orders(partition))?;
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(1_700_000_000_000, None, Some(b"a cup"), &[]);
    let mut batch = builder.build().expect("a batch").to_vec();
    stamp_producer(
        &mut batch,
        ProducerStamp {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: sequence,
            transactional: true,
        },
    );
    let topic = operations.registry().topic(TOPIC)?;
    operations.produce_to(&topic, partition, batch.into(), false).map(|_| ())
}

fn offsets(producer: Producer, offset: i64) -> TransactionalCommitRequest {
    TransactionalCommitRequest {
        producer_id: producer.id,
        producer_epoch: producer.epoch,
        commit: CommitRequest {
            group: "readers".into(),
            generation: -1,
            member_id: String::new(),
            instance_id: None,
            offsets: vec![OffsetToCommit {
                partition: orders(0),
                offset,
                leader_epoch: -1,
                metadata: String::new(),
                topic_id: None,
                refused: None,
            }],
        },
    }
}

async fn wait_for(operations: &Operations, state: TransactionState) {
    while operations.describe_transaction(ID).map(|transaction| transaction.state) != Ok(state) {
        tokio::task::yield_now().await;
    }
}

/// The last stable offset of both partitions, and the group's offset.
fn seen(operations: &Operations) -> ([i64; 2], Option<i64>) {
    let stable = |partition| {
        operations.registry().partition(TOPIC, partition).expect("a partition").last_stable_offset()
    };
    let committed = operations.groups().offsets("readers");
    let offset = committed.and_then(|offsets| offsets.get(TOPIC, 0).map(|committed| committed.offset));
    ([stable(0), stable(1)], offset)
}

/// Opens a transaction in both partitions and the group, and writes to all.
async fn open(operations: &Operations, producer: Producer, sequence: i32, offset: i64) {
    let partitions = vec![orders(0), orders(1)];
    let added = operations.add_partitions_to_transaction(ID.into(), producer, partitions).await;
    assert_eq!(added, Ok(vec![Ok(()), Ok(())]));
    operations.add_offsets_to_transaction(ID.into(), producer, "readers".into()).await.expect("added");
    for partition in [0, 1] {
        write(operations, producer, partition, sequence).expect("appended");
    }
    let committed = operations.commit_offsets_in_transaction(ID, offsets(producer, offset), false).await;
    assert_eq!(committed, Ok(vec![Ok(())]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_counts_everywhere_and_what_is_aborted_nowhere() {
    let dir = tempfile::tempdir().expect("a directory");
    let (operations, logs) = start(dir.path()).await;
    create_topic(&operations).await;
    let producer = operations.init_producer(init()).await.expect("a producer");
    open(&operations, producer, 0, 10).await;
    assert_eq!(seen(&operations), ([0, 0], None));
    operations.end_transaction(end(producer, true)).await.expect("committed");
    wait_for(&operations, TransactionState::CompleteCommit).await;
    assert_eq!(seen(&operations), ([2, 2], Some(10)));
    open(&operations, producer, 1, 20).await;
    operations.end_transaction(end(producer, false)).await.expect("aborted");
    wait_for(&operations, TransactionState::CompleteAbort).await;
    assert_eq!(seen(&operations), ([4, 4], Some(10)));
    let partition = operations.registry().partition(TOPIC, 0).expect("a partition");
    let position = FetchPosition {
        offset: 0,
        max_bytes: 1 << 20,
        at_least_one: true,
        isolation: IsolationLevel::ReadCommitted,
    };
    let read = partition.fetch(&position).await.expect("read");
    let aborted: Vec<_> = read.aborted.iter().map(|aborted| aborted.first_offset).collect();
    assert_eq!(aborted, [2]);
    drop((operations, partition));
    logs.close().await.expect("an orderly stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_outlives_a_stop_and_a_fenced_producer_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let (operations, logs) = start(dir.path()).await;
    create_topic(&operations).await;
    let producer = operations.init_producer(init()).await.expect("a producer");
    open(&operations, producer, 0, 10).await;
    drop(operations);
    logs.close().await.expect("an orderly stop");

    let (operations, logs) = start(dir.path()).await;
    assert_eq!(seen(&operations), ([0, 0], None));
    for partition in [0, 1] {
        write(&operations, producer, partition, 1).expect("it is still open");
    }
    operations.end_transaction(end(producer, true)).await.expect("committed");
    wait_for(&operations, TransactionState::CompleteCommit).await;
    assert_eq!(seen(&operations), ([3, 3], Some(10)));
    open(&operations, producer, 2, 20).await;
    let taken_over = operations.init_producer(init()).await;
    assert!(matches!(taken_over, Err(BrokerError::ConcurrentTransactions { .. })), "{taken_over:?}");
    drop(operations);
    logs.close().await.expect("an orderly stop");

    let (operations, logs) = start(dir.path()).await;
    wait_for(&operations, TransactionState::CompleteAbort).await;
    assert_eq!(seen(&operations), ([5, 5], Some(10)));
    let next = operations.init_producer(init()).await.expect("a producer");
    assert_eq!(next, Producer { id: producer.id, epoch: producer.epoch + 2 });
    let fenced = Err(BrokerError::ProducerFenced { producer: ID.into() });
    assert_eq!(write(&operations, producer, 0, 3), fenced);
    assert_eq!(operations.end_transaction(end(producer, true)).await.map(|_| ()), fenced);
    let nameless = InitRequest { transactional_id: None, ..init() };
    let fresh = operations.init_producer(nameless).await.expect("a producer");
    assert_ne!(fresh.id, producer.id);
    drop(operations);
    logs.close().await.expect("an orderly stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_does_not_exist_spoils_the_rest() {
    let dir = tempfile::tempdir().expect("a directory");
    let (operations, logs) = start(dir.path()).await;
    create_topic(&operations).await;
    let producer = operations.init_producer(init()).await.expect("a producer");
    let partitions = vec![orders(0), orders(2)];
    let added =
        operations.add_partitions_to_transaction(ID.into(), producer, partitions).await.expect("told");
    assert_eq!(added[0], Err(BrokerError::OperationNotAttempted));
    assert!(matches!(added[1], Err(BrokerError::UnknownPartition { .. })));
    let described = operations.describe_transaction(ID).expect("a transaction");
    assert_eq!(described.state, TransactionState::Empty);
    let refused = write(&operations, producer, 0, 0);
    assert!(matches!(refused, Err(BrokerError::InvalidTransactionState { .. })), "{refused:?}");
    assert!(matches!(
        operations.describe_transaction("nobody"),
        Err(BrokerError::UnknownTransactionalId { .. })
    ));
    drop(operations);
    logs.close().await.expect("an orderly stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_topic_does_not_hold_a_transaction_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let (operations, logs) = start(dir.path()).await;
    create_topic(&operations).await;
    let producer = operations.init_producer(init()).await.expect("a producer");
    open(&operations, producer, 0, 10).await;
    operations.delete_topic(TOPIC.into()).await.expect("deleted");
    operations.end_transaction(end(producer, true)).await.expect("committed");
    wait_for(&operations, TransactionState::CompleteCommit).await;
    assert_eq!(operations.groups().offsets("readers"), None);
    drop(operations);
    logs.close().await.expect("an orderly stop");
}

//! The task over a log and partitions in memory.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::*;
use crate::coordinator::transaction::TransactionSettings;
use crate::types::{LogRecord, Offset};

/// A log and marked targets in memory, which outlive the task.
#[derive(Clone, Default)]
struct World {
    records: Arc<Mutex<Vec<LogRecord>>>,
    marked: Arc<Mutex<Vec<(Target, Marker)>>>,
    /// Targets that cannot be marked.
    broken: Arc<Mutex<BTreeSet<Target>>>,
}

impl World {
    fn start(&self) -> (Transactions, JoinHandle<()>) {
        let settings = TransactionSettings { retry_ms: 1, ..TransactionSettings::default() };
        let mut machine = TransactionCoordinator::new(settings, 0);
        for record in &*self.records.lock().expect("the records") {
            machine.replay(&record.key, record.value.as_ref());
        }
        let (records, world) = (Arc::clone(&self.records), self.clone());
        let shell = TransactionShell {
            log: CoordinatorLog {
                append: Box::new(move |new, _| {
                    let mut records = records.lock().expect("the records");
                    records.extend_from_slice(new);
                    Ok(records.len() as Offset)
                }),
                durable: Box::new(|_| Box::pin(async { Ok(()) })),
            },
            write_marker: Box::new(move |target, marker| {
                let world = world.clone();
                Box::pin(async move {
                    tokio::task::yield_now().await;
                    if world.broken.lock().expect("the targets").contains(&target) {
                        return Err(BrokerError::DiskFull);
                    }
                    world.marked.lock().expect("the markers").push((target, marker));
                    Ok(())
                })
            }),
            on_event: Box::new(|_| ()),
        };
        start(machine, shell, 1_700_000_000_000)
    }

    fn marks(&self) -> usize {
        self.marked.lock().expect("the markers").len()
    }
}

fn init(timeout_ms: i32) -> InitRequest {
    InitRequest { transactional_id: Some("t".into()), timeout_ms, producer: None }
}

fn group(name: &str) -> Target {
    Target::Group(name.into())
}

fn add(producer: Producer, targets: &[Target]) -> AddRequest {
    AddRequest { transactional_id: "t".into(), producer, targets: targets.to_vec(), bumps_epoch: false }
}

fn commit(producer: Producer) -> EndRequest {
    EndRequest { transactional_id: "t".into(), producer, commit: true, bumps_epoch: false }
}

fn state(transactions: &Transactions) -> Option<String> {
    transactions.describe("t").map(|transaction| transaction.state.to_string())
}

async fn wait_for(transactions: &Transactions, wanted: &str) {
    while state(transactions).as_deref() != Some(wanted) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_transaction_is_opened_committed_and_marked() {
    let world = World::default();
    let (transactions, task) = world.start();
    let producer = transactions.init(init(60_000)).await.expect("a producer");
    transactions.add(add(producer, &[group("a"), group("b")])).await.expect("open");
    assert_eq!(transactions.end(commit(producer)).await, Ok(producer));
    wait_for(&transactions, "CompleteCommit").await;
    assert_eq!(world.marks(), 2);
    assert_eq!(transactions.list(&TransactionFilter::new()).len(), 1);
    transactions.close().await;
    task.await.expect("an orderly end");
    assert_eq!(transactions.end(commit(producer)).await, Err(BrokerError::ShuttingDown));
    let (transactions, _task) = world.start();
    assert_eq!(transactions.end(commit(producer)).await, Ok(producer));
}

#[tokio::test]
async fn markers_that_fail_are_tried_again_also_by_the_next_start() {
    let world = World::default();
    let (transactions, task) = world.start();
    let producer = transactions.init(init(60_000)).await.expect("a producer");
    transactions.add(add(producer, &[group("a"), group("b")])).await.expect("open");
    world.broken.lock().expect("the targets").insert(group("b"));
    transactions.end(commit(producer)).await.expect("decided");
    transactions.close().await;
    task.await.expect("an orderly end");
    assert_eq!((state(&transactions).as_deref(), world.marks()), (Some("PrepareCommit"), 1));
    let (transactions, _task) = world.start();
    while world.marks() < 2 {
        tokio::task::yield_now().await;
    }
    world.broken.lock().expect("the targets").clear();
    wait_for(&transactions, "CompleteCommit").await;
    assert_eq!(world.marks(), 3);
}

#[tokio::test]
async fn an_end_waits_for_those_inside() {
    let world = World::default();
    let (transactions, _task) = world.start();
    let producer = transactions.init(init(60_000)).await.expect("a producer");
    transactions.add(add(producer, &[group("a")])).await.expect("open");
    let inside = transactions.enter("t", producer, &group("a")).expect("in");
    transactions.end(commit(producer)).await.expect("decided");
    assert!(transactions.enter("t", producer, &group("a")).is_err());
    // Whatever it asks the task in the meantime: no marker comes.
    for _ in 0..10 {
        assert!(transactions.add(add(producer, &[group("a")])).await.is_err());
    }
    assert_eq!(world.marks(), 0);
    drop(inside);
    wait_for(&transactions, "CompleteCommit").await;
}

#[tokio::test]
async fn time_runs_out_without_anybody_asking() {
    let world = World::default();
    let (transactions, _task) = world.start();
    let producer = transactions.init(init(10)).await.expect("a producer");
    transactions.add(add(producer, &[group("a")])).await.expect("open");
    wait_for(&transactions, "CompleteAbort").await;
    let marked = world.marked.lock().expect("the markers").clone();
    assert!(marked.iter().all(|(_, marker)| !marker.commit && marker.producer.epoch == 1));
    assert_eq!(
        transactions.end(commit(producer)).await,
        Err(BrokerError::ProducerFenced { producer: "t".into() })
    );
}

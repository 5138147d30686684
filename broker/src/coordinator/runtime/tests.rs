//! The task over a log in memory.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::*;
use crate::coordinator::group::{GroupSettings, GroupState, NamedPartition, OffsetToCommit, Protocol};
use crate::types::Offset;

/// A log in memory. Each write is durable when the test hands out a permit for it.
#[derive(Clone)]
struct FakeLog {
    records: Arc<Mutex<Vec<LogRecord>>>,
    permits: Arc<Semaphore>,
}

impl FakeLog {
    fn new(permits: usize) -> Self {
        Self { records: Arc::default(), permits: Arc::new(Semaphore::new(permits)) }
    }

    fn start(&self) -> (Groups, JoinHandle<()>) {
        self.start_with(Arc::new(|_, _| Ok(())))
    }

    fn start_with(&self, check_topic: CheckTopic) -> (Groups, JoinHandle<()>) {
        let mut machine = GroupCoordinator::new(GroupSettings::default(), 1);
        for record in &*self.records.lock().expect("the records") {
            machine.replay(&record.key, record.value.as_ref());
        }
        let (records, permits) = (Arc::clone(&self.records), Arc::clone(&self.permits));
        let log = CoordinatorLog {
            append: Box::new(move |new, _| {
                let mut records = records.lock().expect("the records");
                records.extend_from_slice(new);
                Ok(records.len() as Offset)
            }),
            durable: Box::new(move |_| {
                let permits = Arc::clone(&permits);
                Box::pin(async move {
                    let permit = permits.acquire_owned().await;
                    permit.map_err(|_| BrokerError::StorageFailed { reason: "gone".into() })?.forget();
                    Ok(())
                })
            }),
        };
        let topics = TopicAccess { check: check_topic, since: Arc::new(|_| None) };
        start(machine, log, topics, Box::new(|_| ()), 1_700_000_000_000)
    }
}

const PLENTY: usize = 1_000;

fn member(name: &str) -> JoinRequest {
    JoinRequest {
        group: "g".into(),
        member_id: String::new(),
        instance_id: None,
        client_id: name.into(),
        client_host: String::new(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: Bytes::new() }],
        require_known_member_id: false,
        supports_skipping_assignment: false,
    }
}

fn sync(joined: &Joined) -> SyncRequest {
    SyncRequest {
        group: "g".into(),
        generation: joined.generation,
        member_id: joined.member_id.clone(),
        instance_id: None,
        protocol_type: None,
        protocol: None,
        assignments: joined.members.iter().map(|m| (m.member_id.clone(), Bytes::from("all"))).collect(),
    }
}

fn commit(offset: Offset) -> CommitRequest {
    let partition = NamedPartition { topic: "orders".into(), partition: 0 };
    CommitRequest {
        group: "h".into(),
        generation: -1,
        member_id: String::new(),
        instance_id: None,
        offsets: vec![OffsetToCommit {
            partition,
            offset,
            leader_epoch: -1,
            metadata: String::new(),
            topic_id: None,
            refused: None,
        }],
    }
}

fn committed(groups: &Groups) -> Option<Offset> {
    groups.offsets("h")?.get("orders", 0).map(|committed| committed.offset)
}

#[tokio::test]
async fn a_member_joins_reads_commits_and_leaves() {
    let log = FakeLog::new(PLENTY);
    let (groups, task) = log.start();
    let joined = groups.join(member("a")).await.expect("in");
    assert_eq!(groups.sync(sync(&joined)).await.expect("an assignment").assignment, "all");
    assert_eq!(groups.describe("g").map(|group| group.summary.state), Some(GroupState::Stable));
    assert_eq!(groups.commit(commit(7)).await, Ok(vec![Ok(())]));
    assert_eq!(groups.list().len(), 2);
    groups.forget_topic("orders").await.expect("forgotten");
    assert_eq!((committed(&groups), groups.topics().len()), (None, 0));
    groups.close().await;
    task.await.expect("an orderly end");
    assert_eq!(groups.commit(commit(8)).await, Err(BrokerError::ShuttingDown));
    let (groups, _task) = log.start();
    assert_eq!(groups.describe("g").map(|group| group.generation), Some(1));
}

#[tokio::test]
async fn answers_wait_for_the_disk_and_writes_do_not_wait_for_one_another() {
    let log = FakeLog::new(0);
    let (groups, _task) = log.start();
    let mut commits: Vec<_> = (0..10)
        .map(|offset| {
            let groups = groups.clone();
            tokio::spawn(async move { groups.commit(commit(offset)).await })
        })
        .collect();
    while log.records.lock().expect("the records").len() < 10 {
        tokio::task::yield_now().await;
    }
    assert!(commits.iter().all(|commit| !commit.is_finished()));
    assert_eq!(committed(&groups), None);
    log.permits.add_permits(10);
    for commit in commits.drain(..) {
        assert_eq!(commit.await.expect("a caller"), Ok(vec![Ok(())]));
    }
    assert!(committed(&groups).is_some());
}

#[tokio::test]
async fn a_failed_disk_is_told_and_changes_nothing() {
    let log = FakeLog::new(1);
    let (groups, _task) = log.start();
    groups.commit(commit(1)).await.expect("committed");
    log.permits.close();
    assert!(matches!(groups.commit(commit(2)).await, Err(BrokerError::StorageFailed { .. })));
    assert_eq!(committed(&groups), Some(1));
}

#[tokio::test]
async fn a_dropped_call_does_not_hold_the_others_up() {
    let log = FakeLog::new(PLENTY);
    let (groups, _task) = log.start();
    let joined = groups.join(member("a")).await.expect("in");
    groups.sync(sync(&joined)).await.expect("an assignment");
    let lost = tokio::spawn({
        let groups = groups.clone();
        async move { groups.join(member("b")).await }
    });
    while groups.describe("g").map(|group| group.summary.state) != Some(GroupState::PreparingRebalance) {
        tokio::task::yield_now().await;
    }
    lost.abort();
    while groups.describe("g").map(|group| group.members.len()) != Some(1) {
        tokio::task::yield_now().await;
    }
    let again = JoinRequest { member_id: joined.member_id, ..member("a") };
    assert_eq!(groups.join(again).await.expect("in").generation, 2);
}

#[tokio::test]
async fn closing_finishes_writes_and_sends_waiting_callers_away() {
    let log = FakeLog::new(0);
    let (groups, task) = log.start();
    let ask = |offset| {
        let groups = groups.clone();
        tokio::spawn(async move { groups.commit(commit(offset)).await })
    };
    let written = ask(1);
    while log.records.lock().expect("the records").is_empty() {
        tokio::task::yield_now().await;
    }
    groups.close().await;
    while !groups.mailbox.is_closed() {
        let refused = groups.heartbeat(HeartbeatRequest {
            group: "g".into(),
            generation: 0,
            member_id: String::new(),
            instance_id: None,
        });
        assert!(refused.await.is_err());
    }
    log.permits.add_permits(1);
    assert_eq!(written.await.expect("a caller"), Ok(vec![Ok(())]));
    task.await.expect("an orderly end");
}

#[tokio::test]
async fn a_topics_deletion_wins_over_commits_whatever_their_order() {
    let log = FakeLog::new(0);
    let gone = Arc::new(AtomicBool::new(false));
    let check = {
        let gone = Arc::clone(&gone);
        move |partition: &NamedPartition, _| match gone.load(Ordering::SeqCst) {
            true => Err(BrokerError::UnknownTopic { topic: partition.topic.clone() }),
            false => Ok(()),
        }
    };
    let (groups, _task) = log.start_with(Arc::new(check));
    let ask = |offset| {
        let groups = groups.clone();
        tokio::spawn(async move { groups.commit(commit(offset)).await })
    };
    let before = ask(7);
    while log.records.lock().expect("the records").is_empty() {
        tokio::task::yield_now().await;
    }
    gone.store(true, Ordering::SeqCst);
    let forgotten = tokio::spawn({
        let groups = groups.clone();
        async move { groups.forget_topic("orders").await }
    });
    let after = ask(8);
    log.permits.add_permits(PLENTY);
    assert_eq!(before.await.expect("a caller"), Ok(vec![Ok(())]));
    forgotten.await.expect("a caller").expect("forgotten");
    let unknown = BrokerError::UnknownTopic { topic: "orders".into() };
    assert_eq!(after.await.expect("a caller"), Ok(vec![Err(unknown)]));
    assert_eq!(committed(&groups), None);
    let (groups, _task) = log.start();
    assert_eq!(committed(&groups), None, "nor does it come back from the log");
}

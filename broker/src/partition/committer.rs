//! Group commit: a thread gathers every partition with unsynced records and makes them durable together.
//!
//! While one sync runs, appends go on and gather for the next, so the number of syncs adapts to the disk by itself.
//! Partitions that have gathered much are left to a second thread, so that those with little do not wait for their syncs.
//! How much may gather for both is bounded.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::watch;

use super::gathered::Gathered;
use super::{Fatal, Partition};
use crate::storage::Disk;

/// With more unsynced, a partition is left to the second thread: syncing it takes several times as long as one batch.
const BULK_BYTES: u64 = 256 << 10;

/// With no more unsynced, a partition counts as one that has little, and shall not wait long behind others. Where all are flooded
/// none has.
const LITTLE_BYTES: u64 = 64 << 10;

/// The sync threads' handle. Clones share the threads.
#[derive(Debug, Clone)]
pub struct Committer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Where all partitions come to first.
    due: Queue,
    /// Of those, the ones with much to sync.
    bulk: Queue,
    gathered: watch::Sender<Gathered>,
}

/// What one of the threads has to do.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    due: Vec<Arc<Partition>>,
    /// Partitions whose topic allows acknowledged records to stay unsynced for a while (`flush.ms`).
    later: Vec<(Instant, Arc<Partition>)>,
    stopping: bool,
}

impl Committer {
    /// Starts the threads. They end after [`Committer::stop`], once nothing is left to sync.
    pub fn start(disk: Disk, fatal: Fatal) -> (Self, JoinHandle<()>) {
        let committer = Self { shared: Arc::default() };
        let thread = committer.spawn(&disk, &fatal);
        (committer, thread)
    }

    /// Starts both threads: the one that ends last.
    fn spawn(&self, disk: &Disk, fatal: &Fatal) -> JoinHandle<()> {
        let bulk = self.spawn_one("bulk committer", disk, fatal, |shared, disk, fatal| {
            sync_rounds(shared, &shared.bulk, disk, fatal, |due| due);
        });
        self.spawn_one("committer", disk, fatal, |shared, disk, fatal| {
            sync_rounds(shared, &shared.due, disk, fatal, |due| leave_bulk(shared, due));
            shared.bulk.stop();
            // What made it panic has been told.
            _ = bulk.join();
            shared.end();
        })
    }

    fn spawn_one(
        &self,
        name: &str,
        disk: &Disk,
        fatal: &Fatal,
        work: impl FnOnce(&Shared, &Disk, &Fatal) + Send + 'static,
    ) -> JoinHandle<()> {
        let (shared, disk, fatal) = (Arc::clone(&self.shared), disk.clone(), fatal.clone());
        thread::Builder::new()
            .name(name.into())
            .spawn(move || work(&shared, &disk, &fatal))
            .expect("the system gives the broker its sync threads")
    }

    /// Waits while too much waits for its sync to begin. Nobody who waits here is in the way of a sync.
    pub async fn room(&self) {
        let mut gathered = self.shared.gathered.subscribe();
        // The sender lives in `self`.
        _ = gathered.wait_for(|gathered| gathered.has_room(Instant::now())).await;
    }

    /// So much more waits for the next sync.
    pub(super) fn gather(&self, bytes: usize) {
        self.shared.note(|gathered| gathered.add(bytes));
    }

    /// Has the partition synced with the next round.
    pub fn enqueue(&self, partition: Arc<Partition>) {
        self.shared.due.change(|waiting| waiting.due.push(partition));
    }

    /// Has the partition synced at `at`, or before.
    pub fn enqueue_at(&self, partition: Arc<Partition>, at: Instant) {
        self.shared.due.change(|waiting| waiting.later.push((at, partition)));
    }

    /// Syncs what is queued, then ends the threads.
    pub fn stop(&self) {
        self.shared.due.stop();
    }
}

impl Shared {
    /// Changes what nobody waits for.
    fn note(&self, change: impl FnOnce(&mut Gathered)) {
        self.gathered.send_if_modified(|gathered| {
            change(gathered);
            false
        });
    }

    /// Nobody need wait for a sync that does not come.
    fn end(&self) {
        self.gathered.send_modify(Gathered::end);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no one panics while holding the commit queue")
    }

    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut self.lock());
        self.wake.notify_one();
    }

    fn stop(&self) {
        self.change(|waiting| waiting.stopping = true);
    }

    /// Waits for partitions to sync; `None` when the thread shall end.
    fn next_round(&self) -> Option<Vec<Arc<Partition>>> {
        let mut waiting = self.lock();
        loop {
            let now = Instant::now();
            let stopping = waiting.stopping;
            let ready: Vec<_> = waiting.later.extract_if(.., |(at, _)| stopping || *at <= now).collect();
            if !ready.is_empty() {
                waiting.due.extend(ready.into_iter().map(|(_, partition)| partition));
                // One may have been due already.
                waiting.due.sort_by_key(Arc::as_ptr);
                waiting.due.dedup_by(|a, b| Arc::ptr_eq(a, b));
            }
            if !waiting.due.is_empty() {
                return Some(std::mem::take(&mut waiting.due));
            }
            if stopping {
                return None;
            }
            let next = waiting.later.iter().map(|(at, _)| *at).min();
            waiting = match next {
                Some(at) => self.wake.wait_timeout(waiting, at - now).map(|(waiting, _)| waiting).ok()?,
                None => self.wake.wait(waiting).ok()?,
            };
        }
    }
}

/// Hands the partitions with much to sync to the second thread, and keeps the others. What is being synced counts as
/// unsynced until then, so that a partition is hardly ever with both; where it is, since it got a new segment, the one that is
/// done later finds nothing to do.
fn leave_bulk(shared: &Shared, due: Vec<Arc<Partition>>) -> Vec<Arc<Partition>> {
    let mut has_little = false;
    let (bulk, little): (Vec<_>, _) = due.into_iter().partition(|partition| {
        let unsynced_bytes = partition.unsynced_bytes();
        has_little |= (1..=LITTLE_BYTES).contains(&unsynced_bytes);
        unsynced_bytes > BULK_BYTES
    });
    shared.note(|gathered| gathered.saw(has_little, !bulk.is_empty(), Instant::now()));
    if !bulk.is_empty() {
        shared.bulk.change(|waiting| waiting.due.extend(bulk));
    }
    little
}

/// Syncs what `keep` leaves of each round, until there is none or the disk fails.
fn sync_rounds(
    shared: &Shared,
    queue: &Queue,
    disk: &Disk,
    fatal: &Fatal,
    keep: impl Fn(Vec<Arc<Partition>>) -> Vec<Arc<Partition>>,
) {
    while let Some(due) = queue.next_round() {
        if let Err(reason) = commit(shared, disk, &keep(due)) {
            fatal.raise(&reason);
            shared.end();
            break;
        }
    }
}

/// Syncs all, then lets their readers and producers know. Nothing is ever retried: after a failed sync the page cache
/// may call lost pages clean (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
fn commit(shared: &Shared, disk: &Disk, partitions: &[Arc<Partition>]) -> Result<(), String> {
    let mut files = Vec::with_capacity(partitions.len());
    let mut points = Vec::with_capacity(partitions.len());
    let mut taken_bytes = 0;
    for partition in partitions {
        // What is appended from now on has the partition queued anew.
        let (gathered_bytes, unsynced) = partition.take_unsynced();
        taken_bytes += gathered_bytes;
        if let Some(unsynced) = unsynced {
            files.extend(unsynced.files);
            points.push((partition, unsynced.point));
        }
    }
    shared.gathered.send_modify(|gathered| gathered.take(taken_bytes));
    disk.sync_files(&files).map_err(|error| format!("sync: {error}"))?;
    for (partition, point) in points {
        partition.committed(&point);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use runnel_proto::records::{BatchBuilder, Compression};
    use uuid::Uuid;

    use super::*;
    use crate::config::TopicConfig;
    use crate::events::Events;
    use crate::log::{Log, ValidBatch};
    use crate::partition::{self, Reserve};
    use crate::types::TopicPartition;

    /// A partition on an empty disk.
    fn partition(disk: &Disk, committer: &Committer, number: i32) -> Arc<Partition> {
        let dir = format!("topic-{number}").into();
        let log = Log::create(disk.clone(), dir, Arc::new(TopicConfig::default())).unwrap();
        let shared = partition::Shared {
            committer: committer.clone(),
            fatal: Fatal::default(),
            reserve: Reserve::new(disk.clone()),
            events: Events::default(),
            leader_epoch: 0,
        };
        Partition::serve(
            "topic".into(),
            TopicPartition { topic_id: Uuid::nil(), partition: number },
            log,
            shared,
        )
    }

    fn append(partition: &Arc<Partition>, size: usize) {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(0, None, Some(&vec![7; size]), &[]);
        partition.append(&ValidBatch::internal(builder.build().unwrap()).unwrap(), 0).unwrap();
    }

    fn has_room(committer: &Committer) -> bool {
        committer.room().now_or_never().is_some()
    }

    #[test]
    fn producers_wait_while_much_has_gathered_until_a_sync_begins_or_none_will() {
        let disk = Disk::simulated(1);
        let committer = Committer { shared: Arc::default() };
        let (flooded, other) = (partition(&disk, &committer, 0), partition(&disk, &committer, 1));
        append(&other, 1000);
        append(&flooded, 31 << 20);
        assert!(has_room(&committer));
        append(&flooded, 2 << 20);
        let mut waiting = Box::pin(committer.room());
        assert!((&mut waiting).now_or_never().is_none());
        // What begins with one does not make room for what waits with the other.
        commit(&committer.shared, &disk, &[Arc::clone(&other)]).unwrap();
        committer.gather(1000);
        assert!((&mut waiting).now_or_never().is_none());
        commit(&committer.shared, &disk, &[flooded]).unwrap();
        assert!(waiting.now_or_never().is_some());

        committer.gather(40 << 20);
        assert!(!has_room(&committer));
        committer.stop();
        committer.spawn(&disk, &Fatal::default()).join().unwrap();
        assert!(has_room(&committer));
    }

    #[test]
    fn partitions_with_much_are_left_to_the_second_thread_and_all_are_synced_before_the_end() {
        let disk = Disk::simulated(1);
        let committer = Committer { shared: Arc::default() };
        let (flooded, other) = (partition(&disk, &committer, 0), partition(&disk, &committer, 1));
        append(&other, 1000);
        append(&flooded, 6 << 20);
        assert!(flooded.unsynced_bytes() > BULK_BYTES && other.unsynced_bytes() < BULK_BYTES);
        assert!(has_room(&committer));
        let due = vec![Arc::clone(&flooded), Arc::clone(&other)];
        assert_eq!(leave_bulk(&committer.shared, due).len(), 1);
        assert!(!has_room(&committer), "the disk is shared");
        committer.stop();
        committer.spawn(&disk, &Fatal::default()).join().unwrap();
        assert_eq!((flooded.high_watermark(), other.high_watermark()), (1, 1));
        assert_eq!((flooded.unsynced_bytes(), other.unsynced_bytes()), (0, 0));
    }
}

//! Group commit: one thread gathers every partition with unsynced records and makes them durable together.
//!
//! While one sync runs, appends go on and gather for the next, so the number of syncs adapts to the disk by itself. How
//! much may gather is bounded: whoever waits for a sync waits for all that others have written, too.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::watch;

use super::{Fatal, Partition};
use crate::storage::Disk;

/// When so much has gathered for the next sync, producers wait until it begins.
const GATHERED_BYTES: usize = 32 << 20;

/// The sync thread's handle. Clones share the thread.
#[derive(Debug, Clone)]
pub struct Committer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    gathered: watch::Sender<Gathered>,
}

/// What waits for the next sync to begin.
#[derive(Debug, Default)]
struct Gathered {
    bytes: usize,
    /// There is no next sync.
    ended: bool,
}

#[derive(Debug, Default)]
struct Queue {
    due: Vec<Arc<Partition>>,
    /// Partitions whose topic allows acknowledged records to stay unsynced for a while (`flush.ms`).
    later: Vec<(Instant, Arc<Partition>)>,
    stopping: bool,
}

impl Committer {
    /// Starts the thread. It ends after [`Committer::stop`], once nothing is left to sync.
    pub fn start(disk: Disk, fatal: Fatal) -> (Self, JoinHandle<()>) {
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("committer".into())
                .spawn(move || run(&shared, &disk, &fatal))
                .expect("the system gives the broker its sync thread")
        };
        (Self { shared }, thread)
    }

    /// Waits while too much has gathered for the next sync. Nobody who waits is in the way of the sync.
    pub async fn room(&self) {
        let mut gathered = self.shared.gathered.subscribe();
        // The sender lives in `self`.
        _ = gathered.wait_for(|gathered| gathered.bytes < GATHERED_BYTES || gathered.ended).await;
    }

    /// So much more waits for the next sync.
    pub(super) fn gather(&self, bytes: usize) {
        self.shared.gathered.send_if_modified(|gathered| {
            gathered.bytes += bytes;
            false
        });
    }

    /// Has the partition synced with the next round.
    pub fn enqueue(&self, partition: Arc<Partition>) {
        self.shared.lock().due.push(partition);
        self.shared.wake.notify_one();
    }

    /// Has the partition synced at `at`, or before.
    pub fn enqueue_at(&self, partition: Arc<Partition>, at: Instant) {
        self.shared.lock().later.push((at, partition));
        self.shared.wake.notify_one();
    }

    /// Syncs what is queued, then ends the thread.
    pub fn stop(&self) {
        self.shared.lock().stopping = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no one panics while holding the commit queue")
    }

    /// Waits for partitions to sync; `None` when the thread shall end.
    fn next_round(&self) -> Option<Vec<Arc<Partition>>> {
        let mut queue = self.lock();
        loop {
            let now = Instant::now();
            let stopping = queue.stopping;
            let ready: Vec<_> = queue.later.extract_if(.., |(at, _)| stopping || *at <= now).collect();
            queue.due.extend(ready.into_iter().map(|(_, partition)| partition));
            if !queue.due.is_empty() {
                return Some(std::mem::take(&mut queue.due));
            }
            if stopping {
                return None;
            }
            let next = queue.later.iter().map(|(at, _)| *at).min();
            queue = match next {
                Some(at) => self.wake.wait_timeout(queue, at - now).map(|(queue, _)| queue).ok()?,
                None => self.wake.wait(queue).ok()?,
            };
        }
    }
}

fn run(shared: &Shared, disk: &Disk, fatal: &Fatal) {
    while let Some(partitions) = shared.next_round() {
        if let Err(reason) = commit(shared, disk, &partitions) {
            fatal.raise(&reason);
            break;
        }
    }
    shared.gathered.send_modify(|gathered| gathered.ended = true);
}

/// Syncs all, then lets their readers and producers know. Nothing is ever retried: after a failed sync the page cache
/// may call lost pages clean (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
fn commit(shared: &Shared, disk: &Disk, partitions: &[Arc<Partition>]) -> Result<(), String> {
    let mut files = Vec::with_capacity(partitions.len());
    let mut points = Vec::with_capacity(partitions.len());
    for partition in partitions {
        if let Some(unsynced) = partition.take_unsynced() {
            files.extend(unsynced.files);
            points.push((partition, unsynced.point));
        }
    }
    // What is appended from now on has its partition queued anew.
    shared.gathered.send_modify(|gathered| gathered.bytes = 0);
    disk.sync_files(&files).map_err(|error| format!("sync: {error}"))?;
    for (partition, point) in points {
        partition.committed(&point);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn has_room(committer: &Committer) -> bool {
        committer.room().now_or_never().is_some()
    }

    #[test]
    fn producers_wait_while_much_has_gathered_until_a_sync_begins_or_none_will() {
        let disk = Disk::simulated(1);
        let committer = Committer { shared: Arc::default() };
        committer.gather(GATHERED_BYTES - 1);
        assert!(has_room(&committer));
        committer.gather(1);
        let mut waiting = Box::pin(committer.room());
        assert!((&mut waiting).now_or_never().is_none());
        commit(&committer.shared, &disk, &[]).unwrap();
        assert!(waiting.now_or_never().is_some());

        committer.gather(2 * GATHERED_BYTES);
        assert!(!has_room(&committer));
        committer.stop();
        run(&committer.shared, &disk, &Fatal::default());
        assert!(has_room(&committer));
    }
}

//! Keeps a store up with the internal logs, from a thread of its own: nobody ever waits for sled.
//!
//! The mirror is an [`ImageStore`] that may lag behind by a second or so, and that may fail: then it rests until the next
//! start, which builds it again from the logs. It must never lag for long and be trusted later: compaction drops tombstones
//! after `delete.retention.ms`, and a key whose tombstone it missed would come back to life. So a store that fails or hangs is
//! set aside at once.

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::store::{Changes, Doubt, ImageStore, InternalLog, Loaded, Place, guarded};
use crate::types::{LogRecord, Offset, UnixMillis};

/// How long changes gather before they are written: a key that changes often then costs one row.
const GATHER: Duration = Duration::from_secs(1);
/// So many bytes are written at once.
const GATHER_BYTES: usize = 4 << 20;
/// A write that takes so long never ends.
const HANGS_AFTER: Duration = Duration::from_secs(60);
/// Changes above this are more than a disk that works leaves waiting.
const MAX_WAITING_BYTES: usize = 256 << 20;
/// Writes between two looks at the store's size.
const WRITES_PER_SIZE_CHECK: u64 = 64;

/// A store of the internal logs and the thread that writes it.
pub struct Mirror {
    shared: Arc<Shared>,
    deadline: Duration,
    loaded: Mutex<BTreeMap<InternalLog, Loaded>>,
    /// Tells that the writer has ended.
    done: Mutex<mpsc::Receiver<()>>,
}

/// How a mirror does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MirrorStatus {
    /// How often the store, or what it had of one log, was in doubt and built again since this start.
    pub rebuilds: u64,
    /// It failed and rests until the next start, which reads the logs from their beginning.
    pub resting: bool,
    /// Keys whose newest record is not written yet.
    pub waiting: usize,
}

struct Shared {
    place: Place,
    state: Mutex<State>,
    wake: Condvar,
    rebuilds: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<InternalLog, Changes>,
    /// Logs that the writer is about to forget and write anew.
    starting_over: Vec<InternalLog>,
    /// Since when the writer is at the store.
    writing_since: Option<Instant>,
    closing: bool,
    resting: bool,
}

impl Mirror {
    /// Opens the store at a place. This takes no longer than `deadline`, and twice that when the first try ends in doubt; it
    /// never fails: at worst there is nothing to load and the mirror rests.
    pub fn open(place: Place, deadline: Duration) -> Self {
        let shared = Arc::new(Shared {
            place: place.clone(),
            state: Mutex::default(),
            wake: Condvar::new(),
            rebuilds: AtomicU64::new(0),
        });
        let (sender, done) = mpsc::channel();
        let mut loaded = BTreeMap::new();
        match shared.open(deadline) {
            Err(doubt) => shared.rest(&doubt),
            Ok((store, rows)) => {
                loaded = rows;
                let writer = Arc::clone(&shared);
                let spawned = thread::Builder::new().name("image".to_owned()).spawn(move || {
                    writer.run(store);
                    drop(sender);
                });
                if let Err(error) = spawned {
                    shared.rest(&error.into());
                }
            }
        }
        Self { shared, deadline, loaded: Mutex::new(loaded), done: Mutex::new(done) }
    }

    /// What the store had of a log that ends at `log_end`. To be asked once a log, before anything is appended to the log: a
    /// store that is ahead of the log is then noticed.
    pub fn load(&self, log: InternalLog, log_end: Offset) -> Loaded {
        let loaded = lock(&self.loaded).remove(&log).unwrap_or_default();
        if loaded.applied <= log_end {
            return loaded;
        }
        self.shared.rebuilds.fetch_add(1, Ordering::Relaxed);
        let doubt = Doubt::Ahead { log, applied: loaded.applied, end: log_end };
        tracing::error!(%log, %doubt, "the metadata image is in doubt; what it has of this log is rebuilt from the log");
        self.start_over(log);
        Loaded::default()
    }

    /// Makes the store forget a log, and waits for it: once the log has grown past where the store was, nothing would tell
    /// that the store is wrong.
    fn start_over(&self, log: InternalLog) {
        let mut state = lock(&self.shared.state);
        state.waiting.insert(log, Changes::from_scratch());
        self.shared.wake.notify_all();
        let until = Instant::now() + self.deadline;
        while state.is_starting_over(log) && !state.resting {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                return self.shared.rest(&Doubt::TimedOut(self.deadline));
            }
            state = wait(&self.shared.wake, state, left);
        }
        if state.resting {
            drop(state);
            // The writer sets the store aside before it ends; until then the store is there to be believed.
            let _ = lock(&self.done).recv_timeout(self.deadline);
        }
    }

    /// Hands on records that a log has, those of the offsets `range`, in the log's order. Never waits. Ranges must join on
    /// to each other and to what [`Self::load`] told. Hand on what is durable: what a crash can take back only costs a
    /// rebuild, but it does cost that.
    pub fn record<'a>(
        &self,
        log: InternalLog,
        range: Range<Offset>,
        records: impl IntoIterator<Item = (Offset, &'a LogRecord)>,
    ) {
        let doubt = {
            let mut state = lock(&self.shared.state);
            if state.resting {
                return;
            }
            let changes = state.waiting.entry(log).or_insert_with(|| Changes::starting_at(range.start));
            if range.start > changes.end() {
                Some(Doubt::Gap { log, applied: changes.end(), from: range.start })
            } else {
                changes.extend(records, range.end);
                state.hangs()
            }
        };
        match doubt {
            Some(doubt) => self.shared.rest(&doubt),
            None => self.shared.wake.notify_all(),
        }
    }

    /// How the mirror does. To be asked now and then: a store that hangs is noticed here.
    pub fn status(&self) -> MirrorStatus {
        let hangs = lock(&self.shared.state).hangs();
        if let Some(doubt) = hangs {
            self.shared.rest(&doubt);
        }
        let state = lock(&self.shared.state);
        MirrorStatus {
            rebuilds: self.shared.rebuilds.load(Ordering::Relaxed),
            resting: state.resting,
            waiting: state.waiting.values().map(Changes::len).sum(),
        }
    }

    /// Writes what waits and closes the store; gives up after the deadline that it was opened with.
    pub fn close(&self) {
        lock(&self.shared.state).closing = true;
        self.shared.wake.notify_all();
        if let Err(mpsc::RecvTimeoutError::Timeout) = lock(&self.done).recv_timeout(self.deadline) {
            self.shared.rest(&Doubt::TimedOut(self.deadline));
        }
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Opens the store, an empty one when the one that is there is in doubt.
    fn open(&self, deadline: Duration) -> Result<(ImageStore, BTreeMap<InternalLog, Loaded>), Doubt> {
        match ImageStore::open(self.place.clone(), deadline) {
            Ok(opened) => Ok(opened),
            // The thread that hangs still has the files' paths: a second store under the same paths would not be safe from it.
            Err(doubt @ Doubt::TimedOut(_)) => Err(doubt),
            Err(doubt) => {
                self.set_aside(&doubt)?;
                ImageStore::open(self.place.clone(), deadline)
            }
        }
    }

    fn set_aside(&self, doubt: &Doubt) -> Result<(), Doubt> {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
        let kept = self.place.set_aside(now_ms());
        let kept_at =
            kept.as_ref().ok().and_then(|path| path.as_ref()).map(|path| path.display().to_string());
        tracing::error!(%doubt, kept_at, "the metadata image is in doubt; it is set aside and rebuilt from the logs");
        kept.map(|_| ())
    }

    /// Gives the store up until the next start.
    fn rest(&self, doubt: &Doubt) {
        {
            let mut state = lock(&self.state);
            if state.resting {
                return;
            }
            state.resting = true;
            state.waiting.clear();
        }
        self.wake.notify_all();
        let moved = self.set_aside(doubt);
        tracing::warn!(
            unmoved = moved.err().map(|error| error.to_string()),
            "no metadata image is kept until the next start, which will read the internal logs from their beginning"
        );
    }

    fn run(&self, store: ImageStore) {
        // A store that panicked is left as it is: dropping it might panic again, and end the broker.
        let mut store = ManuallyDrop::new(store);
        for writes in 0_u64.. {
            let (waiting, closing) = match self.next() {
                Next::Write(waiting) => (waiting, false),
                Next::Close(waiting) => (waiting, true),
                Next::Rest => return,
            };
            let written = guarded(|| {
                if writes.is_multiple_of(WRITES_PER_SIZE_CHECK) {
                    store.check_size()?;
                }
                write(&mut store, &waiting)
            });
            if let Err(doubt) = written {
                return self.rest(&doubt);
            }
            if closing {
                let closed = guarded(|| {
                    drop(ManuallyDrop::into_inner(store));
                    Ok(())
                });
                return closed.unwrap_or_else(|doubt| self.rest(&doubt));
            }
            let mut state = lock(&self.state);
            state.writing_since = None;
            state.starting_over.clear();
            self.wake.notify_all();
        }
    }

    /// Waits until there is something to write and more of it has gathered.
    fn next(&self) -> Next {
        let mut state = lock(&self.state);
        let mut gather_until = None;
        loop {
            if state.resting {
                return Next::Rest;
            }
            if state.closing {
                return Next::Close(std::mem::take(&mut state.waiting));
            }
            let now = Instant::now();
            let waits = state.waiting.values().any(|changes| !changes.is_empty());
            let until = waits.then(|| *gather_until.get_or_insert(now + GATHER));
            let timeout = match until {
                Some(until) if until <= now || state.is_urgent() => break,
                Some(until) => until - now,
                None => Duration::from_secs(3600),
            };
            state = wait(&self.wake, state, timeout);
        }
        state.writing_since = Some(Instant::now());
        state.starting_over =
            InternalLog::ALL.into_iter().filter(|log| state.is_starting_over(*log)).collect();
        Next::Write(std::mem::take(&mut state.waiting))
    }
}

enum Next {
    Write(BTreeMap<InternalLog, Changes>),
    Close(BTreeMap<InternalLog, Changes>),
    Rest,
}

impl State {
    fn waiting_bytes(&self) -> usize {
        self.waiting.values().map(Changes::size_bytes).sum()
    }

    fn is_starting_over(&self, log: InternalLog) -> bool {
        self.starting_over.contains(&log) || self.waiting.get(&log).is_some_and(Changes::is_from_scratch)
    }

    fn is_urgent(&self) -> bool {
        self.waiting_bytes() > GATHER_BYTES || self.waiting.values().any(Changes::is_from_scratch)
    }

    fn hangs(&self) -> Option<Doubt> {
        let late = self.writing_since.is_some_and(|since| since.elapsed() > HANGS_AFTER);
        (late || self.waiting_bytes() > MAX_WAITING_BYTES).then_some(Doubt::TimedOut(HANGS_AFTER))
    }
}

fn write(store: &mut ImageStore, waiting: &BTreeMap<InternalLog, Changes>) -> Result<(), Doubt> {
    if waiting.is_empty() {
        return Ok(());
    }
    waiting.iter().try_for_each(|(log, changes)| store.apply(*log, changes))?;
    store.flush()
}

fn now_ms() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX)
}

fn wait<'a, T>(wake: &Condvar, guard: MutexGuard<'a, T>, timeout: Duration) -> MutexGuard<'a, T> {
    wake.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::store::SimulatedDisk;
    use super::*;
    use bytes::Bytes;

    const LOG: InternalLog = InternalLog::ConsumerOffsets;
    const DEADLINE: Duration = Duration::from_secs(10);

    fn open(disk: &SimulatedDisk) -> Mirror {
        Mirror::open(Place::Simulated(disk.clone()), DEADLINE)
    }

    fn record(mirror: &Mirror, range: Range<Offset>) {
        let records: Vec<_> = range.clone().map(numbered).collect();
        mirror.record(LOG, range.clone(), range.zip(&records));
    }

    /// Ten keys, again and again.
    fn numbered(offset: Offset) -> LogRecord {
        LogRecord {
            key: Bytes::from(format!("key {}", offset % 10)),
            value: Some(Bytes::from(format!("{offset}"))),
        }
    }

    fn rows(mut loaded: Loaded) -> Vec<(Bytes, Bytes)> {
        loaded.rows.sort();
        loaded.rows
    }

    fn wait_until(mirror: &Mirror, state: impl Fn(MirrorStatus) -> bool) {
        while !state(mirror.status()) {
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_was_recorded_is_loaded_after_a_close() {
        let disk = SimulatedDisk::default();
        let mirror = open(&disk);
        assert_eq!(mirror.load(LOG, 0), Loaded::default());
        record(&mirror, 0..25);
        assert_eq!(mirror.status(), MirrorStatus { rebuilds: 0, resting: false, waiting: 10 });
        record(&mirror, 25..30);
        mirror.close();
        let mirror = open(&disk);
        let loaded = mirror.load(LOG, 30);
        assert_eq!((loaded.applied, loaded.resume), (30, 30));
        let expected: Vec<_> =
            (20..30).map(numbered).map(|record| (record.key, record.value.unwrap())).collect();
        assert_eq!(rows(loaded), expected);
        assert_eq!(mirror.load(InternalLog::Metadata, 0), Loaded::default());
        assert_eq!(mirror.status().rebuilds, 0);
    }

    #[test]
    fn changes_are_written_without_being_asked() {
        let disk = SimulatedDisk::default();
        let mirror = open(&disk);
        record(&mirror, 0..5);
        wait_until(&mirror, |status| status.waiting == 0);
        while disk.rows().is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_store_that_fails_is_set_aside_and_rests() {
        let disk = SimulatedDisk::default();
        let mirror = open(&disk);
        record(&mirror, 0..10);
        mirror.close();
        let mirror = open(&disk);
        disk.set_failing(true);
        record(&mirror, 10..20);
        wait_until(&mirror, |status| status.resting);
        record(&mirror, 20..30);
        assert_eq!(mirror.status().waiting, 0);
        mirror.close();
        disk.set_failing(false);
        assert_eq!(disk.set_aside_count(), 1);
        let mirror = open(&disk);
        assert_eq!(mirror.load(LOG, 30), Loaded::default());
        assert!(!mirror.status().resting, "the next start mirrors again");
    }

    #[test]
    fn records_that_do_not_join_on_are_never_written() {
        for gap in [1..2, 12..13] {
            let disk = SimulatedDisk::default();
            let mirror = open(&disk);
            if gap.start > 10 {
                record(&mirror, 0..10);
            }
            record(&mirror, gap);
            mirror.close();
            assert_eq!(disk.set_aside_count(), 1);
            assert_eq!(open(&disk).load(LOG, 100), Loaded::default());
        }
    }

    #[test]
    fn a_log_that_lost_its_end_is_forgotten_before_it_grows_again() {
        let disk = SimulatedDisk::default();
        let mirror = open(&disk);
        record(&mirror, 0..20);
        mirror.close();
        let mirror = open(&disk);
        assert_eq!(mirror.load(LOG, 15), Loaded::default());
        // The broker dies now, its log grows past 20 in the next run, and the store must not be believed then.
        let left = disk.rows();
        mirror.close();
        disk.tamper(|rows| *rows = left);
        let mirror = open(&disk);
        assert_eq!(mirror.load(LOG, 40), Loaded::default());
    }

    #[test]
    fn a_store_that_cant_forget_is_set_aside() {
        let disk = SimulatedDisk::default();
        let mirror = open(&disk);
        record(&mirror, 0..20);
        mirror.close();
        let mirror = open(&disk);
        disk.set_failing(true);
        assert_eq!(mirror.load(LOG, 15), Loaded::default());
        assert!(mirror.status().resting);
        assert_eq!(disk.set_aside_count(), 1);
    }
}

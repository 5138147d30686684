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
        lock(&self.shared.state).waiting.insert(log, Changes::from_scratch());
        Loaded::default()
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
            None => self.shared.wake.notify_one(),
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
        self.shared.wake.notify_one();
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
        self.wake.notify_one();
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
            lock(&self.state).writing_since = None;
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
                Some(until) if until <= now || state.waiting_bytes() > GATHER_BYTES => break,
                Some(until) => until - now,
                None => Duration::from_secs(3600),
            };
            state = self.wake.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.writing_since = Some(Instant::now());
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

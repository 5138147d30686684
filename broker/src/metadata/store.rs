//! The newest record of each key of the internal logs, kept so that a start need not read the logs from their beginning.
//!
//! The logs are the truth and a store is a copy that may lag, so the rule is simple: on any [`Doubt`] it is set aside and
//! built again from the logs. Nothing is ever answered from a store after the start.

mod changes;
mod marks;
mod place;
mod row;
mod simulated;
mod sled;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;

use self::marks::Marks;
use self::row::Head;
use self::sled::SledRows;
use crate::types::Offset;

pub use self::changes::Changes;
pub use self::place::Place;
pub use self::simulated::SimulatedDisk;

/// A log that a store follows. The numbers are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InternalLog {
    /// `__metadata`.
    Metadata = 1,
    /// `__consumer_offsets`.
    ConsumerOffsets = 2,
    /// `__transaction_state`.
    TransactionState = 3,
}

impl InternalLog {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Metadata, Self::ConsumerOffsets, Self::TransactionState];

    fn index(self) -> usize {
        self as usize - 1
    }
}

impl fmt::Display for InternalLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "__metadata",
            Self::ConsumerOffsets => "__consumer_offsets",
            Self::TransactionState => "__transaction_state",
        })
    }
}

/// Why a store can't be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It reported an error.
    #[error("it failed: {0:?}")]
    Failed(String),
    /// It panicked.
    #[error("it panicked: {0:?}")]
    Panicked(String),
    /// It hangs.
    #[error("it did not answer within {0:?}")]
    TimedOut(Duration),
    /// The broker died while it opened it, or gave it up earlier.
    #[error("it failed before, or the broker died while opening it")]
    Distrusted,
    /// The file that tells how far it is does not.
    #[error("its marks are missing or damaged")]
    Marks,
    /// A row is not as it was written.
    #[error("a row is damaged: {0}")]
    Row(&'static str),
    /// A row of something unknown.
    #[error("it holds a row that no log has")]
    Stray,
    /// Rows were lost, revived or mixed up.
    #[error("its rows of {0} are not those that were written")]
    WrongRows(InternalLog),
    /// It forgot what it had flushed.
    #[error("it fell back to offset {applied} of {log} from offset {marked}")]
    FellBack {
        /// The log.
        log: InternalLog,
        /// How far it is.
        applied: Offset,
        /// How far it was.
        marked: Offset,
    },
    /// It has applied what the log does not have.
    #[error("it is at offset {applied} of {log}, which ends at {end}")]
    Ahead {
        /// The log.
        log: InternalLog,
        /// How far it is.
        applied: Offset,
        /// Where the log ends.
        end: Offset,
    },
    /// It missed something.
    #[error("it is at offset {applied} of {log} and was given changes from offset {from} on")]
    Gap {
        /// The log.
        log: InternalLog,
        /// How far it is.
        applied: Offset,
        /// Where the changes begin.
        from: Offset,
    },
    /// It grew without need.
    #[error("it takes {size_bytes} bytes for {live_bytes} bytes of rows")]
    Bloated {
        /// Its files.
        size_bytes: u64,
        /// Its rows.
        live_bytes: u64,
    },
    /// A key that no row can have.
    #[error("a key of {size_bytes} bytes in {log} is too long for it")]
    LongKey {
        /// The log.
        log: InternalLog,
        /// The key's size.
        size_bytes: usize,
    },
}

impl From<io::Error> for Doubt {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What a store held of one log when it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The store had taken in the log up to here.
    pub applied: Offset,
    /// The log is to be replayed from here on: from `applied`, or earlier when a value is too large for the store. What lies
    /// before is in the rows.
    pub resume: Offset,
    /// Keys and values of the newest records, in no order that matters. Those that are replayed from the log as well end up
    /// the same.
    pub rows: Vec<(Bytes, Bytes)>,
}

/// A row to write, or to remove.
type RowChange = (Vec<u8>, Option<Vec<u8>>);

/// Above four times the bytes of its rows and this many more, a store is given up.
const BLOAT_BYTES: u64 = 64 << 20;

/// The longest key of a row. Protocols allow names of 32 KiB.
const MAX_KEY_BYTES: usize = 48 << 10;

/// An open store that proved sound.
pub struct ImageStore {
    place: Place,
    rows: Rows,
    heads: Heads,
}

/// What holds the rows.
enum Rows {
    Sled(SledRows),
    Simulated(SimulatedDisk),
}

type Heads = [Head; InternalLog::ALL.len()];
type AllLoaded = BTreeMap<InternalLog, Loaded>;

impl ImageStore {
    /// Opens the store at a place, or makes an empty one, and reads all of it.
    ///
    /// # Errors
    /// Any doubt. The store is then to be set aside ([`Place::set_aside`]), and this called again makes an empty one.
    pub fn open(place: Place, deadline: Duration) -> Result<(Self, BTreeMap<InternalLog, Loaded>), Doubt> {
        let marks = place.marks()?;
        place.write_marks(Marks { trusted: false, ..marks })?;
        let (rows, (heads, loaded)) = match &place {
            Place::Directory(dir) => {
                let (rows, read) =
                    SledRows::open(&dir.join("sled"), deadline, |rows| read_all(|visit| rows.scan(visit)))?;
                (Rows::Sled(rows), read)
            }
            Place::Simulated(disk) => (Rows::Simulated(disk.clone()), read_all(|visit| disk.scan(visit))?),
        };
        for log in InternalLog::ALL {
            let (applied, marked) = (heads[log.index()].applied, marks.applied[log.index()]);
            if applied < marked {
                return Err(Doubt::FellBack { log, applied, marked });
            }
        }
        let store = Self { place, rows, heads };
        store.mark(true)?;
        Ok((store, loaded))
    }

    /// Takes in changes of one log, all or none. They last at the latest after [`Self::flush`].
    ///
    /// # Errors
    /// Any doubt; the store is then of no more use.
    pub fn apply(&mut self, log: InternalLog, changes: &Changes) -> Result<(), Doubt> {
        let mut head = self.heads[log.index()];
        let mut batch = Vec::with_capacity(changes.newest.len() + 1);
        if changes.from_scratch {
            head = Head::default();
            self.start_over(log)?;
        }
        if changes.range.start > head.applied {
            return Err(Doubt::Gap { log, applied: head.applied, from: changes.range.start });
        }
        for (key, newest) in &changes.newest {
            if newest.offset >= head.applied
                && let Some(change) = self.change_row(log, &mut head, key, newest)?
            {
                batch.push(change);
            }
        }
        head.applied = head.applied.max(changes.range.end);
        batch.push((row::head_key(log), Some(head.encode(log))));
        self.rows.write(batch)?;
        self.heads[log.index()] = head;
        Ok(())
    }

    /// Makes everything applied durable.
    ///
    /// # Errors
    /// Any doubt; the store is then of no more use.
    pub fn flush(&self) -> Result<(), Doubt> {
        self.rows.flush()?;
        self.mark(true)
    }

    /// Checks that the store takes no more space than its rows justify: sled does not always give space back.
    ///
    /// # Errors
    /// Any doubt; the store is then of no more use.
    pub fn check_size(&self) -> Result<(), Doubt> {
        let live_bytes = self.heads.iter().map(|head| head.bytes).sum();
        let size_bytes = self.rows.size_bytes()?;
        if size_bytes > 4 * live_bytes + BLOAT_BYTES {
            return Err(Doubt::Bloated { size_bytes, live_bytes });
        }
        Ok(())
    }

    fn change_row(
        &self,
        log: InternalLog,
        head: &mut Head,
        key: &[u8],
        newest: &changes::Newest,
    ) -> Result<Option<RowChange>, Doubt> {
        let row_key = row::row_key(log, key);
        if row_key.len() > MAX_KEY_BYTES {
            return Err(Doubt::LongKey { log, size_bytes: key.len() });
        }
        let older = self.rows.get(&row_key)?;
        let row = newest.value.as_ref().map(|value| row::encode(&row_key, newest.offset, value));
        if let Some(older) = &older {
            head.remove(&row_key, older);
        }
        if let Some(row) = &row {
            head.add(&row_key, row);
        }
        Ok((older.is_some() || row.is_some()).then_some((row_key, row)))
    }

    /// Removes all that there is of a log, its mark first: rows that are gone before the mark would look like lost ones.
    fn start_over(&mut self, log: InternalLog) -> Result<(), Doubt> {
        self.heads[log.index()] = Head::default();
        self.mark(true)?;
        let mut batch = vec![];
        self.rows.scan(|key, _| {
            if key.first() == Some(&(log as u8)) {
                batch.push((key.to_vec(), None));
            }
            Ok(())
        })?;
        self.rows.write(batch)
    }

    fn mark(&self, trusted: bool) -> Result<(), Doubt> {
        self.place.write_marks(Marks { trusted, applied: self.heads.map(|head| head.applied) })
    }
}

impl Rows {
    fn scan(&self, visit: impl FnMut(&[u8], &[u8]) -> Result<(), Doubt>) -> Result<(), Doubt> {
        match self {
            Self::Sled(rows) => rows.scan(visit),
            Self::Simulated(disk) => disk.scan(visit),
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Doubt> {
        match self {
            Self::Sled(rows) => rows.get(key),
            Self::Simulated(disk) => Ok(disk.get(key)),
        }
    }

    fn write(&self, changes: Vec<RowChange>) -> Result<(), Doubt> {
        match self {
            Self::Sled(rows) => rows.write(changes),
            Self::Simulated(disk) => disk.write(changes),
        }
    }

    fn flush(&self) -> Result<(), Doubt> {
        match self {
            Self::Sled(rows) => rows.flush(),
            Self::Simulated(disk) => disk.flush(),
        }
    }

    fn size_bytes(&self) -> Result<u64, Doubt> {
        match self {
            Self::Sled(rows) => rows.size_bytes(),
            Self::Simulated(_) => Ok(0),
        }
    }
}

/// Reads all rows and holds them against the heads.
fn read_all(
    scan: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> Result<(), Doubt>) -> Result<(), Doubt>,
) -> Result<(Heads, AllLoaded), Doubt> {
    let mut heads = Heads::default();
    let mut found = Heads::default();
    let mut all = AllLoaded::new();
    let mut in_log = [None; InternalLog::ALL.len()];
    scan(&mut |row_key, row| {
        let log = row_key.first().and_then(|id| InternalLog::ALL.into_iter().find(|log| *log as u8 == *id));
        match (log, row_key.get(1)) {
            (Some(log), Some(0)) if row_key.len() == 2 => heads[log.index()] = Head::decode(log, row)?,
            (Some(log), Some(1)) => {
                found[log.index()].add(row_key, row);
                let row = row::decode(row_key, row)?;
                match row.value {
                    Some(value) => {
                        let key = Bytes::copy_from_slice(&row_key[2..]);
                        all.entry(log).or_default().rows.push((key, Bytes::copy_from_slice(value)));
                    }
                    None => {
                        let first = in_log[log.index()].get_or_insert(row.offset);
                        *first = row.offset.min(*first);
                    }
                }
            }
            _ => return Err(Doubt::Stray),
        }
        Ok(())
    })?;
    for log in InternalLog::ALL {
        let (head, found) = (heads[log.index()], found[log.index()]);
        if (Head { applied: head.applied, ..found }) != head {
            return Err(Doubt::WrongRows(log));
        }
        let loaded = all.entry(log).or_default();
        loaded.applied = head.applied;
        loaded.resume = in_log[log.index()].map_or(head.applied, |offset: Offset| offset.min(head.applied));
    }
    Ok((heads, all))
}

/// Runs code that may panic, as sled does on some damaged files.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Doubt>) -> Result<T, Doubt> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Doubt::Panicked(text.unwrap_or("without a word").to_owned()))
    })
}

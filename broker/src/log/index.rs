//! The sparse index of one segment: where some of its batches start, and how new the records before them are.
//!
//! The file is a row of entries of 20 bytes, big-endian, ascending in every field:
//!
//! ```text
//! relative offset u32 | position u32 | max timestamp i64 | CRC-32C u32
//! ```
//!
//! It reads: the batch whose base offset is (segment base + relative offset) starts at this position of the `.log`
//! file, and no record of the segment before it has a later timestamp. The sum covers the segment's base offset and
//! the fields. A sealed segment's last entry is its last batch, so that a cut or foreign index shows on open.
//!
//! The index is a hint. It is written without sync, each entry is checked when it is used (its sum here, the batch
//! it points to by the reader), and on any doubt it is rebuilt from the log. Kafka keeps two files, `.index` and
//! `.timeindex`; as both are searched for a place in the log, one does.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::storage::{Disk, DiskFile, Handle};
use crate::types::{Offset, UnixMillis};

const ENTRY_BYTES: usize = 20;

/// Entries that are read at once rather than one by one: a search ends among so few.
const BLOCK_ENTRIES: u64 = 256;

/// Entries held in memory before they are written.
const TAIL_ENTRIES: usize = 128;

/// Where a batch starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The batch's base offset.
    pub(super) offset: Offset,
    /// Its place in the `.log` file.
    pub(super) position: u64,
    /// No record of the segment before the batch is newer; `i64::MIN` at the start.
    pub(super) max_timestamp_before_ms: UnixMillis,
}

/// The index cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt;

pub(super) struct Index {
    base: Offset,
    handle: Handle,
    entries: RwLock<Entries>,
}

/// First those in the file, then those in memory.
#[derive(Default)]
struct Entries {
    persisted: u64,
    tail: Vec<Entry>,
}

impl Index {
    /// An index without entries; a file that is there is replaced by the first flush.
    pub(super) fn empty(disk: Disk, path: PathBuf, base: Offset) -> Self {
        Self { base, handle: Handle::new(disk, path), entries: RwLock::default() }
    }

    /// The index in its file, as far as it seems right without reading all of it.
    pub(super) fn open(disk: Disk, path: PathBuf, base: Offset) -> Self {
        let len = disk.len(&path).unwrap_or(0);
        let index = Self::empty(disk, path, base);
        index.write().persisted = len / ENTRY_BYTES as u64;
        index
    }

    pub(super) fn path(&self) -> &std::path::Path {
        self.handle.path()
    }

    pub(super) fn close(&self) {
        self.handle.close();
    }

    /// Adds an entry; a full tail is written.
    pub(super) fn push(&self, entry: Entry) {
        let mut entries = self.write();
        entries.tail.push(entry);
        if entries.tail.len().is_multiple_of(TAIL_ENTRIES) {
            // A hint that cannot be written stays in memory, and is tried again with the next ones.
            _ = self.persist(&mut entries);
        }
    }

    /// Writes what is in memory only.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.persist(&mut self.write())
    }

    /// Makes what is written durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self.handle.open() {
            Ok(file) => file.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes `entries` instead of all that there are; in memory, until the next flush.
    pub(super) fn replace(&self, entries: Vec<Entry>) {
        *self.write() = Entries { persisted: 0, tail: entries };
    }

    /// The last entry.
    pub(super) fn last(&self) -> Result<Option<Entry>, Doubt> {
        self.find(|_| true)
    }

    /// The last entry at or before `offset`.
    pub(super) fn find_offset(&self, offset: Offset) -> Result<Option<Entry>, Doubt> {
        self.find(|entry| entry.offset <= offset)
    }

    /// The last entry at or before `position` and before `upper`.
    pub(super) fn find_place(&self, position: u64, upper: Offset) -> Result<Option<Entry>, Doubt> {
        self.find(|entry| entry.position <= position && entry.offset < upper)
    }

    /// The last entry before which all records are older than `timestamp_ms`.
    pub(super) fn find_timestamp(&self, timestamp_ms: UnixMillis) -> Result<Option<Entry>, Doubt> {
        self.find(|entry| entry.max_timestamp_before_ms < timestamp_ms)
    }

    /// Forgets the entries at and after `position`, in the file too. True if there were any.
    pub(super) fn truncate(&self, position: u64) -> Result<bool, Doubt> {
        let mut entries = self.write();
        let kept = self.partition_point(&entries, |entry| entry.position < position)?;
        let dropped = kept < entries.len();
        entries.truncate(kept);
        if dropped {
            let cut =
                self.handle.open().and_then(|file| file.set_len(entries.persisted * ENTRY_BYTES as u64));
            cut.map_err(|_| Doubt)?;
        }
        Ok(dropped)
    }

    fn find(&self, wanted: impl Fn(&Entry) -> bool) -> Result<Option<Entry>, Doubt> {
        let entries = self.read();
        if entries.tail.first().is_some_and(&wanted) {
            let count = entries.tail.partition_point(wanted);
            return Ok(Some(entries.tail[count - 1]));
        }
        match self.partition_point(&entries, wanted)? {
            0 => Ok(None),
            count => self.entry(&entries, count - 1, self.file()?.as_deref()).map(Some),
        }
    }

    /// How many entries are `wanted`, when those come first.
    fn partition_point(&self, entries: &Entries, wanted: impl Fn(&Entry) -> bool) -> Result<u64, Doubt> {
        if entries.len() == 0 {
            return Ok(0);
        }
        let file = self.file()?;
        let (mut low, mut high) = (0, entries.len());
        // What the probes on either side said, to see disorder.
        let (mut below, mut above): (Option<Entry>, Option<Entry>) = (None, None);
        let mut block = Block::default();
        while low < high {
            let middle = low + (high - low) / 2;
            if high - low <= BLOCK_ENTRIES && high <= entries.persisted && block.bytes.is_empty() {
                block = Block::read(file.as_deref().ok_or(Doubt)?, low, high)?;
            }
            let entry = match block.entry(middle, self.base) {
                Some(entry) => entry?,
                None => self.entry(entries, middle, file.as_deref())?,
            };
            if below.is_some_and(|below| below.offset >= entry.offset || below.position >= entry.position)
                || above.is_some_and(|above| above.offset <= entry.offset || above.position <= entry.position)
            {
                return Err(Doubt);
            }
            if wanted(&entry) {
                low = middle + 1;
                below = Some(entry);
            } else {
                high = middle;
                above = Some(entry);
            }
        }
        Ok(low)
    }

    fn entry(&self, entries: &Entries, number: u64, file: Option<&DiskFile>) -> Result<Entry, Doubt> {
        if let Some(number) = number.checked_sub(entries.persisted) {
            return Ok(entries.tail[number as usize]);
        }
        let mut bytes = [0; ENTRY_BYTES];
        let read = file.ok_or(Doubt)?.read_exact_at(&mut bytes, number * ENTRY_BYTES as u64);
        read.map_err(|_| Doubt)?;
        decode(&bytes, self.base).ok_or(Doubt)
    }

    /// The file, if it has entries.
    fn file(&self) -> Result<Option<std::sync::Arc<DiskFile>>, Doubt> {
        match self.handle.open() {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err(Doubt),
        }
    }

    fn persist(&self, entries: &mut Entries) -> io::Result<()> {
        if entries.tail.is_empty() {
            return Ok(());
        }
        let bytes: Vec<u8> = entries.tail.iter().flat_map(|entry| encode(entry, self.base)).collect();
        let file = self.handle.open_or_create()?;
        if entries.persisted == 0 {
            file.set_len(0)?;
        }
        file.write_all_at(&mut [IoSlice::new(&bytes)], entries.persisted * ENTRY_BYTES as u64)?;
        entries.persisted += entries.tail.len() as u64;
        entries.tail = Vec::new();
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some entries as they stand in the file.
#[derive(Default)]
struct Block {
    first: u64,
    bytes: Vec<u8>,
}

impl Block {
    fn read(file: &DiskFile, first: u64, end: u64) -> Result<Self, Doubt> {
        let mut bytes = vec![0; (end - first) as usize * ENTRY_BYTES];
        file.read_exact_at(&mut bytes, first * ENTRY_BYTES as u64).map_err(|_| Doubt)?;
        Ok(Self { first, bytes })
    }

    /// The entry with this number, if it is one of them.
    fn entry(&self, number: u64, base: Offset) -> Option<Result<Entry, Doubt>> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()? * ENTRY_BYTES;
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(decode(bytes, base).ok_or(Doubt))
    }
}

impl Entries {
    fn len(&self) -> u64 {
        self.persisted + self.tail.len() as u64
    }

    fn truncate(&mut self, len: u64) {
        self.tail.truncate(len.saturating_sub(self.persisted) as usize);
        self.persisted = self.persisted.min(len);
    }
}

fn encode(entry: &Entry, base: Offset) -> [u8; ENTRY_BYTES] {
    let relative =
        u32::try_from(entry.offset - base).expect("a segment is rolled before its offsets exceed 32 bits");
    let position = u32::try_from(entry.position).expect("a segment is rolled before it exceeds 4 GiB");
    let mut bytes = [0; ENTRY_BYTES];
    bytes[0..4].copy_from_slice(&relative.to_be_bytes());
    bytes[4..8].copy_from_slice(&position.to_be_bytes());
    bytes[8..16].copy_from_slice(&entry.max_timestamp_before_ms.to_be_bytes());
    let sum = sum(&bytes[..16], base);
    bytes[16..].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8; ENTRY_BYTES], base: Offset) -> Option<Entry> {
    let word = |at: usize| u32::from_be_bytes(*bytes[at..].first_chunk().expect("20 bytes"));
    let entry = Entry {
        offset: base + Offset::from(word(0)),
        position: u64::from(word(4)),
        max_timestamp_before_ms: i64::from_be_bytes(*bytes[8..].first_chunk().expect("20 bytes")),
    };
    (word(16) == sum(&bytes[..16], base)).then_some(entry)
}

fn sum(fields: &[u8], base: Offset) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&base.to_be_bytes()), fields)
}

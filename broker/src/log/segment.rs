//! One segment: a run of batches in a `.log` file, with its index.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runnel_proto::records::BatchHeader;

use super::error::LogError;
use super::index::{Doubt, Entry, Index};
use super::scan::{Depth, Scan, ScanError, header_at};
use super::transactions::{self, AbortedTransaction};
use crate::storage::{DeferredSync, Disk, DiskFile, Handle, Open};
use crate::types::{Offset, UnixMillis};

/// The largest segment: positions in the index have 32 bits.
const MAX_BYTES: u64 = u32::MAX as u64;

/// The files of one segment, shared with its readers, who may outlive it.
pub(super) struct Files {
    pub(super) base: Offset,
    pub(super) log: Handle,
    pub(super) index: Index,
}

/// A segment as its log knows it.
pub(super) struct Segment {
    pub(super) files: Arc<Files>,
    /// Bytes of whole batches.
    pub(super) size: u64,
    /// After the last batch there are zeros up to here, if it is further.
    zeros_until: u64,
    /// The offset after the last batch.
    pub(super) end: Offset,
    /// `i64::MIN` without records.
    pub(super) max_timestamp_ms: UnixMillis,
    /// The transactions whose abort markers are here.
    pub(super) aborted: Vec<AbortedTransaction>,
    /// The segment's index on disk lacks some of them; it is written once the segment is sealed.
    pub(super) aborted_unsaved: bool,
    /// The entry that the last batch has, or would have.
    last_batch: Option<Entry>,
    /// Bytes since the last batch with an entry.
    unindexed_bytes: u64,
}

/// An index that is rebuilt is as dense as `index.interval.bytes` makes it by default.
pub(super) const INDEX_INTERVAL_BYTES: u64 = 4096;

/// The file of the segment at `base`.
pub(super) fn log_path(dir: &Path, base: Offset) -> PathBuf {
    dir.join(format!("{base:020}.log"))
}

pub(super) fn index_path(dir: &Path, base: Offset) -> PathBuf {
    dir.join(format!("{base:020}.index"))
}

impl Segment {
    /// A new segment, durable with its name when `sync` is finished.
    pub(super) fn create(
        disk: &Disk,
        dir: &Path,
        base: Offset,
        sync: &DeferredSync<'_>,
    ) -> Result<Self, LogError> {
        let path = log_path(dir, base);
        let doing = || format!("creating {}", path.display());
        // A leftover index would speak of other batches. Its removal is as durable as the segment's name.
        remove_if_there(disk, &index_path(dir, base)).map_err(|error| LogError::write(&doing(), &error))?;
        let file = disk.open(&path, Open::CreateNew).map_err(|error| LogError::write(&doing(), &error))?;
        sync.file(&file).and_then(|()| sync.dir(dir)).map_err(|error| LogError::sync(&doing(), &error))?;
        let segment = Self::empty(disk, dir, base);
        segment.files.log.keep(file);
        Ok(segment)
    }

    /// A segment of which nothing is known yet.
    pub(super) fn empty(disk: &Disk, dir: &Path, base: Offset) -> Self {
        let log = Handle::new(disk.clone(), log_path(dir, base));
        let index = Index::open(disk.clone(), index_path(dir, base), base);
        Self::over(Arc::new(Files { base, log, index }))
    }

    /// A segment of which only the files are known.
    pub(super) fn over(files: Arc<Files>) -> Self {
        let end = files.base;
        Self {
            files,
            size: 0,
            zeros_until: 0,
            end,
            max_timestamp_ms: i64::MIN,
            aborted: Vec::new(),
            aborted_unsaved: false,
            last_batch: None,
            unindexed_bytes: 0,
        }
    }

    /// A sealed segment, by its last batch, which the index leads to; or, when that is not so, by walking through it.
    /// The walk verifies every batch if `verify`.
    pub(super) fn open_sealed(disk: &Disk, dir: &Path, base: Offset, verify: bool) -> Result<Self, LogError> {
        let mut segment = Self::empty(disk, dir, base);
        let file = segment.open_log()?;
        let size = file.len().map_err(|error| segment.read_error(&error))?;
        if !verify
            && let Ok(Some(last)) = segment.files.index.last()
            && segment.resume_at(&file, last, size).is_ok()
            && segment.size == size
        {
            return Ok(segment);
        }
        segment.rebuild_index(&file, if verify { Depth::Batches } else { Depth::Headers }, size)?;
        segment.seal();
        Ok(segment)
    }

    /// Walks over the batches from the start to `size` and indexes them anew.
    pub(super) fn rebuild_index(&mut self, file: &DiskFile, depth: Depth, size: u64) -> Result<(), LogError> {
        self.reset();
        let mut entries = Vec::new();
        let mut scan = Scan::new(file, depth, 0, size);
        loop {
            match scan.next() {
                Ok(None) => break,
                Ok(Some(batch)) => entries.extend(self.add(&batch.header, INDEX_INTERVAL_BYTES)?),
                Err(error) => return Err(self.scan_error(error)),
            }
        }
        self.files.index.replace(entries);
        Ok(())
    }

    /// Forgets all but the files.
    pub(super) fn reset(&mut self) {
        (self.size, self.end, self.max_timestamp_ms) = (0, self.files.base, i64::MIN);
        (self.last_batch, self.unindexed_bytes) = (None, 0);
        self.files.index.replace(Vec::new());
    }

    /// Goes on after the batch that `entry` leads to, within `size` bytes, if it leads to one.
    pub(super) fn resume_at(&mut self, file: &DiskFile, entry: Entry, size: u64) -> Result<(), Doubt> {
        let header = header_at(file, entry.position, size).map_err(|_| Doubt)?;
        if header.base_offset != entry.offset {
            return Err(Doubt);
        }
        self.max_timestamp_ms = entry.max_timestamp_before_ms.max(header.max_timestamp_ms);
        self.size = entry.position + header.size_bytes as u64;
        self.end = header.next_offset();
        self.last_batch = Some(entry);
        self.unindexed_bytes = header.size_bytes as u64;
        Ok(())
    }

    /// Takes a batch as the next one: its entry, if it is time for one.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if its offsets do not follow, or lie further off than the index can say.
    pub(super) fn add(
        &mut self,
        header: &BatchHeader,
        interval_bytes: u64,
    ) -> Result<Option<Entry>, LogError> {
        if header.base_offset < self.end || !self.fits(header.size_bytes, header.next_offset()) {
            let reason = format!(
                "{}: the batch at byte {} has offset {}, which does not follow {}",
                self.files.log.path().display(),
                self.size,
                header.base_offset,
                self.end
            );
            return Err(LogError::Corrupt { reason });
        }
        let entry = Entry {
            offset: header.base_offset,
            position: self.size,
            max_timestamp_before_ms: self.max_timestamp_ms,
        };
        let indexed = (self.unindexed_bytes > interval_bytes).then_some(entry);
        if indexed.is_some() {
            self.unindexed_bytes = 0;
        }
        self.unindexed_bytes += header.size_bytes as u64;
        self.max_timestamp_ms = self.max_timestamp_ms.max(header.max_timestamp_ms);
        self.size += header.size_bytes as u64;
        self.end = header.next_offset();
        self.last_batch = Some(entry);
        Ok(indexed)
    }

    /// Whether a batch of `size_bytes` up to `next_offset` fits the index's 32 bits.
    pub(super) fn fits(&self, size_bytes: usize, next_offset: Offset) -> bool {
        self.size + size_bytes as u64 <= MAX_BYTES && next_offset - self.files.base <= Offset::from(u32::MAX)
    }

    /// Whether a batch of `size_bytes` makes the file longer.
    pub(super) fn grows_with(&self, size_bytes: usize) -> bool {
        self.size + size_bytes as u64 > self.zeros_until
    }

    /// Writes `head` and `rest` after the last batch, and `zeros` after them if there is space. On a full disk nothing stays
    /// of them.
    pub(super) fn write(
        &mut self,
        file: &DiskFile,
        head: &[u8],
        rest: &[u8],
        zeros: &[u8],
    ) -> Result<(), LogError> {
        if !zeros.is_empty() {
            self.write_zeros(file, self.size + (head.len() + rest.len()) as u64, zeros)?;
        }
        let batch = || [IoSlice::new(head), IoSlice::new(rest)];
        match self.write_at(file, &mut batch(), self.size) {
            // The zeros had the last space, and are gone.
            Err(LogError::DiskFull) if !zeros.is_empty() => self.write_at(file, &mut batch(), self.size),
            other => other,
        }
    }

    /// Writes zeros before the batch that they follow: one that is refused because they fail must not be there whole.
    fn write_zeros(&mut self, file: &DiskFile, from: u64, zeros: &[u8]) -> Result<(), LogError> {
        self.zeros_until = from + zeros.len() as u64;
        match self.write_at(file, &mut [IoSlice::new(zeros)], from) {
            Err(LogError::DiskFull) => Ok(()),
            other => other,
        }
    }

    /// On a full disk nothing stays after the last batch.
    fn write_at(
        &mut self,
        file: &DiskFile,
        buffers: &mut [IoSlice<'_>],
        position: u64,
    ) -> Result<(), LogError> {
        let doing = || format!("writing {}", self.files.log.path().display());
        let Err(error) = file.write_all_at(buffers, position) else {
            return Ok(());
        };
        let error = LogError::write(&doing(), &error);
        if error == LogError::DiskFull {
            file.set_len(self.size).map_err(|error| LogError::sync(&doing(), &error))?;
            self.zeros_until = 0;
        }
        Err(error)
    }

    /// Cuts the zeros after the last batch. They may come back until the file's next sync.
    pub(super) fn cut_zeros(&mut self) -> Result<(), LogError> {
        if self.zeros_until > self.size {
            let cut = self.open_log()?.set_len(self.size);
            cut.map_err(|error| {
                LogError::sync(&format!("cutting {}", self.files.log.path().display()), &error)
            })?;
        }
        self.zeros_until = 0;
        Ok(())
    }

    /// Completes the index: no more batches follow.
    pub(super) fn seal(&self) {
        if let Some(last) = self.last_batch
            && self.files.index.last() != Ok(Some(last))
        {
            self.files.index.push(last);
        }
        // What cannot be written stays in memory until the log is closed, and is rebuilt after.
        _ = self.files.index.flush();
    }

    /// The `.log` file, opened if need be.
    pub(super) fn open_log(&self) -> Result<Arc<DiskFile>, LogError> {
        self.files.log.open().map_err(|error| self.read_error(&error))
    }

    /// Removes all files; readers go on.
    pub(super) fn remove(&self, disk: &Disk) -> io::Result<()> {
        self.files.index.close();
        remove_if_there(disk, self.files.index.path())?;
        self.files.log.close();
        remove_if_there(disk, self.files.log.path())?;
        // Last: without it, a segment would seem to have nothing aborted.
        let dir = self.files.log.path().parent().unwrap_or(Path::new(""));
        remove_if_there(disk, &transactions::path(dir, self.files.base))
    }

    pub(super) fn scan_error(&self, error: ScanError) -> LogError {
        self.files.scan_error(error)
    }

    pub(super) fn read_error(&self, error: &io::Error) -> LogError {
        self.files.read_error(error)
    }
}

impl Files {
    pub(super) fn scan_error(&self, error: ScanError) -> LogError {
        match error {
            ScanError::Read(error) => self.read_error(&error),
            bad @ ScanError::Bad { .. } => {
                LogError::Corrupt { reason: format!("{} {bad}", self.log.path().display()) }
            }
        }
    }

    pub(super) fn read_error(&self, error: &io::Error) -> LogError {
        LogError::read(&format!("reading {}", self.log.path().display()), error)
    }
}

pub(super) fn remove_if_there(disk: &Disk, path: &Path) -> io::Result<()> {
    match disk.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

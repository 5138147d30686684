//! One pass: reading and writing, without the log's lock.

use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use runnel_proto::records::{BatchError, BatchHeader, BatchReader, HEADER_BYTES, Record, Retained};

use super::keys::Keys;
use super::transactions::Markers;
use super::{CompactionPlan, cleaned_path};
use crate::log::AbortedTransaction;
use crate::log::error::LogError;
use crate::log::index::Entry;
use crate::log::scan::{Depth, Scan, ScanError};
use crate::log::segment::{Files, INDEX_INTERVAL_BYTES, Segment, log_path, remove_if_there};
use crate::log::transactions;
use crate::storage::{DiskFile, Open};
use crate::types::Offset;

/// The most that a batch may hold decompressed to be looked into.
const MAX_DECOMPRESSED_BYTES: usize = 128 << 20;

const WRITE_BYTES: usize = 1 << 20;

/// A sealed segment to compact.
pub(super) struct Source {
    pub(super) files: Arc<Files>,
    pub(super) size: u64,
    pub(super) end: Offset,
    /// Transactions whose abort markers are here.
    pub(super) aborted: Vec<AbortedTransaction>,
}

/// What a pass wrote; [`Log::finish_compaction`](super::Log::finish_compaction) puts it in place.
pub struct CompactionResult {
    pub(super) cleaned: Vec<Cleaned>,
    /// Before, no record is superseded by another one before.
    pub(super) clean_until: Offset,
    pub(super) tombstones_until: Offset,
    /// Tombstones were kept that no pass before this had met.
    pub(super) new_tombstones: bool,
}

/// A segment written anew, durable under its temporary name, in place of some neighbours.
pub(super) struct Cleaned {
    pub(super) sources: Vec<Source>,
    pub(super) path: PathBuf,
    pub(super) segment: Segment,
    pub(super) entries: Vec<Entry>,
    /// The path of the index of aborted transactions, if the segment has some.
    pub(super) aborted_path: Option<PathBuf>,
}

impl CompactionPlan {
    /// Runs the pass. Nothing is changed by it: dropped halfway, it leaves files that the next start removes.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] when a batch is not what was written, [`LogError::DiskFull`] when there is no room to
    /// write segments anew, [`LogError::Unreadable`] also when the log was deleted meanwhile,
    /// [`LogError::Failed`].
    pub fn run(self) -> Result<CompactionResult, LogError> {
        let mut reader = BatchReader::new(MAX_DECOMPRESSED_BYTES);
        let (keys, clean_until) = self.note_keys(&mut reader)?;
        let markers = Markers::default();
        let mut pass = Pass { plan: &self, keys, clean_until, reader, markers, new_tombstones: false };
        let mut cleaned: Vec<Cleaned> = Vec::new();
        for group in self.groups(clean_until) {
            match pass.clean(group) {
                Ok(segment) => cleaned.extend(segment),
                Err(error) => {
                    let bases = cleaned.iter().map(|cleaned| cleaned.segment.files.base);
                    for base in bases.chain([group[0].files.base]) {
                        _ = remove_if_there(&self.disk, &cleaned_path(&log_path(&self.dir, base)));
                        _ = remove_if_there(&self.disk, &cleaned_path(&transactions::path(&self.dir, base)));
                    }
                    return Err(error);
                }
            }
        }
        let new_tombstones = pass.new_tombstones;
        let tombstones_until = self.tombstones_until.min(self.end());
        Ok(CompactionResult { cleaned, clean_until, tombstones_until, new_tombstones })
    }

    fn end(&self) -> Offset {
        self.sources.last().map_or(0, |source| source.end)
    }

    /// The last offset of each key that is new since the last pass, and up to where the keys fitted.
    fn note_keys(&self, reader: &mut BatchReader) -> Result<(Keys, Offset), LogError> {
        let mut keys = Keys::new(self.max_keys);
        let until = self.end().max(self.clean_until);
        for source in self.sources.iter().filter(|source| source.end > self.clean_until) {
            let file = source.open()?;
            let mut scan = Scan::new(&file, Depth::Batches, 0, source.size);
            while let Some(batch) = scan.next().map_err(|error| source.error(error))? {
                if batch.header.is_control()
                    || batch.header.next_offset() <= self.clean_until
                    || self.aborted.contain(&batch.header)
                {
                    continue;
                }
                if !keys.has_room_for(usize::try_from(batch.header.record_count).unwrap_or(0)) {
                    return Ok((keys, batch.header.base_offset));
                }
                // What cannot be decoded is kept as it is, and supersedes nothing.
                let Ok(records) = reader.read(scan.batch()) else { continue };
                if records.clone().all(|record| record.is_ok()) {
                    for (key, offset) in
                        records.flatten().filter_map(|record| Some((record.key?, record.offset)))
                    {
                        keys.note(key, offset);
                    }
                }
            }
        }
        Ok((keys, until))
    }

    /// Neighbours that make one segment together.
    fn groups(&self, clean_until: Offset) -> impl Iterator<Item = &[Source]> {
        let count = self.sources.iter().take_while(|source| source.files.base < clean_until).count();
        let mut rest = &self.sources[..count];
        std::iter::from_fn(move || {
            let first = rest.first()?;
            let mut size = 0;
            let fits = |source: &&Source| {
                size += source.size;
                size <= self.segment_bytes && source.end - first.files.base <= Offset::from(u32::MAX)
            };
            let (group, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            rest = others;
            Some(group)
        })
    }
}

struct Pass<'a> {
    plan: &'a CompactionPlan,
    keys: Keys,
    clean_until: Offset,
    reader: BatchReader,
    markers: Markers,
    new_tombstones: bool,
}

impl Pass<'_> {
    /// Writes one group anew; `None` if it is a single segment and everything in it stays.
    fn clean(&mut self, group: &[Source]) -> Result<Option<Cleaned>, LogError> {
        let mut writer = Writer::create(self.plan, group[0].files.base)?;
        let mut changed = group.len() > 1;
        for (number, source) in group.iter().enumerate() {
            let file = source.open()?;
            let mut scan = Scan::new(&file, Depth::Batches, 0, source.size);
            while let Some(batch) = scan.next().map_err(|error| source.error(error))? {
                let retained = match self.retain(&batch.header, scan.batch()) {
                    // The segment ends where its last batch does.
                    Retained::None
                        if number + 1 == group.len() && batch.header.next_offset() == source.end =>
                    {
                        Retained::Some(Bytes::copy_from_slice(&emptied(scan.batch())))
                    }
                    other => other,
                };
                match retained {
                    Retained::All => writer.push(scan.batch())?,
                    Retained::Some(batch) => {
                        changed |= batch != scan.batch();
                        writer.push(&batch)?;
                    }
                    Retained::None => changed = true,
                }
            }
        }
        if !changed {
            _ = remove_if_there(&self.plan.disk, &writer.path);
            return Ok(None);
        }
        let aborted = group.iter().flat_map(|source| &source.aborted).copied();
        writer.segment.aborted =
            aborted.filter(|aborted| !self.markers.dropped.contains(&aborted.last_offset)).collect();
        writer.finish(self.plan, group).map(Some)
    }

    /// What stays of a batch. What producers are known from stays as a header, what cannot be decoded as it is.
    fn retain(&mut self, header: &BatchHeader, batch: &[u8]) -> Retained {
        if header.is_control() {
            return if self.keeps_marker(header) { Retained::All } else { Retained::None };
        }
        self.markers.batch(header);
        match self.retain_records(header, batch) {
            Retained::None if self.plan.remembered.contains(&header.base_offset) => {
                Retained::Some(Bytes::copy_from_slice(&emptied(batch)))
            }
            retained => retained,
        }
    }

    fn keeps_marker(&mut self, header: &BatchHeader) -> bool {
        let needed = self.markers.needs(header);
        if header.record_count == 0 {
            return false;
        }
        let offset = header.base_offset;
        if needed || self.plan.remembered.contains(&offset) || offset >= self.plan.tombstones_until {
            self.new_tombstones |= (self.plan.clean_until..self.clean_until).contains(&offset);
            return true;
        }
        self.markers.dropped.insert(offset);
        false
    }

    fn retain_records(&mut self, header: &BatchHeader, batch: &[u8]) -> Retained {
        if header.record_count == 0 || self.plan.aborted.contain(header) {
            return Retained::None;
        }
        let Self { plan, keys, clean_until, reader, new_tombstones, .. } = self;
        let mut keep = |record: &Record<'_>| {
            // A compacted topic takes no record without a key; there may be some from before it was one.
            let Some(key) = record.key else { return false };
            if record.offset < plan.start || keys.supersede(key, record.offset) {
                return false;
            }
            let tombstone = record.value.is_none();
            if tombstone && record.offset < plan.tombstones_until {
                return false;
            }
            *new_tombstones |= tombstone && (plan.clean_until..*clean_until).contains(&record.offset);
            true
        };
        reader.retain(batch, &mut keep).unwrap_or(Retained::All)
    }
}

/// Writes batches to a temporary file.
struct Writer {
    file: Arc<DiskFile>,
    path: PathBuf,
    buffer: Vec<u8>,
    segment: Segment,
    entries: Vec<Entry>,
}

impl Writer {
    fn create(plan: &CompactionPlan, base: Offset) -> Result<Self, LogError> {
        let path = cleaned_path(&log_path(&plan.dir, base));
        let doing = || format!("creating {}", path.display());
        remove_if_there(&plan.disk, &path).map_err(|error| LogError::write(&doing(), &error))?;
        let file =
            plan.disk.open(&path, Open::CreateNew).map_err(|error| LogError::write(&doing(), &error))?;
        // Its index, in memory until the segment is in place, is counted up by a segment that has no files yet.
        let segment = Segment::empty(&plan.disk, &plan.dir, base);
        Ok(Self { file, path, buffer: Vec::new(), segment, entries: Vec::new() })
    }

    fn push(&mut self, batch: &[u8]) -> Result<(), LogError> {
        let header = BatchHeader::parse(batch).map_err(|error| self.broken(&error))?;
        self.entries.extend(self.segment.add(&header, INDEX_INTERVAL_BYTES)?);
        self.buffer.extend_from_slice(batch);
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), LogError> {
        let position = self.segment.size - self.buffer.len() as u64;
        let written = self.file.write_all_at(&mut [IoSlice::new(&self.buffer)], position);
        self.buffer.clear();
        written.map_err(|error| LogError::write(&format!("writing {}", self.path.display()), &error))
    }

    fn finish(mut self, plan: &CompactionPlan, group: &[Source]) -> Result<Cleaned, LogError> {
        self.flush()?;
        let doing = || format!("syncing {}", self.path.display());
        self.file.sync().map_err(|error| LogError::sync(&doing(), &error))?;
        let base = self.segment.files.base;
        let mut aborted_path = None;
        // Even if none is left: what an older snapshot says does not hold any more.
        if group.iter().any(|source| !source.aborted.is_empty()) {
            let path = cleaned_path(&transactions::path(&plan.dir, base));
            let content = transactions::encode(base, &self.segment.aborted);
            plan.disk.write_new(&path, &content).map_err(|error| match plan.disk.has_failed() {
                true => LogError::sync(&doing(), &error),
                false => LogError::write(&doing(), &error),
            })?;
            aborted_path = Some(path);
        }
        let sources = group.iter().map(Source::same).collect();
        Ok(Cleaned { sources, path: self.path, segment: self.segment, entries: self.entries, aborted_path })
    }

    fn broken(&self, error: &BatchError) -> LogError {
        LogError::Corrupt { reason: format!("compacting {}: {error}", self.path.display()) }
    }
}

impl Source {
    fn open(&self) -> Result<Arc<DiskFile>, LogError> {
        // Not there: the segment, or the whole log, was deleted since the pass was planned.
        let doing = || format!("compacting {}", self.files.log.path().display());
        self.files
            .log
            .open()
            .map_err(|error| LogError::Unreadable { reason: format!("{}: {error}", doing()) })
    }

    fn error(&self, error: ScanError) -> LogError {
        self.files.scan_error(error)
    }

    fn same(&self) -> Self {
        let Self { files, size, end, aborted } = self;
        Self { files: files.clone(), size: *size, end: *end, aborted: aborted.clone() }
    }
}

/// `batch` without its records: an offset range and a time.
fn emptied(batch: &[u8]) -> [u8; HEADER_BYTES] {
    const UNCOUNTED_BYTES: usize = 12;
    const CRC: std::ops::Range<usize> = 17..21;
    const COMPRESSION: u8 = 0b111;
    let mut header: [u8; HEADER_BYTES] = *batch.first_chunk().expect("a batch has a header");
    header[8..12].copy_from_slice(&((HEADER_BYTES - UNCOUNTED_BYTES) as i32).to_be_bytes());
    header[22] &= !COMPRESSION;
    header[57..61].copy_from_slice(&0_i32.to_be_bytes());
    let sum = crc32c::crc32c(&header[CRC.end..]);
    header[CRC].copy_from_slice(&sum.to_be_bytes());
    header
}

//! Opening a log after a clean stop, a crash or worse.
//!
//! What lies before the sync point was on disk and acknowledged: if it is not there as it was, that is damage, the
//! files are left alone and the log is not opened. What lies after it may be torn and is cut at the first batch that
//! is not whole. Only the last segment has an "after": a segment is created when the one before is synced whole.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runnel_proto::records::{BatchHeader, HEADER_BYTES};

use super::compaction;
use super::error::LogError;
use super::scan::{Depth, Scan, ScanError, header_at};
use super::segment::{INDEX_INTERVAL_BYTES, Segment, remove_if_there};
use super::start::{self, Start};
use super::transactions;
use super::{Log, SyncPoint};
use crate::config::TopicConfig;
use crate::storage::{DeferredSync, Disk, DiskFile};
use crate::types::Offset;

/// How much of the tail is read, and written, at once.
const REWRITE_BYTES: usize = 1 << 20;

/// What opening a log took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Bytes after the sync point, verified and written anew.
    pub verified_bytes: u64,
    /// Bytes of a torn tail, cut off. Zeros at its end are none: they were written ahead.
    pub cut_bytes: u64,
    /// The `start` file was damaged: the log starts at its first segment, perhaps with records that were deleted.
    pub start_lost: bool,
}

impl Log {
    /// Opens the log in `dir`. Everything up to `sync_point` must be there; without one (the checkpoint is lost) all
    /// batches are verified, and a bad one is a torn tail only if no good one follows. `clean`: nothing was written
    /// after the sync point, so that nothing is verified if the file ends there.
    ///
    /// # Errors
    /// [`LogError::Corrupt`]: the files are damaged and left as they are. [`LogError::Unreadable`],
    /// [`LogError::DiskFull`] or [`LogError::Failed`]: it may work another time.
    pub fn open(
        disk: Disk,
        dir: PathBuf,
        config: Arc<TopicConfig>,
        sync_point: Option<SyncPoint>,
        clean: bool,
    ) -> Result<(Self, Recovery), LogError> {
        let sync = disk.defer_sync();
        let opened = Self::open_deferred(disk.clone(), dir, config, sync_point, clean, &sync)?;
        sync.finish().map_err(|error| LogError::sync("opening a log", &error))?;
        Ok(opened)
    }

    /// The same, durable only when `sync` is finished: the log must not be used before.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_deferred(
        disk: Disk,
        dir: PathBuf,
        config: Arc<TopicConfig>,
        sync_point: Option<SyncPoint>,
        clean: bool,
        sync: &DeferredSync<'_>,
    ) -> Result<(Self, Recovery), LogError> {
        if sync_point == Some(SyncPoint::DAMAGED) {
            return Err(corrupt(&dir, "it was damaged already when the checkpoint was lost"));
        }
        let mut recovery = Recovery::default();
        let Found { mut bases, start, names } = tidy(&disk, &dir)?;
        let needed = sync_point.unwrap_or_default();
        let Some(last) = bases.pop() else {
            // The log was being created when the broker stopped.
            if needed != SyncPoint::START || start != Start::At(0) {
                return Err(corrupt(&dir, "it has no segment left"));
            }
            return Ok((Self::create_deferred(disk, dir, config, sync)?, recovery));
        };
        if needed.segment > last {
            return Err(corrupt(&dir, &format!("segment {} is missing", needed.segment)));
        }
        let mut segments = Vec::with_capacity(bases.len() + 1);
        for base in bases {
            segments.push(Segment::open_sealed(&disk, &dir, base, sync_point.is_none())?);
        }
        segments.push(Segment::empty(&disk, &dir, last));
        check_chain(&dir, &segments)?;
        let first = segments[0].files.base;
        let start = match start {
            Start::At(start) if first > start => {
                return Err(corrupt(&dir, &format!("the segment with offset {start} is missing")));
            }
            Start::At(start) => start,
            Start::Damaged => {
                recovery.start_lost = true;
                first
            }
        };
        let trusted = match sync_point {
            Some(point) if point.segment == last => Trust::Until(point),
            Some(_) => Trust::Until(SyncPoint { offset: last, segment: last, ..SyncPoint::START }),
            None => Trust::Nothing,
        };
        let active = segments.last_mut().expect("one was pushed");
        let tail = open_active(active, trusted, clean)?;
        // Before anything is cut: damaged files are left as they are.
        if start > active.end {
            return Err(corrupt(&dir, &format!("it starts at {start} and ends at {}", active.end)));
        }
        if let Some(tail) = tail {
            settle(active, &tail, sync, &mut recovery)?;
            // What was seen of the names may be in the page cache alone, after a directory sync that failed.
            sync_names(sync, &dir)
                .map_err(|error| LogError::sync(&format!("opening {}", dir.display()), &error))?;
        }
        if recovery.start_lost {
            start::write(&disk, &dir, start)
                .map_err(|error| LogError::write("writing the start offset", &error))?;
        }
        let mut log = Self::of_segments(disk.clone(), dir, config, segments, start);
        log.recover_producers(&names, sync_point, sync)?;
        log.first_append_ms = log.first_timestamp();
        Ok((log, recovery))
    }

    /// About when the active segment got its first batch, as its producer says.
    fn first_timestamp(&self) -> Option<i64> {
        let active = self.active();
        let file = active.open_log().ok()?;
        Some(header_at(&file, 0, active.size).ok()?.max_timestamp_ms)
    }
}

/// What of the active segment is known to be on disk.
#[derive(Clone, Copy)]
enum Trust {
    Until(SyncPoint),
    Nothing,
}

/// What is in a log's directory.
struct Found {
    /// Of the segments.
    bases: Vec<Offset>,
    start: Start,
    /// All names.
    names: Vec<String>,
}

/// Finishes what was being done when the broker stopped.
fn tidy(disk: &Disk, dir: &Path) -> Result<Found, LogError> {
    let doing = || format!("opening {}", dir.display());
    let read = |error| LogError::read(&doing(), &error);
    let write = |error| LogError::write(&doing(), &error);
    let mut names = match disk.list(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        other => other.map_err(read)?,
    };
    let start = start::read(disk, dir).map_err(read)?;
    let mut bases: Vec<Offset> = names.iter().filter_map(|name| base_of(name, ".log")).collect();
    bases.sort_unstable();
    let swaps: Vec<Offset> = names.iter().filter_map(|name| base_of(name, ".log.swap")).collect();
    compaction::finish_swaps(disk, dir, &mut bases, &swaps)?;
    if !swaps.is_empty() {
        names = disk.list(dir).map_err(read)?;
    }
    for name in &names {
        // An index without its log.
        let base = base_of(name, ".index").or_else(|| base_of(name, transactions::EXTENSION));
        let orphan = base.is_some_and(|base| bases.binary_search(&base).is_err());
        if orphan || name.ends_with(".cleaned") || name.ends_with(".new") {
            remove_if_there(disk, &dir.join(name)).map_err(write)?;
        }
    }
    // Segments before the start were being removed; in which order that reached the disk is open.
    if let Start::At(start) = start {
        let kept = bases.partition_point(|&base| base <= start).saturating_sub(1);
        for base in bases.drain(..kept) {
            Segment::empty(disk, dir, base).remove(disk).map_err(write)?;
        }
    }
    Ok(Found { bases, start, names })
}

pub(super) fn base_of(name: &str, extension: &str) -> Option<Offset> {
    let digits = name.strip_suffix(extension)?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if well_formed { digits.parse().ok() } else { None }
}

fn check_chain(dir: &Path, segments: &[Segment]) -> Result<(), LogError> {
    for pair in segments.windows(2) {
        let (end, next) = (pair[0].end, pair[1].files.base);
        if end != next {
            return Err(corrupt(
                dir,
                &format!("segment {} ends at {end}, the next one is {next}", pair[0].files.base),
            ));
        }
    }
    Ok(())
}

/// Makes the names in `dir`, and of it, durable.
pub(super) fn sync_names(sync: &DeferredSync<'_>, dir: &Path) -> std::io::Result<()> {
    dir.ancestors().try_for_each(|dir| sync.dir(dir))
}

/// What follows the last sync point: it is to be cut and made durable.
struct Tail {
    file: Arc<DiskFile>,
    /// Where it starts.
    from: u64,
    /// Where the file ends.
    len: u64,
}

/// Finds where the active segment ends; changes nothing. `None` if nothing is to be recovered.
fn open_active(active: &mut Segment, trust: Trust, clean: bool) -> Result<Option<Tail>, LogError> {
    let file = active.open_log()?;
    let len = file.len().map_err(|error| active.read_error(&error))?;
    let Trust::Until(point) = trust else {
        return find_end(active, file, len, true).map(Some);
    };
    if len < point.position {
        let what = format!("it has {len} bytes, of which {} were on disk", point.position);
        return Err(corrupt(active.files.log.path(), &what));
    }
    resume(active, &file, &point)?;
    if clean && len == point.position {
        return Ok(None);
    }
    find_end(active, file, len, false).map(Some)
}

/// Takes the segment up to the sync point as it is, with the help of the index.
fn resume(active: &mut Segment, file: &DiskFile, point: &SyncPoint) -> Result<(), LogError> {
    let known = match active.files.index.truncate(point.position) {
        // Entries for a torn tail must not come back after other batches have taken its place.
        Ok(true) => {
            active.files.index.sync().map_err(|_| ()).and_then(|()| active.files.index.last().map_err(|_| ()))
        }
        Ok(false) => active.files.index.last().map_err(|_| ()),
        Err(_) => Err(()),
    };
    let resumed = match known {
        Ok(Some(entry)) => active.resume_at(file, entry, point.position).is_ok(),
        Ok(None) => true,
        Err(()) => false,
    };
    if !resumed {
        active.reset();
    }
    let mut scan = Scan::new(file, Depth::Headers, active.size, point.position);
    loop {
        match scan.next() {
            Ok(None) => break,
            Ok(Some(batch)) => add(active, &batch.header)?,
            Err(error) => return Err(active.scan_error(error)),
        }
    }
    if active.end != point.offset {
        let what = format!("byte {} has offset {}, expected {}", point.position, active.end, point.offset);
        return Err(corrupt(active.files.log.path(), &what));
    }
    Ok(())
}

/// Verifies what follows, up to the first batch that is not whole.
fn find_end(active: &mut Segment, file: Arc<DiskFile>, len: u64, strict: bool) -> Result<Tail, LogError> {
    if strict {
        active.reset();
    }
    let from = active.size;
    let mut scan = Scan::new(&file, Depth::Batches, from, len);
    let torn = loop {
        match scan.next() {
            Ok(None) => break false,
            // The active segment was never compacted: its offsets have no gaps.
            Ok(Some(batch)) if batch.header.base_offset != active.end => break true,
            Ok(Some(batch)) => add(active, &batch.header)?,
            Err(ScanError::Bad { .. }) => break true,
            Err(error) => return Err(active.scan_error(error)),
        }
    };
    if torn
        && strict
        && let Some(position) = find_batch(active, &file, len)?
    {
        let what = format!("it is damaged from byte {} to byte {position}", active.size);
        return Err(corrupt(active.files.log.path(), &what));
    }
    Ok(Tail { file, from, len })
}

/// Cuts the tail where it was found to end, and makes the rest durable: the page cache may show bytes that the disk lost in
/// a failed sync, and only writing them again gets them there.
fn settle(
    active: &Segment,
    Tail { file, from, len }: &Tail,
    sync: &DeferredSync<'_>,
    recovery: &mut Recovery,
) -> Result<(), LogError> {
    recovery.verified_bytes = active.size - from;
    // Told to people, and nothing else: what can't be read there is cut all the same.
    recovery.cut_bytes = end_of_bytes(file, active.size, *len).unwrap_or(*len) - active.size;
    let doing = || format!("recovering {}", active.files.log.path().display());
    // Even if nothing is to be cut: the length, too, may be one that only the page cache knows.
    file.set_len(active.size).map_err(|error| LogError::sync(&doing(), &error))?;
    rewrite(file, *from, active.size).map_err(|error| LogError::sync(&doing(), &error))?;
    sync.file(file).map_err(|error| LogError::sync(&doing(), &error))
}

fn add(active: &mut Segment, header: &BatchHeader) -> Result<(), LogError> {
    if let Some(entry) = active.add(header, INDEX_INTERVAL_BYTES)? {
        active.files.index.push(entry);
    }
    Ok(())
}

fn rewrite(file: &DiskFile, from: u64, to: u64) -> std::io::Result<()> {
    each_chunk(file, from, to, |position, bytes| file.write_all_at(&mut [IoSlice::new(bytes)], position))
}

/// Where, between two positions, the last byte lies that is not zero: the position after it, or `from`.
fn end_of_bytes(file: &DiskFile, from: u64, to: u64) -> std::io::Result<u64> {
    let mut end = from;
    each_chunk(file, from, to, |position, bytes| {
        if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
            end = position + last as u64 + 1;
        }
        Ok(())
    })?;
    Ok(end)
}

/// Reads what lies between two positions, and hands over each piece with its position.
fn each_chunk(
    file: &DiskFile,
    from: u64,
    to: u64,
    mut take: impl FnMut(u64, &[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut position = from;
    let mut bytes = Vec::new();
    while position < to {
        bytes.resize(REWRITE_BYTES.min((to - position) as usize), 0);
        file.read_exact_at(&mut bytes, position)?;
        take(position, &bytes)?;
        position += bytes.len() as u64;
    }
    Ok(())
}

/// Where, after the bad batch at the end of what is `known`, a good one with a later offset starts.
fn find_batch(known: &Segment, file: &DiskFile, len: u64) -> Result<Option<u64>, LogError> {
    let mut position = known.size + 1;
    let mut bytes = vec![0; REWRITE_BYTES];
    while position + HEADER_BYTES as u64 <= len {
        let read = file.read_at(&mut bytes, position).map_err(|error| known.read_error(&error))?;
        for (at, window) in bytes[..read].windows(HEADER_BYTES).enumerate() {
            let follows = |header: &BatchHeader| {
                header.base_offset >= known.end && known.fits(header.size_bytes, header.next_offset())
            };
            let at = position + at as u64;
            if BatchHeader::parse(window).is_ok_and(|header| follows(&header))
                && let Ok(Some(_)) = Scan::new(file, Depth::Batches, at, len).next()
            {
                return Ok(Some(at));
            }
        }
        // The windows overlap by all but one byte of a header.
        position += (read - (HEADER_BYTES - 1)) as u64;
    }
    Ok(None)
}

fn corrupt(path: &Path, what: &str) -> LogError {
    LogError::Corrupt { reason: format!("{}: {what}", path.display()) }
}

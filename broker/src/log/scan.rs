//! A walk over the batches of a `.log` file.

use std::io;

use runnel_proto::records::{BatchError, BatchHeader, HEADER_BYTES, verify_crc};

use crate::storage::DiskFile;

const CHUNK_BYTES: usize = 256 << 10;

/// For a walk of a few batches, between one entry of an index and the next.
const NEARBY_BYTES: usize = 8 << 10;

/// What a walk looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Headers only; a batch larger than a chunk is leapt over.
    Headers,
    /// Whole batches, their sums verified.
    Batches,
}

/// Why a walk ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("at byte {position}: {error}")]
    Bad { position: u64, error: BatchError },
}

/// Walks from batch to batch between two positions of a file, in few and large reads.
pub(super) struct Scan<'a> {
    file: &'a DiskFile,
    depth: Depth,
    position: u64,
    end: u64,
    chunk_bytes: usize,
    chunk: Vec<u8>,
    chunk_at: u64,
    /// The batch before: its size tells how far reading ahead pays.
    last_start: usize,
    last_size: usize,
}

/// One batch of a walk.
pub(super) struct Scanned {
    pub(super) position: u64,
    pub(super) header: BatchHeader,
}

/// The header of the batch at `position`, if a batch may lie there before `end`.
pub(super) fn header_at(file: &DiskFile, position: u64, end: u64) -> Result<BatchHeader, ScanError> {
    let mut bytes = [0; HEADER_BYTES];
    let read = file.read_at(&mut bytes, position)?;
    let bad = |error| ScanError::Bad { position, error };
    let header = BatchHeader::parse(&bytes[..read]).map_err(bad)?;
    check(&header, end.saturating_sub(position)).map_err(bad)?;
    Ok(header)
}

/// Whether the batch can be what it says within the bytes that are left.
fn check(header: &BatchHeader, left_bytes: u64) -> Result<(), BatchError> {
    if header.size_bytes as u64 > left_bytes {
        let available = usize::try_from(left_bytes).unwrap_or(usize::MAX);
        return Err(BatchError::Truncated { needed: header.size_bytes, available });
    }
    if header.last_offset_delta < 0 || header.base_offset < 0 {
        return Err(BatchError::Malformed("its offsets are negative"));
    }
    Ok(())
}

impl<'a> Scan<'a> {
    pub(super) fn new(file: &'a DiskFile, depth: Depth, position: u64, end: u64) -> Self {
        Self {
            file,
            depth,
            position,
            end,
            chunk_bytes: CHUNK_BYTES,
            chunk: Vec::new(),
            chunk_at: position,
            last_start: 0,
            last_size: 0,
        }
    }

    /// A walk over headers that does not go far.
    pub(super) fn nearby(file: &'a DiskFile, position: u64, end: u64) -> Self {
        Self { chunk_bytes: NEARBY_BYTES, ..Self::new(file, Depth::Headers, position, end) }
    }

    /// The next batch; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Scanned>, ScanError> {
        let position = self.position;
        if position >= self.end {
            return Ok(None);
        }
        let bad = |error| ScanError::Bad { position, error };
        let (start, available) = self.fill(HEADER_BYTES)?;
        let header = BatchHeader::parse(&self.chunk[start..start + available]).map_err(bad)?;
        check(&header, self.end - position).map_err(bad)?;
        self.last_start = start;
        if self.depth == Depth::Batches {
            let (start, size) = self.fill(header.size_bytes)?;
            verify_crc(&self.chunk[start..start + size]).map_err(bad)?;
            self.last_start = start;
        }
        self.position += header.size_bytes as u64;
        self.last_size = header.size_bytes;
        Ok(Some(Scanned { position, header }))
    }

    /// The bytes of the batch that came last, when whole batches are looked at.
    pub(super) fn batch(&self) -> &[u8] {
        assert_eq!(self.depth, Depth::Batches, "the bytes were not read");
        &self.chunk[self.last_start..self.last_start + self.last_size]
    }

    /// Has `needed` bytes from the current position in the chunk, if the walk goes so far: where, and how many.
    fn fill(&mut self, needed: usize) -> io::Result<(usize, usize)> {
        let needed = needed.min(usize::try_from(self.end - self.position).unwrap_or(usize::MAX));
        let start = usize::try_from(self.position - self.chunk_at).unwrap_or(usize::MAX);
        if start.saturating_add(needed) <= self.chunk.len() {
            return Ok((start, needed));
        }
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        // After a batch that fills much of a chunk, the next header is read alone.
        let leaps = self.depth == Depth::Headers && self.last_size > self.chunk_bytes / 8;
        let chunk = if leaps { needed } else { needed.max(self.chunk_bytes).min(left) };
        self.chunk.resize(chunk, 0);
        self.chunk_at = self.position;
        self.file.read_exact_at(&mut self.chunk, self.position)?;
        Ok((0, needed))
    }
}

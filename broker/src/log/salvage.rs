//! Reading what is whole of a log that is damaged. Its files are left as they are.

use std::ops::Range;
use std::path::Path;

use runnel_proto::records::{BatchHeader, HEADER_BYTES, verify_crc};

use super::SyncPoint;
use super::error::LogError;
use super::recovery::base_of;
use super::segment::log_path;
use super::start::{self, Start};
use crate::storage::Disk;
use crate::types::Offset;

/// What a damaged log still told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvaged {
    /// The offset after the last record there was.
    pub end: Offset,
    /// Offsets whose records could not be read, ascending.
    pub lost: Vec<Range<Offset>>,
}

/// Hands every whole batch of the log in `dir` to `take`, in order. Everything before `sync_point` was there once; without one
/// nobody knows what came after the last whole batch.
///
/// # Errors
/// [`LogError::Unreadable`]: the disk may give more another time.
pub fn salvage(
    disk: &Disk,
    dir: &Path,
    sync_point: Option<SyncPoint>,
    mut take: impl FnMut(&BatchHeader, &[u8]),
) -> Result<Salvaged, LogError> {
    let read = |error| LogError::read(&format!("reading {}", dir.display()), &error);
    let mut bases: Vec<Offset> = match disk.list(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(read)?.iter().filter_map(|name| base_of(name, ".log")).collect(),
    };
    bases.sort_unstable();
    let Start::At(start) = start::read(disk, dir).map_err(read)? else {
        return Err(LogError::Corrupt { reason: format!("{}: where it starts is lost", dir.display()) });
    };
    let mut salvaged = Salvaged { end: start, lost: Vec::new() };
    for base in bases {
        salvaged.skip_to(base);
        let bytes = disk.read(&log_path(dir, base)).map_err(read)?;
        let (mut at, mut damaged) = (0, false);
        while at < bytes.len() {
            let Some((header, batch)) = whole_batch(&bytes[at..]) else {
                (at, damaged) = (at + 1, true);
                continue;
            };
            // Gaps without damage are what compaction left.
            if damaged {
                salvaged.skip_to(header.base_offset);
            }
            (at, damaged) = (at + header.size_bytes, false);
            salvaged.end = salvaged.end.max(header.next_offset());
            take(&header, batch);
        }
    }
    if let Some(point) = sync_point {
        salvaged.skip_to(point.offset);
    }
    Ok(salvaged)
}

impl Salvaged {
    fn skip_to(&mut self, offset: Offset) {
        if offset > self.end {
            self.lost.push(self.end..offset);
            self.end = offset;
        }
    }
}

fn whole_batch(bytes: &[u8]) -> Option<(BatchHeader, &[u8])> {
    let header = BatchHeader::parse(bytes.get(..HEADER_BYTES)?).ok()?;
    let batch = bytes.get(..header.size_bytes)?;
    let sound = header.base_offset >= 0 && header.last_offset_delta >= 0 && verify_crc(batch).is_ok();
    sound.then_some((header, batch))
}

//! The file `start`: the first offset that readers may see, once that is not 0. Twelve bytes, big-endian: the
//! offset and its CRC-32C.

use std::io;
use std::path::{Path, PathBuf};

use crate::storage::Disk;
use crate::types::Offset;

/// What is written about a log's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    At(Offset),
    /// The file is there and says nothing.
    Damaged,
}

pub(super) fn read(disk: &Disk, dir: &Path) -> io::Result<Start> {
    let bytes = match disk.read(&path(dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Start::At(0)),
        other => other?,
    };
    let Some((offset, sum)) = bytes.split_first_chunk::<8>().filter(|(_, sum)| sum.len() == 4) else {
        return Ok(Start::Damaged);
    };
    let intact = sum == crc32c::crc32c(offset).to_be_bytes() && !offset[0] >> 7 == 1;
    Ok(if intact { Start::At(Offset::from_be_bytes(*offset)) } else { Start::Damaged })
}

/// Durable on return.
pub(super) fn write(disk: &Disk, dir: &Path, start: Offset) -> io::Result<()> {
    let offset = start.to_be_bytes();
    disk.write_new(&path(dir), &[&offset[..], &crc32c::crc32c(&offset).to_be_bytes()].concat())
}

fn path(dir: &Path) -> PathBuf {
    dir.join("start")
}

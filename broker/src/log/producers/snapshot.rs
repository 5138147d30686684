//! What is written about producers, beside the log: all of it is also in the batches, so it is checked and never
//! relied on. A snapshot is taken of what is on disk only, so that none speaks of batches that a crash took back.
//!
//! ```text
//! <offset, 20 digits>.snapshot                                                                        (big-endian)
//! magic "RNLPROD1" | offset i64
//! | count u32 | count × (id i64, epoch i16, coordinator epoch i32, transaction's start i64, last marker i64, last
//!   timestamp i64, last seen i64, count u8, count × (first sequence i32, base offset i64, last offset delta i32,
//!   timestamp i64, append time u8))
//! | count u32 | count × aborted transaction of the segment that was active, as in its index
//! | count u32 | count × base offset i64 of a segment with an index of aborted transactions
//! | CRC-32C u32 of all before
//! ```
//!
//! -1 stands for nothing.

use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut, TryGetError};

use super::state::REMEMBERED_BATCHES;
use super::{Producer, Producers, SentBatch};
use crate::log::transactions::AbortedTransaction;
use crate::storage::Disk;
use crate::types::Offset;

const MAGIC: &[u8; 8] = b"RNLPROD1";
const SUM_BYTES: usize = 4;

/// Producers as the batches before an offset leave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) offset: Offset,
    pub(super) producers: Producers,
    /// Those whose markers are in the segment that was active; the sealed ones have indexes.
    pub(super) aborted: Vec<AbortedTransaction>,
    /// The sealed segments with an index of aborted transactions.
    pub(super) indexed: Vec<Offset>,
}

/// The file of the snapshot at `offset`.
pub(super) fn path(dir: &Path, offset: Offset) -> PathBuf {
    dir.join(format!("{offset:020}.snapshot"))
}

impl Snapshot {
    /// The snapshot at `offset`, if it is there and intact.
    pub(super) fn read(disk: &Disk, dir: &Path, offset: Offset) -> Option<Self> {
        let bytes = disk.read(&path(dir, offset)).ok()?;
        Self::decode(&bytes).filter(|snapshot| snapshot.offset == offset)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_slice(MAGIC);
        out.put_i64(self.offset);
        put_count(&mut out, self.producers.by_id.len());
        for (&id, producer) in &self.producers.by_id {
            put_producer(&mut out, id, producer);
        }
        put_count(&mut out, self.aborted.len());
        self.aborted.iter().for_each(|aborted| aborted.put(&mut out));
        put_count(&mut out, self.indexed.len());
        self.indexed.iter().for_each(|&base| out.put_i64(base));
        out.put_u32(crc32c::crc32c(&out));
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
        let fields = content.strip_prefix(MAGIC)?;
        if crc32c::crc32c(content).to_be_bytes() != *sum {
            return None;
        }
        Self::take(fields).ok()
    }

    fn take(mut fields: &[u8]) -> Result<Self, TryGetError> {
        let mut snapshot = Self { offset: fields.try_get_i64()?, ..Self::default() };
        for _ in 0..fields.try_get_u32()? {
            let (id, producer) = take_producer(&mut fields)?;
            if let Some(first_offset) = producer.open_transaction {
                snapshot.producers.open.insert(first_offset, id);
            }
            snapshot.producers.by_id.insert(id, producer);
        }
        for _ in 0..fields.try_get_u32()? {
            snapshot.aborted.push(AbortedTransaction::take(&mut fields)?);
        }
        for _ in 0..fields.try_get_u32()? {
            snapshot.indexed.push(fields.try_get_i64()?);
        }
        Ok(snapshot)
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.put_u32(u32::try_from(count).expect("fewer than 2^32 producers and transactions"));
}

fn put_producer(out: &mut Vec<u8>, id: i64, producer: &Producer) {
    out.put_i64(id);
    out.put_i16(producer.epoch);
    out.put_i32(producer.coordinator_epoch);
    out.put_i64(producer.open_transaction.unwrap_or(-1));
    out.put_i64(producer.last_marker.unwrap_or(-1));
    out.put_i64(producer.last_timestamp_ms);
    out.put_i64(producer.last_seen_ms.unwrap_or(-1));
    out.put_u8(producer.batches.len() as u8);
    for batch in &producer.batches {
        out.put_i32(batch.first_sequence);
        out.put_i64(batch.base_offset);
        out.put_i32(batch.last_offset_delta);
        out.put_i64(batch.timestamp_ms);
        out.put_u8(batch.append_time.into());
    }
}

fn take_producer(fields: &mut &[u8]) -> Result<(i64, Producer), TryGetError> {
    let id = fields.try_get_i64()?;
    let mut producer = Producer {
        epoch: fields.try_get_i16()?,
        coordinator_epoch: fields.try_get_i32()?,
        open_transaction: take_offset(fields)?,
        last_marker: take_offset(fields)?,
        last_timestamp_ms: fields.try_get_i64()?,
        last_seen_ms: take_offset(fields)?,
        batches: Vec::with_capacity(REMEMBERED_BATCHES),
    };
    for _ in 0..fields.try_get_u8()? {
        producer.batches.push(SentBatch {
            first_sequence: fields.try_get_i32()?,
            base_offset: fields.try_get_i64()?,
            last_offset_delta: fields.try_get_i32()?,
            timestamp_ms: fields.try_get_i64()?,
            append_time: fields.try_get_u8()? == 1,
        });
    }
    Ok((id, producer))
}

/// A number from 0, or nothing.
fn take_offset(fields: &mut &[u8]) -> Result<Option<i64>, TryGetError> {
    Ok(Some(fields.try_get_i64()?).filter(|&number| number >= 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_back_and_doubted_when_damaged() {
        let producer = Producer {
            epoch: 3,
            batches: vec![SentBatch {
                first_sequence: i32::MAX,
                base_offset: 8,
                last_offset_delta: 2,
                timestamp_ms: -1,
                append_time: true,
            }],
            open_transaction: Some(8),
            coordinator_epoch: 5,
            last_marker: None,
            last_timestamp_ms: 77,
            last_seen_ms: Some(78),
        };
        let producers =
            Producers { by_id: [(9, producer)].into(), open: [(8, 9)].into(), ..Producers::default() };
        let aborted =
            AbortedTransaction { producer_id: 4, first_offset: 1, last_offset: 3, last_stable_offset: 4 };
        let snapshot = Snapshot { offset: 11, producers, aborted: vec![aborted], indexed: vec![0, 5] };
        let bytes = snapshot.encode();
        assert_eq!(Snapshot::decode(&bytes), Some(snapshot));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(Snapshot::decode(&damaged), None);
            assert_eq!(Snapshot::decode(&bytes[..at]), None);
        }
    }
}

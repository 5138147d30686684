//! Batches as clients make them, and as they should not.

use bytes::Bytes;
use runnel_proto::records::{BatchBuilder, Compression};

/// Where a field lies in a batch; those from [`SUMMED_FROM`] on are within its CRC.
pub(super) const BASE_OFFSET: usize = 0;
pub(super) const LENGTH: usize = 8;
pub(super) const LEADER_EPOCH: usize = 12;
pub(super) const MAGIC: usize = 16;
pub(super) const CRC: usize = 17;
const SUMMED_FROM: usize = 21;
pub(super) const ATTRIBUTES: usize = 21;
pub(super) const LAST_OFFSET_DELTA: usize = 23;
pub(super) const MAX_TIMESTAMP: usize = 35;
pub(super) const PRODUCER_ID: usize = 43;
pub(super) const PRODUCER_EPOCH: usize = 51;
pub(super) const BASE_SEQUENCE: usize = 53;
pub(super) const RECORD_COUNT: usize = 57;

/// The attribute of transactional batches.
pub(super) const TRANSACTIONAL: i16 = 1 << 4;
/// The attribute of markers.
pub(super) const CONTROL: i16 = 1 << 5;
/// The attribute of batches whose time is the broker's.
pub(super) const LOG_APPEND_TIME: i16 = 1 << 3;

/// Records with these values and no keys, a millisecond apart.
pub(super) fn batch(timestamp_ms: i64, values: &[&str]) -> Bytes {
    compressed(Compression::None, timestamp_ms, values)
}

/// The same, compressed.
pub(super) fn compressed(compression: Compression, timestamp_ms: i64, values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new(compression);
    for (value, timestamp_ms) in values.iter().zip(timestamp_ms..) {
        builder.push(timestamp_ms, None, Some(value.as_bytes()), &[]);
    }
    builder.build().expect("records")
}

/// Records with keys and values.
pub(super) fn keyed(timestamp_ms: i64, records: &[(Option<&str>, Option<&str>)]) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for (key, value) in records {
        builder.push(timestamp_ms, key.map(str::as_bytes), value.map(str::as_bytes), &[]);
    }
    builder.build().expect("records")
}

/// Of a producer, as the next of its sequence.
pub(super) fn sequenced(batch: &Bytes, producer_id: i64, epoch: i16, sequence: i32) -> Bytes {
    let batch = with(batch, PRODUCER_ID, producer_id.to_be_bytes());
    let batch = with(&batch, PRODUCER_EPOCH, epoch.to_be_bytes());
    with(&batch, BASE_SEQUENCE, sequence.to_be_bytes())
}

/// Within a transaction.
pub(super) fn transactional(batch: &Bytes, producer_id: i64, epoch: i16, sequence: i32) -> Bytes {
    with(&sequenced(batch, producer_id, epoch, sequence), ATTRIBUTES, TRANSACTIONAL.to_be_bytes())
}

/// With another value in a field, and the CRC that goes with it.
pub(super) fn with<const N: usize>(batch: &Bytes, at: usize, value: [u8; N]) -> Bytes {
    let mut batch = batch.to_vec();
    batch[at..at + N].copy_from_slice(&value);
    if at >= SUMMED_FROM {
        let crc = crc32c::crc32c(&batch[SUMMED_FROM..]);
        batch[CRC..CRC + 4].copy_from_slice(&crc.to_be_bytes());
    }
    batch.into()
}

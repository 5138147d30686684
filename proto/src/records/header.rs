//! The 61 bytes in front of a batch's records, frozen by Kafka's message format 2 (KIP-98):
//!
//! ```text
//!  0 base offset i64      12 leader epoch i32   23 last offset delta i32   43 producer id i64
//!  8 length i32           16 magic i8           27 base timestamp i64      51 producer epoch i16
//!    (of what follows)    17 CRC-32C u32        35 max timestamp i64       53 base sequence i32
//!                         21 attributes i16                                57 record count i32
//! ```
//!
//! The CRC covers byte 21 to the end, so that base offset and leader epoch can be stamped without summing again.

use super::{BatchError, Compression};

/// Bytes before a batch's records.
pub const HEADER_BYTES: usize = 61;

/// Bytes that the length field does not count: base offset and the length itself.
const UNCOUNTED_BYTES: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const SUMMED_FROM: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;
const MAGIC: i8 = 2;

const COMPRESSION_BITS: i16 = 0b111;
const LOG_APPEND_TIME_BIT: i16 = 1 << 3;
const TRANSACTIONAL_BIT: i16 = 1 << 4;
const CONTROL_BIT: i16 = 1 << 5;

/// What a record's timestamp tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimestampType {
    /// When its producer made it.
    #[default]
    CreateTime,
    /// When the broker appended it.
    LogAppendTime,
}

/// The fixed fields of a record batch, format version 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record, also when compaction has removed it.
    pub base_offset: i64,
    /// The whole batch, including the 12 bytes before those that its length field counts.
    pub size_bytes: usize,
    /// Epoch of the leader that appended the batch; -1 as long as none did.
    pub leader_epoch: i32,
    /// CRC-32C over attributes to end.
    pub crc: u32,
    /// Compression (bits 0–2), timestamp type (3), transactional (4), control (5), delete horizon (6).
    pub attributes: i16,
    /// Last offset minus base offset.
    pub last_offset_delta: i32,
    /// Base of the records' timestamp deltas, in Unix milliseconds.
    pub base_timestamp_ms: i64,
    /// Largest timestamp of the batch, or its append time, in Unix milliseconds.
    pub max_timestamp_ms: i64,
    /// Idempotent or transactional producer; -1 when none.
    pub producer_id: i64,
    /// Epoch of that producer; -1 when none.
    pub producer_epoch: i16,
    /// Sequence number of the first record; -1 when none.
    pub base_sequence: i32,
    /// Number of records present.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the first 61 bytes; the rest of the batch need not be there.
    ///
    /// # Errors
    /// [`BatchError::Truncated`] under 61 bytes, [`BatchError::Magic`] unless the format version is 2,
    /// [`BatchError::Length`] when the length field leaves no room for a header.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let magic = bytes.get(MAGIC_AT).map(|&byte| byte as i8);
        if let Some(magic) = magic.filter(|&magic| magic != MAGIC) {
            return Err(BatchError::Magic(magic));
        }
        let header: &[u8; HEADER_BYTES] = bytes
            .first_chunk()
            .ok_or(BatchError::Truncated { needed: HEADER_BYTES, available: bytes.len() })?;
        let length = i32::from_be_bytes(field(header, 8));
        let size_bytes = usize::try_from(length)
            .ok()
            .map(|length| length + UNCOUNTED_BYTES)
            .filter(|&size| size >= HEADER_BYTES)
            .ok_or(BatchError::Length(length))?;
        Ok(Self {
            base_offset: i64::from_be_bytes(field(header, 0)),
            size_bytes,
            leader_epoch: i32::from_be_bytes(field(header, 12)),
            crc: u32::from_be_bytes(field(header, CRC_AT)),
            attributes: i16::from_be_bytes(field(header, SUMMED_FROM)),
            last_offset_delta: i32::from_be_bytes(field(header, 23)),
            base_timestamp_ms: i64::from_be_bytes(field(header, 27)),
            max_timestamp_ms: i64::from_be_bytes(field(header, MAX_TIMESTAMP_AT)),
            producer_id: i64::from_be_bytes(field(header, 43)),
            producer_epoch: i16::from_be_bytes(field(header, 51)),
            base_sequence: i32::from_be_bytes(field(header, 53)),
            record_count: i32::from_be_bytes(field(header, 57)),
        })
    }

    /// # Errors
    /// [`BatchError::UnknownCompression`] for codes 5 to 7.
    pub fn compression(&self) -> Result<Compression, BatchError> {
        Compression::from_bits((self.attributes & COMPRESSION_BITS) as u8)
    }

    /// What the records' timestamps tell.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & LOG_APPEND_TIME_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Whether the batch holds a marker for the brokers instead of a client's records.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// Whether the batch belongs to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_BIT != 0
    }

    /// Offset of the last record, also when compaction has removed it.
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Offset that follows the batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// Fields of a fresh batch: base offset 0, no leader, no producer. Size and CRC are [`seal`]'s.
    pub(super) fn fresh(compression: Compression, record_count: i32) -> Self {
        Self {
            base_offset: 0,
            size_bytes: 0,
            leader_epoch: -1,
            crc: 0,
            attributes: i16::from(compression.to_bits()),
            last_offset_delta: record_count - 1,
            base_timestamp_ms: -1,
            max_timestamp_ms: -1,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            record_count,
        }
    }

    pub(super) fn mark_control(&mut self) {
        self.attributes |= TRANSACTIONAL_BIT | CONTROL_BIT;
    }
}

/// Writes `header` into the first 61 bytes of `batch`, whose records follow already, with its real length and CRC.
///
/// # Errors
/// [`BatchError::TooLarge`] when the length does not fit its field.
pub(super) fn seal(batch: &mut [u8], header: &BatchHeader) -> Result<(), BatchError> {
    let length = i32::try_from(batch.len() - UNCOUNTED_BYTES)
        .map_err(|_| BatchError::TooLarge { limit_bytes: i32::MAX as usize })?;
    put(batch, 0, header.base_offset.to_be_bytes());
    put(batch, 8, length.to_be_bytes());
    put(batch, 12, header.leader_epoch.to_be_bytes());
    put(batch, MAGIC_AT, MAGIC.to_be_bytes());
    put(batch, SUMMED_FROM, header.attributes.to_be_bytes());
    put(batch, 23, header.last_offset_delta.to_be_bytes());
    put(batch, 27, header.base_timestamp_ms.to_be_bytes());
    put(batch, MAX_TIMESTAMP_AT, header.max_timestamp_ms.to_be_bytes());
    put(batch, 43, header.producer_id.to_be_bytes());
    put(batch, 51, header.producer_epoch.to_be_bytes());
    put(batch, 53, header.base_sequence.to_be_bytes());
    put(batch, 57, header.record_count.to_be_bytes());
    put_crc(batch);
    Ok(())
}

/// Checks that `batch` is one whole batch and that its bytes are those its writer summed up.
///
/// # Errors
/// Those of [`BatchHeader::parse`], [`BatchError::Truncated`] or [`BatchError::Length`] when the size differs,
/// [`BatchError::Crc`] when the sum does.
pub fn verify_crc(batch: &[u8]) -> Result<(), BatchError> {
    parse_verified(batch).map(|_| ())
}

pub(super) fn parse_verified(batch: &[u8]) -> Result<BatchHeader, BatchError> {
    let header = BatchHeader::parse(batch)?;
    if batch.len() < header.size_bytes {
        return Err(BatchError::Truncated { needed: header.size_bytes, available: batch.len() });
    }
    if batch.len() > header.size_bytes {
        return Err(BatchError::Length((header.size_bytes - UNCOUNTED_BYTES) as i32));
    }
    let computed = crc32c::crc32c(&batch[SUMMED_FROM..]);
    if computed != header.crc {
        return Err(BatchError::Crc { stored: header.crc, computed });
    }
    Ok(header)
}

/// Turns a valid batch into one of `LogAppendTime`: every record then counts as stamped `now_ms`.
///
/// # Panics
/// When `batch` is shorter than a header.
pub fn stamp_append_time(batch: &mut [u8], now_ms: i64) {
    assert!(batch.len() >= HEADER_BYTES, "only a whole batch can be stamped");
    let attributes = i16::from_be_bytes(field(batch, SUMMED_FROM)) | LOG_APPEND_TIME_BIT;
    put(batch, SUMMED_FROM, attributes.to_be_bytes());
    put(batch, MAX_TIMESTAMP_AT, now_ms.to_be_bytes());
    put_crc(batch);
}

/// Who sends a batch, for the broker to take one that is sent again for the one it has (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer's id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// The number of the batch's first record in the producer's row of them for this partition; -1 for none.
    pub base_sequence: i32,
    /// Whether the batch belongs to a transaction.
    pub transactional: bool,
}

/// Makes a valid batch one of this producer.
///
/// # Panics
/// When `batch` is shorter than a header.
pub fn stamp_producer(batch: &mut [u8], producer: ProducerStamp) {
    assert!(batch.len() >= HEADER_BYTES, "only a whole batch can be stamped");
    let mut attributes = i16::from_be_bytes(field(batch, SUMMED_FROM)) & !TRANSACTIONAL_BIT;
    if producer.transactional {
        attributes |= TRANSACTIONAL_BIT;
    }
    put(batch, SUMMED_FROM, attributes.to_be_bytes());
    put(batch, 43, producer.producer_id.to_be_bytes());
    put(batch, 51, producer.producer_epoch.to_be_bytes());
    put(batch, 53, producer.base_sequence.to_be_bytes());
    put_crc(batch);
}

/// Walks over concatenated whole batches, looking at headers only. It ends after the first error.
pub fn split_batches(bytes: &[u8]) -> BatchIter<'_> {
    BatchIter { rest: bytes }
}

/// Batches one after another, each with its header; made by [`split_batches`].
#[derive(Debug, Clone)]
pub struct BatchIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for BatchIter<'a> {
    type Item = Result<(BatchHeader, &'a [u8]), BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return None;
        }
        let header = match BatchHeader::parse(bytes) {
            Ok(header) => header,
            Err(error) => return Some(Err(error)),
        };
        let Some((batch, rest)) = bytes.split_at_checked(header.size_bytes) else {
            return Some(Err(BatchError::Truncated { needed: header.size_bytes, available: bytes.len() }));
        };
        self.rest = rest;
        Some(Ok((header, batch)))
    }
}

fn put_crc(batch: &mut [u8]) {
    let crc = crc32c::crc32c(&batch[SUMMED_FROM..]);
    put(batch, CRC_AT, crc.to_be_bytes());
}

fn put<const N: usize>(batch: &mut [u8], at: usize, field: [u8; N]) {
    batch[at..at + N].copy_from_slice(&field);
}

fn field<const N: usize>(header: &[u8], at: usize) -> [u8; N] {
    *header[at..].first_chunk().expect("the caller checked for 61 bytes")
}

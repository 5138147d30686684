use super::compression::Decompressor;
use super::header::{HEADER_BYTES, parse_verified};
use super::record::{MIN_RECORD_BYTES, RawRecord};
use super::varint::Cursor;
use super::{BatchError, BatchHeader, Compression, Record, TimestampType};

/// Looks inside batches. It keeps its buffer between them, so that reading allocates nothing in the long run.
#[derive(Debug)]
pub struct BatchReader {
    decompressor: Decompressor,
}

impl BatchReader {
    /// A reader that refuses batches whose records exceed `max_decompressed_bytes` once decompressed.
    pub fn new(max_decompressed_bytes: usize) -> Self {
        Self { decompressor: Decompressor::new(max_decompressed_bytes) }
    }

    /// Verifies one whole batch and walks over its records. The result borrows from the batch or, when that is
    /// compressed, from the reader.
    ///
    /// # Errors
    /// Those of [`verify_crc`](super::verify_crc), [`BatchError::TooLarge`] beyond the limit, and those of the codec.
    pub fn read<'a>(&'a mut self, batch: &'a [u8]) -> Result<Records<'a>, BatchError> {
        let header = parse_verified(batch)?;
        let body = &batch[HEADER_BYTES..];
        let records = match header.compression()? {
            Compression::None => body,
            compression => self.decompressor.decompress(compression, body)?,
        };
        Records::new(header, records)
    }
}

/// The records of one batch, in order. It ends after the first error.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    header: BatchHeader,
    timestamp_type: TimestampType,
    left: usize,
    next_offset_delta: i32,
    cursor: Cursor<'a>,
}

impl<'a> Records<'a> {
    fn new(header: BatchHeader, bytes: &'a [u8]) -> Result<Self, BatchError> {
        let left = usize::try_from(header.record_count)
            .map_err(|_| BatchError::Malformed("the record count is negative"))?;
        if left > bytes.len() / MIN_RECORD_BYTES {
            return Err(BatchError::Malformed("the record count exceeds the records"));
        }
        if left == 0 && !bytes.is_empty() {
            return Err(BatchError::Malformed("there are more records than the record count"));
        }
        let timestamp_type = header.timestamp_type();
        Ok(Self { header, timestamp_type, left, next_offset_delta: 0, cursor: Cursor::new(bytes) })
    }

    /// The batch's header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    #[inline]
    fn read_next(&mut self) -> Result<Record<'a>, BatchError> {
        let raw = RawRecord::read(&mut self.cursor)?;
        let delta = raw.offset_delta;
        if delta < self.next_offset_delta || delta > self.header.last_offset_delta {
            return Err(BatchError::Malformed("the records' offsets do not ascend within the batch"));
        }
        self.next_offset_delta = delta.saturating_add(1);
        if self.left == 0 && !self.cursor.rest().is_empty() {
            return Err(BatchError::Malformed("there are more records than the record count"));
        }
        let offset = self
            .header
            .base_offset
            .checked_add(i64::from(delta))
            .ok_or(BatchError::Malformed("a record's offset exceeds 64 bits"))?;
        let timestamp_ms = match self.timestamp_type {
            TimestampType::CreateTime => self.header.base_timestamp_ms.wrapping_add(raw.timestamp_delta),
            TimestampType::LogAppendTime => self.header.max_timestamp_ms,
        };
        Ok(raw.at(offset, timestamp_ms, self.timestamp_type))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, BatchError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let record = self.read_next();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

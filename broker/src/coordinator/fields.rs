//! The fields of the coordinators' records, as Kafka lays them out: integers big-endian; a string is an i16 length and UTF-8,
//! bytes an i32 length; length -1 is null. Compact ones have an unsigned varint instead, one more than the length.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The longest string that these records can hold.
pub const MAX_STRING_BYTES: usize = i16::MAX as usize;

/// The key version of records that Kafka does not have, out of the way of its own, which count up from 0.
pub(super) const OWN_KEY_VERSION: i16 = 1_000;

/// Why a record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a later Kafka, or of a kind that the coordinator does not have.
    #[error("a record's {part} has version {version}, which this broker does not know")]
    UnknownVersion {
        /// `key` or `value`.
        part: &'static str,
        /// The version found.
        version: i16,
    },
    /// The bytes are not such a record.
    #[error("a record is malformed: {0}")]
    Malformed(&'static str),
}

pub(super) fn put_string(out: &mut BytesMut, text: &str) {
    assert!(text.len() <= MAX_STRING_BYTES, "requests with longer strings are refused before they are kept");
    out.put_i16(text.len() as i16);
    out.put_slice(text.as_bytes());
}

pub(super) fn put_nullable_string(out: &mut BytesMut, text: Option<&str>) {
    match text {
        Some(text) => put_string(out, text),
        None => out.put_i16(-1),
    }
}

pub(super) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(bytes.len() as i32);
    out.put_slice(bytes);
}

pub(super) fn put_unsigned(out: &mut BytesMut, value: u32) {
    put_unsigned_long(out, value.into());
}

/// An unsigned varint of at most 63 bits.
pub(super) fn put_unsigned_long(out: &mut BytesMut, mut value: u64) {
    while value > 0x7f {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// The count of a compact list.
pub(super) fn put_count(out: &mut BytesMut, count: usize) {
    put_unsigned(out, count as u32 + 1);
}

pub(super) fn put_compact_string(out: &mut BytesMut, text: &str) {
    put_count(out, text.len());
    out.put_slice(text.as_bytes());
}

pub(super) fn put_compact_nullable_string(out: &mut BytesMut, text: Option<&str>) {
    match text {
        Some(text) => put_compact_string(out, text),
        None => put_unsigned(out, 0),
    }
}

pub(super) fn put_compact_bytes(out: &mut BytesMut, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.put_slice(bytes);
}

/// Takes values off the front, never more than there is.
pub(super) struct Reader(pub(super) Bytes);

impl Reader {
    pub(super) fn i8(&mut self) -> Result<i8, RecordError> {
        self.0.try_get_i8().map_err(|_| TRUNCATED)
    }

    pub(super) fn i16(&mut self) -> Result<i16, RecordError> {
        self.0.try_get_i16().map_err(|_| TRUNCATED)
    }

    pub(super) fn i32(&mut self) -> Result<i32, RecordError> {
        self.0.try_get_i32().map_err(|_| TRUNCATED)
    }

    pub(super) fn i64(&mut self) -> Result<i64, RecordError> {
        self.0.try_get_i64().map_err(|_| TRUNCATED)
    }

    pub(super) fn string(&mut self) -> Result<String, RecordError> {
        self.nullable_string()?.ok_or(RecordError::Malformed("a string is null"))
    }

    pub(super) fn nullable_string(&mut self) -> Result<Option<String>, RecordError> {
        let length = self.i16()?;
        if length == -1 {
            return Ok(None);
        }
        let bytes = self.take(i32::from(length))?;
        let text = str::from_utf8(&bytes).map_err(|_| RecordError::Malformed("a string is not UTF-8"))?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, RecordError> {
        let length = self.i32()?;
        self.take(length)
    }

    /// An unsigned varint of at most 32 bits.
    pub(super) fn unsigned(&mut self) -> Result<u32, RecordError> {
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.0.try_get_u8().map_err(|_| TRUNCATED)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).map_err(|_| RecordError::Malformed("a varint is too large"));
            }
        }
        Err(RecordError::Malformed("a varint is too long"))
    }

    /// An unsigned varint of at most 63 bits.
    pub(super) fn unsigned_long(&mut self) -> Result<u64, RecordError> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.0.try_get_u8().map_err(|_| TRUNCATED)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(RecordError::Malformed("a varint is too long"))
    }

    /// The count of a compact list; null counts as empty.
    pub(super) fn count(&mut self) -> Result<u32, RecordError> {
        Ok(self.unsigned()?.saturating_sub(1))
    }

    pub(super) fn compact_string(&mut self) -> Result<String, RecordError> {
        self.compact_nullable_string()?.ok_or(RecordError::Malformed("a string is null"))
    }

    pub(super) fn compact_nullable_string(&mut self) -> Result<Option<String>, RecordError> {
        let Some(length) = self.unsigned()?.checked_sub(1) else { return Ok(None) };
        let bytes = self.take(i32::try_from(length).map_err(|_| TRUNCATED)?)?;
        let text = str::from_utf8(&bytes).map_err(|_| RecordError::Malformed("a string is not UTF-8"))?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn compact_bytes(&mut self) -> Result<Bytes, RecordError> {
        let length = self.unsigned()?.checked_sub(1).ok_or(RecordError::Malformed("bytes are null"))?;
        self.take(i32::try_from(length).map_err(|_| TRUNCATED)?)
    }

    /// The bytes of a tagged field.
    pub(super) fn counted(&mut self) -> Result<Bytes, RecordError> {
        let length = self.unsigned()?;
        self.take(i32::try_from(length).map_err(|_| TRUNCATED)?)
    }

    pub(super) fn take(&mut self, length: i32) -> Result<Bytes, RecordError> {
        let length = usize::try_from(length).map_err(|_| RecordError::Malformed("a length is negative"))?;
        if length > self.0.len() {
            return Err(TRUNCATED);
        }
        Ok(self.0.split_to(length))
    }

    pub(super) fn end(&self) -> Result<(), RecordError> {
        if self.0.is_empty() { Ok(()) } else { Err(RecordError::Malformed("bytes follow its end")) }
    }
}

pub(super) const TRUNCATED: RecordError = RecordError::Malformed("it ends too early");

//! The fields of the coordinators' records, as Kafka lays them out: integers big-endian; a string is an i16 length and UTF-8,
//! bytes an i32 length; length -1 is null.

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

/// Takes values off the front, never more than there is.
pub(super) struct Reader(pub(super) Bytes);

impl Reader {
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

//! One record inside a batch, borrowed from its bytes:
//!
//! ```text
//! length | attributes i8 | timestamp delta | offset delta | key | value | header count | (name, value)…
//! ```
//!
//! Lengths, deltas and counts are variable-length; a length of -1 stands for null.

use super::varint::Cursor;
use super::{BatchError, TimestampType};

/// A record as its producer made it, with the offset the broker gave it.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Position in its partition.
    pub offset: i64,
    /// Unix milliseconds; -1 when the producer gave none.
    pub timestamp_ms: i64,
    /// What the timestamp tells.
    pub timestamp_type: TimestampType,
    /// Null and empty differ.
    pub key: Option<&'a [u8]>,
    /// Null and empty differ; null is a tombstone on compacted topics.
    pub value: Option<&'a [u8]>,
    headers: Headers<'a>,
    encoded: &'a [u8],
}

impl<'a> Record<'a> {
    /// Its headers in order, duplicates kept.
    pub fn headers(&self) -> Headers<'a> {
        self.headers
    }

    /// The record as it lies in its batch, length included.
    pub(super) fn encoded(&self) -> &'a [u8] {
        self.encoded
    }
}

/// A name with a value; names may repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// UTF-8 by convention, unchecked.
    pub name: &'a [u8],
    /// Null and empty differ.
    pub value: Option<&'a [u8]>,
}

/// The headers of one record; checked before the record was handed out, so that walking them cannot fail.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    left: usize,
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        self.left = self.left.checked_sub(1)?;
        read_header(&mut self.cursor).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Headers<'_> {}

fn read_header<'a>(cursor: &mut Cursor<'a>) -> Result<Header<'a>, BatchError> {
    let name = cursor.nullable_bytes()?.ok_or(BatchError::Malformed("a header has no name"))?;
    Ok(Header { name, value: cursor.nullable_bytes()? })
}

/// The smallest record: length, attributes, two deltas, two nulls, no header.
pub(super) const MIN_RECORD_BYTES: usize = 7;

/// A record before the batch's base offset and timestamp are added to its deltas.
pub(super) struct RawRecord<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: Headers<'a>,
    encoded: &'a [u8],
}

impl<'a> RawRecord<'a> {
    #[inline]
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, BatchError> {
        let start = cursor.rest();
        let length = cursor.varint()?;
        let length =
            usize::try_from(length).map_err(|_| BatchError::Malformed("a record's length is negative"))?;
        let mut body = Cursor::new(cursor.take(length)?);
        let encoded = &start[..start.len() - cursor.rest().len()];
        body.byte()?; // record attributes: none is defined
        let timestamp_delta = body.varlong()?;
        let offset_delta = body.varint()?;
        let key = body.nullable_bytes()?;
        let value = body.nullable_bytes()?;
        let headers = check_headers(body)?;
        Ok(Self { timestamp_delta, offset_delta, key, value, headers, encoded })
    }

    #[inline]
    pub(super) fn at(self, offset: i64, timestamp_ms: i64, timestamp_type: TimestampType) -> Record<'a> {
        let Self { key, value, headers, encoded, .. } = self;
        Record { offset, timestamp_ms, timestamp_type, key, value, headers, encoded }
    }
}

#[inline]
fn check_headers(mut body: Cursor<'_>) -> Result<Headers<'_>, BatchError> {
    let count = body.varint()?;
    let left =
        usize::try_from(count).map_err(|_| BatchError::Malformed("a record's header count is negative"))?;
    let headers = Headers { left, cursor: body };
    for _ in 0..left {
        read_header(&mut body)?;
    }
    if !body.rest().is_empty() {
        return Err(BatchError::Malformed("a record is longer than its fields"));
    }
    Ok(headers)
}

use bytes::Bytes;

use super::compression::Compressor;
use super::header::{HEADER_BYTES, seal};
use super::varint;
use super::{BatchError, BatchHeader, Compression};

/// Gathers records into a batch. One growing buffer with room for the header in front: pushing allocates nothing
/// once it has grown, and an uncompressed batch leaves without being copied.
#[derive(Debug)]
pub struct BatchBuilder {
    compressor: Compressor,
    buffer: Vec<u8>,
    record_count: usize,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
}

impl BatchBuilder {
    /// An empty batch whose records will be compressed with `compression`.
    pub fn new(compression: Compression) -> Self {
        Self {
            compressor: Compressor::new(compression),
            buffer: vec![0; HEADER_BYTES],
            record_count: 0,
            base_timestamp_ms: 0,
            max_timestamp_ms: 0,
        }
    }

    /// Appends a record. `timestamp_ms` is Unix milliseconds, -1 for none; headers keep order and duplicates.
    pub fn push(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) {
        if self.record_count == 0 {
            self.base_timestamp_ms = timestamp_ms;
            self.max_timestamp_ms = timestamp_ms;
        }
        self.max_timestamp_ms = self.max_timestamp_ms.max(timestamp_ms);
        // Wraps like the reader's addition, so that even the farthest timestamps come out as they went in.
        let timestamp_delta = timestamp_ms.wrapping_sub(self.base_timestamp_ms);
        let offset_delta = self.record_count as i64;
        let length = 1
            + varint::size(timestamp_delta)
            + varint::size(offset_delta)
            + bytes_size(key)
            + bytes_size(value)
            + headers_size(headers);
        let out = &mut self.buffer;
        varint::put(out, length as i64);
        out.push(0);
        varint::put(out, timestamp_delta);
        varint::put(out, offset_delta);
        put_bytes(out, key);
        put_bytes(out, value);
        varint::put(out, headers.len() as i64);
        for (name, value) in headers {
            put_bytes(out, Some(name));
            put_bytes(out, *value);
        }
        self.record_count += 1;
    }

    /// Bytes of the batch so far, header included, before compression.
    pub fn size_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Records pushed.
    pub fn len(&self) -> usize {
        self.record_count
    }

    /// Whether nothing was pushed since the last build.
    pub fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// Finishes the batch: base offset 0, no leader epoch, no producer. The builder is empty afterwards and ready
    /// for the next batch, also after an error.
    ///
    /// # Errors
    /// [`BatchError::Empty`] without a record, [`BatchError::TooLarge`] beyond 2 GiB, and the codec's own.
    pub fn build(&mut self) -> Result<Bytes, BatchError> {
        if self.is_empty() {
            return Err(BatchError::Empty);
        }
        let compression = self.compressor.compression();
        let header = self.header(compression);
        self.record_count = 0;
        let mut batch = if compression == Compression::None {
            let next = Vec::with_capacity(self.buffer.len());
            std::mem::replace(&mut self.buffer, next)
        } else {
            let mut out = vec![0; HEADER_BYTES];
            let compressed = self.compressor.compress(&self.buffer[HEADER_BYTES..], &mut out);
            self.buffer.clear();
            compressed.map(|()| out).unwrap_or_default()
        };
        self.buffer.resize(HEADER_BYTES, 0);
        seal(&mut batch, &header?)?;
        Ok(Bytes::from(batch))
    }

    fn header(&self, compression: Compression) -> Result<BatchHeader, BatchError> {
        let too_large = BatchError::TooLarge { limit_bytes: i32::MAX as usize };
        if self.buffer.len() > i32::MAX as usize {
            return Err(too_large);
        }
        let record_count = i32::try_from(self.record_count).map_err(|_| too_large)?;
        Ok(BatchHeader {
            base_timestamp_ms: self.base_timestamp_ms,
            max_timestamp_ms: self.max_timestamp_ms,
            ..BatchHeader::fresh(compression, record_count)
        })
    }
}

/// Bytes that [`BatchBuilder::push`] adds at most for such a record, so that a caller can finish a batch before it
/// grows beyond what the broker takes.
pub fn max_record_size_bytes(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[(&[u8], Option<&[u8]>)],
) -> usize {
    const LENGTH_ATTRIBUTES_AND_DELTAS: usize = 5 + 1 + 10 + 5;
    LENGTH_ATTRIBUTES_AND_DELTAS + bytes_size(key) + bytes_size(value) + headers_size(headers)
}

#[inline]
fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            varint::put(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
        None => varint::put(out, -1),
    }
}

#[inline]
fn bytes_size(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint::size(bytes.len() as i64) + bytes.len())
}

#[inline]
fn headers_size(headers: &[(&[u8], Option<&[u8]>)]) -> usize {
    headers.iter().fold(varint::size(headers.len() as i64), |size, (name, value)| {
        size + bytes_size(Some(name)) + bytes_size(*value)
    })
}

use std::fmt;

use super::BatchError;

/// Where decompressed bytes go: grows as they come, never beyond its limit, and keeps its memory for the next batch.
pub(super) struct Output {
    /// Initialised memory; only the first `filled` bytes mean anything.
    bytes: Vec<u8>,
    filled: usize,
    limit_bytes: usize,
}

impl Output {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { bytes: Vec::new(), filled: 0, limit_bytes }
    }

    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    pub(super) fn filled_bytes(&self) -> usize {
        self.filled
    }

    /// Bytes that may still come.
    pub(super) fn left_bytes(&self) -> usize {
        self.limit_bytes - self.filled
    }

    pub(super) fn too_large(&self) -> BatchError {
        BatchError::TooLarge { limit_bytes: self.limit_bytes }
    }

    /// What is filled since `from`, and `wanted` bytes to fill next: fewer when the limit is near.
    pub(super) fn room(&mut self, from: usize, wanted: usize) -> (&[u8], &mut [u8]) {
        let end = self.filled + wanted.min(self.left_bytes());
        self.grow(end);
        let (filled, free) = self.bytes.split_at_mut(self.filled);
        (&filled[from..], &mut free[..end - self.filled])
    }

    /// Memory that is there anyway, and more when that is under `wanted`.
    pub(super) fn all_room(&mut self, wanted: usize) -> &mut [u8] {
        let wanted = wanted.max(self.bytes.len().saturating_sub(self.filled));
        self.room(self.filled, wanted).1
    }

    /// Counts `bytes` of the room as filled.
    pub(super) fn advance(&mut self, bytes: usize) {
        assert!(bytes <= self.bytes.len() - self.filled, "a codec wrote more than its room");
        self.filled += bytes;
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BatchError> {
        if bytes.len() > self.left_bytes() {
            return Err(self.too_large());
        }
        self.room(0, bytes.len()).1.copy_from_slice(bytes);
        self.advance(bytes.len());
        Ok(())
    }

    /// Doubles as `Vec` does, yet never beyond the limit.
    fn grow(&mut self, end: usize) {
        if end <= self.bytes.len() {
            return;
        }
        let size = end.max(self.bytes.len().saturating_mul(2)).min(self.limit_bytes);
        self.bytes.reserve_exact(size - self.bytes.len());
        self.bytes.resize(size, 0);
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("filled_bytes", &self.filled)
            .field("allocated_bytes", &self.bytes.capacity())
            .field("limit_bytes", &self.limit_bytes)
            .finish()
    }
}

//! Zeros that are written ahead of a log's end, so that the batches that follow overwrite instead of lengthening the file.
//!
//! A sync that finds a file longer than before has to write its new length, too, through the file system's journal, and with
//! that waits for what other files have in there. A sync of bytes that took the place of others does not: 0.12 instead
//! of 0.19 ms on a quiet ext4.

/// As many zeros at most. One append in a few hundred pays for them.
const MOST_BYTES: u64 = 256 << 10;

/// A log that gathers more until it is synced is busy writing: for it the length is the least.
const SMALL_BYTES: u64 = 16 << 10;

/// What a file system hands out at once.
const BLOCK_BYTES: u64 = 4096;

static ZEROS: [u8; (MOST_BYTES + BLOCK_BYTES) as usize] = [0; (MOST_BYTES + BLOCK_BYTES) as usize];

/// The zeros to write after a batch that makes a segment `size` bytes long, of which `unsynced` wait for their sync; none
/// beyond `limit`. A log never has more ahead than behind, so that many small ones don't waste space.
pub(super) fn zeros(size: u64, unsynced: u64, limit: u64) -> &'static [u8] {
    if unsynced > SMALL_BYTES {
        return &[];
    }
    let end = (size + size.min(MOST_BYTES)).next_multiple_of(BLOCK_BYTES).min(limit);
    &ZEROS[..end.saturating_sub(size) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_log_gets_as_many_zeros_as_it_has_bytes_up_to_a_block_and_a_limit() {
        assert_eq!(zeros(100, 100, u64::MAX).len(), 3996);
        assert_eq!(zeros(5000, 100, u64::MAX).len(), 12_288 - 5000);
        assert_eq!(zeros(1 << 20, 100, u64::MAX).len() as u64, MOST_BYTES);
        assert_eq!(zeros((1 << 20) + 1, 100, u64::MAX).len() as u64, MOST_BYTES + BLOCK_BYTES - 1);
        assert_eq!(zeros(5000, 100, 6000).len(), 1000);
        assert_eq!(zeros(5000, 100, 4000).len(), 0);
    }

    #[test]
    fn a_busy_log_gets_none() {
        assert_eq!(zeros(1 << 20, SMALL_BYTES, u64::MAX).len() as u64, MOST_BYTES);
        assert_eq!(zeros(1 << 20, SMALL_BYTES + 1, u64::MAX).len(), 0);
    }
}

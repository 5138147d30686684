//! What is known of a store without opening it: a small file beside it, replaced as a whole.
//!
//! It catches what a store can't tell of itself: that it fell back to an older state (every row sound, the newest gone), and
//! that opening it killed the broker.
//!
//! ```text
//! "RNLI" | version u8 | trusted u8 | one number i64 a log, in the order of InternalLog::ALL | crc u32
//! ```

use super::row::{checksum, number};
use super::{Doubt, InternalLog};
use crate::types::Offset;

const MAGIC: &[u8; 4] = b"RNLI";
const VERSION: u8 = 1;
const LOGS: usize = InternalLog::ALL.len();
const MARKS_BYTES: usize = 6 + 8 * LOGS + 4;

/// What is known of a store without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    /// False from before a store is opened until it proved sound, and for good when it failed.
    pub trusted: bool,
    /// Per log, the offset up to which the store had applied and flushed it.
    pub applied: [Offset; LOGS],
}

impl Marks {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([VERSION, u8::from(self.trusted)]);
        self.applied.iter().for_each(|offset| bytes.extend(offset.to_be_bytes()));
        bytes.extend(checksum(&[&bytes]).to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Doubt> {
        if bytes.len() != MARKS_BYTES || &bytes[..4] != MAGIC || bytes[4] != VERSION {
            return Err(Doubt::Marks);
        }
        let (covered, crc) = bytes.split_at(MARKS_BYTES - 4);
        if crc != checksum(&[covered]).to_be_bytes() {
            return Err(Doubt::Marks);
        }
        let mut applied = [0; LOGS];
        for (index, offset) in applied.iter_mut().enumerate() {
            *offset = number(&covered[6 + 8 * index..]) as Offset;
        }
        Ok(Self { trusted: covered[5] == 1, applied })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_or_are_refused() {
        let marks = Marks { trusted: true, applied: [1, 2, i64::MAX] };
        let bytes = marks.encode();
        assert_eq!(Marks::decode(&bytes).unwrap(), marks);
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Marks::decode(&flipped).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Marks::decode(&bytes[..len]).is_err());
        }
    }
}

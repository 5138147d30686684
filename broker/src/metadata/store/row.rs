//! How a store keeps the newest record of each key, and how it knows that none is damaged, lost or left over.
//!
//! ```text
//! key of a row    log u8 | 1 | the record's key
//! row             version u8 | place u8 | offset i64 | crc u32 | the record's value, unless it is only in the log
//! key of a head   log u8 | 0
//! head            version u8 | applied i64 | rows u64 | bytes u64 | digest u64 | crc u32
//! ```
//!
//! Numbers are big-endian. A CRC-32C covers the key and everything but itself. The head of a log tells up to where the log is
//! applied, and counts and digests the rows that this must have left: a store that drops, revives or mixes up rows without
//! noticing can't match it.

use super::{Doubt, InternalLog};
use crate::types::Offset;

/// A row that would be larger, key included, keeps no value: it tells where the log has it.
pub(super) const MAX_ROW_BYTES: usize = 60 << 10;

const VERSION: u8 = 1;
const HERE: u8 = 0;
const IN_LOG: u8 = 1;
const ROW_HEADER_BYTES: usize = 14;
const HEAD_BYTES: usize = 37;

/// The key under which a store keeps the record of this key.
pub(super) fn row_key(log: InternalLog, key: &[u8]) -> Vec<u8> {
    [&[log as u8, 1], key].concat()
}

/// The key under which a store keeps the head of a log.
pub(super) fn head_key(log: InternalLog) -> Vec<u8> {
    vec![log as u8, 0]
}

/// The newest record of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// Where the log has it.
    pub offset: Offset,
    /// Its value; `None`: read it in the log.
    pub value: Option<&'a [u8]>,
}

/// A row for a record.
pub(super) fn encode(row_key: &[u8], offset: Offset, value: &[u8]) -> Vec<u8> {
    let fits = row_key.len() + ROW_HEADER_BYTES + value.len() <= MAX_ROW_BYTES;
    let (place, value) = if fits { (HERE, value) } else { (IN_LOG, &[][..]) };
    let mut row = Vec::with_capacity(ROW_HEADER_BYTES + value.len());
    row.extend([VERSION, place]);
    row.extend(offset.to_be_bytes());
    row.extend(checksum(&[row_key, &row, value]).to_be_bytes());
    row.extend(value);
    row
}

/// Understands a row, whatever its bytes.
pub(super) fn decode<'a>(row_key: &[u8], row: &'a [u8]) -> Result<Row<'a>, Doubt> {
    let (header, value) = row.split_at_checked(ROW_HEADER_BYTES).ok_or(Doubt::Row("it is cut short"))?;
    if header[0] != VERSION {
        return Err(Doubt::Row("its version is unknown"));
    }
    let (covered, crc) = header.split_at(10);
    if crc != checksum(&[row_key, covered, value]).to_be_bytes() {
        return Err(Doubt::Row("its checksum does not match"));
    }
    let offset = number(&covered[2..]) as Offset;
    match covered[1] {
        HERE => Ok(Row { offset, value: Some(value) }),
        IN_LOG => Ok(Row { offset, value: None }),
        _ => Err(Doubt::Row("its place is unknown")),
    }
}

/// What a store holds of one log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Every record below this offset is applied.
    pub applied: Offset,
    /// How many rows there are.
    pub rows: u64,
    /// Their bytes, keys included.
    pub bytes: u64,
    /// The sum of their digests, in any order.
    pub digest: u64,
}

impl Head {
    /// Takes note of a row that is there from now on.
    pub(super) fn add(&mut self, row_key: &[u8], row: &[u8]) {
        self.rows = self.rows.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add((row_key.len() + row.len()) as u64);
        self.digest = self.digest.wrapping_add(digest(row));
    }

    /// Takes note of a row that is there no longer.
    pub(super) fn remove(&mut self, row_key: &[u8], row: &[u8]) {
        self.rows = self.rows.wrapping_sub(1);
        self.bytes = self.bytes.wrapping_sub((row_key.len() + row.len()) as u64);
        self.digest = self.digest.wrapping_sub(digest(row));
    }

    pub(super) fn encode(&self, log: InternalLog) -> Vec<u8> {
        let mut head = vec![VERSION];
        for number in [self.applied as u64, self.rows, self.bytes, self.digest] {
            head.extend(number.to_be_bytes());
        }
        head.extend(checksum(&[&head_key(log), &head]).to_be_bytes());
        head
    }

    pub(super) fn decode(log: InternalLog, head: &[u8]) -> Result<Self, Doubt> {
        if head.first() != Some(&VERSION) {
            return Err(Doubt::Row("the version of a head is unknown"));
        }
        if head.len() != HEAD_BYTES {
            return Err(Doubt::Row("a head has not its size"));
        }
        let (covered, crc) = head.split_at(HEAD_BYTES - 4);
        if crc != checksum(&[&head_key(log), covered]).to_be_bytes() {
            return Err(Doubt::Row("the checksum of a head does not match"));
        }
        let at = |index: usize| number(&covered[1 + 8 * index..]);
        Ok(Self { applied: at(0) as Offset, rows: at(1), bytes: at(2), digest: at(3) })
    }
}

/// Spreads a row's checksum and offset over 64 bits, so that sums of them differ when the rows do (the finalizer of
/// SplitMix64).
fn digest(row: &[u8]) -> u64 {
    let offset = row.get(2..10).map_or(0, number);
    let crc =
        row.get(10..14).map_or(0, |crc| u64::from(u32::from_be_bytes([crc[0], crc[1], crc[2], crc[3]])));
    let mut z = crc.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ offset;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub(super) fn checksum(parts: &[&[u8]]) -> u32 {
    parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part))
}

pub(super) fn number(bytes: &[u8]) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[..8]);
    u64::from_be_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let key = row_key(InternalLog::Metadata, b"k");
        let largest = vec![7; MAX_ROW_BYTES - ROW_HEADER_BYTES - key.len()];
        for value in [&b""[..], b"value", &largest] {
            assert_eq!(decode(&key, &encode(&key, 9, value)).unwrap(), Row { offset: 9, value: Some(value) });
        }
        let larger = [&largest[..], &[7]].concat();
        let row = encode(&key, 9, &larger);
        assert!(row.len() < 100);
        assert_eq!(decode(&key, &row).unwrap(), Row { offset: 9, value: None });
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let key = row_key(InternalLog::ConsumerOffsets, b"group");
        let row = encode(&key, 77, b"some value");
        let head = Head { applied: 78, rows: 1, bytes: 3, digest: 4 };
        let encoded = head.encode(InternalLog::Metadata);
        assert_eq!(Head::decode(InternalLog::Metadata, &encoded).unwrap(), head);
        assert!(Head::decode(InternalLog::ConsumerOffsets, &encoded).is_err(), "a head belongs to its log");
        assert!(decode(&row_key(InternalLog::Metadata, b"group"), &row).is_err(), "a row belongs to its key");
        for bit in 0..8 * row.len() {
            let mut flipped = row.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&key, &flipped).is_err(), "bit {bit}");
        }
        for bit in 0..8 * encoded.len() {
            let mut flipped = encoded.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Head::decode(InternalLog::Metadata, &flipped).is_err(), "bit {bit}");
        }
        for len in 0..row.len() {
            assert!(decode(&key, &row[..len]).is_err());
        }
    }

    #[test]
    fn a_head_knows_its_rows_in_any_order() {
        let rows: Vec<_> = (0..20u8)
            .map(|n| (row_key(InternalLog::Metadata, &[n]), i64::from(n)))
            .map(|(key, offset)| (encode(&key, offset, b"v"), key))
            .collect();
        let (mut there, mut back) = (Head::default(), Head::default());
        rows.iter().for_each(|(row, key)| there.add(key, row));
        rows.iter().rev().for_each(|(row, key)| back.add(key, row));
        assert_eq!(there, back);
        for (row, key) in &rows {
            let mut other = there;
            other.remove(key, row);
            assert_ne!(other.digest, there.digest);
            back.remove(key, row);
        }
        assert_eq!(back, Head::default());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(key in proptest::collection::vec(any::<u8>(), 0..9),
                                  bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&key, &bytes);
            let _ = Head::decode(InternalLog::Metadata, &bytes);
        }
    }
}

//! What a store has not taken in yet.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::types::{LogRecord, Offset};

/// A stretch of one log, reduced to the newest record of each key: however long a store falls behind, this grows no larger
/// than the keys that changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Forget all that the store has of this log first.
    pub(super) from_scratch: bool,
    pub(super) range: Range<Offset>,
    /// In the order in which a store keeps them.
    pub(super) newest: BTreeMap<Box<[u8]>, Newest>,
    bytes: usize,
}

/// The newest record of a key; no value: the key is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Newest {
    pub offset: Offset,
    pub value: Option<Box<[u8]>>,
}

impl Changes {
    /// Changes that begin at this offset of the log.
    pub fn starting_at(offset: Offset) -> Self {
        Self { range: offset..offset, ..Self::default() }
    }

    /// Changes that replace all that the store has of the log.
    pub fn from_scratch() -> Self {
        Self { from_scratch: true, ..Self::default() }
    }

    /// Whether they replace all that the store has of the log.
    pub fn is_from_scratch(&self) -> bool {
        self.from_scratch
    }

    /// The offset after the last record added.
    pub fn end(&self) -> Offset {
        self.range.end
    }

    /// Bytes of keys and values that wait.
    pub fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// Keys that wait.
    pub fn len(&self) -> usize {
        self.newest.len()
    }

    /// Whether a store would be the same afterwards.
    pub fn is_empty(&self) -> bool {
        !self.from_scratch && self.range.is_empty()
    }

    /// Adds records in the order of the log, all below `end`. They must join on to what was added before.
    pub fn extend<'a>(&mut self, records: impl IntoIterator<Item = (Offset, &'a LogRecord)>, end: Offset) {
        for (offset, LogRecord { key, value }) in records {
            let value = value.as_ref().map(|value| Box::from(&value[..]));
            let size_bytes = |newest: &Newest| newest.value.as_ref().map_or(0, |value| value.len());
            let newest = Newest { offset, value };
            self.bytes += size_bytes(&newest);
            match self.newest.insert(Box::from(&key[..]), newest) {
                Some(older) => self.bytes -= size_bytes(&older),
                None => self.bytes += key.len(),
            }
        }
        self.range.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn only_the_newest_record_of_a_key_waits() {
        let record = |key: &'static str, value: Option<&'static str>| LogRecord {
            key: Bytes::from(key),
            value: value.map(Bytes::from),
        };
        let mut changes = Changes::starting_at(5);
        assert!(changes.is_empty());
        let records = [record("a", Some("1")), record("b", Some("22")), record("a", Some("333"))];
        changes.extend((5..).zip(&records), 8);
        assert_eq!((changes.len(), changes.size_bytes(), changes.end()), (2, 7, 8));
        changes.extend([(8, &record("b", None))], 9);
        assert_eq!((changes.len(), changes.size_bytes(), changes.end()), (2, 5, 9));
        assert_eq!(changes.newest[&b"b"[..]], Newest { offset: 8, value: None });
        assert!(!changes.is_empty());
    }
}

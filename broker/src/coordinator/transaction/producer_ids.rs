//! Producer ids, none of which is ever given out twice.
//!
//! They are reserved in blocks: a record in the log says below which number all ids are taken, and is durable before the first
//! of them leaves. A crash loses the rest of a block, of which there are 2^63 / 1,000.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bytes::Bytes;

use super::api::Ticket;
use super::records::{decode_producer_ids, producer_ids_record};
use crate::types::LogRecord;

/// Ids that one write reserves.
pub(super) const BLOCK: i64 = 1_000;

/// Makes sure that no id is given out twice after so many records of a log were lost: each may have reserved a block.
pub fn skip_lost_ids(rows: &mut BTreeMap<Bytes, Option<Bytes>>, lost_records: i64) {
    let key = producer_ids_record(0).key;
    let known = rows.get(&key).and_then(|value| decode_producer_ids(value.as_ref()?).ok()).unwrap_or(0);
    let LogRecord { key, value } =
        producer_ids_record(known.saturating_add(lost_records.saturating_mul(BLOCK)));
    rows.insert(key, value);
}

/// Who waits for an id.
#[derive(Debug)]
pub(super) enum Waiter {
    /// A caller that wants nothing else.
    Caller(Ticket),
    /// A transactional id whose first request in line cannot go on without.
    Transaction(String),
}

#[derive(Debug, Default)]
pub(super) struct ProducerIds {
    /// All ids below are taken, or reserved. In the log; changed by replay alone.
    pub(super) reserved_until: i64,
    /// Reserved and not given out.
    pub(super) block: Range<i64>,
    pub(super) waiting: VecDeque<Waiter>,
    /// A block is on its way to the log.
    pub(super) is_ordered: bool,
}

impl ProducerIds {
    /// An id that nobody has had; `None` until more are reserved.
    pub(super) fn take(&mut self) -> Option<i64> {
        self.block.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lost_record_may_have_reserved_a_block() {
        let row = |reserved_until| {
            let LogRecord { key, value } = producer_ids_record(reserved_until);
            (key, value)
        };
        for (known, lost, expected) in
            [(Some(7000), 3, 10_000), (None, 2, 2000), (Some(1), i64::MAX, i64::MAX)]
        {
            let mut rows: BTreeMap<_, _> = known.map(row).into_iter().collect();
            skip_lost_ids(&mut rows, lost);
            assert_eq!(rows, BTreeMap::from([row(expected)]));
        }
    }
}

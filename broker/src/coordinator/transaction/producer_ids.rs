//! Producer ids, none of which is ever given out twice.
//!
//! They are reserved in blocks: a record in the log says below which number all ids are taken, and is durable before the first
//! of them leaves. A crash loses the rest of a block, of which there are 2^63 / 1,000.

use std::collections::VecDeque;
use std::ops::Range;

use super::api::Ticket;

/// Ids that one write reserves.
pub(super) const BLOCK: i64 = 1_000;

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

//! The live view: the whole state, gathered once an interval, and what of it changed.
//!
//! Each watcher gathers for itself, since each has its own interval and its own last view; a partition costs it one short lock.

mod delta;
mod gather;
mod rates;

use runnel_proto::v1::{Event, Snapshot};

use self::rates::Rates;
use crate::operations::Operations;
use crate::types::UnixMillis;

/// One watcher's view.
pub struct Watcher {
    operations: Operations,
    rates: Rates,
    next_event: u64,
    last: Option<Snapshot>,
}

impl Watcher {
    /// A watcher that has seen nothing yet; its first snapshot will be full.
    pub fn new(operations: Operations) -> Self {
        Self { operations, rates: Rates::default(), next_event: 0, last: None }
    }

    /// The next message: everything at first, then what changed. Reads the disk for time lags.
    pub fn snapshot(&mut self, now_ms: UnixMillis) -> Snapshot {
        self.rates.turn();
        let current = gather::gather(&self.operations, &mut self.rates, now_ms);
        let mut message = match &self.last {
            Some(last) => delta::delta(last, &current),
            None => Snapshot { full: true, ..current.clone() },
        };
        let (events, next_event) = self.operations.events().since(self.next_event);
        self.next_event = next_event;
        message.events = events
            .into_iter()
            .map(|event| Event { time_ms: event.time_ms, message: event.message })
            .collect();
        self.last = Some(current);
        message
    }
}

//! How many clients are connected, and since when none is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::clock;
use crate::types::UnixMillis;

/// Counts open connections up to a limit. Clones share the count.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    open: AtomicUsize,
    limit: usize,
    last_activity_ms: AtomicI64,
}

/// One open connection; dropped with it.
#[derive(Debug)]
pub struct Ticket(Arc<Counts>);

impl Connections {
    /// None are open, and at most `limit` will be.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Counts {
            open: AtomicUsize::new(0),
            limit,
            last_activity_ms: AtomicI64::new(clock::now_ms()),
        }))
    }

    /// A place for one more connection; `None` when the limit is reached.
    pub fn open(&self) -> Option<Ticket> {
        self.0
            .open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |open| {
                (open < self.0.limit).then_some(open + 1)
            })
            .ok()?;
        Some(Ticket(Arc::clone(&self.0)))
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.0.open.load(Ordering::Acquire)
    }

    /// For how long nobody has been connected, in milliseconds; 0 while somebody is.
    pub fn idle_ms(&self, now_ms: UnixMillis) -> i64 {
        match self.count() {
            0 => (now_ms - self.0.last_activity_ms.load(Ordering::Acquire)).max(0),
            _ => 0,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.last_activity_ms.store(clock::now_ms(), Ordering::Release);
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_and_places_come_back() {
        let connections = Connections::new(2);
        let first = connections.open().unwrap();
        let _second = connections.open().unwrap();
        assert!(connections.open().is_none());
        drop(first);
        assert_eq!(connections.count(), 1);
        assert!(connections.open().is_some());
    }

    #[test]
    fn idle_time_counts_only_while_nobody_is_connected() {
        let connections = Connections::new(1);
        let ticket = connections.open().unwrap();
        let later = clock::now_ms() + 60_000;
        assert_eq!(connections.idle_ms(later), 0);
        drop(ticket);
        assert!(connections.idle_ms(later) > 0);
    }
}

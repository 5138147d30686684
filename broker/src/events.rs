//! The last things worth a line, for those who watch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use runnel_proto::text::escape;

use crate::types::UnixMillis;

/// How many are kept; whoever looks less often misses the older ones.
const KEPT: usize = 256;

/// Something worth a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub time_ms: UnixMillis,
    /// One line for people.
    pub message: String,
}

/// The broker's newest events. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Events(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    /// The number of the first event in `kept`.
    first: u64,
    kept: VecDeque<Event>,
}

impl Events {
    /// Adds one. Whatever it names is made safe for terminals, and one line.
    pub fn tell(&self, time_ms: UnixMillis, message: &str) {
        let message = escape(message).into_owned();
        tracing::info!("{message}");
        self.keep(time_ms, message);
    }

    /// Adds one that somebody should look after.
    pub fn warn(&self, time_ms: UnixMillis, message: &str) {
        let message = escape(message).into_owned();
        tracing::warn!("{message}");
        self.keep(time_ms, message);
    }

    fn keep(&self, time_ms: UnixMillis, message: String) {
        let mut ring = self.lock();
        if ring.kept.len() == KEPT {
            ring.kept.pop_front();
            ring.first += 1;
        }
        ring.kept.push_back(Event { time_ms, message });
    }

    /// The events from number `from` on, oldest first, and the number to ask for next.
    pub fn since(&self, from: u64) -> (Vec<Event>, u64) {
        let ring = self.lock();
        let skipped = from.saturating_sub(ring.first) as usize;
        let next = ring.first + ring.kept.len() as u64;
        (ring.kept.iter().skip(skipped).cloned().collect(), next)
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().expect("no one panics while holding the events")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_gets_each_event_once_and_only_what_is_kept() {
        let events = Events::default();
        events.tell(1, "one");
        let (seen, next) = events.since(0);
        assert_eq!(seen, [Event { time_ms: 1, message: "one".into() }]);
        assert_eq!(events.since(next), (vec![], next));
        for number in 0..KEPT as i64 + 10 {
            events.warn(number, &number.to_string());
        }
        let (seen, next) = events.since(next);
        assert_eq!((seen.len(), seen[0].time_ms), (KEPT, 10));
        assert_eq!(next, 1 + KEPT as u64 + 10);
    }
    #[test]
    fn an_event_is_one_line_without_control_characters() {
        let events = Events::default();
        events.tell(1, "a\x1b[31m\nb");
        let message = events.since(0).0.remove(0).message;
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

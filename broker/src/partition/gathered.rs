//! What waits for its sync to begin, and how much may: less while partitions with little to sync share the disk with such
//! that have much, and would wait behind it. Pure: the time is an argument.

use std::time::{Duration, Instant};

/// When so much waits, producers wait, too.
const MOST_BYTES: usize = 32 << 20;

/// The same while the disk is shared. A sync waits for what the disk has been given before: 32 MiB are 80 ms of a disk that
/// writes 400 MB/s, for everybody.
const SHARED_BYTES: usize = 4 << 20;

/// So long is it remembered who had something to sync.
const REMEMBERED: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    bytes: usize,
    little_at: Option<Instant>,
    much_at: Option<Instant>,
    /// There is no next sync.
    ended: bool,
}

impl Gathered {
    /// So much more waits.
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// The sync of so much begins.
    pub(super) fn take(&mut self, bytes: usize) {
        self.bytes -= bytes;
    }

    /// Whether one of the partitions that are to be synced now has little, and whether one has much.
    pub(super) fn saw(&mut self, little: bool, much: bool, now: Instant) {
        if little {
            self.little_at = Some(now);
        }
        if much {
            self.much_at = Some(now);
        }
    }

    /// Nothing is synced any more, and nobody need wait for it.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether producers may go on.
    pub(super) fn has_room(&self, now: Instant) -> bool {
        let recent = |at: Option<Instant>| at.is_some_and(|at| now.duration_since(at) < REMEMBERED);
        let is_shared = recent(self.little_at) && recent(self.much_at);
        self.ended || self.bytes < if is_shared { SHARED_BYTES } else { MOST_BYTES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_until_much_waits_and_again_when_its_sync_begins_or_none_will() {
        let now = Instant::now();
        let mut gathered = Gathered::default();
        gathered.add(MOST_BYTES - 1);
        assert!(gathered.has_room(now));
        gathered.add(1000);
        assert!(!gathered.has_room(now));
        gathered.take(999);
        assert!(!gathered.has_room(now));
        gathered.take(1);
        assert!(gathered.has_room(now));
        gathered.add(MOST_BYTES);
        gathered.end();
        assert!(gathered.has_room(now));
    }

    #[test]
    fn there_is_less_room_while_the_disk_is_shared() {
        let start = Instant::now();
        let mut gathered = Gathered::default();
        gathered.add(SHARED_BYTES);
        gathered.saw(false, true, start);
        assert!(gathered.has_room(start), "nobody waits behind it");
        gathered.saw(true, false, start + REMEMBERED / 2);
        assert!(!gathered.has_room(start + REMEMBERED / 2));
        assert!(gathered.has_room(start + REMEMBERED), "there is nothing large any more");
        gathered.saw(false, true, start + REMEMBERED);
        assert!(!gathered.has_room(start + REMEMBERED));
        assert!(gathered.has_room(start + REMEMBERED * 3 / 2), "nor anything little");
    }
}

//! Counters turned into rates: the change since the last look, by the monotonic clock.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::partition::Partition;
use crate::types::TopicPartition;

/// The counters of one partition at one look.
#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    records_in: u64,
    bytes_in: u64,
    records_out: u64,
    bytes_out: u64,
}

/// What a partition does a second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    pub(super) records_in: f64,
    pub(super) bytes_in: f64,
    pub(super) records_out: f64,
    pub(super) bytes_out: f64,
}

/// The counters at the last look, and how long ago that was.
#[derive(Debug, Default)]
pub(super) struct Rates {
    last_look: Option<Instant>,
    elapsed_s: f64,
    before: HashMap<TopicPartition, Counters>,
    now: HashMap<TopicPartition, Counters>,
}

impl Rates {
    /// Begins a new look: what was counted in the last one is what rates are against.
    pub(super) fn turn(&mut self) {
        let now = Instant::now();
        self.elapsed_s = self.last_look.map_or(0.0, |last| (now - last).as_secs_f64());
        self.last_look = Some(now);
        // Partitions that are gone are forgotten with the older of the two maps.
        self.before = std::mem::take(&mut self.now);
    }

    /// The partition's rates; zero at its first look, when there is nothing to compare with.
    pub(super) fn of(&mut self, partition: &Partition) -> Rate {
        let traffic = partition.traffic();
        let now = Counters {
            records_in: traffic.records_in.load(Ordering::Relaxed),
            bytes_in: traffic.bytes_in.load(Ordering::Relaxed),
            records_out: traffic.records_out.load(Ordering::Relaxed),
            bytes_out: traffic.bytes_out.load(Ordering::Relaxed),
        };
        self.now.insert(partition.id(), now);
        let Some(before) = self.before.get(&partition.id()) else { return Rate::default() };
        let per_s = |now: u64, before: u64| match self.elapsed_s {
            elapsed_s if elapsed_s > 0.0 => now.saturating_sub(before) as f64 / elapsed_s,
            _ => 0.0,
        };
        Rate {
            records_in: per_s(now.records_in, before.records_in),
            bytes_in: per_s(now.bytes_in, before.bytes_in),
            records_out: per_s(now.records_out, before.records_out),
            bytes_out: per_s(now.bytes_out, before.bytes_out),
        }
    }
}

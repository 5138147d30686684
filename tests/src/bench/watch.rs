//! What a broker takes of the machine meanwhile.

use std::time::Instant;

use super::row::Taken;
use crate::measure::Result;
use crate::measure::command::{forget_peak, peak_mb, processor_s, resident_mb};
use crate::measure::settle::settle;

/// What processor time is told by.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// Seconds for each of so many gigabytes.
    Gigabytes(f64),
    /// The share of one processor.
    Time,
}

/// What a broker that has just answered for the first time has taken since it was started, of the time that this took.
pub(super) fn since_start(pid: i32, started_in_ms: f64) -> Result<Taken> {
    let processor = 100.0 * processor_s(pid)? / (started_in_ms / 1e3);
    Ok(Taken { processor, memory_mb: resident_mb(pid)? })
}

/// Runs something that a broker works for, and tells how much processor time and memory the broker took for it.
pub(super) fn watched<T>(pid: i32, by: By, run: impl FnOnce() -> Result<T>) -> Result<(T, Taken)> {
    settle();
    forget_peak(pid)?;
    let before_s = processor_s(pid)?;
    let start = Instant::now();
    let came_out = run()?;
    let spent_s = processor_s(pid)? - before_s;
    let processor = match by {
        By::Gigabytes(gigabytes) => spent_s / gigabytes,
        By::Time => 100.0 * spent_s / start.elapsed().as_secs_f64(),
    };
    Ok((came_out, Taken { processor, memory_mb: peak_mb(pid)? }))
}

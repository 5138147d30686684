//! How much memory something takes.

use std::sync::Mutex;

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One at a time is measured.
static MEASURING: Mutex<()> = Mutex::new(());

/// Does something, which may take `limit_bytes` at once beyond what is in use.
///
/// # Panics
/// When it has taken more.
pub(crate) fn within<T>(limit_bytes: usize, act: impl FnOnce() -> T) -> T {
    // A target that panicked before is told of already.
    let _alone = MEASURING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    MEMORY.reset_peak_usage();
    let before_bytes = MEMORY.current_usage();
    let result = act();
    let taken_bytes = MEMORY.peak_usage().saturating_sub(before_bytes);
    assert!(taken_bytes <= limit_bytes, "{taken_bytes} bytes were taken, {limit_bytes} are allowed");
    result
}

//! What the allocator of the system is told before a broker runs.
//!
//! glibc gives large pieces back when they are freed, but takes each as a sign that the next one of its size, up to 32 MiB,
//! had better be kept, by every thread for itself. A few large requests, and a broker has for good what they took
//! (docs/decisions/0016-memory-for-requests.md). Only its environment stops that without `unsafe`.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Pieces from here on are given back, and so are freed ends of the heap. What is smaller stays at hand; the frames of
/// connections are larger, and used again by themselves.
const SETTINGS: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "262144"), ("MALLOC_TRIM_THRESHOLD_", "1048576")];

/// Sees to it that the allocator has these settings, or those that somebody chose: by becoming this program anew, in the same
/// process.
pub(crate) fn settle() {
    let settled = SETTINGS.iter().any(|(name, _)| std::env::var_os(name).is_some());
    if settled || !cfg!(all(target_os = "linux", target_env = "gnu")) {
        return;
    }
    let mut args = std::env::args_os();
    let (Some(name), Ok(program)) = (args.next(), std::env::current_exe()) else { return };
    // If that can't be, the broker runs as it is.
    let _ = Command::new(program).arg0(name).args(args).envs(SETTINGS).exec();
}

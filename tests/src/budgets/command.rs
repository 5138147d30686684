//! Commands that are timed, and processes that are looked at.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::Result;
use crate::command::run;

/// How many seconds a command takes from its start to its end. It must succeed.
///
/// What others have left to be written is on disk before it starts, so that it need not wait for that.
pub(super) fn seconds(command: &mut Command) -> Result<f64> {
    nix::unistd::sync();
    let start = Instant::now();
    run(command.stdin(Stdio::null()))?;
    Ok(start.elapsed().as_secs_f64())
}

/// The resident memory of a process, in megabytes.
pub(super) fn resident_mb(pid: i32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|error| format!("can't read {path}: {error}"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    let kib: f64 = kib.ok_or_else(|| format!("{path} tells no resident memory"))?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}

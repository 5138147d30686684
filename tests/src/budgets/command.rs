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

/// How much processor time a process has taken, in seconds.
pub(super) fn processor_s(pid: i32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).map_err(|error| format!("can't read {path}: {error}"))?;
    // Behind the name, which may hold anything: user and system time are the 12th and the 13th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let [user, system] = fields.get(11..13).ok_or_else(|| format!("{path} tells no times"))? else {
        unreachable!("two fields were taken")
    };
    let ticks = user.parse::<f64>()? + system.parse::<f64>()?;
    let a_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.ok_or("no clock ticks")?;
    Ok(ticks / a_second as f64)
}

/// The resident memory of a process, in megabytes.
pub(super) fn resident_mb(pid: i32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|error| format!("can't read {path}: {error}"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    let kib: f64 = kib.ok_or_else(|| format!("{path} tells no resident memory"))?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}

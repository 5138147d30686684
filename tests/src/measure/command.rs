//! Commands that are timed, and processes that are looked at.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::run;
use crate::measure::Result;
use crate::measure::settle::settle;

/// How many seconds a command takes from its start to its end. It must succeed.
pub(crate) fn seconds(command: &mut Command) -> Result<f64> {
    settle();
    let start = Instant::now();
    run(command.stdin(Stdio::null()))?;
    Ok(start.elapsed().as_secs_f64())
}

/// A command that runs while something else is measured; it is asked to end when dropped.
pub(crate) struct Background(Child);

impl Background {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(command.spawn().map_err(|error| format!("can't run {command:?}: {error}"))?))
    }

    /// Expects that it has not ended by itself.
    pub(crate) fn expect_running(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("what was to run meanwhile has ended: {status}").into()),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // SIGTERM, since `timeout` hands it on to what it runs.
        if let Ok(pid) = self.0.id().try_into() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}

/// How much processor time a process has taken, in seconds.
pub(crate) fn processor_s(pid: i32) -> Result<f64> {
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
pub(crate) fn resident_mb(pid: i32) -> Result<f64> {
    memory_mb(pid, "VmRSS:")
}

/// The most resident memory that a process has had since its start or [`forget_peak`], in megabytes.
pub(crate) fn peak_mb(pid: i32) -> Result<f64> {
    memory_mb(pid, "VmHWM:")
}

fn memory_mb(pid: i32, row: &str) -> Result<f64> {
    Ok(memory_bytes(&format!("/proc/{pid}/status"), row)? as f64 / 1e6)
}

/// A row of a file in `/proc` that counts in kB.
pub(crate) fn memory_bytes(path: &str, row: &str) -> Result<u64> {
    let rows = fs::read_to_string(path).map_err(|error| format!("can't read {path}: {error}"))?;
    let kib = rows.lines().find_map(|line| line.strip_prefix(row)?.trim().strip_suffix(" kB"));
    let kib: u64 = kib.ok_or_else(|| format!("{path} tells no {row}"))?.parse()?;
    Ok(kib * 1024)
}

/// Forgets how much memory a process has had at most until now.
pub(crate) fn forget_peak(pid: i32) -> Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    Ok(fs::write(&path, "5").map_err(|error| format!("can't write {path}: {error}"))?)
}

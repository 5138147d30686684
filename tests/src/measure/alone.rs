//! Brokers that stand still while another one is measured: an idle Java program beside it made the median of its latencies a
//! quarter longer.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Result;

/// A process that stands still; it goes on when this is dropped.
pub(crate) struct Stopped(Pid);

impl Stopped {
    pub(crate) fn stop(pid: i32) -> Result<Self> {
        let pid = Pid::from_raw(pid);
        kill(pid, Signal::SIGSTOP)?;
        Ok(Self(pid))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // One that is gone need not go on.
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

/// Runs something while these processes stand still.
pub(crate) fn without<T>(others: &[i32], run: impl FnOnce() -> Result<T>) -> Result<T> {
    let stopped: Result<Vec<_>> = others.iter().map(|pid| Stopped::stop(*pid)).collect();
    let came_out = run();
    drop(stopped?);
    came_out
}

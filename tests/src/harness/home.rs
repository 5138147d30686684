//! A home directory of its own for each test: nothing of the machine's shows through, nothing is left behind.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::process::Runnel;
use super::runnel_program;

/// An empty home, removed at the end together with a broker that was started on demand in it.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// Makes one. Its path is short, since a socket's path may have 107 bytes.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("rn").tempdir_in("/tmp").expect("a temporary directory");
        Self { dir }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The data directory that commands find by `RUNNEL_DATA`; nobody has made it yet.
    pub fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes a file below the home; returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).expect("the test's own file");
        path
    }

    /// `runnel` with these arguments, in this home. It starts no broker by itself.
    pub fn runnel<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Runnel {
        let mut command = Command::new(runnel_program());
        self.isolate(&mut command);
        command.args(args);
        Runnel::new(command)
    }

    /// Hides the machine's environment from a command and shows it this home instead.
    pub fn isolate(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("RUST_BACKTRACE", "1")
            .env("RUNNEL_DATA", self.data_dir())
            .env("RUNNEL_AUTOSTART", "never")
            .current_dir(self.path());
    }

    /// The process that holds the data directory, if one does.
    pub fn broker_pid(&self) -> Option<i32> {
        holder(&self.data_dir())
    }
}

/// The process that holds a data directory's lock.
fn holder(data_dir: &Path) -> Option<i32> {
    let path = data_dir.join("lock");
    let file = File::open(&path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => fs::read_to_string(&path).ok()?.trim().parse().ok(),
        _ => None,
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let elsewhere = self.path().join(".local/share/runnel");
        for pid in [self.broker_pid(), holder(&elsewhere)].into_iter().flatten() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

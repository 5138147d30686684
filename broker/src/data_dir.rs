//! The data directory: one broker at a time, and only a directory that is Runnel's or empty.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file that tells a data directory from any other, and what is in it.
const MARKER: &str = "RUNNEL";
const MARKER_TEXT: &str = "runnel data directory, format 1\n";
const LOCK: &str = "lock";
const SOCKET: &str = "broker.sock";

/// A data directory that this process alone may use, for as long as the value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // The lock goes with the open file, so it is released however the process ends.
    _lock: File,
}

/// Why a data directory can't be used. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another broker has it.
    #[error("another broker{} uses the data directory {path}; stop it with `runnel broker stop`", of_pid(.pid))]
    Locked {
        /// The directory.
        path: String,
        /// The other broker's process id, when it could be read.
        pid: Option<u32>,
    },
    /// Something else lives there.
    #[error("{path} holds files that are not Runnel's; choose an empty directory with --data")]
    Foreign {
        /// The directory.
        path: String,
    },
    /// It was written by another version of the format.
    #[error(
        "{path} has a data format that this version does not know ({found:?}); use the version that wrote it"
    )]
    Format {
        /// The directory.
        path: String,
        /// What its marker file says.
        found: String,
    },
    /// It can't be created, read or written.
    #[error(
        "can't use the data directory {path}: {source}; check its owner and mode, or choose another with --data"
    )]
    Io {
        /// The directory.
        path: String,
        /// What the system says.
        source: io::Error,
    },
}

fn of_pid(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl DataDir {
    /// Opens the directory, creating it (mode 0700) when there is none, and locks it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let io_error = |source| DataDirError::Io { path: path.display().to_string(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error)?;
        let path = path.canonicalize().map_err(io_error)?;
        check_marker(&path)?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the broker's Unix socket is.
    pub fn socket(&self) -> PathBuf {
        socket_path(&self.path)
    }
}

/// Where the Unix socket of the broker on `data_dir` is.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join(SOCKET)
}

fn check_marker(path: &Path) -> Result<(), DataDirError> {
    let shown = || path.display().to_string();
    let io_error = |source| DataDirError::Io { path: shown(), source };
    match fs::read_to_string(path.join(MARKER)) {
        Ok(text) if text == MARKER_TEXT => return Ok(()),
        // An empty marker is one whose first writing was cut short: nothing else can be there yet.
        Ok(text) if !text.is_empty() => return Err(DataDirError::Format { path: shown(), found: text }),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(error)),
        Ok(_) | Err(_) => {}
    }
    // A client that starts a broker here has opened its log file already.
    let ours = |name: &std::ffi::OsStr| [MARKER, LOCK, "broker.log"].iter().any(|known| name == *known);
    for entry in fs::read_dir(path).map_err(io_error)? {
        if !ours(&entry.map_err(io_error)?.file_name()) {
            return Err(DataDirError::Foreign { path: shown() });
        }
    }
    let mut marker = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path.join(MARKER))
        .map_err(io_error)?;
    marker.write_all(MARKER_TEXT.as_bytes()).and_then(|()| marker.sync_all()).map_err(io_error)?;
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io_error)
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    let io_error = |source| DataDirError::Io { path: path.display().to_string(), source };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path.join(LOCK))
        .map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            let pid = text.trim().parse().ok();
            return Err(DataDirError::Locked { path: path.display().to_string(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(io_error(source)),
    }
    // Whoever finds the lock taken can then name its holder.
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(io_error)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_serves_one_broker_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let first = DataDir::open(&path).unwrap();
        let refused = DataDir::open(&path).unwrap_err();
        assert!(matches!(refused, DataDirError::Locked { pid: Some(pid), .. } if pid == std::process::id()));
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_foreign_directory_is_refused_and_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("thesis.txt"), "precious").unwrap();
        assert!(matches!(DataDir::open(root.path()), Err(DataDirError::Foreign { .. })));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn another_format_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(MARKER), "runnel data directory, format 9\n").unwrap();
        assert!(matches!(DataDir::open(root.path()), Err(DataDirError::Format { .. })));
    }
}

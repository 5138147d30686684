//! The disk below the log: files and directories under one root, real or simulated.
//!
//! Nothing here knows of topics or records. Every failed sync latches: after it, no write and no sync of the same
//! [`Disk`] succeeds again, since the kernel may have dropped the bytes and would call a second sync a success
//! (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).

mod deferred;
mod file;
mod handles;
mod range;
pub mod simulated;

use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

pub use deferred::DeferredSync;
use file::FileSystem;
pub use handles::Handle;
use handles::Handles;
pub use range::FileRange;
use simulated::{SimulatedFile, Simulation};

/// How many files that nobody writes stay open for one disk.
pub const DEFAULT_OPEN_FILES: usize = 4096;

/// From how many files on one `syncfs` is cheaper than an `fdatasync` each: 1.2 against 1.7 ms for eight files of
/// 128 KiB, 14 against 156 ms for a thousand small ones.
const TOGETHER: usize = 3;

/// The same while others sync, whose files one `syncfs` would take along.
const TOGETHER_BESIDE_OTHERS: usize = 16;

/// Bytes that are copied to a socket at once, where the system has no better way.
const COPIED_BYTES: usize = 64 << 10;

/// How a file is opened. Whatever is opened can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// An existing file, to read.
    Read,
    /// An existing file, to read and write.
    ReadWrite,
    /// A file that must not exist yet, to read and write.
    CreateNew,
}

/// How many files are made durable together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMethod {
    /// One or two files by `fdatasync`, more by one `syncfs` where the system has one that reports errors
    /// (Linux 5.8). It also flushes what other programs left dirty on the same file system.
    #[default]
    Auto,
    /// Every file by `fdatasync`.
    PerFile,
}

/// What can be chosen about a real disk.
#[derive(Debug, Clone, Copy)]
pub struct DiskOptions {
    /// How many files are made durable together.
    pub sync_method: SyncMethod,
    /// How many files that nobody writes stay open.
    pub open_files: usize,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self { sync_method: SyncMethod::default(), open_files: DEFAULT_OPEN_FILES }
    }
}

/// A root directory and what is in it. Paths are relative to the root. Cheap to clone.
#[derive(Clone)]
pub struct Disk {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    latch: Latch,
    handles: Handles,
    /// How many calls of [`Disk::sync_files`] are under way.
    syncing: AtomicUsize,
    /// One `syncfs` at a time: the kernel tells each error to one of them only.
    turn: Mutex<()>,
}

enum Backend {
    File(FileSystem),
    Simulated(Simulation),
}

/// An open file. It stays readable after it is deleted.
pub struct DiskFile {
    raw: RawFile,
    latch: Latch,
    /// One sync at a time: the kernel tells each error to one of them only.
    turn: Mutex<()>,
}

enum RawFile {
    File(std::fs::File),
    Simulated(SimulatedFile),
}

impl Disk {
    /// The directory `root`, which must exist.
    pub fn open_root(root: &Path) -> io::Result<Self> {
        Self::open_root_with(root, DiskOptions::default())
    }

    /// The directory `root`, which must exist, under `options`.
    pub fn open_root_with(root: &Path, options: DiskOptions) -> io::Result<Self> {
        Ok(Self::new(Backend::File(FileSystem::open(root, options.sync_method)?), options.open_files))
    }

    /// An empty disk in memory. [`Disk::simulation`] cuts its power and injects faults.
    pub fn simulated(seed: u64) -> Self {
        Simulation::new(seed).disk()
    }

    /// The simulation behind the disk, if it is simulated.
    pub fn simulation(&self) -> Option<&Simulation> {
        match &self.inner.backend {
            Backend::Simulated(simulation) => Some(simulation),
            Backend::File(_) => None,
        }
    }

    fn new(backend: Backend, open_files: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                backend,
                latch: Latch::default(),
                handles: Handles::new(open_files),
                syncing: AtomicUsize::new(0),
                turn: Mutex::default(),
            }),
        }
    }

    /// Creates `dir` and its missing parents. Durable after [`Disk::sync_dir`] of each parent that got an entry.
    pub fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        match &self.inner.backend {
            Backend::File(files) => files.create_dir_all(dir),
            Backend::Simulated(simulation) => simulation.create_dir_all(dir),
        }
    }

    /// The names in `dir`, sorted.
    pub fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        match &self.inner.backend {
            Backend::File(files) => files.list(dir),
            Backend::Simulated(simulation) => simulation.list(dir),
        }
    }

    /// Opens the file at `path`.
    pub fn open(&self, path: &Path, how: Open) -> io::Result<Arc<DiskFile>> {
        let raw = match &self.inner.backend {
            Backend::File(files) => RawFile::File(files.open_file(path, how)?),
            Backend::Simulated(simulation) => RawFile::Simulated(simulation.open(path, how)?),
        };
        Ok(Arc::new(DiskFile { raw, latch: self.inner.latch.clone(), turn: Mutex::default() }))
    }

    /// The file's length in bytes, without opening it.
    pub fn len(&self, path: &Path) -> io::Result<u64> {
        match &self.inner.backend {
            Backend::File(files) => files.len(path),
            Backend::Simulated(simulation) => simulation.len(path),
        }
    }

    /// Renames a file or directory over what `to` names. Durable after [`Disk::sync_dir`].
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match &self.inner.backend {
            Backend::File(files) => files.rename(from, to),
            Backend::Simulated(simulation) => simulation.rename(from, to),
        }
    }

    /// Removes a file. Durable after [`Disk::sync_dir`].
    pub fn remove_file(&self, path: &Path) -> io::Result<()> {
        match &self.inner.backend {
            Backend::File(files) => files.remove_file(path),
            Backend::Simulated(simulation) => simulation.remove_file(path),
        }
    }

    /// Removes a directory and all that it holds. Durable after [`Disk::sync_dir`] of its parent.
    pub fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        match &self.inner.backend {
            Backend::File(files) => files.remove_dir_all(dir),
            Backend::Simulated(simulation) => simulation.remove_dir_all(dir),
        }
    }

    /// Makes the names in `dir` durable.
    pub fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.latch.watch(|| match &self.inner.backend {
            Backend::File(files) => files.sync_dir(dir),
            Backend::Simulated(simulation) => simulation.sync_dir(dir),
        })
    }

    /// Makes the bytes and the lengths of `files` durable, together where that is cheaper.
    pub fn sync_files(&self, files: &[Arc<DiskFile>]) -> io::Result<()> {
        let others = self.inner.syncing.fetch_add(1, Ordering::Relaxed);
        let enough = if others > 0 { TOGETHER_BESIDE_OTHERS } else { TOGETHER };
        let synced = match files.len() >= enough && self.syncs_together() {
            true => self.sync_everything(),
            false => files.iter().try_for_each(|file| file.sync()),
        };
        self.inner.syncing.fetch_sub(1, Ordering::Relaxed);
        synced
    }

    /// Starts to collect what one call is to make durable.
    pub fn defer_sync(&self) -> DeferredSync<'_> {
        DeferredSync::new(self)
    }

    /// Whether [`Disk::sync_everything`] is there to be called.
    fn syncs_together(&self) -> bool {
        matches!(&self.inner.backend, Backend::File(files) if files.syncs_together())
    }

    /// Makes the whole file system durable, files and names.
    fn sync_everything(&self) -> io::Result<()> {
        let _turn = take(&self.inner.turn);
        self.inner.latch.watch(|| match &self.inner.backend {
            Backend::File(files) => files.sync_all(),
            Backend::Simulated(_) => unreachable!("a simulated disk syncs file by file"),
        })
    }

    /// Bytes free for the broker and bytes in all, of the file system below the root; `None`: unknown.
    pub fn space(&self) -> Option<(u64, u64)> {
        match &self.inner.backend {
            Backend::File(files) => files.space(),
            Backend::Simulated(simulation) => simulation.space(),
        }
    }

    /// All bytes of a small file.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path, Open::Read)?;
        let len = usize::try_from(file.len()?).map_err(|_| Errno::EFBIG)?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Puts a small file in place, whole or not at all, durable on return.
    pub fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = suffixed(path, ".new");
        match self.remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.open(&temporary, Open::CreateNew)?;
        file.write_all_at(&mut [IoSlice::new(bytes)], 0)?;
        file.sync()?;
        self.rename(&temporary, path)?;
        self.sync_dir(path.parent().unwrap_or(Path::new("")))
    }

    /// Whether a sync failed: nothing can be made durable any more, and the broker has to stop.
    pub fn has_failed(&self) -> bool {
        self.inner.latch.is_set()
    }

    fn handles(&self) -> &Handles {
        &self.inner.handles
    }
}

impl DiskFile {
    /// Reads into `buffer` from `position`; fewer bytes than asked for only at the end of the file.
    pub fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let read = match &self.raw {
                RawFile::File(file) => file::read_at(file, &mut buffer[filled..], position + filled as u64),
                RawFile::Simulated(file) => file.read_at(&mut buffer[filled..], position + filled as u64),
            };
            match read {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Fills `buffer` from `position`; `UnexpectedEof` if the file ends before.
    pub fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        match self.read_at(buffer, position)? {
            count if count == buffer.len() => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Lets the system begin to read bytes that will be wanted soon.
    fn read_ahead(&self, position: u64, count: u64) {
        match &self.raw {
            #[cfg(target_os = "linux")]
            RawFile::File(file) => file::read_ahead(file, position, count),
            _ => _ = (position, count),
        }
    }

    /// Sends bytes from `position` on to a socket, as many of `count` as it takes; 0 at the end of the file.
    fn send_at(&self, socket: BorrowedFd<'_>, position: u64, count: usize) -> io::Result<usize> {
        loop {
            let sent = match &self.raw {
                #[cfg(target_os = "linux")]
                RawFile::File(file) => file::send_at(file, socket, position, count),
                _ => self.copy_to(socket, position, count),
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// The same by way of memory.
    fn copy_to(&self, socket: BorrowedFd<'_>, position: u64, count: usize) -> io::Result<usize> {
        let mut chunk = vec![0; count.min(COPIED_BYTES)];
        let read = self.read_at(&mut chunk, position)?;
        Ok(nix::unistd::write(socket, &chunk[..read])?)
    }

    /// Writes all of `buffers`, one after the other, from `position`. After an error any part may be written.
    pub fn write_all_at(&self, mut buffers: &mut [IoSlice<'_>], mut position: u64) -> io::Result<()> {
        self.latch.check()?;
        IoSlice::advance_slices(&mut buffers, 0);
        while !buffers.is_empty() {
            let written = match &self.raw {
                RawFile::File(file) => file::write_vectored_at(file, buffers, position),
                RawFile::Simulated(file) => file.write_vectored_at(buffers, position),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    position += count as u64;
                    IoSlice::advance_slices(&mut buffers, count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The file's length in bytes.
    pub fn len(&self) -> io::Result<u64> {
        match &self.raw {
            RawFile::File(file) => Ok(file.metadata()?.len()),
            RawFile::Simulated(file) => file.len(),
        }
    }

    /// Whether the file holds nothing.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or extends it with zeros.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        match &self.raw {
            RawFile::File(file) => file.set_len(len),
            RawFile::Simulated(file) => file.set_len(len),
        }
    }

    /// Makes the file's bytes and length durable; not its name.
    pub fn sync(&self) -> io::Result<()> {
        let _turn = take(&self.turn);
        self.latch.watch(|| match &self.raw {
            RawFile::File(file) => file.sync_data(),
            RawFile::Simulated(file) => file.sync(),
        })
    }
}

/// Whether `error` says that the disk, or the user's share of it, is full.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// `path` with `suffix` after its last character.
pub fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Waits for one's turn. What it guards is no data that a panic could leave halfway.
fn take(turn: &Mutex<()>) -> MutexGuard<'_, ()> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Set by the first failed sync, for good.
#[derive(Clone, Default)]
struct Latch(Arc<AtomicBool>);

impl Latch {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn check(&self) -> io::Result<()> {
        if self.is_set() {
            return Err(io::Error::other("an earlier sync of this disk failed"));
        }
        Ok(())
    }

    fn watch(&self, sync: impl Fn() -> io::Result<()>) -> io::Result<()> {
        self.check()?;
        loop {
            match sync() {
                // Nothing was tried yet: unlike any other error, this one may be retried.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.0.store(true, Ordering::Release);
                    return Err(error);
                }
                Ok(()) => return Ok(()),
            }
        }
    }
}

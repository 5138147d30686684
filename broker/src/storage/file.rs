//! The real file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Open, SyncMethod};

pub(super) struct FileSystem {
    root: PathBuf,
    /// Kept open: `syncfs` reports the write errors since its descriptor was opened, each once.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    directory: File,
    together: bool,
}

impl FileSystem {
    pub(super) fn open(root: &Path, method: SyncMethod) -> io::Result<Self> {
        let directory = File::open(root)?;
        Ok(Self {
            root: root.to_owned(),
            directory,
            together: method == SyncMethod::Auto && syncfs_reports_errors(),
        })
    }

    pub(super) fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(self.root.join(dir))
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(dir))? {
            // A name that is not Unicode is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn open_file(&self, path: &Path, how: Open) -> io::Result<File> {
        let path = self.root.join(path);
        let mut options = OpenOptions::new();
        options.read(true);
        match how {
            Open::Read => {}
            Open::ReadWrite => _ = options.write(true),
            Open::CreateNew => _ = options.write(true).create_new(true),
        }
        options.open(path)
    }

    pub(super) fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(self.root.join(path))?.len())
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    pub(super) fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir_all(self.root.join(dir))
    }

    pub(super) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(self.root.join(dir))?.sync_all()
    }

    pub(super) fn syncs_together(&self) -> bool {
        self.together
    }

    #[cfg(target_os = "linux")]
    pub(super) fn sync_all(&self) -> io::Result<()> {
        Ok(nix::unistd::syncfs(&self.directory)?)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn sync_all(&self) -> io::Result<()> {
        unreachable!("only Linux syncs a whole file system")
    }

    pub(super) fn space(&self) -> Option<(u64, u64)> {
        let space = nix::sys::statvfs::statvfs(&self.root).ok()?;
        // The field's types differ between systems.
        #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
        let (unit, free, total) =
            (space.fragment_size() as u64, u64::from(space.blocks_available()), u64::from(space.blocks()));
        Some((free.saturating_mul(unit), total.saturating_mul(unit)))
    }
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    FileExt::read_at(file, buffer, position)
}

pub(super) fn write_vectored_at(file: &File, buffers: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
    let position = nix::libc::off_t::try_from(position).map_err(|_| nix::errno::Errno::EFBIG)?;
    Ok(nix::sys::uio::pwritev(file, buffers, position)?)
}

/// Advice: what it can't be given for is read when it is wanted.
#[cfg(target_os = "linux")]
pub(super) fn read_ahead(file: &File, position: u64, count: u64) {
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
    if let (Ok(position), Ok(count)) = (position.try_into(), count.try_into()) {
        _ = posix_fadvise(file, position, count, PosixFadviseAdvice::POSIX_FADV_WILLNEED);
    }
}

/// From the page cache to a socket.
#[cfg(target_os = "linux")]
pub(super) fn send_at(file: &File, socket: BorrowedFd<'_>, position: u64, count: usize) -> io::Result<usize> {
    let mut position = nix::libc::off_t::try_from(position).map_err(|_| nix::errno::Errno::EFBIG)?;
    Ok(nix::sys::sendfile::sendfile(socket, file, Some(&mut position), count)?)
}

/// Before Linux 5.8, `syncfs` returned success whatever the disk said.
fn syncfs_reports_errors() -> bool {
    let Ok(release) = fs::read_to_string("/proc/sys/kernel/osrelease") else { return false };
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    cfg!(target_os = "linux") && version >= (5, 8)
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::path::Path;

    use crate::storage::{Disk, DiskOptions, Open, SyncMethod};

    #[test]
    fn files_are_written_read_and_replaced() {
        let root = tempfile::tempdir().unwrap();
        for sync_method in [SyncMethod::Auto, SyncMethod::PerFile] {
            let disk = Disk::open_root_with(root.path(), DiskOptions { sync_method, open_files: 4 }).unwrap();
            disk.create_dir_all(Path::new("a/b")).unwrap();
            let names = ["one", "two", "three"].map(|name| Path::new("a/b").join(name));
            let files = names.each_ref().map(|name| disk.open(name, Open::CreateNew).unwrap());
            for file in &files {
                file.write_all_at(&mut [IoSlice::new(b""), IoSlice::new(b"head"), IoSlice::new(b"tail")], 2)
                    .unwrap();
            }
            disk.sync_files(&files).unwrap();
            disk.sync_dir(Path::new("a/b")).unwrap();
            assert_eq!(disk.read(&names[1]).unwrap(), b"\0\0headtail");
            assert_eq!(disk.len(&names[2]).unwrap(), 10);
            disk.write_new(&names[0], b"new").unwrap();
            assert_eq!(disk.read(&names[0]).unwrap(), b"new");
            assert_eq!(disk.list(Path::new("a/b")).unwrap(), ["one", "three", "two"]);
            let (free, total) = disk.space().unwrap();
            assert!(free <= total && total > 0);
            disk.remove_dir_all(Path::new("a")).unwrap();
            assert_eq!(files[2].read_at(&mut [0; 20], 0).unwrap(), 10, "a deleted file stays readable");
        }
    }
}

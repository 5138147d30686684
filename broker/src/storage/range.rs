//! A stretch of a file on its way to a socket.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::DiskFile;

/// The system reads no more ahead at once.
const LOADED_BYTES: u64 = 1 << 20;

/// A stretch of a file that nobody writes any more. It holds on to the file: whatever becomes of the name, the bytes stay.
#[derive(Clone)]
pub struct FileRange {
    file: Arc<DiskFile>,
    position: u64,
    size_bytes: usize,
}

impl FileRange {
    /// `size_bytes` of `file` from `position` on.
    pub fn new(file: Arc<DiskFile>, position: u64, size_bytes: usize) -> Self {
        Self { file, position, size_bytes }
    }

    /// The file.
    pub fn file(&self) -> &DiskFile {
        &self.file
    }

    /// Where it begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes are left of it.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// A part of it.
    ///
    /// # Panics
    /// It is not within.
    pub fn part(&self, position: u64, size_bytes: usize) -> Self {
        let end = self.position + self.size_bytes as u64;
        assert!(position >= self.position && position + size_bytes as u64 <= end, "a part lies within");
        Self { file: Arc::clone(&self.file), position, size_bytes }
    }

    /// All of it.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file is shorter; those of the disk.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.size_bytes];
        self.file.read_exact_at(&mut bytes, self.position)?;
        Ok(bytes)
    }

    /// Has it in the page cache, if need be after waiting for the disk.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn load(&self) -> io::Result<()> {
        let end = self.position + self.size_bytes as u64;
        for start in (self.position..end).step_by(LOADED_BYTES as usize) {
            let stretch = LOADED_BYTES.min(end - start);
            self.file.read_ahead(start, stretch);
            // The disk goes forward: with the last byte, those before it are there.
            self.file.read_at(&mut [0], start + stretch - 1)?;
        }
        Ok(())
    }

    /// Sends its first bytes to a socket that does not block, at most `max_bytes`, and takes them off. What the system
    /// can send from the page cache never enters this process.
    ///
    /// # Errors
    /// `WouldBlock` when the socket is full, `UnexpectedEof` when the file is shorter; those of disk and socket.
    pub fn send(&mut self, socket: BorrowedFd<'_>, max_bytes: usize) -> io::Result<()> {
        let sent = self.file.send_at(socket, self.position, self.size_bytes.min(max_bytes))?;
        if sent == 0 && self.size_bytes > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += sent as u64;
        self.size_bytes -= sent;
        Ok(())
    }
}

impl fmt::Debug for FileRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, size_bytes, .. } = self;
        f.debug_struct("FileRange").field("position", position).field("size_bytes", size_bytes).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{IoSlice, Read};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use super::*;
    use crate::storage::{Disk, Open};

    /// More than any socket takes at once.
    const FILE_BYTES: usize = 3 << 20;

    #[test]
    fn a_socket_gets_every_byte_once_though_it_is_full_and_the_file_deleted() {
        let root = tempfile::tempdir().unwrap();
        for disk in [Disk::open_root(root.path()).unwrap(), Disk::simulated(1)] {
            let bytes: Vec<u8> = (0..FILE_BYTES).map(|at| (at / 7) as u8).collect();
            let file = disk.open(Path::new("file"), Open::CreateNew).unwrap();
            file.write_all_at(&mut [IoSlice::new(&bytes)], 0).unwrap();
            disk.remove_file(Path::new("file")).unwrap();
            let mut range = FileRange::new(file, 5, FILE_BYTES - 9);
            let (mut reader, writer) = UnixStream::pair().unwrap();
            writer.set_nonblocking(true).unwrap();
            let (mut received, mut full) = (Vec::new(), 0);
            while range.size_bytes() > 0 {
                match range.send(writer.as_fd(), 1 << 20) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        full += 1;
                        let mut chunk = vec![0; 100_000];
                        let count = reader.read(&mut chunk).unwrap();
                        received.extend_from_slice(&chunk[..count]);
                    }
                    sent => sent.unwrap(),
                }
            }
            drop(writer);
            reader.read_to_end(&mut received).unwrap();
            assert!(full > 0 && received == bytes[5..FILE_BYTES - 4]);
        }
    }

    #[test]
    fn a_file_that_is_shorter_is_told() {
        let disk = Disk::simulated(1);
        let file = disk.open(Path::new("file"), Open::CreateNew).unwrap();
        let mut range = FileRange::new(file, 0, 1);
        let (_reader, writer) = UnixStream::pair().unwrap();
        assert_eq!(range.send(writer.as_fd(), 1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(range.read().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

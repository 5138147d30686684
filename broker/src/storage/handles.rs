//! Open files, shared by all logs and bounded: descriptors are few (20,000 on the machine this was built for) and a
//! broker may hold many more segments.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Disk, DiskFile, Open};

/// A file that is opened when it is used and closed when others are used more.
pub struct Handle {
    disk: Disk,
    path: PathBuf,
    opened: Mutex<Weak<Opened>>,
}

impl Handle {
    /// A handle on the file at `path`; nothing is opened yet.
    pub fn new(disk: Disk, path: PathBuf) -> Self {
        Self { disk, path, opened: Mutex::default() }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, open to read and write. It stays open as long as the caller keeps it, deleted or not.
    pub fn open(&self) -> io::Result<Arc<DiskFile>> {
        self.open_as(Open::ReadWrite)
    }

    /// The file, made if it does not exist.
    pub fn open_or_create(&self) -> io::Result<Arc<DiskFile>> {
        match self.open_as(Open::ReadWrite) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.open_as(Open::CreateNew),
            other => other,
        }
    }

    fn open_as(&self, how: Open) -> io::Result<Arc<DiskFile>> {
        let mut opened = lock(&self.opened);
        if let Some(opened) = opened.upgrade() {
            opened.used.store(true, Ordering::Relaxed);
            return Ok(opened.file.clone());
        }
        let file = self.disk.open(&self.path, how)?;
        *opened = self.disk.handles().keep(file.clone());
        Ok(file)
    }

    /// Takes over `file`, which is open already.
    pub fn keep(&self, file: Arc<DiskFile>) {
        self.close();
        *lock(&self.opened) = self.disk.handles().keep(file);
    }

    /// Closes the file, if nobody else has it.
    pub fn close(&self) {
        if let Some(opened) = std::mem::take(&mut *lock(&self.opened)).upgrade() {
            self.disk.handles().forget(&opened);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// The files kept open: a clock, which approximates least recently used with no lock on a hit.
pub(super) struct Handles {
    clock: Mutex<Clock>,
    capacity: usize,
}

#[derive(Default)]
struct Clock {
    slots: Vec<Option<Arc<Opened>>>,
    empty: Vec<usize>,
    hand: usize,
}

struct Opened {
    file: Arc<DiskFile>,
    used: AtomicBool,
    slot: AtomicUsize,
}

impl Handles {
    pub(super) fn new(capacity: usize) -> Self {
        Self { clock: Mutex::default(), capacity: capacity.max(1) }
    }

    fn keep(&self, file: Arc<DiskFile>) -> Weak<Opened> {
        let mut clock = lock(&self.clock);
        let slot = clock.free_slot(self.capacity);
        let opened = Arc::new(Opened { file, used: AtomicBool::new(true), slot: AtomicUsize::new(slot) });
        let weak = Arc::downgrade(&opened);
        clock.slots[slot] = Some(opened);
        weak
    }

    fn forget(&self, opened: &Arc<Opened>) {
        let mut clock = lock(&self.clock);
        let slot = opened.slot.load(Ordering::Relaxed);
        if clock
            .slots
            .get(slot)
            .is_some_and(|kept| kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, opened)))
        {
            clock.slots[slot] = None;
            clock.empty.push(slot);
        }
    }
}

impl Clock {
    /// A slot without a file, closing the first file in the hand's way that nobody used since it last passed.
    fn free_slot(&mut self, capacity: usize) -> usize {
        if let Some(slot) = self.empty.pop() {
            return slot;
        }
        if self.slots.len() < capacity {
            self.slots.push(None);
            return self.slots.len() - 1;
        }
        loop {
            let slot = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            let used =
                self.slots[slot].as_ref().is_some_and(|opened| opened.used.swap(false, Ordering::Relaxed));
            if !used {
                self.slots[slot] = None;
                return slot;
            }
        }
    }
}

/// Nothing here is left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::path::PathBuf;

    use super::*;
    use crate::storage::DiskOptions;

    #[test]
    fn few_files_stay_open_and_all_can_be_read() {
        let root = tempfile::tempdir().unwrap();
        let disk =
            Disk::open_root_with(root.path(), DiskOptions { open_files: 3, ..Default::default() }).unwrap();
        let handles: Vec<Handle> = (0..10u8)
            .map(|i| {
                let path = PathBuf::from(i.to_string());
                disk.open(&path, Open::CreateNew)
                    .unwrap()
                    .write_all_at(&mut [IoSlice::new(&[i])], 0)
                    .unwrap();
                Handle::new(disk.clone(), path)
            })
            .collect();
        let held = handles[0].open().unwrap();
        for _ in 0..3 {
            for (i, handle) in handles.iter().enumerate() {
                let mut byte = [0];
                handle.open().unwrap().read_exact_at(&mut byte, 0).unwrap();
                assert_eq!(usize::from(byte[0]), i);
                let open = lock(&disk.handles().clock).slots.iter().flatten().count();
                assert!(open <= 3, "{open} files are open");
            }
        }
        disk.remove_file(handles[0].path()).unwrap();
        drop(handles);
        assert_eq!(
            lock(&disk.handles().clock).slots.iter().flatten().count(),
            0,
            "dropped handles are closed"
        );
        assert_eq!(held.len().unwrap(), 1, "but not under a reader");
    }
}

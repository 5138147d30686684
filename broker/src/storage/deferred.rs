//! Syncs put off until one call does them all.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Disk, DiskFile};

/// Collects what is to be made durable when the order among it does not matter, as for a thousand new partitions of
/// which none is served before all are there. Where the system can sync everything by one call, only
/// [`DeferredSync::finish`] syncs; elsewhere each call does, and nothing is left to finish. Threads may share it.
#[must_use = "nothing is durable before `finish`"]
pub struct DeferredSync<'disk> {
    disk: &'disk Disk,
    together: bool,
    owed: AtomicBool,
}

impl<'disk> DeferredSync<'disk> {
    /// Nothing is put off: cheaper for the two syncs of one new segment.
    pub fn at_once(disk: &'disk Disk) -> Self {
        Self { disk, together: false, owed: AtomicBool::new(false) }
    }

    pub(super) fn new(disk: &'disk Disk) -> Self {
        Self { disk, together: disk.syncs_together(), owed: AtomicBool::new(false) }
    }

    /// Makes the file's bytes and length durable, now or at the end. The file need not stay open.
    pub fn file(&self, file: &DiskFile) -> io::Result<()> {
        if self.put_off() { Ok(()) } else { file.sync() }
    }

    /// Makes the names in `dir` durable, now or at the end.
    pub fn dir(&self, dir: &Path) -> io::Result<()> {
        if self.put_off() { Ok(()) } else { self.disk.sync_dir(dir) }
    }

    /// Everything is durable on return.
    pub fn finish(self) -> io::Result<()> {
        if self.owed.into_inner() { self.disk.sync_everything() } else { Ok(()) }
    }

    fn put_off(&self) -> bool {
        if self.together {
            self.owed.store(true, Ordering::Release);
        }
        self.together
    }
}

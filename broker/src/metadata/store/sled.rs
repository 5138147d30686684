//! Rows in sled, and all that is needed to live with it: no sled type leaves this file.
//!
//! sled 0.34 panics on some damaged files, refuses to open over a snapshot that was cut short while it was written, and calls
//! `sync_file_range` what it calls a flush. So it is opened in a thread of its own with a deadline, and after each flush the
//! file is synced through a descriptor of ours.

use std::fs::{self, File};
use std::io;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::{Doubt, RowChange, guarded};

/// sled's own default is 1 GiB; the image is in memory anyway.
const CACHE_BYTES: u64 = 16 << 20;

/// An open sled.
pub(super) struct SledRows {
    db: sled::Db,
    dir: PathBuf,
}

impl SledRows {
    /// Opens or creates the sled in a directory and hands it to `check`, both on a thread that may panic or hang: it is then
    /// left behind.
    pub(super) fn open<T: Send + 'static>(
        dir: &Path,
        deadline: Duration,
        check: impl FnOnce(&Self) -> Result<T, Doubt> + Send + 'static,
    ) -> Result<(Self, T), Doubt> {
        delete_partial_snapshots(dir)?;
        let dir = dir.to_owned();
        let (sender, receiver) = mpsc::sync_channel(1);
        let open = move || {
            wait_for_lock(&dir)?;
            let config = sled::Config::new().path(&dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
            // Dropping a sled that is in doubt might panic a second time, which ends the process; it is left as it is.
            let rows = ManuallyDrop::new(Self { db: config.open()?, dir });
            let checked = check(&rows)?;
            Ok((ManuallyDrop::into_inner(rows), checked))
        };
        std::thread::Builder::new()
            .name("image-open".to_owned())
            .spawn(move || sender.send(guarded(open)))?;
        receiver.recv_timeout(deadline).unwrap_or(Err(Doubt::TimedOut(deadline)))
    }

    /// All rows in the order of their keys.
    pub(super) fn scan(&self, mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Doubt>) -> Result<(), Doubt> {
        for row in self.db.iter() {
            let (key, row) = row?;
            visit(&key, &row)?;
        }
        Ok(())
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Doubt> {
        Ok(self.db.get(key)?.map(|row| row.to_vec()))
    }

    /// Changes rows, all or none.
    pub(super) fn write(&self, changes: Vec<RowChange>) -> Result<(), Doubt> {
        let mut batch = sled::Batch::default();
        for (key, row) in changes {
            match row {
                Some(row) => batch.insert(key, row),
                None => batch.remove(key),
            }
        }
        Ok(self.db.apply_batch(batch)?)
    }

    /// Makes what was written durable.
    pub(super) fn flush(&self) -> Result<(), Doubt> {
        self.db.flush()?;
        Ok(File::open(self.dir.join("db"))?.sync_data()?)
    }

    /// The bytes of all its files.
    pub(super) fn size_bytes(&self) -> Result<u64, Doubt> {
        Ok(directory_bytes(&self.dir)?)
    }
}

impl From<sled::Error> for Doubt {
    fn from(error: sled::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// sled's own threads may hold on to the file for a moment after it was closed in this process; it does not wait for them.
fn wait_for_lock(dir: &Path) -> io::Result<()> {
    match File::open(dir.join("db")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        db => {
            let db = db?;
            db.lock()?;
            db.unlock()
        }
    }
}

/// A snapshot that was being written when the broker died keeps sled from opening for good.
fn delete_partial_snapshots(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn directory_bytes(dir: &Path) -> io::Result<u64> {
    fs::read_dir(dir)?.try_fold(0, |sum, entry| {
        let entry = entry?;
        let metadata = entry.metadata()?;
        Ok(sum + if metadata.is_dir() { directory_bytes(&entry.path())? } else { metadata.len() })
    })
}

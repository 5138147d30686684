//! Space put aside, so that a full disk can be made less full: deleting a topic has to be written down first.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use crate::storage::{Disk, Open};

const FILE: &str = "reserve";
/// Enough for the records of many deletions, and for the segments that they may roll.
const SIZE_BYTES: usize = 1 << 20;

/// The space put aside. Clones share it.
#[derive(Clone)]
pub struct Reserve(Arc<Disk>);

impl Reserve {
    /// Puts the space aside. A disk that has no room for it is one that is full already: it is tried again by
    /// [`Reserve::refill`].
    pub fn new(disk: Disk) -> Self {
        let reserve = Self(Arc::new(disk));
        reserve.refill();
        reserve
    }

    /// Gives the space back to the file system. True if there was any.
    pub fn release(&self) -> bool {
        self.0.remove_file(Path::new(FILE)).is_ok()
    }

    /// Puts the space aside again, if it was given back and there is room now.
    pub fn refill(&self) {
        let path = Path::new(FILE);
        if self.0.len(path).is_ok_and(|len| len == SIZE_BYTES as u64) {
            return;
        }
        if self.fill(path).is_err() {
            // Half a reserve would only take space from those who are short of it.
            let _ = self.0.remove_file(path);
        }
    }

    fn fill(&self, path: &Path) -> io::Result<()> {
        let _ = self.0.remove_file(path);
        let file = self.0.open(path, Open::CreateNew)?;
        // Written, not merely sized: a hole would hold no space.
        file.write_all_at(&mut [IoSlice::new(&vec![0; SIZE_BYTES])], 0)
    }
}

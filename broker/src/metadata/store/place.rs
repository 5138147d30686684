//! Where a store lives: what is around it, and how it is given up.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::marks::Marks;
use super::{Doubt, InternalLog, SimulatedDisk};
use crate::types::UnixMillis;

/// How many stores that were set aside are kept, for whoever wants to know what happened.
const KEPT: usize = 3;

const NEW: Marks = Marks { trusted: true, applied: [0; InternalLog::ALL.len()] };

/// Where a store lives.
#[derive(Debug, Clone)]
pub enum Place {
    /// A directory of its own: `marks` and sled's files in `sled`. It is made when it does not exist.
    Directory(PathBuf),
    /// A simulated disk.
    Simulated(SimulatedDisk),
}

impl Place {
    /// Gives up the store that is here, whatever its state, so that the next one starts empty. A directory is renamed to
    /// `NAME.corrupt-<now>`, of which the newest three are kept. Tells its new path.
    ///
    /// # Errors
    /// When it can't be moved. It is distrusted all the same, if that much can be written.
    pub fn set_aside(&self, now_ms: UnixMillis) -> Result<Option<PathBuf>, Doubt> {
        let dir = match self {
            Self::Simulated(disk) => {
                disk.set_aside();
                return Ok(None);
            }
            Self::Directory(dir) if !dir.exists() => return Ok(None),
            Self::Directory(dir) => dir,
        };
        // First of all, so that a store which can't be moved is not taken for a sound one later.
        let _ = self.write_marks(Marks { trusted: false, ..NEW });
        let aside = free_name(dir, now_ms);
        fs::rename(dir, &aside)?;
        delete_oldest(dir)?;
        Ok(Some(aside))
    }

    /// What is known of the store that is here; a new one's marks when there is none.
    pub(super) fn marks(&self) -> Result<Marks, Doubt> {
        let marks = match self {
            Self::Simulated(disk) => match disk.marks() {
                None if disk.is_empty() => NEW,
                marks => marks.ok_or(Doubt::Marks)?,
            },
            Self::Directory(dir) => match fs::read(dir.join("marks")) {
                Ok(bytes) => Marks::decode(&bytes)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound && !dir.join("sled").exists() => NEW,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Doubt::Marks),
                Err(error) => return Err(error.into()),
            },
        };
        if marks.trusted { Ok(marks) } else { Err(Doubt::Distrusted) }
    }

    /// Replaces the marks. They are not synced: marks that a power cut takes back or destroys only cost a rebuild.
    pub(super) fn write_marks(&self, marks: Marks) -> Result<(), Doubt> {
        match self {
            Self::Simulated(disk) => disk.set_marks(marks),
            Self::Directory(dir) => {
                fs::create_dir_all(dir)?;
                fs::write(dir.join("marks.new"), marks.encode())?;
                Ok(fs::rename(dir.join("marks.new"), dir.join("marks"))?)
            }
        }
    }
}

fn free_name(dir: &Path, now_ms: UnixMillis) -> PathBuf {
    let name = |time_ms| dir.with_file_name(format!("{}{time_ms}", prefix(dir)));
    (now_ms..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(now_ms))
}

fn delete_oldest(dir: &Path) -> io::Result<()> {
    let parent = dir.parent().unwrap_or(Path::new("."));
    let prefix = prefix(dir);
    let mut kept = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(time_ms) = name.strip_prefix(&prefix).and_then(|time| time.parse::<UnixMillis>().ok()) {
            kept.push((time_ms, entry.path()));
        }
    }
    kept.sort();
    let surplus = kept.len().saturating_sub(KEPT);
    kept.iter().take(surplus).try_for_each(|(_, path)| fs::remove_dir_all(path))
}

fn prefix(dir: &Path) -> String {
    format!("{}.corrupt-", dir.file_name().unwrap_or_default().to_string_lossy())
}

//! Files and directories: what programs see, and what survives.

use std::collections::BTreeMap;

use super::random::Random;

const SECTOR_BYTES: usize = 512;

pub(super) enum Node {
    File(FileNode),
    Directory(DirectoryNode),
}

#[derive(Default)]
pub(super) struct FileNode {
    /// What programs see.
    pub(super) seen: Vec<u8>,
    /// What survives.
    pub(super) durable: Vec<u8>,
    pending: Vec<FileChange>,
}

pub(super) enum FileChange {
    Write { position: usize, bytes: Vec<u8> },
    SetLen(usize),
}

#[derive(Default)]
pub(super) struct DirectoryNode {
    pub(super) seen: BTreeMap<String, u64>,
    durable: BTreeMap<String, u64>,
    pending: Vec<NameChange>,
}

pub(super) enum NameChange {
    Link(String, u64),
    Unlink(String),
    /// Within one directory, atomic.
    Rename(String, String),
}

impl FileNode {
    pub(super) fn change(&mut self, change: FileChange) {
        change.apply(&mut self.seen, |_| Fate::Kept);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable, |_| Fate::Kept);
        }
    }

    /// Puts some of what is pending on disk and forgets the rest.
    pub(super) fn lose_pending(&mut self, random: &mut Random) {
        let pending = std::mem::take(&mut self.pending);
        let fate_of_all = [Some(Fate::Kept), Some(Fate::Dropped), None, None][random.below(4)];
        for change in pending {
            let mut fate = || fate_of_all.unwrap_or_else(|| Fate::any(random));
            if matches!(change, FileChange::SetLen(_)) && fate() != Fate::Kept {
                continue;
            }
            change.apply(&mut self.durable, |_| fate());
        }
    }
}

/// What becomes of a pending sector.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Dropped,
    /// So many of its bytes are kept.
    Torn(usize),
}

impl Fate {
    fn any(random: &mut Random) -> Self {
        match random.below(8) {
            0..4 => Self::Kept,
            4..7 => Self::Dropped,
            _ => Self::Torn(random.below(SECTOR_BYTES)),
        }
    }
}

impl FileChange {
    /// Changes `bytes`, each sector by its fate. A dropped one may leave zeros: the length and the bytes of a file
    /// reach the disk apart from each other.
    fn apply(&self, file: &mut Vec<u8>, mut fate: impl FnMut(usize) -> Fate) {
        let (position, bytes) = match self {
            Self::SetLen(len) => return file.resize(*len, 0),
            Self::Write { position, bytes } => (*position, bytes),
        };
        let mut at = 0;
        while at < bytes.len() {
            let sector_end = (position + at) / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES - position;
            let sector = &bytes[at..sector_end.min(bytes.len())];
            let kept = match fate(at) {
                Fate::Kept => sector.len(),
                Fate::Dropped => 0,
                Fate::Torn(count) => count.min(sector.len()),
            };
            if kept > 0 {
                let start = position + at;
                if file.len() < start + kept {
                    file.resize(start + kept, 0);
                }
                file[start..start + kept].copy_from_slice(&sector[..kept]);
            }
            at += sector.len();
        }
    }
}

impl DirectoryNode {
    pub(super) fn change(&mut self, change: NameChange) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.pending.clear();
        self.durable = self.seen.clone();
    }

    /// A journal keeps the order of the changes: the first ones survive.
    pub(super) fn lose_pending(&mut self, random: &mut Random) {
        let kept = random.below(self.pending.len() + 1);
        for change in self.pending.drain(..).take(kept) {
            change.apply(&mut self.durable);
        }
        self.pending.clear();
        self.seen = self.durable.clone();
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Link(name, node) => _ = names.insert(name.clone(), *node),
            Self::Unlink(name) => _ = names.remove(name),
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

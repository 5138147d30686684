//! A disk in memory that tears, forgets and fails as disks do, the same way for the same seed.
//!
//! What a program sees and what a power cut leaves are two things. Bytes written are pending, in sectors of 512
//! bytes, until their file is synced; names are pending until their directory is. [`Simulation::cut_power`] keeps,
//! drops or tears each pending sector, and keeps of each directory's changes the first few. Faults are injected by
//! the number of the call. One [`Disk`] stands for one process: after a restart, take a new one.

mod nodes;
mod random;

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

use nodes::{DirectoryNode, FileChange, FileNode, NameChange, Node};
pub use random::Random;

use super::{Backend, DEFAULT_OPEN_FILES, Disk, Open};

/// The calls that faults can be injected into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// Opening a file.
    Open,
    /// Making a file or a directory.
    Create,
    /// Reading bytes.
    Read,
    /// Writing bytes.
    Write,
    /// Cutting or extending a file.
    SetLen,
    /// Syncing a file.
    Sync,
    /// Syncing a directory.
    SyncDir,
    /// Renaming.
    Rename,
    /// Removing a file or a directory.
    Remove,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::Create,
        Self::Read,
        Self::Write,
        Self::SetLen,
        Self::Sync,
        Self::SyncDir,
        Self::Rename,
        Self::Remove,
    ];
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call fails; some of the bytes of a write may be written. A failed sync drops what was dirty: from the
    /// disk, and at random from what the program sees, too.
    Error(Errno),
    /// A write stops half way without an error.
    Short,
    /// One bit of what is read is wrong, this time.
    Flip,
    /// The power goes: this call and all after it fail, until it is back.
    PowerCut,
}

/// The simulated machine's disk. Cheap to clone.
#[derive(Clone)]
pub struct Simulation(Arc<Mutex<State>>);

/// A file of the simulated disk, as one process has it open.
pub struct SimulatedFile {
    simulation: Simulation,
    node: u64,
    boot: u64,
}

struct State {
    random: Random,
    /// Counts restarts: what an earlier process has open is gone.
    boot: u64,
    powered: bool,
    nodes: HashMap<u64, Node>,
    next_node: u64,
    faults: Vec<Pending>,
    capacity: Option<u64>,
    calls: u64,
}

struct Pending {
    /// `None`: any call.
    call: Option<Call>,
    calls_before: u64,
    fault: Fault,
}

const ROOT: u64 = 0;

impl Simulation {
    /// An empty disk.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            boot: 0,
            powered: true,
            nodes: HashMap::from([(ROOT, Node::Directory(DirectoryNode::default()))]),
            next_node: ROOT + 1,
            faults: Vec::new(),
            capacity: None,
            calls: 0,
        })))
    }

    /// The disk as a new process finds it.
    pub fn disk(&self) -> Disk {
        Disk::new(Backend::Simulated(self.clone()), DEFAULT_OPEN_FILES)
    }

    /// Makes the `number`th `call` from now (the next one is 0; `None`: any call) go wrong.
    pub fn inject(&self, call: Option<Call>, number: u64, fault: Fault) {
        self.state().faults.push(Pending { call, calls_before: number, fault });
    }

    /// Takes back all faults that did not happen yet.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Lets the disk hold no more than `bytes`.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Whether no injected [`Fault::PowerCut`] has come.
    pub fn is_powered(&self) -> bool {
        self.state().powered
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Ends the process and starts the next, as `kill -9` does: what was written stays. Files that are open and the
    /// [`Disk`]s there are can't be used any more.
    pub fn restart(&self) {
        let mut state = self.state();
        state.boot += 1;
        state.powered = true;
        state.faults.clear();
    }

    /// Cuts the power and restarts: of what was not synced, any part is lost.
    pub fn cut_power(&self) {
        self.restart();
        self.state().lose_pending();
    }

    /// Changes one bit of a file for good.
    pub fn rot(&self, path: &Path, byte: usize, bit: u8) {
        let mut state = self.state();
        let Ok(node) = state.find(path) else { return };
        if let Some(Node::File(file)) = state.nodes.get_mut(&node) {
            for bytes in [&mut file.seen, &mut file.durable] {
                if let Some(byte) = bytes.get_mut(byte) {
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
    }

    pub(super) fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.call(Call::Create)?;
        let mut parent = ROOT;
        for name in names(dir)? {
            parent = match state.directory(parent)?.seen.get(&name) {
                Some(&node) => node,
                None => state.link_new(parent, name, Node::Directory(DirectoryNode::default()))?,
            };
        }
        state.directory(parent).map(|_| ())
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut state = self.call(Call::Open)?;
        let node = state.find(dir)?;
        Ok(state.directory(node)?.seen.keys().cloned().collect())
    }

    pub(super) fn open(&self, path: &Path, how: Open) -> io::Result<SimulatedFile> {
        let mut state = self.call(if how == Open::CreateNew { Call::Create } else { Call::Open })?;
        let node = match (state.find(path), how) {
            (Ok(_), Open::CreateNew) => return Err(Errno::EEXIST.into()),
            (Err(_), Open::CreateNew) => {
                let (parent, name) = state.parent(path)?;
                state.link_new(parent, name, Node::File(FileNode::default()))?
            }
            (found, _) => found?,
        };
        state.file(node)?;
        Ok(SimulatedFile { simulation: self.clone(), node, boot: state.boot })
    }

    pub(super) fn len(&self, path: &Path) -> io::Result<u64> {
        let mut state = self.call(Call::Open)?;
        let node = state.find(path)?;
        Ok(state.file(node)?.seen.len() as u64)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call(Call::Rename)?;
        let node = state.find(from)?;
        let ((from_dir, from_name), (to_dir, to_name)) = (state.parent(from)?, state.parent(to)?);
        if from_dir == to_dir {
            return state.change_names(from_dir, NameChange::Rename(from_name, to_name));
        }
        state.change_names(to_dir, NameChange::Link(to_name, node))?;
        state.change_names(from_dir, NameChange::Unlink(from_name))
    }

    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call(Call::Remove)?;
        let node = state.find(path)?;
        state.file(node)?;
        let (parent, name) = state.parent(path)?;
        state.change_names(parent, NameChange::Unlink(name))
    }

    pub(super) fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.call(Call::Remove)?;
        let node = state.find(dir)?;
        state.directory(node)?;
        let (parent, name) = state.parent(dir)?;
        state.change_names(parent, NameChange::Unlink(name))
    }

    pub(super) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.call(Call::SyncDir)?;
        let node = state.find(dir)?;
        state.directory(node)?.sync();
        Ok(())
    }

    pub(super) fn space(&self) -> Option<(u64, u64)> {
        let state = self.state();
        let total = state.capacity.unwrap_or(u64::MAX);
        Some((total.saturating_sub(state.used()), total))
    }

    /// Counts the call and lets it go wrong if it has to.
    fn call(&self, call: Call) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        match state.next_fault(call)? {
            Some(Fault::Error(errno)) => Err(errno.into()),
            _ => Ok(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimulatedFile {
    pub(super) fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut state = self.state()?;
        let fault = state.next_fault(Call::Read)?;
        if let Some(Fault::Error(errno)) = fault {
            return Err(errno.into());
        }
        let seen = &state.file(self.node)?.seen;
        let rest = seen.get(usize::try_from(position).unwrap_or(usize::MAX)..).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        if fault == Some(Fault::Flip) && count > 0 {
            buffer[state.random.below(count)] ^= 1 << state.random.below(8);
        }
        Ok(count)
    }

    pub(super) fn write_vectored_at(&self, buffers: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
        let mut state = self.state()?;
        let mut bytes: Vec<u8> = buffers.iter().flat_map(|buffer| buffer.iter().copied()).collect();
        let position = usize::try_from(position).map_err(|_| Errno::EFBIG)?;
        let fault = state.next_fault(Call::Write)?;
        if matches!(fault, Some(Fault::Short | Fault::Error(_))) {
            let written = state.random.below(bytes.len().max(1));
            bytes.truncate(if fault == Some(Fault::Short) { written.max(1) } else { written });
        }
        if let Some(capacity) = state.capacity {
            let grows = (position + bytes.len()).saturating_sub(state.file(self.node)?.seen.len()) as u64;
            let excess = (state.used() + grows).saturating_sub(capacity).min(grows);
            // A hole before the bytes grows the file, too.
            bytes.truncate(bytes.len().saturating_sub(excess as usize));
            if bytes.is_empty() {
                return Err(Errno::ENOSPC.into());
            }
        }
        let count = bytes.len();
        state.file(self.node)?.change(FileChange::Write { position, bytes });
        match fault {
            Some(Fault::Error(errno)) => Err(errno.into()),
            _ => Ok(count),
        }
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.file(self.node)?.seen.len() as u64)
    }

    pub(super) fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state()?;
        if let Some(Fault::Error(errno)) = state.next_fault(Call::SetLen)? {
            return Err(errno.into());
        }
        let len = usize::try_from(len).map_err(|_| Errno::EFBIG)?;
        state.file(self.node)?.change(FileChange::SetLen(len));
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        let mut state = self.state()?;
        let fault = state.next_fault(Call::Sync)?;
        if let Some(Fault::Error(errno)) = fault {
            let mut random = state.random.fork();
            let file = state.file(self.node)?;
            file.lose_pending(&mut random);
            if random.chance(2) {
                file.seen = file.durable.clone();
            }
            return Err(errno.into());
        }
        state.file(self.node)?.sync();
        Ok(())
    }

    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.simulation.state();
        if state.boot != self.boot {
            return Err(io::Error::other("the process that opened the file is gone"));
        }
        Ok(state)
    }
}

impl State {
    fn next_fault(&mut self, call: Call) -> io::Result<Option<Fault>> {
        self.calls += 1;
        let off = || io::Error::other("the power is off");
        if !self.powered {
            return Err(off());
        }
        let mut due = None;
        self.faults.retain_mut(|pending| {
            if pending.call.is_some_and(|wanted| wanted != call) || due.is_some() {
                return true;
            }
            let now = pending.calls_before == 0;
            pending.calls_before = pending.calls_before.saturating_sub(1);
            if now {
                due = Some(pending.fault);
            }
            !now
        });
        if due == Some(Fault::PowerCut) {
            self.powered = false;
            return Err(off());
        }
        Ok(due)
    }

    fn find(&mut self, path: &Path) -> io::Result<u64> {
        let mut node = ROOT;
        for name in names(path)? {
            node = *self.directory(node)?.seen.get(&name).ok_or(Errno::ENOENT)?;
        }
        Ok(node)
    }

    fn parent(&mut self, path: &Path) -> io::Result<(u64, String)> {
        let name = names(path)?.pop().ok_or(Errno::EINVAL)?;
        Ok((self.find(path.parent().unwrap_or(Path::new("")))?, name))
    }

    fn file(&mut self, node: u64) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(&node) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Directory(_)) => Err(Errno::EISDIR.into()),
            None => Err(Errno::ENOENT.into()),
        }
    }

    fn directory(&mut self, node: u64) -> io::Result<&mut DirectoryNode> {
        match self.nodes.get_mut(&node) {
            Some(Node::Directory(directory)) => Ok(directory),
            Some(Node::File(_)) => Err(Errno::ENOTDIR.into()),
            None => Err(Errno::ENOENT.into()),
        }
    }

    fn link_new(&mut self, parent: u64, name: String, node: Node) -> io::Result<u64> {
        let number = self.next_node;
        self.next_node += 1;
        self.nodes.insert(number, node);
        self.change_names(parent, NameChange::Link(name, number))?;
        Ok(number)
    }

    fn change_names(&mut self, directory: u64, change: NameChange) -> io::Result<()> {
        self.directory(directory)?.change(change);
        Ok(())
    }

    /// Bytes in files that have a name.
    fn used(&self) -> u64 {
        let named = self.nodes.values().filter_map(|node| match node {
            Node::Directory(directory) => Some(directory.seen.values()),
            Node::File(_) => None,
        });
        let files = named.flatten().filter_map(|node| match self.nodes.get(node) {
            Some(Node::File(file)) => Some(file.seen.len() as u64),
            _ => None,
        });
        files.sum()
    }

    fn lose_pending(&mut self) {
        let mut numbers: Vec<u64> = self.nodes.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            let mut random = self.random.fork();
            match self.nodes.get_mut(&number).expect("the node was listed") {
                Node::File(file) => {
                    file.lose_pending(&mut random);
                    file.seen = file.durable.clone();
                }
                Node::Directory(directory) => directory.lose_pending(&mut random),
            }
        }
    }
}

fn names(path: &Path) -> io::Result<Vec<String>> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => name.to_str().map(str::to_owned),
        _ => None,
    };
    path.components().map(|part| name(part).ok_or_else(|| Errno::EINVAL.into())).collect()
}

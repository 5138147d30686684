//! Rows in memory that survive as a disk's do: batch by batch, the last ones perhaps not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::marks::Marks;
use super::{Doubt, RowChange};

/// What outlives a simulated broker. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    flushed: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Batches since the last flush, oldest first.
    unflushed: Vec<Vec<RowChange>>,
    marks: Option<Marks>,
    failing: bool,
    set_aside: u64,
}

impl SimulatedDisk {
    /// A crash: of the batches since the last flush only the first `kept` survive.
    pub fn crash(&self, kept: usize) {
        let mut state = self.lock();
        let batches = std::mem::take(&mut state.unflushed);
        batches.into_iter().take(kept).flatten().for_each(|change| state.flush(change));
    }

    /// Batches that a crash may take.
    pub fn unflushed(&self) -> usize {
        self.lock().unflushed.len()
    }

    /// Damages the rows behind the store's back.
    pub fn tamper(&self, damage: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>)) {
        damage(&mut self.lock().flushed);
    }

    /// The rows as they are now, to [`Self::tamper`] the disk back to them later.
    pub fn rows(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.lock().flushed.clone()
    }

    /// From now on every write and flush fails, or works again.
    pub fn set_failing(&self, failing: bool) {
        self.lock().failing = failing;
    }

    /// How often a store on this disk was given up.
    pub fn set_aside_count(&self) -> u64 {
        self.lock().set_aside
    }

    pub(super) fn set_aside(&self) {
        let mut state = self.lock();
        *state = State { set_aside: state.set_aside + 1, failing: state.failing, ..State::default() };
    }

    pub(super) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.flushed.is_empty() && state.unflushed.is_empty()
    }

    pub(super) fn marks(&self) -> Option<Marks> {
        self.lock().marks
    }

    pub(super) fn set_marks(&self, marks: Marks) -> Result<(), Doubt> {
        self.working()?.marks = Some(marks);
        Ok(())
    }

    pub(super) fn scan(&self, mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Doubt>) -> Result<(), Doubt> {
        self.current().iter().try_for_each(|(key, row)| visit(key, row))
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let state = self.lock();
        let change = state.unflushed.iter().rev().flatten().find(|(changed, _)| changed == key);
        change.map_or_else(|| state.flushed.get(key).cloned(), |(_, row)| row.clone())
    }

    pub(super) fn write(&self, changes: Vec<RowChange>) -> Result<(), Doubt> {
        self.working()?.unflushed.push(changes);
        Ok(())
    }

    pub(super) fn flush(&self) -> Result<(), Doubt> {
        let mut state = self.working()?;
        let batches = std::mem::take(&mut state.unflushed);
        batches.into_iter().flatten().for_each(|change| state.flush(change));
        Ok(())
    }

    fn current(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let state = self.lock();
        let mut after = State { flushed: state.flushed.clone(), ..State::default() };
        state.unflushed.iter().flatten().for_each(|change| after.flush(change.clone()));
        after.flushed
    }

    fn working(&self) -> Result<MutexGuard<'_, State>, Doubt> {
        let state = self.lock();
        if state.failing { Err(Doubt::Failed("simulated failure".to_owned())) } else { Ok(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn flush(&mut self, (key, row): RowChange) {
        match row {
            Some(row) => self.flushed.insert(key, row),
            None => self.flushed.remove(&key),
        };
    }
}

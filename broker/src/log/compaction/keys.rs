//! The last offset of each key, in bounded memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::types::Offset;

/// Keys are known by 128 bits of keyed hashes: two keys are taken for one with a chance below 10⁻²⁵ in a full map,
/// and nobody can choose keys so that they are.
pub(super) struct Keys {
    hashers: [RandomState; 2],
    offsets: HashMap<[u64; 2], Offset>,
    capacity: usize,
}

impl Keys {
    pub(super) fn new(capacity: usize) -> Self {
        Self { hashers: [RandomState::new(), RandomState::new()], offsets: HashMap::new(), capacity }
    }

    /// Whether `count` more keys may be noted. An empty map takes any number, or a large batch could never be.
    pub(super) fn has_room_for(&self, count: usize) -> bool {
        self.offsets.is_empty() || self.offsets.len() + count <= self.capacity
    }

    /// Notes that `key` is at `offset`, which is above all noted before.
    pub(super) fn note(&mut self, key: &[u8], offset: Offset) {
        self.offsets.insert(self.hash(key), offset);
    }

    /// Whether a later record than the one at `offset` was noted for `key`.
    pub(super) fn supersede(&self, key: &[u8], offset: Offset) -> bool {
        self.offsets.get(&self.hash(key)).is_some_and(|&last| last > offset)
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        self.hashers.each_ref().map(|hasher| hasher.hash_one(key))
    }
}

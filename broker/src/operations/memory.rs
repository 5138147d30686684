//! Memory that many share: all requests, for what they are decoded into and for their answers; all fetch sessions.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::error::BrokerError;

/// So much is taken without asking, as nearly all requests do.
const FREE_BYTES: usize = 8 << 10;

/// How often those who hold some look whether others wait.
const LOOK: Duration = Duration::from_millis(100);

/// So much memory, for all together.
#[derive(Debug)]
pub struct Memory {
    left: Arc<Semaphore>,
    large: Arc<Semaphore>,
    /// Those that take more go one at a time.
    large_bytes: usize,
    /// The most that one may take, so that as much as is not large is always there for the others.
    most_bytes: usize,
}

/// What one has taken; given back when it is dropped.
#[derive(Debug, Default)]
pub struct Taken {
    bytes: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
    large_bytes: usize,
}

impl Memory {
    /// Of `bytes`, of which one may take `most_bytes`.
    pub(super) fn new(bytes: usize, most_bytes: usize) -> Self {
        let (left, large) = (Arc::new(Semaphore::new(bytes)), Arc::new(Semaphore::new(1)));
        Self { left, large, large_bytes: bytes - most_bytes, most_bytes }
    }

    /// Takes so much, or the most that one may take; waits until others have given enough back. Whoever waits must hold nothing
    /// that another waits for.
    pub async fn take(&self, bytes: usize) -> Result<Taken, BrokerError> {
        if bytes <= FREE_BYTES {
            return Ok(Taken::default());
        }
        let closed = |_| BrokerError::ShuttingDown;
        let large = match bytes > self.large_bytes {
            true => Some(Arc::clone(&self.large).acquire_owned().await.map_err(closed)?),
            false => None,
        };
        let permits = bytes.min(self.most_bytes) as u32;
        let bytes = Arc::clone(&self.left).acquire_many_owned(permits).await.map_err(closed)?;
        Ok(Taken { bytes: Some(bytes), large, large_bytes: self.large_bytes })
    }

    /// The same, if it is there at once, and no more than one may take.
    pub fn try_take(&self, bytes: usize) -> Option<Taken> {
        let taken = || self.take(bytes).now_or_never().and_then(Result::ok);
        (bytes <= self.most_bytes).then(taken).flatten()
    }

    /// Whether somebody waits for some.
    pub fn is_short(&self) -> bool {
        // What is there while somebody waits is kept for him, so that nothing is left.
        self.left.available_permits() == 0
    }
}

impl Taken {
    /// How much it is; 0 for what is taken without asking.
    pub fn bytes(&self) -> usize {
        self.bytes.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Gives back all but so much. What is kept is an answer, which may wait long for its reader: up to twice of what is large it
    /// does not keep the next large one from its turn.
    pub fn keep(&mut self, bytes: usize) {
        if bytes <= 2 * self.large_bytes {
            self.large = None;
        }
        if bytes <= FREE_BYTES {
            self.bytes = None;
        }
        if let Some(held) = &mut self.bytes {
            drop(held.split(held.num_permits().saturating_sub(bytes)));
        }
    }

    /// Waits until others may be waiting for it.
    pub async fn wanted(&self) {
        if self.bytes.is_none() {
            return pending().await;
        }
        while !self.is_wanted() {
            sleep(LOOK).await;
        }
    }

    /// Whether others may be waiting for it.
    pub fn is_wanted(&self) -> bool {
        let short = |held: &OwnedSemaphorePermit| held.semaphore().available_permits() == 0;
        self.large.is_some() || self.bytes.as_ref().is_some_and(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE_BYTES: usize = 100_000;
    const BYTES: usize = 5 * LARGE_BYTES;

    fn take(memory: &Memory, bytes: usize) -> Option<Taken> {
        memory.take(bytes).now_or_never().map(|taken| taken.expect("it is not closed"))
    }

    #[test]
    fn a_large_one_leaves_something_and_the_next_waits_without_being_in_the_way() {
        let memory = Memory::new(BYTES, BYTES - LARGE_BYTES);
        assert!(memory.try_take(BYTES).is_none());
        let mut large = take(&memory, BYTES).expect("all is there");
        let mut next = Box::pin(memory.take(LARGE_BYTES + 1));
        assert!((&mut next).now_or_never().is_none());
        let small = take(&memory, LARGE_BYTES).expect("so much is left");
        assert!(take(&memory, FREE_BYTES + 1).is_none());
        assert!(take(&memory, FREE_BYTES).is_some(), "so much is always there");
        assert!(large.is_wanted() && small.is_wanted());

        large.keep(2 * LARGE_BYTES + 1);
        assert!((&mut next).now_or_never().is_none(), "it is still large");
        large.keep(2 * LARGE_BYTES);
        assert_eq!(large.bytes(), 2 * LARGE_BYTES);
        assert!(next.now_or_never().is_some());
        large.keep(FREE_BYTES);
        assert!(!large.is_wanted() && !small.is_wanted());
        drop(small);
        assert_eq!(memory.left.available_permits(), BYTES);
    }
}

//! Waiting for many partitions at once.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use super::{IsolationLevel, Partition};
use crate::types::Offset;

/// Partitions that are waited for, each under a key by which its waiter knows it. A wait costs nothing until its own
/// partition has something: a thousand others are not looked at.
#[derive(Debug)]
pub struct Waits<K>(FuturesUnordered<BoxFuture<'static, K>>);

impl<K> Default for Waits<K> {
    /// Nothing to wait for.
    fn default() -> Self {
        Self(FuturesUnordered::new())
    }
}

impl<K: Send + 'static> Waits<K> {
    /// Waits until the partition has something at or after `offset`, or ends.
    pub fn push(&self, key: K, partition: Arc<Partition>, offset: Offset, isolation: IsolationLevel) {
        let changed = async move {
            // An end is found by the read that follows.
            let _ = match isolation {
                IsolationLevel::ReadUncommitted => partition.readable(offset).await,
                IsolationLevel::ReadCommitted => partition.readable_committed(offset).await,
            };
            key
        };
        self.0.push(changed.boxed());
    }

    /// The key of one that has changed, which is not waited for any more; never, when there is none.
    pub async fn next(&mut self) -> K {
        match self.0.next().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }

    /// The same, if there is one now.
    pub fn ready(&mut self) -> Option<K> {
        self.0.next().now_or_never().flatten()
    }

    /// Whether nothing is waited for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

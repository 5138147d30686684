//! What compaction has to know of transactions.

use std::collections::{HashMap, HashSet};

use runnel_proto::records::BatchHeader;

use crate::log::AbortedTransaction;
use crate::types::Offset;

/// Where transactions were aborted, by producer.
pub(super) struct Aborted(HashMap<i64, Vec<AbortedTransaction>>);

impl Aborted {
    /// Of transactions in the order of their markers.
    pub(super) fn new(transactions: Vec<AbortedTransaction>) -> Self {
        let mut by_producer: HashMap<i64, Vec<AbortedTransaction>> = HashMap::new();
        for transaction in transactions {
            by_producer.entry(transaction.producer_id).or_default().push(transaction);
        }
        Self(by_producer)
    }

    /// Whether a batch's records belong to one.
    pub(super) fn contain(&self, header: &BatchHeader) -> bool {
        let of_producer = self.0.get(&header.producer_id).filter(|_| header.is_transactional());
        of_producer.is_some_and(|transactions| {
            let next = transactions.partition_point(|aborted| aborted.last_offset < header.base_offset);
            transactions.get(next).is_some_and(|aborted| aborted.first_offset <= header.base_offset)
        })
    }
}

/// Which markers still have something to end, as a pass goes along the log.
#[derive(Default)]
pub(super) struct Markers {
    /// Producers with batches since their last marker.
    begun: HashSet<i64>,
    /// Markers that go.
    pub(super) dropped: HashSet<Offset>,
}

impl Markers {
    /// Takes note of a batch of a transaction, whether or not it has records left.
    pub(super) fn batch(&mut self, header: &BatchHeader) {
        if header.is_transactional() {
            self.begun.insert(header.producer_id);
        }
    }

    /// Whether a marker is needed, since there is something of its transaction.
    pub(super) fn needs(&mut self, header: &BatchHeader) -> bool {
        self.begun.remove(&header.producer_id)
    }
}

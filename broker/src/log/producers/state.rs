use runnel_proto::records::{BatchHeader, TimestampType, TransactionMarker};

use crate::types::{Offset, UnixMillis};

/// So many batches are remembered of a producer: as many as it may have in flight
/// (`max.in.flight.requests.per.connection` of an idempotent producer is at most 5).
pub(in crate::log) const REMEMBERED_BATCHES: usize = 5;

/// What a partition remembers of one producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::log) struct Producer {
    /// The epoch of the last batch or marker.
    pub(super) epoch: i16,
    /// The last batches of this epoch, the newest last.
    pub(super) batches: Vec<SentBatch>,
    /// Where its open transaction begins.
    pub(super) open_transaction: Option<Offset>,
    /// Epoch of the coordinator that wrote the last marker; -1 without one.
    pub(super) coordinator_epoch: i32,
    /// Where that marker is.
    pub(super) last_marker: Option<Offset>,
    /// The last batch's or marker's timestamp; the producer's clock may have set it.
    pub(super) last_timestamp_ms: UnixMillis,
    /// When it sent something last, by the broker's clock; `None`: before the log was opened.
    pub(super) last_seen_ms: Option<UnixMillis>,
}

/// A batch that a producer may send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) struct SentBatch {
    pub(in crate::log) first_sequence: i32,
    pub(in crate::log) base_offset: Offset,
    pub(in crate::log) last_offset_delta: i32,
    /// Its largest timestamp.
    pub(in crate::log) timestamp_ms: UnixMillis,
    /// The timestamp is the broker's.
    pub(in crate::log) append_time: bool,
}

/// A producer as others may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerView {
    /// Its id.
    pub producer_id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// The sequence number of its last record; -1 without one in this epoch.
    pub last_sequence: i32,
    /// Its last batch's or marker's timestamp.
    pub last_timestamp_ms: UnixMillis,
    /// Epoch of the coordinator that ended its last transaction; -1 without one.
    pub coordinator_epoch: i32,
    /// Where its open transaction begins.
    pub transaction_start: Option<Offset>,
}

impl SentBatch {
    fn of(header: &BatchHeader) -> Self {
        Self {
            first_sequence: header.base_sequence,
            base_offset: header.base_offset,
            last_offset_delta: header.last_offset_delta,
            timestamp_ms: header.max_timestamp_ms,
            append_time: header.timestamp_type() == TimestampType::LogAppendTime,
        }
    }

    pub(super) fn last_sequence(&self) -> i32 {
        add_to_sequence(self.first_sequence, self.last_offset_delta)
    }

    /// The offset after its last record.
    pub(in crate::log) fn next_offset(&self) -> Offset {
        self.base_offset + Offset::from(self.last_offset_delta) + 1
    }
}

impl Producer {
    /// A producer whose first batch or marker is this one, not yet noted.
    pub(super) fn new(header: &BatchHeader) -> Self {
        Self {
            epoch: header.producer_epoch,
            batches: Vec::new(),
            open_transaction: None,
            coordinator_epoch: -1,
            last_marker: None,
            last_timestamp_ms: header.max_timestamp_ms,
            last_seen_ms: None,
        }
    }

    /// Notes an appended batch. True if it begins a transaction.
    pub(super) fn note_data(&mut self, header: &BatchHeader) -> bool {
        self.note(header);
        // The broker's own transactional batches (offset commits) have no sequence.
        if header.base_sequence >= 0 {
            if self.batches.len() == REMEMBERED_BATCHES {
                self.batches.remove(0);
            }
            self.batches.push(SentBatch::of(header));
        }
        let begins = header.is_transactional() && self.open_transaction.is_none();
        if begins {
            self.open_transaction = Some(header.base_offset);
        }
        begins
    }

    /// Notes a marker: where the transaction began that it ends, if one was open.
    pub(super) fn note_marker(&mut self, header: &BatchHeader, marker: TransactionMarker) -> Option<Offset> {
        self.note(header);
        self.coordinator_epoch = marker.coordinator_epoch;
        self.last_marker = Some(header.base_offset);
        self.open_transaction.take()
    }

    fn note(&mut self, header: &BatchHeader) {
        if self.epoch != header.producer_epoch {
            self.epoch = header.producer_epoch;
            self.batches.clear();
        }
        self.last_timestamp_ms = header.max_timestamp_ms;
    }

    /// The sequence number of its last record in this epoch.
    pub(super) fn last_sequence(&self) -> Option<i32> {
        self.batches.last().map(SentBatch::last_sequence)
    }

    /// The remembered batch with these sequence numbers.
    pub(super) fn find(&self, header: &BatchHeader) -> Option<&SentBatch> {
        self.batches.iter().find(|batch| {
            batch.first_sequence == header.base_sequence
                && batch.last_offset_delta == header.last_offset_delta
        })
    }

    /// Where the batches and the marker are that it is known from.
    pub(super) fn remembered(&self) -> impl Iterator<Item = Offset> {
        self.batches.iter().map(|batch| batch.base_offset).chain(self.last_marker)
    }

    pub(super) fn view(&self, producer_id: i64) -> ProducerView {
        ProducerView {
            producer_id,
            epoch: self.epoch,
            last_sequence: self.last_sequence().unwrap_or(-1),
            last_timestamp_ms: self.last_timestamp_ms,
            coordinator_epoch: self.coordinator_epoch,
            transaction_start: self.open_transaction,
        }
    }
}

/// Sequence numbers follow one another from 0 to `i32::MAX`, and then from 0 again.
pub(super) fn add_to_sequence(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_add(count) & i32::MAX
}

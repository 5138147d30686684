//! What a log must know of its producers: worked out from all that was ever sent, the slow and simple way.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use runnel_broker::error::BrokerError;
use runnel_broker::log::{AbortedTransaction, Log, LogError, ProducerView};
use runnel_broker::storage::simulated::Random;
use runnel_proto::records::{
    BatchBuilder, BatchReader, Compression, ControlType, ProducerStamp, TransactionMarker, split_batches,
    stamp_producer,
};

use super::Record;

const PRODUCERS: usize = 4;

/// Something of a producer in the log.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) stamp: ProducerStamp,
    pub(super) count: i32,
    /// A marker instead of records.
    pub(super) marker: Option<TransactionMarker>,
    pub(super) timestamp_ms: i64,
}

/// All that producers have in the log, by base offset.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) sent: BTreeMap<i64, Sent>,
}

/// What has to come of a batch.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Append,
    Duplicate(i64),
    OutOfOrderSequence,
    InvalidProducerEpoch,
    InvalidTransactionState,
    TransactionCoordinatorFenced,
}

impl Verdict {
    /// What came of it.
    pub(super) fn of(error: &LogError) -> Option<Self> {
        match error {
            LogError::Refused(BrokerError::OutOfOrderSequence { .. }) => Some(Self::OutOfOrderSequence),
            LogError::Refused(BrokerError::InvalidProducerEpoch { .. }) => Some(Self::InvalidProducerEpoch),
            LogError::Refused(BrokerError::InvalidTransactionState { .. }) => {
                Some(Self::InvalidTransactionState)
            }
            LogError::Refused(BrokerError::TransactionCoordinatorFenced { .. }) => {
                Some(Self::TransactionCoordinatorFenced)
            }
            _ => None,
        }
    }
}

impl Ledger {
    pub(super) fn verdict(&self, new: &Sent) -> Verdict {
        let of_producer: Vec<(&i64, &Sent)> =
            self.sent.iter().filter(|(_, sent)| sent.stamp.producer_id == new.stamp.producer_id).collect();
        let Some((_, last)) = of_producer.last() else { return Verdict::Append };
        let same_epoch: Vec<(i64, &Sent)> = of_producer
            .iter()
            .rev()
            .take_while(|(_, sent)| sent.stamp.producer_epoch == last.stamp.producer_epoch)
            .filter(|(_, sent)| sent.marker.is_none())
            .map(|(base, sent)| (**base, *sent))
            .collect();
        if new.marker.is_none() && new.stamp.producer_epoch == last.stamp.producer_epoch {
            let same =
                |sent: &Sent| sent.stamp.base_sequence == new.stamp.base_sequence && sent.count == new.count;
            if let Some((base, _)) = same_epoch.iter().take(5).find(|(_, sent)| same(sent)) {
                return Verdict::Duplicate(*base);
            }
        }
        if new.stamp.producer_epoch < last.stamp.producer_epoch {
            return Verdict::InvalidProducerEpoch;
        }
        if let Some(marker) = new.marker {
            let newest = of_producer.iter().rev().find_map(|(_, sent)| sent.marker);
            return match newest {
                Some(newest) if newest.coordinator_epoch > marker.coordinator_epoch => {
                    Verdict::TransactionCoordinatorFenced
                }
                _ => Verdict::Append,
            };
        }
        let expected = match same_epoch.first() {
            Some((_, sent)) if new.stamp.producer_epoch == last.stamp.producer_epoch => next_sequence(sent),
            _ => 0,
        };
        if new.stamp.base_sequence != expected {
            return Verdict::OutOfOrderSequence;
        }
        if self.open_transaction(new.stamp.producer_id).is_some() && !new.stamp.transactional {
            return Verdict::InvalidTransactionState;
        }
        Verdict::Append
    }

    /// Some producer's next batch or marker, or one that is wrong.
    pub(super) fn any(&self, random: &mut Random, now_ms: i64) -> Sent {
        let producer_id = random.below(PRODUCERS) as i64;
        let mine = || self.sent.values().rev().filter(|sent| sent.stamp.producer_id == producer_id);
        let epoch = mine().next().map_or(0, |sent| sent.stamp.producer_epoch);
        let open = self.open_transaction(producer_id).is_some();
        if open && random.chance(3) || random.chance(20) {
            let control_type = [ControlType::Abort, ControlType::Commit][random.below(2)];
            let newest = mine().find_map(|sent| sent.marker).map_or(0, |marker| marker.coordinator_epoch);
            let coordinator_epoch = newest + [0, 0, 0, 1, -1][random.below(5)];
            let producer_epoch = (epoch + [0, 0, 0, 1, -1][random.below(5)]).max(0);
            let stamp = ProducerStamp { producer_id, producer_epoch, base_sequence: -1, transactional: true };
            let marker = Some(TransactionMarker { control_type, coordinator_epoch });
            return Sent { stamp, count: 1, marker, timestamp_ms: now_ms };
        }
        let data = |sent: &&Sent| sent.marker.is_none() && sent.stamp.producer_epoch == epoch;
        // One that begins near the largest number, to meet its end.
        let first = if mine().next().is_none() { i32::MAX - random.below(9) as i32 } else { 0 };
        let next = mine().find(data).map_or(first, next_sequence);
        let (producer_epoch, base_sequence) = match random.below(16) {
            0 => (epoch, next.wrapping_add(1) & i32::MAX),
            1 => (epoch + 1, 0),
            2 => (epoch + 1, 3),
            3 if epoch > 0 => (epoch - 1, next),
            _ => (epoch, next),
        };
        let transactional = if random.chance(12) { !open } else { open || producer_id % 2 == 1 };
        let stamp = ProducerStamp { producer_id, producer_epoch, base_sequence, transactional };
        Sent { stamp, count: 1 + random.below(4) as i32, marker: None, timestamp_ms: now_ms }
    }

    fn open_transaction(&self, producer_id: i64) -> Option<i64> {
        let mut open = None;
        for (&base, sent) in self.sent.iter().filter(|(_, sent)| sent.stamp.producer_id == producer_id) {
            match sent.marker {
                Some(_) => open = None,
                None if sent.stamp.transactional => open = open.or(Some(base)),
                None => {}
            }
        }
        open
    }

    /// The marker that ended the transaction of the batch at `base`, and where it is.
    fn end_of(&self, base: i64, sent: &Sent) -> Option<(i64, TransactionMarker)> {
        let later =
            self.sent.range(base..).filter(|(_, other)| other.stamp.producer_id == sent.stamp.producer_id);
        later.filter_map(|(&offset, other)| Some((offset, other.marker?))).next()
    }

    /// Offsets of records whose transactions were aborted, and of those that are not yet decided.
    pub(super) fn undone(&self) -> (BTreeSet<i64>, BTreeSet<i64>) {
        let (mut aborted, mut open) = (BTreeSet::new(), BTreeSet::new());
        for (&base, sent) in
            self.sent.iter().filter(|(_, sent)| sent.stamp.transactional && sent.marker.is_none())
        {
            match self.end_of(base, sent).map(|(_, marker)| marker.control_type) {
                Some(ControlType::Abort) => aborted.extend(base..base + i64::from(sent.count)),
                Some(ControlType::Commit) => {}
                None => open.extend(base..base + i64::from(sent.count)),
            }
        }
        (aborted, open)
    }

    pub(super) fn last_stable_offset(&self, start: i64, high_watermark: i64) -> i64 {
        let unstable = self.sent.iter().filter(|(_, sent)| sent.stamp.transactional && sent.marker.is_none());
        let unstable = unstable.filter(|(base, sent)| {
            self.end_of(**base, sent).is_none_or(|(marker, _)| marker >= high_watermark)
        });
        let first = unstable.map(|(&base, _)| base).next().unwrap_or(high_watermark);
        first.min(high_watermark).max(start.min(high_watermark))
    }

    /// What a log has to know of each.
    pub(super) fn views(&self) -> Vec<ProducerView> {
        let ids: BTreeSet<i64> = self.sent.values().map(|sent| sent.stamp.producer_id).collect();
        let view = |producer_id| {
            let mine = || self.sent.values().rev().filter(move |sent| sent.stamp.producer_id == producer_id);
            let last = mine().next().expect("it has something in the log");
            let data = |sent: &&Sent| sent.marker.is_none();
            let mut this_epoch =
                mine().take_while(|sent| sent.stamp.producer_epoch == last.stamp.producer_epoch);
            ProducerView {
                producer_id,
                epoch: last.stamp.producer_epoch,
                last_sequence: this_epoch
                    .find(data)
                    .map_or(-1, |sent| sent.stamp.base_sequence.wrapping_add(sent.count - 1) & i32::MAX),
                last_timestamp_ms: 0,
                coordinator_epoch: mine()
                    .find_map(|sent| sent.marker)
                    .map_or(-1, |marker| marker.coordinator_epoch),
                transaction_start: self.open_transaction(producer_id),
            }
        };
        ids.into_iter().map(view).collect()
    }

    pub(super) fn check(&self, log: &Log, high_watermark: i64) {
        // A batch that compaction left some records of has the newest of their timestamps.
        let views = log.producers().into_iter().map(|view| ProducerView { last_timestamp_ms: 0, ..view });
        assert_eq!(views.collect::<Vec<_>>(), self.views(), "what is known of producers");
        assert_eq!(
            log.last_stable_offset(high_watermark),
            self.last_stable_offset(log.start_offset(), high_watermark),
            "the last stable offset below {high_watermark}"
        );
    }
}

fn next_sequence(sent: &Sent) -> i32 {
    sent.stamp.base_sequence.wrapping_add(sent.count) & i32::MAX
}

/// The batch of `sent` with these records.
pub(super) fn batch(sent: &Sent, records: &[Record], compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(compression);
    for Record { key, value, timestamp_ms } in records {
        builder.push(*timestamp_ms, Some(key), value.as_deref(), &[]);
    }
    let mut bytes = builder.build().unwrap().to_vec();
    stamp_producer(&mut bytes, sent.stamp);
    bytes.into()
}

/// The offsets that a reader of committed records sees, by the rules of Kafka's own consumer, a small fetch at a time.
pub(super) fn committed_offsets(log: &Log, high_watermark: i64, max_bytes: usize) -> Vec<i64> {
    let upper = log.last_stable_offset(high_watermark);
    let (mut offset, mut seen) = (log.start_offset(), Vec::new());
    let mut reader = BatchReader::new(1 << 20);
    while offset < upper {
        let read = log.plan_read(offset, max_bytes, upper).unwrap().read().unwrap();
        let mut aborted = log.aborted_transactions(offset, read.next_offset);
        aborted.sort_by_key(|aborted| aborted.first_offset);
        let mut aborted: std::collections::VecDeque<AbortedTransaction> = aborted.into();
        let mut skipped = BTreeSet::new();
        for batch in split_batches(&read.bytes) {
            let (header, batch) = batch.unwrap();
            while aborted.front().is_some_and(|aborted| aborted.first_offset <= header.last_offset()) {
                skipped.extend(aborted.pop_front().map(|aborted| aborted.producer_id));
            }
            if header.is_control() {
                for record in reader.read(batch).unwrap() {
                    let marker = TransactionMarker::read(&record.unwrap()).unwrap().expect("a marker");
                    if marker.control_type == ControlType::Abort {
                        skipped.remove(&header.producer_id);
                    }
                }
            } else if !(header.is_transactional() && skipped.contains(&header.producer_id)) {
                let records = reader.read(batch).unwrap().map(|record| record.unwrap().offset);
                seen.extend(records.filter(|&record| record >= offset));
            }
        }
        assert!(read.next_offset > offset, "reading stands still at {offset}");
        offset = read.next_offset;
    }
    assert_eq!(offset, upper.max(log.start_offset()));
    seen
}

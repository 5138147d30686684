//! Gathers records into batches, one open batch a partition.

use bytes::Bytes;
use runnel_proto::partitioner::partition_for_key;
use runnel_proto::records::{BatchBuilder, BatchError, Compression, max_record_size_bytes};

/// Headers as the batch builder takes them.
pub(super) type Headers<'a> = &'a [(&'a [u8], Option<&'a [u8]>)];

/// A record to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewRecord<'a> {
    /// Where the record itself says it belongs.
    pub(super) partition: Option<i32>,
    /// Unix milliseconds.
    pub(super) timestamp_ms: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Headers<'a>,
}

/// Where in the input a record stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which file, from 0.
    pub(super) source: usize,
    /// Which record of it, from 1.
    pub(super) number: u64,
}

/// A finished batch, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) partition: i32,
    pub(super) bytes: Bytes,
    pub(super) records: u64,
    /// Bytes of input that went into it.
    pub(super) input_bytes: u64,
    pub(super) first: Place,
    pub(super) last: Place,
}

/// How batches are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchPolicy {
    /// How many partitions the topic has.
    pub(super) partitions: i32,
    /// The partition for everything, if one was named.
    pub(super) fixed_partition: Option<i32>,
    /// Where records without a key begin, so that short inputs spread, too.
    pub(super) first_sticky: i32,
    pub(super) compression: Compression,
    /// A batch is sent before it grows beyond this; a larger record travels alone.
    pub(super) target_bytes: usize,
    /// All open batches together stay below this.
    pub(super) buffer_bytes: usize,
}

/// Open batches. Records with a key go where Kafka's partitioner puts them; those without stick to one partition until
/// its batch leaves, and move on to the next then.
#[derive(Debug)]
pub(super) struct Batcher {
    policy: BatchPolicy,
    /// Where records without a key may go, one partition after the other.
    unkeyed: Vec<i32>,
    turn: usize,
    open: Vec<Option<OpenBatch>>,
    buffered_bytes: usize,
    ready: Vec<Batch>,
}

#[derive(Debug)]
struct OpenBatch {
    builder: BatchBuilder,
    input_bytes: u64,
    first: Place,
    last: Place,
}

impl Batcher {
    pub(super) fn new(policy: BatchPolicy) -> Self {
        let count = usize::try_from(policy.partitions).expect("a topic has partitions");
        let mut open = Vec::new();
        open.resize_with(count, || None);
        Self {
            policy,
            unkeyed: (0..policy.partitions).collect(),
            turn: policy.first_sticky as usize % count,
            open,
            buffered_bytes: 0,
            ready: Vec::new(),
        }
    }

    /// Sends records without a key elsewhere than to these partitions, which are not served; when none is, the broker says why.
    pub(super) fn avoiding(mut self, unserved: &[i32]) -> Self {
        let served: Vec<i32> =
            self.unkeyed.iter().copied().filter(|partition| !unserved.contains(partition)).collect();
        if !served.is_empty() {
            self.turn %= served.len();
            self.unkeyed = served;
        }
        self
    }

    /// Adds a record that took `input_bytes` of the input. Afterwards [`take_ready`](Self::take_ready) may have batches.
    pub(super) fn push(
        &mut self,
        record: &NewRecord<'_>,
        input_bytes: usize,
        place: Place,
    ) -> Result<(), BatchError> {
        let size_bytes = max_record_size_bytes(record.key, record.value, record.headers);
        let mut partition = self.partition_of(record);
        if self.is_full(partition, size_bytes) {
            self.close(partition)?;
            partition = self.partition_of(record);
            if self.is_full(partition, size_bytes) {
                self.close(partition)?;
            }
        }
        let open = self.open[partition as usize].get_or_insert_with(|| OpenBatch {
            builder: BatchBuilder::new(self.policy.compression),
            input_bytes: 0,
            first: place,
            last: place,
        });
        if open.builder.is_empty() {
            open.first = place;
            open.input_bytes = 0;
        }
        let before = open.builder.size_bytes();
        open.builder.push(record.timestamp_ms, record.key, record.value, record.headers);
        open.last = place;
        open.input_bytes += input_bytes as u64;
        self.buffered_bytes += open.builder.size_bytes() - before;
        if self.buffered_bytes > self.policy.buffer_bytes { self.close_largest() } else { Ok(()) }
    }

    /// Whether some record waits in an open batch.
    pub(super) fn has_open(&self) -> bool {
        self.buffered_bytes > 0
    }

    /// Whether some batch is ready.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The batches that are ready, in the order in which they became so.
    pub(super) fn take_ready(&mut self) -> impl Iterator<Item = Batch> {
        self.ready.drain(..)
    }

    /// Makes all open batches ready.
    pub(super) fn flush(&mut self) -> Result<(), BatchError> {
        for partition in 0..self.policy.partitions {
            self.close(partition)?;
        }
        Ok(())
    }

    fn partition_of(&self, record: &NewRecord<'_>) -> i32 {
        match (self.policy.fixed_partition, record.partition, record.key) {
            (Some(partition), _, _) | (None, Some(partition), _) => partition,
            (None, None, Some(key)) => partition_for_key(key, self.policy.partitions),
            (None, None, None) => self.unkeyed[self.turn],
        }
    }

    fn is_full(&self, partition: i32, more_bytes: usize) -> bool {
        self.open[partition as usize].as_ref().is_some_and(|open| {
            !open.builder.is_empty() && open.builder.size_bytes() + more_bytes > self.policy.target_bytes
        })
    }

    fn close_largest(&mut self) -> Result<(), BatchError> {
        let sizes = self.open.iter().map(|open| open.as_ref().map_or(0, |open| open.builder.size_bytes()));
        let largest = sizes.enumerate().max_by_key(|(_, size)| *size).map_or(0, |(at, _)| at);
        self.close(largest as i32)
    }

    fn close(&mut self, partition: i32) -> Result<(), BatchError> {
        let Some(open) = &mut self.open[partition as usize] else { return Ok(()) };
        if open.builder.is_empty() {
            return Ok(());
        }
        if partition == self.unkeyed[self.turn] {
            self.turn = (self.turn + 1) % self.unkeyed.len();
        }
        let records = open.builder.len() as u64;
        // What an empty builder takes is its header, which never counted.
        self.buffered_bytes -= open.builder.size_bytes() - runnel_proto::records::HEADER_BYTES;
        let bytes = open.builder.build()?;
        let (input_bytes, first, last) = (open.input_bytes, open.first, open.last);
        self.ready.push(Batch { partition, bytes, records, input_bytes, first, last });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use runnel_proto::records::{BatchReader, split_batches};

    use super::*;

    const POLICY: BatchPolicy = BatchPolicy {
        partitions: 4,
        fixed_partition: None,
        first_sticky: 6,
        compression: Compression::None,
        target_bytes: 200,
        buffer_bytes: 100_000,
    };

    fn record<'a>(key: Option<&'a [u8]>, value: &'a [u8]) -> NewRecord<'a> {
        NewRecord { partition: None, timestamp_ms: 1, key, value: Some(value), headers: &[] }
    }

    fn values(batch: &Batch) -> Vec<Vec<u8>> {
        let mut reader = BatchReader::new(1 << 20);
        let mut values = Vec::new();
        for batch in split_batches(&batch.bytes) {
            let (_, bytes) = batch.expect("whole");
            for record in reader.read(bytes).expect("sound") {
                values.push(record.expect("sound").value.expect("a value").to_vec());
            }
        }
        values
    }

    fn push_all<'a>(policy: BatchPolicy, records: impl IntoIterator<Item = NewRecord<'a>>) -> Vec<Batch> {
        let mut batcher = Batcher::new(policy);
        let mut batches = Vec::new();
        for (at, record) in records.into_iter().enumerate() {
            let place = Place { source: 0, number: at as u64 + 1 };
            batcher.push(&record, record.value.map_or(0, <[u8]>::len), place).expect("pushed");
            batches.extend(batcher.take_ready());
        }
        batcher.flush().expect("flushed");
        assert!(!batcher.has_open());
        batches.extend(batcher.take_ready());
        batches
    }

    #[test]
    fn records_without_key_move_on_with_each_batch() {
        let batches = push_all(POLICY, (0..40).map(|_| record(None, b"0123456789")));
        let partitions: Vec<i32> = batches.iter().map(|batch| batch.partition).collect();
        let expected: Vec<i32> = (0..batches.len() as i32).map(|at| (2 + at) % 4).collect();
        assert!(batches.len() > 4);
        assert_eq!(partitions, expected);
        assert!(batches.iter().all(|batch| batch.bytes.len() <= 200));
    }

    #[test]
    fn a_large_record_travels_alone() {
        let large = [b'x'; 500];
        let batches = push_all(POLICY, [record(None, b"a"), record(None, &large), record(None, b"b")]);
        let sizes: Vec<u64> = batches.iter().map(|batch| batch.records).collect();
        assert_eq!(sizes, [1, 1, 1]);
        assert_eq!(batches[1].first, Place { source: 0, number: 2 });
        assert_eq!(batches[1].first, batches[1].last);
    }

    #[test]
    fn keys_and_named_partitions_decide() {
        let batches = push_all(POLICY, [record(Some(b"alice"), b"1"), record(Some(b"alice"), b"2")]);
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].partition, partition_for_key(b"alice", 4));
        let named = NewRecord { partition: Some(3), ..record(Some(b"alice"), b"1") };
        assert_eq!(push_all(POLICY, [named])[0].partition, 3);
        let fixed = BatchPolicy { fixed_partition: Some(1), ..POLICY };
        assert_eq!(push_all(fixed, [named])[0].partition, 1);
    }

    #[test]
    fn memory_is_bounded() {
        let policy = BatchPolicy { target_bytes: 10_000, buffer_bytes: 1_000, ..POLICY };
        let keys: Vec<String> = (0..200).map(|key| key.to_string()).collect();
        let mut batcher = Batcher::new(policy);
        for (at, key) in keys.iter().enumerate() {
            let place = Place { source: 0, number: at as u64 };
            batcher.push(&record(Some(key.as_bytes()), b"0123456789"), 10, place).expect("pushed");
            assert!(batcher.buffered_bytes <= 1_000);
        }
        assert!(batcher.has_ready());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_each_partition_keeps_its_order(
            keys in prop::collection::vec(prop::option::of(0..9u8), 0..200),
            target_bytes in 80..400usize,
            buffer_bytes in 100..2000usize,
        ) {
            let texts: Vec<String> = (0..keys.len()).map(|at| at.to_string()).collect();
            let owned: Vec<Option<[u8; 1]>> = keys.iter().map(|key| key.map(|key| [key])).collect();
            let records = owned.iter().zip(&texts).map(|(key, text)| {
                record(key.as_ref().map(|key| key.as_slice()), text.as_bytes())
            });
            let batches = push_all(BatchPolicy { target_bytes, buffer_bytes, ..POLICY }, records);
            let mut by_partition: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
            for batch in &batches {
                let found = values(batch);
                prop_assert_eq!(found.len() as u64, batch.records);
                let numbers = found.iter().map(|v| std::str::from_utf8(v).expect("text").parse::<usize>().expect("a number"));
                by_partition.entry(batch.partition).or_default().extend(numbers);
            }
            let mut all: Vec<usize> = Vec::new();
            for numbers in by_partition.values() {
                prop_assert!(numbers.is_sorted());
                all.extend(numbers);
            }
            all.sort_unstable();
            prop_assert_eq!(all, (0..keys.len()).collect::<Vec<_>>());
        }
    }
}

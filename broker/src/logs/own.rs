//! The broker's own logs: which there are, and how an image is brought up to date from one.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use runnel_proto::records::{BatchError, BatchReader, split_batches};

use crate::config::{CleanupPolicy, TopicConfig};
use crate::coordinator::shell::CoordinatorLog;
use crate::log::{Log, LogError};
use crate::metadata::{InternalLog, Loaded, Mirror, Stretch, catch_up};
use crate::partition::{Partition, Registry, Topic};
use crate::types::{LogRecord, Offset, TopicId, TopicPartition, Uuid};

/// Bytes read at once while a log is replayed.
const STRETCH_BYTES: usize = 1 << 20;
/// The broker writes its own batches without compression, so they never grow in reading.
pub(super) const LARGEST_BATCH_BYTES: usize = 16 << 20;

/// One of the broker's own topics; each has one partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnTopic {
    pub(super) name: &'static str,
    pub(super) log: InternalLog,
    /// Fixed, and on disk.
    id: u128,
}

/// What the cluster is.
pub(super) const METADATA: OwnTopic = OwnTopic { name: "__metadata", log: InternalLog::Metadata, id: 1 };
/// Every topic of the broker's own.
pub(super) const ALL: [OwnTopic; 3] = [METADATA, OFFSETS, TRANSACTIONS];

/// Who is which producer, and how transactions ended.
pub(super) const TRANSACTIONS: OwnTopic =
    OwnTopic { name: "__transaction_state", log: InternalLog::TransactionState, id: 3 };
/// How far groups are.
pub(super) const OFFSETS: OwnTopic =
    OwnTopic { name: "__consumer_offsets", log: InternalLog::ConsumerOffsets, id: 2 };

impl OwnTopic {
    pub(super) fn topic_id(self) -> TopicId {
        Uuid::from_u128(self.id)
    }

    pub(super) fn partition(self) -> TopicPartition {
        TopicPartition { topic_id: self.topic_id(), partition: 0 }
    }

    /// Compacted, in small segments, so that a start has little to read.
    pub(super) fn config(self) -> Arc<TopicConfig> {
        Arc::new(TopicConfig {
            cleanup_policy: CleanupPolicy { delete: false, compact: true },
            max_message_bytes: LARGEST_BATCH_BYTES,
            segment_bytes: 16 << 20,
            retention_ms: None,
            ..TopicConfig::default()
        })
    }

    /// Puts the topic in the registry, with its one partition.
    pub(super) fn serve(self, partition: Arc<Partition>, registry: &Registry) {
        registry.put(Topic {
            id: self.topic_id(),
            name: self.name.into(),
            internal: true,
            config: self.config(),
            partitions: vec![partition],
        });
    }

    /// Replays the log, from what the mirror has of it. All of the log is durable: it has just been opened.
    pub(super) fn replay(
        self,
        log: &Log,
        loaded: Loaded,
        mirror: &Mirror,
        mut replay: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), String>,
    ) -> Result<(), LogError> {
        catch_up(
            loaded,
            |offset| read_stretch(log, offset),
            |key, value| replay(key, value).map_err(|reason| LogError::Corrupt { reason }),
            |range, records| mirror.record(self.log, range, records.iter().map(|(at, record)| (*at, record))),
        )?;
        Ok(())
    }
}

/// Records that are appended and not yet durable, with their offsets.
type Waiting = VecDeque<(Range<Offset>, Vec<LogRecord>)>;

/// Where a coordinator's records go: the partition of its own topic, and the mirror once they are durable.
pub(super) fn coordinator_log(
    own: OwnTopic,
    partition: Arc<Partition>,
    mirror: Arc<Mirror>,
) -> CoordinatorLog {
    let waiting: Arc<Mutex<Waiting>> = Arc::default();
    let appended = Arc::clone(&waiting);
    let log = Arc::clone(&partition);
    CoordinatorLog {
        append: Box::new(move |records, now_ms| {
            let next_offset = log.append_records(records, now_ms)?;
            let range = next_offset - records.len() as Offset..next_offset;
            lock(&appended).push_back((range, records.to_vec()));
            Ok(next_offset)
        }),
        durable: Box::new(move |next_offset| {
            let (partition, mirror, waiting) =
                (Arc::clone(&partition), Arc::clone(&mirror), Arc::clone(&waiting));
            Box::pin(async move {
                partition.durable(next_offset).await?;
                let mut waiting = lock(&waiting);
                // In the log's order, whichever of several waits is woken first.
                while let Some((range, records)) = waiting.pop_front_if(|(range, _)| range.end <= next_offset)
                {
                    mirror.record(own.log, range.clone(), (range.start..).zip(&records));
                }
                Ok(())
            })
        }),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no one panics while holding the records that wait")
}

fn read_stretch(log: &Log, offset: Offset) -> Result<Stretch, LogError> {
    let offset = offset.max(log.start_offset());
    let read = log.plan_read(offset, STRETCH_BYTES, log.end_offset())?.read()?;
    let mut reader = BatchReader::new(LARGEST_BATCH_BYTES);
    let mut records = Vec::new();
    for batch in split_batches(&read.bytes) {
        let decoded = batch.and_then(|(_, batch)| keyed_records(&mut reader, batch));
        records.extend(decoded.map_err(|error| LogError::Corrupt { reason: error.to_string() })?);
    }
    // A batch is read whole; what lies before the offset asked for has been replayed.
    records.retain(|(at, _)| *at >= offset);
    Ok(Stretch { records, next_offset: read.next_offset })
}

/// A batch's records, with their offsets.
pub(super) fn keyed_records(
    reader: &mut BatchReader,
    batch: &[u8],
) -> Result<Vec<(Offset, LogRecord)>, BatchError> {
    let mut records = Vec::new();
    for record in reader.read(batch)? {
        let record = record?;
        if let Some(key) = record.key {
            let value = record.value.map(Bytes::copy_from_slice);
            records.push((record.offset, LogRecord { key: Bytes::copy_from_slice(key), value }));
        }
    }
    Ok(records)
}

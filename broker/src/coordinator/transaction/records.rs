//! The coordinator's records in `__transaction_state`. A transactional id's are Kafka's `TransactionLogKey` 0 and
//! `TransactionLogValue` 1, with two tagged fields of our own, which Kafka's tools skip: the groups that take part (Kafka names
//! partitions of `__consumer_offsets` instead), and the epoch before. Which producer ids are taken has a record of our own.
//!
//! Value 1 is flexible: lengths and counts are unsigned varints, one more than what they count; 0 is null.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};

use super::api::{Producer, Target};
use super::state::{TransactionMetadata, TransactionState};
use crate::coordinator::fields::{
    OWN_KEY_VERSION, Reader, RecordError, put_compact_string, put_count, put_string, put_unsigned,
};
use crate::coordinator::group::NamedPartition;
use crate::types::LogRecord;

const TRANSACTION_KEY_VERSION: i16 = 0;
const TRANSACTION_VALUE_VERSION: i16 = 1;
const IDS_KEY_VERSION: i16 = OWN_KEY_VERSION;
const IDS_VALUE_VERSION: i16 = 0;

const PREVIOUS_PRODUCER_ID: u32 = 0;
const NEXT_PRODUCER_ID: u32 = 1;
const CLIENT_TRANSACTION_VERSION: u32 = 2;
const GROUPS: u32 = 1_000;
const LAST_EPOCH: u32 = 1_001;

/// What a record is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A transactional id.
    Transaction(String),
    /// Which producer ids are taken.
    ProducerIds,
}

/// The record that keeps a transactional id.
pub fn transaction_record(transactional_id: &str, metadata: &TransactionMetadata) -> LogRecord {
    let mut value = BytesMut::new();
    value.put_i16(TRANSACTION_VALUE_VERSION);
    value.put_i64(metadata.producer.id);
    value.put_i16(metadata.producer.epoch);
    value.put_i32(metadata.timeout_ms);
    value.put_i8(number_of(metadata.state));
    put_partitions(&mut value, metadata);
    value.put_i64(metadata.updated_ms);
    value.put_i64(metadata.started_ms.unwrap_or(-1));
    put_tags(&mut value, metadata);
    LogRecord { key: transaction_key(transactional_id), value: Some(value.freeze()) }
}

/// The record that forgets a transactional id.
pub fn transaction_tombstone(transactional_id: &str) -> LogRecord {
    LogRecord { key: transaction_key(transactional_id), value: None }
}

/// The record that keeps below which number all producer ids are taken.
pub fn producer_ids_record(reserved_until: i64) -> LogRecord {
    let mut value = BytesMut::with_capacity(10);
    value.put_i16(IDS_VALUE_VERSION);
    value.put_i64(reserved_until);
    let key = Bytes::copy_from_slice(&IDS_KEY_VERSION.to_be_bytes());
    LogRecord { key, value: Some(value.freeze()) }
}

/// Reads a key.
pub fn decode_key(key: &Bytes) -> Result<Key, RecordError> {
    let mut reader = Reader(key.clone());
    let key = match reader.i16()? {
        TRANSACTION_KEY_VERSION => Key::Transaction(reader.string()?),
        IDS_KEY_VERSION => Key::ProducerIds,
        version => return Err(RecordError::UnknownVersion { part: "key", version }),
    };
    reader.end()?;
    Ok(key)
}

/// Reads the value of the producer ids' record.
pub fn decode_producer_ids(value: &Bytes) -> Result<i64, RecordError> {
    let mut reader = Reader(value.clone());
    check_version(&mut reader, IDS_VALUE_VERSION)?;
    let reserved_until = reader.i64()?;
    reader.end()?;
    Ok(reserved_until)
}

/// Reads the value of a transactional id's record.
pub fn decode_transaction(value: &Bytes) -> Result<TransactionMetadata, RecordError> {
    let mut reader = Reader(value.clone());
    check_version(&mut reader, TRANSACTION_VALUE_VERSION)?;
    let producer = Producer { id: reader.i64()?, epoch: reader.i16()? };
    let timeout_ms = reader.i32()?;
    let number = reader.i8()?;
    let state = TransactionState::ALL.into_iter().find(|state| number_of(*state) == number);
    let mut metadata = TransactionMetadata {
        producer,
        previous_producer_id: None,
        next_producer_id: None,
        last_epoch: None,
        timeout_ms,
        state: state.ok_or(RecordError::Malformed("it has no known state"))?,
        targets: partitions(&mut reader)?,
        updated_ms: reader.i64()?,
        started_ms: Some(reader.i64()?).filter(|started_ms| *started_ms >= 0),
        bumps_epoch: false,
    };
    for _ in 0..reader.unsigned()? {
        let tag = reader.unsigned()?;
        let mut field = Reader(reader.counted()?);
        take_tag(&mut metadata, tag, &mut field)?;
    }
    reader.end()?;
    Ok(metadata)
}

fn take_tag(metadata: &mut TransactionMetadata, tag: u32, field: &mut Reader) -> Result<(), RecordError> {
    match tag {
        PREVIOUS_PRODUCER_ID => metadata.previous_producer_id = Some(field.i64()?),
        NEXT_PRODUCER_ID => metadata.next_producer_id = Some(field.i64()?),
        CLIENT_TRANSACTION_VERSION => metadata.bumps_epoch = field.i16()? >= 2,
        GROUPS => {
            for _ in 0..field.count()? {
                metadata.targets.insert(Target::Group(field.compact_string()?));
            }
        }
        LAST_EPOCH => metadata.last_epoch = Some(field.i16()?),
        // Of a later version.
        _ => return Ok(()),
    }
    field.end()
}

fn check_version(reader: &mut Reader, known: i16) -> Result<(), RecordError> {
    match reader.i16()? {
        version if version == known => Ok(()),
        version => Err(RecordError::UnknownVersion { part: "value", version }),
    }
}

/// As Kafka numbers them.
fn number_of(state: TransactionState) -> i8 {
    state as i8
}

fn transaction_key(transactional_id: &str) -> Bytes {
    let mut key = BytesMut::with_capacity(4 + transactional_id.len());
    key.put_i16(TRANSACTION_KEY_VERSION);
    put_string(&mut key, transactional_id);
    key.freeze()
}

fn put_partitions(out: &mut BytesMut, metadata: &TransactionMetadata) {
    let mut topics = BTreeMap::<&str, Vec<i32>>::new();
    for target in &metadata.targets {
        if let Target::Partition(NamedPartition { topic, partition }) = target {
            topics.entry(topic).or_default().push(*partition);
        }
    }
    put_count(out, topics.len());
    for (topic, partitions) in topics {
        put_compact_string(out, topic);
        put_count(out, partitions.len());
        partitions.into_iter().for_each(|partition| out.put_i32(partition));
        put_unsigned(out, 0);
    }
}

fn partitions(reader: &mut Reader) -> Result<BTreeSet<Target>, RecordError> {
    let mut targets = BTreeSet::new();
    // Nothing is reserved by a count: a list ends with its bytes.
    for _ in 0..reader.count()? {
        let topic = reader.compact_string()?;
        for _ in 0..reader.count()? {
            let partition = reader.i32()?;
            targets.insert(Target::Partition(NamedPartition { topic: topic.clone(), partition }));
        }
        for _ in 0..reader.unsigned()? {
            reader.unsigned()?;
            reader.counted()?;
        }
    }
    Ok(targets)
}

/// Tagged fields, in the order of their tags, those with default values left out.
fn put_tags(out: &mut BytesMut, metadata: &TransactionMetadata) {
    let mut tags: Vec<(u32, Bytes)> = Vec::new();
    let mut put = |tag, bytes: &[u8]| tags.push((tag, Bytes::copy_from_slice(bytes)));
    if let Some(id) = metadata.previous_producer_id {
        put(PREVIOUS_PRODUCER_ID, &id.to_be_bytes());
    }
    if let Some(id) = metadata.next_producer_id {
        put(NEXT_PRODUCER_ID, &id.to_be_bytes());
    }
    if metadata.bumps_epoch {
        put(CLIENT_TRANSACTION_VERSION, &2i16.to_be_bytes());
    }
    let groups: Vec<_> = metadata
        .targets
        .iter()
        .filter_map(|target| match target {
            Target::Group(group) => Some(group),
            Target::Partition(_) => None,
        })
        .collect();
    if !groups.is_empty() {
        let mut field = BytesMut::new();
        put_count(&mut field, groups.len());
        groups.into_iter().for_each(|group| put_compact_string(&mut field, group));
        put(GROUPS, &field);
    }
    if let Some(epoch) = metadata.last_epoch {
        put(LAST_EPOCH, &epoch.to_be_bytes());
    }
    put_unsigned(out, tags.len() as u32);
    for (tag, field) in tags {
        put_unsigned(out, tag);
        put_unsigned(out, field.len() as u32);
        out.put_slice(&field);
    }
}

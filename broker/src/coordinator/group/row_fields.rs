//! The rows, and the fields of rows, that both the consumer protocol's groups and share groups have, as Kafka lays them out: values are version 0
//! of flexible messages, with compact strings and lists, and tagged fields at the end of each structure.

use std::collections::BTreeSet;

use bytes::{BufMut, Bytes, BytesMut};

use super::topics::Partitions;
use crate::coordinator::fields::{Reader, RecordError, put_compact_string, put_count, put_unsigned};
use crate::types::Uuid;

const VALUE_VERSION: i16 = 0;

pub(super) fn value() -> BytesMut {
    let mut out = BytesMut::new();
    out.put_i16(VALUE_VERSION);
    out
}

pub(super) fn read(value: &Bytes) -> Result<Reader, RecordError> {
    let mut reader = Reader(value.clone());
    match reader.i16()? {
        VALUE_VERSION => Ok(reader),
        version => Err(RecordError::UnknownVersion { part: "value", version }),
    }
}

/// The epoch of the target assignment.
pub(super) fn encode_target_epoch(epoch: i32) -> Bytes {
    let mut out = value();
    out.put_i32(epoch);
    put_unsigned(&mut out, 0);
    out.freeze()
}

pub(super) fn decode_target_epoch(value: &Bytes) -> Result<i32, RecordError> {
    let mut reader = read(value)?;
    let epoch = reader.i32()?;
    end(&mut reader)?;
    Ok(epoch)
}

/// What a member is to have.
pub(super) fn encode_target(target: &Partitions) -> Bytes {
    let mut out = value();
    put_partitions(&mut out, target);
    put_unsigned(&mut out, 0);
    out.freeze()
}

pub(super) fn decode_target(value: &Bytes) -> Result<Partitions, RecordError> {
    let mut reader = read(value)?;
    let target = partitions(&mut reader)?;
    end(&mut reader)?;
    Ok(target)
}

pub(super) fn put_partitions(out: &mut BytesMut, partitions: &Partitions) {
    put_count(out, partitions.len());
    for (topic, numbers) in partitions {
        out.put_slice(topic.as_bytes());
        put_count(out, numbers.len());
        numbers.iter().for_each(|number| out.put_i32(*number));
        put_unsigned(out, 0);
    }
}

pub(super) fn partitions(reader: &mut Reader) -> Result<Partitions, RecordError> {
    let mut partitions = Partitions::new();
    for _ in 0..reader.count()? {
        let id = reader.take(16)?;
        let topic = Uuid::from_slice(&id).expect("a UUID has 16 bytes");
        // Nothing is reserved by these counts: a list ends with its bytes.
        let numbers = (0..reader.count()?).map(|_| reader.i32()).collect::<Result<BTreeSet<_>, _>>()?;
        skip_tags(reader)?;
        if !numbers.is_empty() {
            partitions.insert(topic, numbers);
        }
    }
    Ok(partitions)
}

pub(super) fn put_strings(out: &mut BytesMut, texts: &BTreeSet<String>) {
    put_count(out, texts.len());
    texts.iter().for_each(|text| put_compact_string(out, text));
}

pub(super) fn strings(reader: &mut Reader) -> Result<BTreeSet<String>, RecordError> {
    (0..reader.count()?).map(|_| reader.compact_string()).collect()
}

/// Takes the tagged fields at the end of a structure, one by one.
pub(super) fn tags(
    reader: &mut Reader,
    mut take: impl FnMut(u32, Reader) -> Result<(), RecordError>,
) -> Result<(), RecordError> {
    for _ in 0..reader.unsigned()? {
        let tag = reader.unsigned()?;
        take(tag, Reader(reader.counted()?))?;
    }
    Ok(())
}

pub(super) fn skip_tags(reader: &mut Reader) -> Result<(), RecordError> {
    tags(reader, |_, _| Ok(()))
}

pub(super) fn end(reader: &mut Reader) -> Result<(), RecordError> {
    skip_tags(reader)?;
    reader.end()
}

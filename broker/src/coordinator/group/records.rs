//! A group's records in `__consumer_offsets`, byte for byte as Kafka writes them: `OffsetCommitKey` 1 and
//! `OffsetCommitValue` 3, `GroupMetadataKey` 2 and `GroupMetadataValue` 3. Values of versions 0 to 3 are read.
//!
//! Integers are big-endian; a string is an i16 length and UTF-8, bytes an i32 length, a list an i32 count; length -1 is null.

use bytes::{BufMut, Bytes, BytesMut};

use super::api::{CommittedOffset, NamedPartition};
use super::consumer::{Key as RowKey, decode_key as decode_row_key};
use super::share::{Key as ShareKey, decode_key as decode_share_key};
use super::transactional::PendingOffset;
pub use crate::coordinator::fields::{MAX_STRING_BYTES, RecordError};
use crate::coordinator::fields::{OWN_KEY_VERSION, Reader, put_bytes, put_nullable_string, put_string};
use crate::types::{LogRecord, UnixMillis};

const OFFSET_KEY_VERSION: i16 = 1;
const OFFSET_VALUE_VERSION: i16 = 3;
const GROUP_KEY_VERSION: i16 = 2;
const GROUP_VALUE_VERSION: i16 = 3;
/// Far from Kafka's, which count from 0, and the same in both coordinators' logs.
const PENDING_KEY_VERSION: i16 = OWN_KEY_VERSION;
const PENDING_VALUE_VERSION: i16 = 0;

/// What a record is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A committed offset.
    Offset {
        /// The group.
        group: String,
        /// The partition.
        partition: NamedPartition,
    },
    /// An offset that was committed within a transaction which has not ended. Not Kafka's: see `transactional`.
    Pending {
        /// The group.
        group: String,
        /// Whose transaction it is.
        producer_id: i64,
        /// The partition.
        partition: NamedPartition,
    },
    /// A row of a group of the consumer protocol.
    Row {
        /// The group.
        group: String,
        /// Which.
        row: RowKey,
    },
    /// A record of a share group.
    Share {
        /// The group.
        group: String,
        /// Which.
        row: ShareKey,
    },
    /// A group's generation and members.
    Group {
        /// The group.
        group: String,
    },
}

/// A group as it is kept: without what only matters while it rebalances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMetadata {
    /// `consumer` for consumers.
    pub protocol_type: String,
    /// The generation.
    pub generation: i32,
    /// The chosen protocol; `None` without members.
    pub protocol: Option<String>,
    /// The leader's member id; `None` without members.
    pub leader: Option<String>,
    /// Since when the group is in this state; -1 when that was not kept.
    pub state_since_ms: UnixMillis,
    /// The members; none when the group is empty.
    pub members: Vec<MemberMetadata>,
}

/// A member as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberMetadata {
    /// The member id.
    pub member_id: String,
    /// The own name of a static member.
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// See `JoinRequest`.
    pub rebalance_timeout_ms: i32,
    /// See `JoinRequest`.
    pub session_timeout_ms: i32,
    /// What it said for the chosen protocol.
    pub subscription: Bytes,
    /// What it got.
    pub assignment: Bytes,
}

/// The record that keeps an offset.
pub fn offset_record(group: &str, partition: &NamedPartition, committed: &CommittedOffset) -> LogRecord {
    let mut value = BytesMut::with_capacity(24 + committed.metadata.len());
    value.put_i16(OFFSET_VALUE_VERSION);
    put_committed(&mut value, committed);
    LogRecord { key: offset_key(group, &partition.topic, partition.partition), value: Some(value.freeze()) }
}

/// The record that forgets an offset.
pub fn offset_tombstone(group: &str, topic: &str, partition: i32) -> LogRecord {
    LogRecord { key: offset_key(group, topic, partition), value: None }
}

/// The record that keeps an offset until its transaction ends.
pub fn pending_record(
    group: &str,
    producer_id: i64,
    partition: &NamedPartition,
    pending: &PendingOffset,
) -> LogRecord {
    let PendingOffset { producer_epoch, committed } = pending;
    let mut value = BytesMut::with_capacity(26 + committed.metadata.len());
    value.put_i16(PENDING_VALUE_VERSION);
    value.put_i16(*producer_epoch);
    put_committed(&mut value, committed);
    LogRecord { key: pending_key(group, producer_id, partition), value: Some(value.freeze()) }
}

/// The record that forgets an offset whose transaction has ended.
pub fn pending_tombstone(group: &str, producer_id: i64, partition: &NamedPartition) -> LogRecord {
    LogRecord { key: pending_key(group, producer_id, partition), value: None }
}

/// The record that keeps a group.
pub fn group_record(group: &str, metadata: &GroupMetadata) -> LogRecord {
    let mut value = BytesMut::new();
    value.put_i16(GROUP_VALUE_VERSION);
    put_string(&mut value, &metadata.protocol_type);
    value.put_i32(metadata.generation);
    put_nullable_string(&mut value, metadata.protocol.as_deref());
    put_nullable_string(&mut value, metadata.leader.as_deref());
    value.put_i64(metadata.state_since_ms);
    value.put_i32(metadata.members.len() as i32);
    for member in &metadata.members {
        put_string(&mut value, &member.member_id);
        put_nullable_string(&mut value, member.instance_id.as_deref());
        put_string(&mut value, &member.client_id);
        put_string(&mut value, &member.client_host);
        value.put_i32(member.rebalance_timeout_ms);
        value.put_i32(member.session_timeout_ms);
        put_bytes(&mut value, &member.subscription);
        put_bytes(&mut value, &member.assignment);
    }
    LogRecord { key: group_key(group), value: Some(value.freeze()) }
}

/// The record that forgets a group.
pub fn group_tombstone(group: &str) -> LogRecord {
    LogRecord { key: group_key(group), value: None }
}

/// Reads a key.
pub(super) fn decode_key(key: &Bytes) -> Result<Key, RecordError> {
    let mut reader = Reader(key.clone());
    let key = match reader.i16()? {
        0 | OFFSET_KEY_VERSION => {
            let group = reader.string()?;
            let topic = reader.string()?;
            Key::Offset { group, partition: NamedPartition { topic, partition: reader.i32()? } }
        }
        PENDING_KEY_VERSION => {
            let (group, producer_id, topic) = (reader.string()?, reader.i64()?, reader.string()?);
            Key::Pending { group, producer_id, partition: NamedPartition { topic, partition: reader.i32()? } }
        }
        GROUP_KEY_VERSION => Key::Group { group: reader.string()? },
        version => match decode_row_key(version, &mut reader)? {
            Some((group, row)) => Key::Row { group, row },
            None => match decode_share_key(version, &mut reader)? {
                Some((group, row)) => Key::Share { group, row },
                None => return Err(RecordError::UnknownVersion { part: "key", version }),
            },
        },
    };
    reader.end()?;
    Ok(key)
}

/// Reads the value of an offset's record.
pub fn decode_offset(value: &Bytes) -> Result<CommittedOffset, RecordError> {
    let mut reader = Reader(value.clone());
    let version = value_version(&mut reader, OFFSET_VALUE_VERSION)?;
    let offset = reader.i64()?;
    let leader_epoch = if version >= 3 { reader.i32()? } else { -1 };
    let metadata = reader.string()?;
    let commit_time_ms = reader.i64()?;
    if version == 1 {
        // The expiry time of its own that an offset once had; retention is the group's today.
        reader.i64()?;
    }
    reader.end()?;
    Ok(CommittedOffset { offset, leader_epoch, metadata, commit_time_ms })
}

/// Reads the value of the record of an offset whose transaction has not ended.
pub fn decode_pending(value: &Bytes) -> Result<PendingOffset, RecordError> {
    let mut reader = Reader(value.clone());
    value_version(&mut reader, PENDING_VALUE_VERSION)?;
    let producer_epoch = reader.i16()?;
    let (offset, leader_epoch) = (reader.i64()?, reader.i32()?);
    let (metadata, commit_time_ms) = (reader.string()?, reader.i64()?);
    reader.end()?;
    let committed = CommittedOffset { offset, leader_epoch, metadata, commit_time_ms };
    Ok(PendingOffset { producer_epoch, committed })
}

/// Reads the value of a group's record.
pub fn decode_group(value: &Bytes) -> Result<GroupMetadata, RecordError> {
    let mut reader = Reader(value.clone());
    let version = value_version(&mut reader, GROUP_VALUE_VERSION)?;
    let protocol_type = reader.string()?;
    let generation = reader.i32()?;
    let protocol = reader.nullable_string()?;
    let leader = reader.nullable_string()?;
    let state_since_ms = if version >= 2 { reader.i64()? } else { -1 };
    // Nothing is reserved by this count: a list ends with its bytes.
    let count = reader.i32()?;
    let members = (0..count).map(|_| decode_member(&mut reader, version)).collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(GroupMetadata { protocol_type, generation, protocol, leader, state_since_ms, members })
}

fn decode_member(reader: &mut Reader, version: i16) -> Result<MemberMetadata, RecordError> {
    let member_id = reader.string()?;
    let instance_id = if version >= 3 { reader.nullable_string()? } else { None };
    let client_id = reader.string()?;
    let client_host = reader.string()?;
    let rebalance_timeout_ms = if version >= 1 { Some(reader.i32()?) } else { None };
    let session_timeout_ms = reader.i32()?;
    Ok(MemberMetadata {
        member_id,
        instance_id,
        client_id,
        client_host,
        rebalance_timeout_ms: rebalance_timeout_ms.unwrap_or(session_timeout_ms),
        session_timeout_ms,
        subscription: reader.bytes()?,
        assignment: reader.bytes()?,
    })
}

fn value_version(reader: &mut Reader, newest: i16) -> Result<i16, RecordError> {
    let version = reader.i16()?;
    if !(0..=newest).contains(&version) {
        return Err(RecordError::UnknownVersion { part: "value", version });
    }
    Ok(version)
}

fn offset_key(group: &str, topic: &str, partition: i32) -> Bytes {
    let mut key = BytesMut::with_capacity(10 + group.len() + topic.len());
    key.put_i16(OFFSET_KEY_VERSION);
    put_string(&mut key, group);
    put_string(&mut key, topic);
    key.put_i32(partition);
    key.freeze()
}

fn pending_key(group: &str, producer_id: i64, partition: &NamedPartition) -> Bytes {
    let mut key = BytesMut::with_capacity(18 + group.len() + partition.topic.len());
    key.put_i16(PENDING_KEY_VERSION);
    put_string(&mut key, group);
    key.put_i64(producer_id);
    put_string(&mut key, &partition.topic);
    key.put_i32(partition.partition);
    key.freeze()
}

fn put_committed(out: &mut BytesMut, committed: &CommittedOffset) {
    out.put_i64(committed.offset);
    out.put_i32(committed.leader_epoch);
    put_string(out, &committed.metadata);
    out.put_i64(committed.commit_time_ms);
}

fn group_key(group: &str) -> Bytes {
    let mut key = BytesMut::with_capacity(4 + group.len());
    key.put_i16(GROUP_KEY_VERSION);
    put_string(&mut key, group);
    key.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::fields::TRUNCATED;

    fn partition() -> NamedPartition {
        NamedPartition { topic: "orders".into(), partition: 7 }
    }

    fn metadata() -> GroupMetadata {
        GroupMetadata {
            protocol_type: "consumer".into(),
            generation: 3,
            protocol: Some("range".into()),
            leader: Some("a-1".into()),
            state_since_ms: 1_700_000_000_000,
            members: vec![MemberMetadata {
                member_id: "a-1".into(),
                instance_id: Some("a".into()),
                client_id: "c".into(),
                client_host: "/127.0.0.1".into(),
                rebalance_timeout_ms: 300_000,
                session_timeout_ms: 45_000,
                subscription: Bytes::from_static(b"sub"),
                assignment: Bytes::new(),
            }],
        }
    }

    #[test]
    fn offsets_are_laid_out_as_kafka_does() {
        let committed =
            CommittedOffset { offset: 258, leader_epoch: -1, metadata: "m".into(), commit_time_ms: 1 };
        let record = offset_record("g", &partition(), &committed);
        assert_eq!(&record.key[..], b"\0\x01\0\x01g\0\x06orders\0\0\0\x07");
        let value = record.value.expect("a value");
        assert_eq!(&value[..], b"\0\x03\0\0\0\0\0\0\x01\x02\xff\xff\xff\xff\0\x01m\0\0\0\0\0\0\0\x01");
        assert_eq!(decode_offset(&value), Ok(committed));
        assert_eq!(decode_key(&record.key), Ok(Key::Offset { group: "g".into(), partition: partition() }));
    }

    #[test]
    fn groups_come_back_as_written() {
        let record = group_record("g", &metadata());
        assert_eq!(&record.key[..], b"\0\x02\0\x01g");
        assert_eq!(decode_group(&record.value.expect("a value")), Ok(metadata()));
    }

    #[test]
    fn older_values_are_read() {
        let v1 = Bytes::from_static(b"\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x0a");
        let committed =
            CommittedOffset { offset: 5, leader_epoch: -1, metadata: String::new(), commit_time_ms: 9 };
        assert_eq!(decode_offset(&v1), Ok(committed));
        let v0 = Bytes::from_static(
            b"\0\0\0\x01c\0\0\0\x02\0\x01r\0\x01m\0\0\0\x01\0\x01m\0\x01i\0\x01h\0\0\0\x06\0\0\0\0\0\0\0\0",
        );
        let group = decode_group(&v0).expect("version 0");
        assert_eq!((group.state_since_ms, group.members[0].rebalance_timeout_ms), (-1, 6));
    }

    #[test]
    fn unknown_versions_are_told_apart_from_damage() {
        let unknown = |part, version| RecordError::UnknownVersion { part, version };
        assert_eq!(decode_key(&Bytes::from_static(b"\0\x04\0\x01g")), Err(unknown("key", 4)));
        assert_eq!(decode_group(&Bytes::from_static(b"\0\x04")), Err(unknown("value", 4)));
        assert!(matches!(decode_key(&Bytes::from_static(b"\0\x02\0\x02g")), Err(RecordError::Malformed(_))));
        assert!(matches!(decode_key(&Bytes::from_static(b"\0\x02\0\x01gg")), Err(RecordError::Malformed(_))));
    }

    #[test]
    fn no_cut_or_flipped_byte_panics_or_reserves_by_a_count() {
        let value = group_record("g", &metadata()).value.expect("a value");
        for end in 0..value.len() {
            assert!(decode_group(&value.slice(..end)).is_err(), "cut at {end}");
        }
        for at in 0..value.len() {
            for bit in 0..8 {
                let mut bytes = value.to_vec();
                bytes[at] ^= 1 << bit;
                // Whatever comes of it, it comes back.
                let _ = decode_group(&Bytes::from(bytes));
            }
        }
        let mut hostile = BytesMut::from(&b"\0\x03\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0"[..]);
        hostile.put_i32(i32::MAX);
        assert_eq!(decode_group(&hostile.freeze()), Err(TRUNCATED));
    }
}

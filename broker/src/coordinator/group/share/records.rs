//! A share group's records in `__consumer_offsets`. Its rows are byte for byte as Kafka writes them: `ShareGroupMemberMetadata`
//! 10, `ShareGroupMetadata` 11, `ShareGroupTargetAssignmentMetadata` 12, `ShareGroupTargetAssignmentMember` 13 and
//! `ShareGroupCurrentMemberAssignment` 14; the numbers are those of the keys.
//!
//! What a group has made of a partition Kafka keeps in a topic of its own, as snapshots and changes to them. Here it is one
//! record of a kind of our own: the newest of each key is the truth, as with all else in this log. Its value: the start (i64),
//! a count, and for each run its length (varint), state (0: available, 1: done with) and number of deliveries (varint).

use bytes::{BufMut, Bytes, BytesMut};

use super::partition::{Run, RunState, SharePartition};
use super::rows::{CurrentRow, GroupRow, MemberRow};
use crate::coordinator::fields::{
    OWN_KEY_VERSION, Reader, RecordError, put_compact_nullable_string, put_compact_string, put_count,
    put_string, put_unsigned, put_unsigned_long,
};
use crate::coordinator::group::row_fields::{
    end, partitions, put_partitions, put_strings, read, strings, value,
};
use crate::types::{TopicPartition, Uuid};

const MEMBER_KEY: i16 = 10;
const GROUP_KEY: i16 = 11;
const TARGET_EPOCH_KEY: i16 = 12;
const TARGET_KEY: i16 = 13;
const CURRENT_KEY: i16 = 14;
/// Not Kafka's.
const PARTITION_KEY: i16 = OWN_KEY_VERSION + 1;

const AVAILABLE: i8 = 0;
const DONE: i8 = 1;

/// Which record of its group this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Key {
    Group,
    TargetEpoch,
    /// By member id.
    Member(String),
    /// By member id.
    Target(String),
    /// By member id.
    Current(String),
    /// What the group has made of a partition.
    Partition(TopicPartition),
}

pub(super) fn encode_key(group: &str, key: &Key) -> Bytes {
    let (version, member) = match key {
        Key::Group => (GROUP_KEY, None),
        Key::TargetEpoch => (TARGET_EPOCH_KEY, None),
        Key::Member(id) => (MEMBER_KEY, Some(id)),
        Key::Target(id) => (TARGET_KEY, Some(id)),
        Key::Current(id) => (CURRENT_KEY, Some(id)),
        Key::Partition(_) => (PARTITION_KEY, None),
    };
    let mut out = BytesMut::new();
    out.put_i16(version);
    put_string(&mut out, group);
    if let Some(member) = member {
        put_string(&mut out, member);
    }
    if let Key::Partition(TopicPartition { topic_id, partition }) = key {
        out.put_slice(topic_id.as_bytes());
        out.put_i32(*partition);
    }
    out.freeze()
}

/// Reads the group and the row of a key behind its version; `None`: the version is none of a share group's.
pub(in super::super) fn decode_key(
    version: i16,
    reader: &mut Reader,
) -> Result<Option<(String, Key)>, RecordError> {
    if ![MEMBER_KEY, GROUP_KEY, TARGET_EPOCH_KEY, TARGET_KEY, CURRENT_KEY, PARTITION_KEY].contains(&version) {
        return Ok(None);
    }
    let group = reader.string()?;
    let key = match version {
        MEMBER_KEY => Key::Member(reader.string()?),
        TARGET_KEY => Key::Target(reader.string()?),
        CURRENT_KEY => Key::Current(reader.string()?),
        GROUP_KEY => Key::Group,
        TARGET_EPOCH_KEY => Key::TargetEpoch,
        _ => {
            let topic_id = Uuid::from_slice(&reader.take(16)?).expect("a UUID has 16 bytes");
            Key::Partition(TopicPartition { topic_id, partition: reader.i32()? })
        }
    };
    Ok(Some((group, key)))
}

pub(super) fn encode_group(row: &GroupRow) -> Bytes {
    let mut out = value();
    out.put_i32(row.epoch);
    out.put_i64(row.metadata_hash);
    put_unsigned(&mut out, 0);
    out.freeze()
}

pub(super) fn decode_group(value: &Bytes) -> Result<GroupRow, RecordError> {
    let mut reader = read(value)?;
    let row = GroupRow { epoch: reader.i32()?, metadata_hash: reader.i64()? };
    end(&mut reader)?;
    Ok(row)
}

pub(super) fn encode_member(row: &MemberRow) -> Bytes {
    let mut out = value();
    put_compact_nullable_string(&mut out, row.rack_id.as_deref());
    put_compact_string(&mut out, &row.client_id);
    put_compact_string(&mut out, &row.client_host);
    put_strings(&mut out, &row.topics);
    put_unsigned(&mut out, 0);
    out.freeze()
}

pub(super) fn decode_member(value: &Bytes) -> Result<MemberRow, RecordError> {
    let mut reader = read(value)?;
    let row = MemberRow {
        rack_id: reader.compact_nullable_string()?,
        client_id: reader.compact_string()?,
        client_host: reader.compact_string()?,
        topics: strings(&mut reader)?,
    };
    end(&mut reader)?;
    Ok(row)
}

pub(super) fn encode_current(row: &CurrentRow) -> Bytes {
    let mut out = value();
    out.put_i32(row.epoch);
    out.put_i32(row.previous_epoch);
    // A member of a share group is always where it is to be.
    out.put_i8(0);
    put_partitions(&mut out, &row.assigned);
    put_unsigned(&mut out, 0);
    out.freeze()
}

pub(super) fn decode_current(value: &Bytes) -> Result<CurrentRow, RecordError> {
    let mut reader = read(value)?;
    let (epoch, previous_epoch, _state) = (reader.i32()?, reader.i32()?, reader.i8()?);
    let row = CurrentRow { epoch, previous_epoch, assigned: partitions(&mut reader)? };
    end(&mut reader)?;
    Ok(row)
}

/// A delivery that is under way when the broker ends is written as if it had not begun: who has the records is gone, and what it
/// says of them is not understood any more.
pub(super) fn encode_partition(partition: &SharePartition) -> Bytes {
    let mut runs: Vec<_> = partition
        .runs()
        .map(|(first, run)| {
            let length = (run.end - first) as u64;
            match run.state {
                RunState::Available => (length, AVAILABLE, run.deliveries),
                RunState::Acquired { .. } => (length, AVAILABLE, run.deliveries - 1),
                RunState::Done => (length, DONE, 0),
            }
        })
        .collect();
    // What nobody ever had need not be told at the end.
    while runs.last().is_some_and(|(_, state, deliveries)| (*state, *deliveries) == (AVAILABLE, 0)) {
        runs.pop();
    }
    let mut out = value();
    out.put_i64(partition.start());
    put_count(&mut out, runs.len());
    for (length, state, deliveries) in runs {
        put_unsigned_long(&mut out, length);
        out.put_i8(state);
        put_unsigned(&mut out, deliveries as u32);
    }
    put_unsigned(&mut out, 0);
    out.freeze()
}

pub(super) fn decode_partition(value: &Bytes) -> Result<SharePartition, RecordError> {
    let mut reader = read(value)?;
    let start = reader.i64()?;
    let count = reader.count()?;
    let (mut at, mut runs) = (start, Vec::new());
    for _ in 0..count {
        let length = i64::try_from(reader.unsigned_long()?).ok().filter(|length| *length > 0);
        let after = length.and_then(|length| at.checked_add(length));
        at = after.ok_or(RecordError::Malformed("a run of records has no length"))?;
        let state = match reader.i8()? {
            AVAILABLE => RunState::Available,
            DONE => RunState::Done,
            _ => return Err(RecordError::Malformed("a record is in a state that does not exist")),
        };
        let deliveries = i16::try_from(reader.unsigned()?)
            .map_err(|_| RecordError::Malformed("a record was delivered too often"))?;
        runs.push(Run { end: at, state, deliveries });
    }
    end(&mut reader)?;
    Ok(SharePartition::restored(start, runs))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::coordinator::group::row_fields::{encode_target, encode_target_epoch};
    use crate::coordinator::group::topics::Partitions;

    const A: Uuid = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
    const B: Uuid = Uuid::from_u128(0x1112_1314_1516_1718_191a_1b1c_1d1e_1f20);

    fn partitions_of<const N: usize>(rows: [(Uuid, &[i32]); N]) -> Partitions {
        rows.into_iter().map(|(topic, numbers)| (topic, numbers.iter().copied().collect())).collect()
    }

    /// What `broker/fixtures/group_records/Write.java` has Kafka's own classes write.
    fn ours() -> Vec<(&'static str, Key, Bytes)> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let member = MemberRow {
            rack_id: Some("r".to_owned()),
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            topics: names(&["a", &"x".repeat(200)]),
        };
        let without_rack = MemberRow {
            rack_id: None,
            client_id: "c".into(),
            client_host: "h".into(),
            topics: names(&["a"]),
        };
        let group = GroupRow { epoch: 7, metadata_hash: 0x1122_3344_5566_7788 };
        let current = CurrentRow { epoch: 8, previous_epoch: 7, assigned: partitions_of([(A, &[0, 5])]) };
        let of = |key: fn(String) -> Key| key("m".into());
        vec![
            ("share-member", of(Key::Member), encode_member(&member)),
            ("share-member-without-rack", of(Key::Member), encode_member(&without_rack)),
            ("share-group", Key::Group, encode_group(&group)),
            ("share-target-epoch", Key::TargetEpoch, encode_target_epoch(7)),
            ("share-target", of(Key::Target), encode_target(&partitions_of([(A, &[0, 5]), (B, &[1])]))),
            ("share-current", of(Key::Current), encode_current(&current)),
        ]
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn rows_are_kafkas_byte_for_byte() {
        let all = include_str!("../../../../fixtures/group_records/records.txt").lines();
        let theirs: Vec<&str> = all.filter(|line| line.starts_with("share-")).collect();
        let ours: Vec<String> = ours()
            .into_iter()
            .map(|(name, key, value)| format!("{name} {} {}", hex(&encode_key("g", &key)), hex(&value)))
            .collect();
        assert_eq!(ours, theirs);
    }
}

//! The rows of a consumer-protocol group in `__consumer_offsets`, byte for byte as Kafka writes them: `ConsumerGroupMetadata` 3,
//! `ConsumerGroupMemberMetadata` 5, `ConsumerGroupTargetAssignmentMetadata` 6, `ConsumerGroupTargetAssignmentMember` 7,
//! `ConsumerGroupCurrentMemberAssignment` 8 and `ConsumerGroupRegularExpression` 16; the numbers are those of the keys. Kafka's
//! `ConsumerGroupPartitionMetadata` 4 is not written: since 4.1 a hash in the group's own row takes its place.
//!
//! Keys have plain strings (an i16 length); values are version 0 of flexible messages: compact strings and lists, and tagged
//! fields at the end of each structure.

use bytes::{BufMut, Bytes, BytesMut};

use super::rows::{ClassicRow, CurrentRow, ExpressionRow, GroupRow, MemberRow, MemberState};
use crate::coordinator::fields::{
    Reader, RecordError, put_compact_bytes, put_compact_nullable_string, put_compact_string, put_count,
    put_string, put_unsigned,
};
use crate::coordinator::group::api::Protocol;
use crate::coordinator::group::row_fields::{
    end, partitions, put_partitions, put_strings, read, skip_tags, strings, tags, value,
};

const GROUP_KEY: i16 = 3;
const MEMBER_KEY: i16 = 5;
const TARGET_EPOCH_KEY: i16 = 6;
const TARGET_KEY: i16 = 7;
const CURRENT_KEY: i16 = 8;
const EXPRESSION_KEY: i16 = 16;

/// The tag of a group row's hash.
const METADATA_HASH_TAG: u32 = 0;
/// The tag of what only classic members have.
const CLASSIC_TAG: u32 = 0;

/// Which row of its group a record is.
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
    /// By the expression's text.
    Expression(String),
}

pub(super) fn encode_key(group: &str, key: &Key) -> Bytes {
    let (version, name) = match key {
        Key::Group => (GROUP_KEY, None),
        Key::TargetEpoch => (TARGET_EPOCH_KEY, None),
        Key::Member(id) => (MEMBER_KEY, Some(id)),
        Key::Target(id) => (TARGET_KEY, Some(id)),
        Key::Current(id) => (CURRENT_KEY, Some(id)),
        Key::Expression(text) => (EXPRESSION_KEY, Some(text)),
    };
    let mut out = BytesMut::new();
    out.put_i16(version);
    put_string(&mut out, group);
    if let Some(name) = name {
        put_string(&mut out, name);
    }
    out.freeze()
}

/// Reads the group and the row of a key behind its version; `None`: the version is none of a consumer-protocol group's.
pub(in super::super) fn decode_key(
    version: i16,
    reader: &mut Reader,
) -> Result<Option<(String, Key)>, RecordError> {
    let named: Option<fn(String) -> Key> = match version {
        GROUP_KEY | TARGET_EPOCH_KEY => None,
        MEMBER_KEY => Some(Key::Member),
        TARGET_KEY => Some(Key::Target),
        CURRENT_KEY => Some(Key::Current),
        EXPRESSION_KEY => Some(Key::Expression),
        _ => return Ok(None),
    };
    let group = reader.string()?;
    let key = match named {
        Some(key) => key(reader.string()?),
        None if version == GROUP_KEY => Key::Group,
        None => Key::TargetEpoch,
    };
    Ok(Some((group, key)))
}

pub(super) fn encode_group(row: &GroupRow) -> Bytes {
    let mut out = value();
    out.put_i32(row.epoch);
    if row.metadata_hash == 0 {
        put_unsigned(&mut out, 0);
    } else {
        put_unsigned(&mut out, 1);
        put_unsigned(&mut out, METADATA_HASH_TAG);
        put_unsigned(&mut out, 8);
        out.put_i64(row.metadata_hash);
    }
    out.freeze()
}

pub(super) fn decode_group(value: &Bytes) -> Result<GroupRow, RecordError> {
    let mut reader = read(value)?;
    let mut row = GroupRow { epoch: reader.i32()?, metadata_hash: 0 };
    tags(&mut reader, |tag, mut field| {
        if tag == METADATA_HASH_TAG {
            row.metadata_hash = field.i64()?;
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(row)
}

pub(super) fn encode_member(row: &MemberRow) -> Bytes {
    let mut out = value();
    put_compact_nullable_string(&mut out, row.instance_id.as_deref());
    put_compact_nullable_string(&mut out, row.rack_id.as_deref());
    put_compact_string(&mut out, &row.client_id);
    put_compact_string(&mut out, &row.client_host);
    put_strings(&mut out, &row.topics);
    put_compact_nullable_string(&mut out, row.expression.as_deref());
    out.put_i32(row.rebalance_timeout_ms);
    put_compact_nullable_string(&mut out, row.assignor.as_deref());
    match &row.classic {
        None => put_unsigned(&mut out, 0),
        Some(classic) => {
            let field = encode_classic(classic);
            put_unsigned(&mut out, 1);
            put_unsigned(&mut out, CLASSIC_TAG);
            put_unsigned(&mut out, field.len() as u32);
            out.put_slice(&field);
        }
    }
    out.freeze()
}

/// A nullable structure: its presence comes first.
fn encode_classic(classic: &ClassicRow) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i8(1);
    out.put_i32(classic.session_timeout_ms);
    put_count(&mut out, classic.protocols.len());
    for protocol in &classic.protocols {
        put_compact_string(&mut out, &protocol.name);
        put_compact_bytes(&mut out, &protocol.metadata);
        put_unsigned(&mut out, 0);
    }
    put_unsigned(&mut out, 0);
    out.freeze()
}

pub(super) fn decode_member(value: &Bytes) -> Result<MemberRow, RecordError> {
    let mut reader = read(value)?;
    let mut row = MemberRow {
        instance_id: reader.compact_nullable_string()?,
        rack_id: reader.compact_nullable_string()?,
        client_id: reader.compact_string()?,
        client_host: reader.compact_string()?,
        topics: strings(&mut reader)?,
        expression: reader.compact_nullable_string()?,
        rebalance_timeout_ms: reader.i32()?,
        assignor: reader.compact_nullable_string()?,
        classic: None,
    };
    tags(&mut reader, |tag, field| {
        if tag == CLASSIC_TAG {
            row.classic = decode_classic(field)?;
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(row)
}

fn decode_classic(mut field: Reader) -> Result<Option<ClassicRow>, RecordError> {
    if field.i8()? < 0 {
        return Ok(None);
    }
    let session_timeout_ms = field.i32()?;
    let protocols = (0..field.count()?).map(|_| {
        let protocol = Protocol { name: field.compact_string()?, metadata: field.compact_bytes()? };
        skip_tags(&mut field)?;
        Ok(protocol)
    });
    let protocols = protocols.collect::<Result<_, RecordError>>()?;
    end(&mut field)?;
    Ok(Some(ClassicRow { session_timeout_ms, protocols }))
}

pub(super) fn encode_current(row: &CurrentRow) -> Bytes {
    let mut out = value();
    out.put_i32(row.epoch);
    out.put_i32(row.previous_epoch);
    out.put_i8(match row.state {
        MemberState::Stable => 0,
        MemberState::UnrevokedPartitions => 1,
        MemberState::UnreleasedPartitions => 2,
    });
    put_partitions(&mut out, &row.assigned);
    put_partitions(&mut out, &row.revoking);
    put_unsigned(&mut out, 0);
    out.freeze()
}

pub(super) fn decode_current(value: &Bytes) -> Result<CurrentRow, RecordError> {
    let mut reader = read(value)?;
    let row = CurrentRow {
        epoch: reader.i32()?,
        previous_epoch: reader.i32()?,
        state: match reader.i8()? {
            0 => MemberState::Stable,
            1 => MemberState::UnrevokedPartitions,
            2 => MemberState::UnreleasedPartitions,
            _ => return Err(RecordError::Malformed("a member is in a state that does not exist")),
        },
        assigned: partitions(&mut reader)?,
        revoking: partitions(&mut reader)?,
    };
    end(&mut reader)?;
    Ok(row)
}

pub(super) fn encode_expression(row: &ExpressionRow) -> Bytes {
    let mut out = value();
    put_strings(&mut out, &row.topics);
    out.put_i64(row.version);
    out.put_i64(row.at_ms);
    put_unsigned(&mut out, 0);
    out.freeze()
}

pub(super) fn decode_expression(value: &Bytes) -> Result<ExpressionRow, RecordError> {
    let mut reader = read(value)?;
    let row = ExpressionRow { topics: strings(&mut reader)?, version: reader.i64()?, at_ms: reader.i64()? };
    end(&mut reader)?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::coordinator::group::row_fields::{encode_target, encode_target_epoch};
    use crate::coordinator::group::topics::Partitions;
    use crate::types::Uuid;

    const A: Uuid = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
    const B: Uuid = Uuid::from_u128(0x1112_1314_1516_1718_191a_1b1c_1d1e_1f20);

    fn partitions_of<const N: usize>(rows: [(Uuid, &[i32]); N]) -> Partitions {
        rows.into_iter().map(|(topic, numbers)| (topic, numbers.iter().copied().collect())).collect()
    }

    /// What `broker/fixtures/group_records/Write.java` has Kafka's own classes write.
    fn ours() -> Vec<(&'static str, Key, Bytes)> {
        let text = |text: &str| Some(text.to_owned());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let member = MemberRow {
            instance_id: text("i"),
            rack_id: text("r"),
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            topics: names(&["a", &"x".repeat(200)]),
            expression: text("^a.*"),
            rebalance_timeout_ms: 60_000,
            assignor: text("uniform"),
            classic: None,
        };
        let little = MemberRow {
            client_id: "c".into(),
            client_host: "h".into(),
            rebalance_timeout_ms: 1,
            ..MemberRow::default()
        };
        let protocol = Protocol { name: "range".into(), metadata: Bytes::from_static(&[1, 2, 3]) };
        let classic = ClassicRow { session_timeout_ms: 10_000, protocols: vec![protocol] };
        let classic = MemberRow { topics: names(&["a"]), classic: Some(classic), ..little.clone() };
        let current = CurrentRow {
            epoch: 8,
            previous_epoch: 7,
            state: MemberState::UnrevokedPartitions,
            assigned: partitions_of([(A, &[0, 5])]),
            revoking: partitions_of([(B, &[1])]),
        };
        let expression = ExpressionRow { topics: names(&["a", "ab"]), version: 9, at_ms: 1_767_225_600_000 };
        let group = |metadata_hash| encode_group(&GroupRow { epoch: 7, metadata_hash });
        let of = |key: fn(String) -> Key| key("m".into());
        vec![
            ("group", Key::Group, group(0x1122_3344_5566_7788)),
            ("group-without-hash", Key::Group, group(0)),
            ("member", of(Key::Member), encode_member(&member)),
            ("member-with-little", of(Key::Member), encode_member(&little)),
            ("classic-member", of(Key::Member), encode_member(&classic)),
            ("target-epoch", Key::TargetEpoch, encode_target_epoch(7)),
            ("target", of(Key::Target), encode_target(&partitions_of([(A, &[0, 5]), (B, &[1])]))),
            ("current", of(Key::Current), encode_current(&current)),
            ("expression", Key::Expression("^a.*".into()), encode_expression(&expression)),
        ]
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn records_are_kafkas_byte_for_byte() {
        let theirs: Vec<&str> =
            include_str!("../../../../fixtures/group_records/records.txt").lines().collect();
        // Behind them come those of share groups.
        let theirs: Vec<_> = theirs.into_iter().filter(|line| !line.starts_with("share-")).collect();
        let ours = ours().into_iter();
        let ours: Vec<String> = ours
            .map(|(name, key, value)| format!("{name} {} {}", hex(&encode_key("g", &key)), hex(&value)))
            .collect();
        assert_eq!(ours, theirs);
    }
}

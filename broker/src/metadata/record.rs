//! The records of `__metadata`.
//!
//! A key is one byte that tells the kind, then what identifies the thing within its kind:
//!
//! | kind | identity | value |
//! |---|---|---|
//! | 1 cluster | nothing | [`ClusterValue`] |
//! | 2 topic | its id, 16 bytes | [`TopicValue`] |
//! | 3 broker setting | its name in UTF-8 | [`BrokerConfigValue`] |
//! | 4 broker epoch | nothing | [`BrokerEpochValue`] |
//! | 5 feature | its name in UTF-8 | [`FeatureValue`] |
//! | 6 group's settings | the group's name in UTF-8 | [`GroupConfigsValue`] |
//!
//! A value is one byte, the version of its layout, then a Protobuf message; no value (a tombstone) means that the thing is
//! gone. Kinds, versions and field numbers are on disk: never give one a second meaning. A field that an older broker may
//! ignore is added under a new number; any other change takes a new version, which an older broker refuses to read.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes};
use prost::Message;

use super::image::Topic;
use crate::types::{LogRecord, TopicId, UnixMillis, Uuid};

/// The largest value that is written or read, in bytes.
pub const MAX_VALUE_BYTES: usize = 512 << 10;

/// The most partitions that a topic can have.
pub const MAX_PARTITIONS: i32 = 100_000;

const VERSION: u8 = 1;

const CLUSTER: u8 = 1;
const TOPIC: u8 = 2;
const BROKER_CONFIG: u8 = 3;
const BROKER_EPOCH: u8 = 4;
const FEATURE: u8 = 5;
const GROUP_CONFIGS: u8 = 6;

/// One change of the metadata, as the log records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataRecord {
    /// The cluster's identity. Written once, when the data directory is new.
    Cluster {
        /// Stays the same for the life of the data directory.
        cluster_id: Uuid,
        /// When the data directory was made.
        created_ms: UnixMillis,
    },
    /// A topic as it is from now on.
    Topic(Topic),
    /// The topic is deleted.
    TopicDeleted(TopicId),
    /// A broker setting that was changed while the broker ran; `None`: it is back to its configured value.
    BrokerConfig {
        /// Kafka's name of the setting.
        key: String,
        /// Its value as text.
        value: Option<String>,
    },
    /// The broker's epoch: raised at every start that follows an unclean stop, and used as the leader epoch of every batch.
    BrokerEpoch(i32),
    /// The finalized level of a feature.
    Feature {
        /// Its name.
        name: String,
        /// Its level; 0: it is not in force.
        level: i16,
        /// Higher than that of every change of a feature before.
        epoch: i64,
    },
    /// All settings that a group was given, by Kafka's names; none: they are gone.
    GroupConfigs {
        /// The group's name.
        group: String,
        /// Its settings.
        configs: BTreeMap<String, String>,
    },
}

/// Why a record of the log can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A kind or a version that this program does not know.
    #[error(
        "the metadata log holds {what} {found}, which this version of runnel does not know; run the newer version"
    )]
    Unknown {
        /// `record kind` or `record version`.
        what: &'static str,
        /// The number found.
        found: u8,
    },
    /// Bytes that no version writes.
    #[error("the metadata log holds a malformed {kind} record: {reason}")]
    Malformed {
        /// The kind of record.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Clone, PartialEq, Message)]
struct ClusterValue {
    #[prost(bytes = "bytes", tag = "1")]
    cluster_id: Bytes,
    #[prost(int64, tag = "2")]
    created_ms: i64,
}

#[derive(Clone, PartialEq, Message)]
struct TopicValue {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "2")]
    partitions: i32,
    #[prost(btree_map = "string, string", tag = "3")]
    configs: BTreeMap<String, String>,
    #[prost(int64, tag = "4")]
    created_ms: i64,
    #[prost(bool, tag = "5")]
    internal: bool,
}

#[derive(Clone, PartialEq, Message)]
struct BrokerConfigValue {
    #[prost(string, tag = "1")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct BrokerEpochValue {
    #[prost(int32, tag = "1")]
    epoch: i32,
}

#[derive(Clone, PartialEq, Message)]
struct FeatureValue {
    #[prost(int32, tag = "1")]
    level: i32,
    #[prost(int64, tag = "2")]
    epoch: i64,
}

#[derive(Clone, PartialEq, Message)]
struct GroupConfigsValue {
    #[prost(btree_map = "string, string", tag = "1")]
    configs: BTreeMap<String, String>,
}

impl MetadataRecord {
    /// The record as the log keeps it.
    pub fn encode(&self) -> LogRecord {
        match self {
            Self::Cluster { cluster_id, created_ms } => {
                let cluster_id = Bytes::copy_from_slice(cluster_id.as_bytes());
                set(CLUSTER, &[], &ClusterValue { cluster_id, created_ms: *created_ms })
            }
            Self::Topic(topic) => {
                let value = TopicValue {
                    name: topic.name.clone(),
                    partitions: topic.partitions,
                    configs: topic.configs.clone(),
                    created_ms: topic.created_ms,
                    internal: topic.internal,
                };
                set(TOPIC, topic.id.as_bytes(), &value)
            }
            Self::TopicDeleted(id) => LogRecord { key: key(TOPIC, id.as_bytes()), value: None },
            Self::BrokerConfig { key: name, value: Some(value) } => {
                set(BROKER_CONFIG, name.as_bytes(), &BrokerConfigValue { value: value.clone() })
            }
            Self::BrokerConfig { key: name, value: None } => {
                LogRecord { key: key(BROKER_CONFIG, name.as_bytes()), value: None }
            }
            Self::BrokerEpoch(epoch) => set(BROKER_EPOCH, &[], &BrokerEpochValue { epoch: *epoch }),
            Self::Feature { name, level, epoch } => {
                set(FEATURE, name.as_bytes(), &FeatureValue { level: (*level).into(), epoch: *epoch })
            }
            Self::GroupConfigs { group, configs } if configs.is_empty() => {
                LogRecord { key: key(GROUP_CONFIGS, group.as_bytes()), value: None }
            }
            Self::GroupConfigs { group, configs } => {
                set(GROUP_CONFIGS, group.as_bytes(), &GroupConfigsValue { configs: configs.clone() })
            }
        }
    }

    /// Understands a record of the log. Whatever the bytes, it allocates no more than a small multiple of their length.
    ///
    /// # Errors
    /// [`RecordError`], for a record of a newer version and for bytes that no version writes.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Self, RecordError> {
        let Some((&kind, identity)) = key.split_first() else {
            return Err(malformed("unnamed", "its key is empty"));
        };
        match kind {
            CLUSTER => decode_cluster(identity, value),
            TOPIC => decode_topic(identity, value),
            BROKER_CONFIG => decode_broker_config(identity, value),
            BROKER_EPOCH => decode_broker_epoch(identity, value),
            FEATURE => decode_feature(identity, value),
            GROUP_CONFIGS => decode_group_configs(identity, value),
            found => Err(RecordError::Unknown { what: "record kind", found }),
        }
    }
}

fn decode_cluster(identity: &[u8], value: Option<&[u8]>) -> Result<MetadataRecord, RecordError> {
    const KIND: &str = "cluster";
    no_identity(KIND, identity)?;
    let ClusterValue { cluster_id, created_ms } = message(KIND, required(KIND, value)?)?;
    let cluster_id = Uuid::from_slice(&cluster_id).map_err(|error| malformed(KIND, error))?;
    Ok(MetadataRecord::Cluster { cluster_id, created_ms })
}

fn decode_topic(identity: &[u8], value: Option<&[u8]>) -> Result<MetadataRecord, RecordError> {
    const KIND: &str = "topic";
    let id = TopicId::from_slice(identity).map_err(|error| malformed(KIND, error))?;
    let Some(value) = value else { return Ok(MetadataRecord::TopicDeleted(id)) };
    let TopicValue { name, partitions, configs, created_ms, internal } = message(KIND, value)?;
    if let Err(reason) = check_topic_name(&name) {
        return Err(malformed(KIND, format!("the name {name:?}: {reason}")));
    }
    if !(1..=MAX_PARTITIONS).contains(&partitions) {
        return Err(malformed(KIND, format!("{partitions} partitions")));
    }
    Ok(MetadataRecord::Topic(Topic { id, name, partitions, configs, created_ms, internal }))
}

fn decode_broker_config(identity: &[u8], value: Option<&[u8]>) -> Result<MetadataRecord, RecordError> {
    const KIND: &str = "broker setting";
    let key = std::str::from_utf8(identity).map_err(|error| malformed(KIND, error))?.to_owned();
    let value = value.map(|value| message::<BrokerConfigValue>(KIND, value)).transpose()?;
    Ok(MetadataRecord::BrokerConfig { key, value: value.map(|message| message.value) })
}

fn decode_broker_epoch(identity: &[u8], value: Option<&[u8]>) -> Result<MetadataRecord, RecordError> {
    const KIND: &str = "broker epoch";
    no_identity(KIND, identity)?;
    let BrokerEpochValue { epoch } = message(KIND, required(KIND, value)?)?;
    if epoch < 0 {
        return Err(malformed(KIND, format!("epoch {epoch}")));
    }
    Ok(MetadataRecord::BrokerEpoch(epoch))
}

fn decode_feature(identity: &[u8], value: Option<&[u8]>) -> Result<MetadataRecord, RecordError> {
    const KIND: &str = "feature";
    let name = std::str::from_utf8(identity).map_err(|error| malformed(KIND, error))?.to_owned();
    let FeatureValue { level, epoch } = message(KIND, required(KIND, value)?)?;
    match i16::try_from(level) {
        Ok(level) if level >= 0 && epoch >= 0 => Ok(MetadataRecord::Feature { name, level, epoch }),
        _ => Err(malformed(KIND, format!("level {level}, epoch {epoch}"))),
    }
}

fn decode_group_configs(identity: &[u8], value: Option<&[u8]>) -> Result<MetadataRecord, RecordError> {
    const KIND: &str = "group's settings";
    let group = std::str::from_utf8(identity).map_err(|error| malformed(KIND, error))?.to_owned();
    let value = value.map(|value| message::<GroupConfigsValue>(KIND, value)).transpose()?;
    Ok(MetadataRecord::GroupConfigs { group, configs: value.unwrap_or_default().configs })
}

/// Tells whether a topic may be called so, as Kafka's `Topic.validate` does.
///
/// # Errors
/// What is wrong with the name.
pub fn check_topic_name(name: &str) -> Result<(), &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name {
        "" => Err("it is empty; use 1 to 249 of the characters a-z A-Z 0-9 . _ -"),
        "." | ".." => Err("it may not be . or .."),
        _ if !name.chars().all(legal) => Err("use only the characters a-z A-Z 0-9 . _ -"),
        _ if name.len() > 249 => Err("it is longer than 249 characters"),
        _ => Ok(()),
    }
}

fn set(kind: u8, identity: &[u8], value: &impl Message) -> LogRecord {
    let mut bytes = Vec::with_capacity(1 + value.encoded_len());
    bytes.put_u8(VERSION);
    value.encode_raw(&mut bytes);
    LogRecord { key: key(kind, identity), value: Some(bytes.into()) }
}

fn key(kind: u8, identity: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(1 + identity.len());
    bytes.put_u8(kind);
    bytes.put_slice(identity);
    bytes.into()
}

fn message<M: Message + Default>(kind: &'static str, value: &[u8]) -> Result<M, RecordError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(malformed(kind, format!("its value has {} bytes", value.len())));
    }
    match value.split_first() {
        None => Err(malformed(kind, "its value is empty")),
        Some((&VERSION, body)) => M::decode(body).map_err(|error| malformed(kind, error)),
        Some((&found, _)) => Err(RecordError::Unknown { what: "record version", found }),
    }
}

fn required<'a>(kind: &'static str, value: Option<&'a [u8]>) -> Result<&'a [u8], RecordError> {
    value.ok_or_else(|| malformed(kind, "it can't be deleted, yet its value is null"))
}

fn no_identity(kind: &'static str, identity: &[u8]) -> Result<(), RecordError> {
    if identity.is_empty() { Ok(()) } else { Err(malformed(kind, "its key is too long")) }
}

fn malformed(kind: &'static str, reason: impl ToString) -> RecordError {
    RecordError::Malformed { kind, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples() -> Vec<MetadataRecord> {
        let id = Uuid::from_u128(7);
        let configs = BTreeMap::from([("retention.ms".to_owned(), "1000".to_owned())]);
        vec![
            MetadataRecord::Cluster { cluster_id: id, created_ms: 1_700_000_000_000 },
            MetadataRecord::Topic(Topic {
                id,
                name: "orders".into(),
                partitions: 3,
                configs,
                created_ms: 5,
                internal: false,
            }),
            MetadataRecord::TopicDeleted(id),
            MetadataRecord::BrokerConfig { key: "log.retention.ms".into(), value: Some(String::new()) },
            MetadataRecord::BrokerConfig { key: "log.retention.ms".into(), value: None },
            MetadataRecord::BrokerEpoch(41),
            MetadataRecord::Feature { name: "transaction.version".into(), level: 2, epoch: 7 },
            MetadataRecord::GroupConfigs {
                group: "readers".into(),
                configs: BTreeMap::from([("consumer.session.timeout.ms".to_owned(), "50000".to_owned())]),
            },
            MetadataRecord::GroupConfigs { group: "readers".into(), configs: BTreeMap::new() },
        ]
    }

    #[test]
    fn records_come_back_as_they_were() {
        for record in samples() {
            let LogRecord { key, value } = record.encode();
            assert_eq!(MetadataRecord::decode(&key, value.as_deref()), Ok(record));
        }
    }

    #[test]
    fn the_layout_on_disk_stays() {
        let LogRecord { key, value } = samples().swap_remove(1).encode();
        assert_eq!(key[..], [&[2; 1][..], &[0; 15], &[7]].concat());
        let expected = b"\x01\x0a\x06orders\x10\x03\x1a\x14\x0a\x0cretention.ms\x12\x041000\x20\x05";
        assert_eq!(value.as_deref(), Some(&expected[..]));
    }

    #[test]
    fn a_newer_version_and_a_newer_kind_say_so() {
        let LogRecord { key, value } = samples().swap_remove(0).encode();
        let mut newer = value.unwrap().to_vec();
        newer[0] = 2;
        let refused = MetadataRecord::decode(&key, Some(&newer));
        assert_eq!(refused, Err(RecordError::Unknown { what: "record version", found: 2 }));
        let refused = MetadataRecord::decode(&[77], Some(&newer));
        assert_eq!(refused, Err(RecordError::Unknown { what: "record kind", found: 77 }));
    }

    #[test]
    fn what_has_no_end_is_never_null() {
        for kind in [CLUSTER, BROKER_EPOCH, FEATURE] {
            assert!(matches!(MetadataRecord::decode(&[kind], None), Err(RecordError::Malformed { .. })));
        }
    }

    #[test]
    fn names_are_kafkas() {
        let long = "x".repeat(249);
        for good in ["a", "A.b_c-9", "...", "__internal", &long] {
            assert_eq!(check_topic_name(good), Ok(()), "{good:?}");
        }
        let longer = "x".repeat(250);
        for bad in ["", ".", "..", "a b", "a/b", "ä", "a\0", "a\u{1b}[2J", &longer] {
            assert!(check_topic_name(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(key in proptest::collection::vec(any::<u8>(), 0..40),
                                  value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200))) {
            let _ = MetadataRecord::decode(&key, value.as_deref());
        }

        #[test]
        fn damaged_records_are_refused_or_read(pick in 0usize..9, at in any::<prop::sample::Index>(), flip in 1u8..) {
            let LogRecord { key, value } = samples().swap_remove(pick).encode();
            if let Some(value) = value {
                let mut value = value.to_vec();
                let at = at.index(value.len());
                value[at] ^= flip;
                let _ = MetadataRecord::decode(&key, Some(&value));
                let _ = MetadataRecord::decode(&key, Some(&value[..at]));
            }
        }
    }
}

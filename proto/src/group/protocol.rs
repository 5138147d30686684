//! The byte layouts of `ConsumerProtocolSubscription` and `ConsumerProtocolAssignment`, versions 0 to 3 (KIP-429, KIP-792,
//! KIP-881): a version (i16), then the fields, big-endian, strings by an i16 length and arrays by an i32 count. They are
//! frozen: clients of many makes share a group.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::TopicPartitions;

/// The newest version of either message, which we write. Every reader takes a newer one for the newest it knows.
const NEWEST_VERSION: i16 = 3;

/// What a member wants, and what it has. A protocol's metadata in JoinGroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The names of the topics it reads.
    pub topics: Vec<String>,
    /// Whatever the assignor wants to know besides, see [`super::Assignor::user_data`].
    pub user_data: Option<Bytes>,
    /// The partitions it owns and will go on reading through the rebalance (cooperative assignors); from version 1.
    pub owned_partitions: Vec<TopicPartitions>,
    /// The generation in which it got them; -1 when unknown; from version 2.
    pub generation: i32,
    /// Where it runs; from version 3.
    pub rack: Option<String>,
}

impl Default for Subscription {
    fn default() -> Self {
        Self { topics: Vec::new(), user_data: None, owned_partitions: Vec::new(), generation: -1, rack: None }
    }
}

/// What a member gets. Its part of the leader's SyncGroup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The partitions it is to read.
    pub partitions: Vec<TopicPartitions>,
    /// Whatever the assignor wants to tell it besides.
    pub user_data: Option<Bytes>,
}

/// Why bytes are neither a subscription nor an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end within a field, or a count promises more than there is.
    #[error("the consumer protocol's message is cut short")]
    Truncated,
    /// A negative version.
    #[error("version {0} of the consumer protocol does not exist")]
    Version(i16),
    /// A field that can't be what it says.
    #[error("the consumer protocol's message is malformed: {0}")]
    Malformed(&'static str),
}

impl Subscription {
    /// The bytes, in version 3.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(NEWEST_VERSION);
        put_array(&mut out, &self.topics, |out, topic| put_string(out, topic));
        put_bytes(&mut out, self.user_data.as_ref());
        put_partitions(&mut out, &self.owned_partitions);
        out.put_i32(self.generation);
        match &self.rack {
            Some(rack) => put_string(&mut out, rack),
            None => out.put_i16(-1),
        }
        out.freeze()
    }

    /// Reads any version. Memory stays within a small multiple of the bytes' own size.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader { rest: bytes };
        let version = reader.version()?;
        let mut subscription =
            Self { topics: reader.array(2, Reader::string)?, user_data: reader.bytes()?, ..Self::default() };
        if version >= 1 {
            subscription.owned_partitions = reader.partitions()?;
        }
        if version >= 2 {
            subscription.generation = reader.i32()?;
        }
        if version >= 3 {
            subscription.rack = reader.nullable_string()?;
        }
        Ok(subscription)
    }
}

impl Assignment {
    /// The bytes, in version 3.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(NEWEST_VERSION);
        put_partitions(&mut out, &self.partitions);
        put_bytes(&mut out, self.user_data.as_ref());
        out.freeze()
    }

    /// Reads any version. No bytes at all are no partitions: so the broker tells a member that the leader left out.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let mut reader = Reader { rest: bytes };
        reader.version()?;
        Ok(Self { partitions: reader.partitions()?, user_data: reader.bytes()? })
    }
}

/// What a member of the sticky assignor remembers, its user data: what it had, and since which generation.
/// `StickyAssignorUserData` version 1; version 0 ends before the generation. Neither carries a version.
pub(super) fn encode_sticky_memory(owned: &[TopicPartitions], generation: i32) -> Bytes {
    let mut out = BytesMut::new();
    put_partitions(&mut out, owned);
    out.put_i32(generation);
    out.freeze()
}

pub(super) fn decode_sticky_memory(bytes: &[u8]) -> Result<(Vec<TopicPartitions>, i32), DecodeError> {
    let mut reader = Reader { rest: bytes };
    let owned = reader.partitions()?;
    Ok((owned, reader.i32().unwrap_or(-1)))
}

/// The user data of the cooperative assignor: the generation alone, for members whose subscription has no field for it.
pub(super) fn encode_generation(generation: i32) -> Bytes {
    Bytes::copy_from_slice(&generation.to_be_bytes())
}

pub(super) fn decode_generation(bytes: &[u8]) -> Result<i32, DecodeError> {
    Reader { rest: bytes }.i32()
}

fn put_array<T>(out: &mut BytesMut, items: &[T], put: impl Fn(&mut BytesMut, &T)) {
    out.put_i32(i32::try_from(items.len()).expect("a message has less than 2^31 items"));
    for item in items {
        put(out, item);
    }
}

fn put_string(out: &mut BytesMut, text: impl AsRef<str>) {
    let text = text.as_ref();
    out.put_i16(i16::try_from(text.len()).expect("topic and rack names are shorter than 32 KiB"));
    out.put_slice(text.as_bytes());
}

fn put_bytes(out: &mut BytesMut, bytes: Option<&Bytes>) {
    match bytes {
        Some(bytes) => {
            out.put_i32(i32::try_from(bytes.len()).expect("user data is shorter than 2 GiB"));
            out.put_slice(bytes);
        }
        None => out.put_i32(-1),
    }
}

fn put_partitions(out: &mut BytesMut, topics: &[TopicPartitions]) {
    put_array(out, topics, |out, topic| {
        put_string(out, &topic.topic);
        put_array(out, &topic.partitions, |out, partition| out.put_i32(*partition));
    });
}

/// Takes fields off the front; every count is checked against what is left before anything is allocated for it.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, size_bytes: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(size_bytes).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn i16(&mut self) -> Result<i16, DecodeError> {
        let bytes = self.take(2)?;
        Ok(i16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn i32(&mut self) -> Result<i32, DecodeError> {
        let bytes = self.take(4)?;
        Ok(i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn version(&mut self) -> Result<i16, DecodeError> {
        match self.i16()? {
            version @ 0.. => Ok(version.min(NEWEST_VERSION)),
            version => Err(DecodeError::Version(version)),
        }
    }

    fn string(&mut self) -> Result<String, DecodeError> {
        self.nullable_string()?.ok_or(DecodeError::Malformed("a topic's name is null"))
    }

    fn nullable_string(&mut self) -> Result<Option<String>, DecodeError> {
        let size_bytes = match self.i16()? {
            -1 => return Ok(None),
            size => {
                usize::try_from(size).map_err(|_| DecodeError::Malformed("a string's length is negative"))?
            }
        };
        let text = std::str::from_utf8(self.take(size_bytes)?);
        text.map(|text| Some(text.to_owned())).map_err(|_| DecodeError::Malformed("a string is not UTF-8"))
    }

    fn bytes(&mut self) -> Result<Option<Bytes>, DecodeError> {
        match self.i32()? {
            -1 => Ok(None),
            size => {
                let size =
                    usize::try_from(size).map_err(|_| DecodeError::Malformed("a length is negative"))?;
                Ok(Some(Bytes::copy_from_slice(self.take(size)?)))
            }
        }
    }

    /// An array whose items take at least `min_item_bytes` each.
    fn array<T>(
        &mut self,
        min_item_bytes: usize,
        item: impl Fn(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count =
            usize::try_from(self.i32()?).map_err(|_| DecodeError::Malformed("a count is negative"))?;
        if count > self.rest.len() / min_item_bytes {
            return Err(DecodeError::Truncated);
        }
        (0..count).map(|_| item(self)).collect()
    }

    fn partitions(&mut self) -> Result<Vec<TopicPartitions>, DecodeError> {
        self.array(6, |reader| {
            let topic = reader.string()?;
            let partitions = reader.array(4, |reader| match reader.i32()? {
                partition @ 0.. => Ok(partition),
                _ => Err(DecodeError::Malformed("a partition's number is negative")),
            })?;
            Ok(TopicPartitions { topic, partitions })
        })
    }
}

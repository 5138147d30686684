//! What can be done with any message, whatever its type.

use std::ops::RangeInclusive;

use bytes::Bytes;
use runnel_proto::kafka::{CodecError, Message, Reader};

/// A message's type as a value.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) versions: RangeInclusive<i16>,
    recode: fn(Bytes, i16, i16, usize) -> Result<Recoded, CodecError>,
}

/// A message decoded and encoded again.
pub(crate) struct Recoded {
    pub(crate) encoded: Result<Bytes, CodecError>,
    /// How many bytes behind the message were not read.
    pub(crate) unread: usize,
}

impl Check {
    pub(crate) const fn of<M: Message>() -> Self {
        Self { name: M::NAME, versions: M::VERSIONS, recode: recode::<M> }
    }

    /// The type of the message of this name.
    pub(crate) fn named(name: &str) -> &'static Self {
        crate::all::ALL.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("what is {name}?"))
    }

    /// Decodes in one version and encodes in another.
    pub(crate) fn recode(
        &self,
        bytes: Bytes,
        from: i16,
        to: i16,
        budget_bytes: usize,
    ) -> Result<Recoded, CodecError> {
        (self.recode)(bytes, from, to, budget_bytes)
    }
}

fn recode<M: Message>(bytes: Bytes, from: i16, to: i16, budget_bytes: usize) -> Result<Recoded, CodecError> {
    let mut r = Reader::new(bytes, M::is_flexible(from), budget_bytes);
    let message: M = r.read(from)?;
    Ok(Recoded { encoded: message.to_bytes(to), unread: r.remaining() })
}

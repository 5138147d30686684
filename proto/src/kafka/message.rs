use std::fmt::Debug;
use std::ops::RangeInclusive;

use bytes::Bytes;

use super::{ApiKey, CodecError, Reader, Wire, Writer};

/// Memory that the arrays of one message may take, unless somebody knows better: enough for what a client of 100,000
/// partitions says at once.
pub const DECODED_BYTES_MAX: usize = 64 << 20;

/// A whole message: a request, a response, or the header of one.
pub trait Message: Wire + Clone + Default + Debug + PartialEq {
    /// Kafka's name.
    const NAME: &'static str;
    /// Those of the definitions that are stable.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields; `None` without any.
    const FLEXIBLE_SINCE: Option<i16>;

    /// Whether this version has compact lengths and tagged fields.
    fn is_flexible(version: i16) -> bool {
        Self::FLEXIBLE_SINCE.is_some_and(|since| version >= since)
    }

    /// Decodes a message whose arrays may take `budget_bytes` of memory. Bytes behind it are ignored, as Kafka does.
    ///
    /// # Errors
    /// When there is no such version, the bytes are none of it, or the budget is spent.
    fn from_bytes(bytes: Bytes, version: i16, budget_bytes: usize) -> Result<Self, CodecError> {
        Self::from_bytes_charged(bytes, version, 0, budget_bytes).map(|(message, _)| message)
    }

    /// The same where each element of an array is charged with `element_bytes` more than it takes itself: with what is
    /// made of it. Tells what was spent, too.
    ///
    /// # Errors
    /// Those of `from_bytes`.
    fn from_bytes_charged(
        bytes: Bytes,
        version: i16,
        element_bytes: usize,
        budget_bytes: usize,
    ) -> Result<(Self, usize), CodecError> {
        check_version::<Self>(version)?;
        let mut r = Reader::new(bytes, Self::is_flexible(version), budget_bytes).charging(element_bytes);
        let message = r.read(version)?;
        Ok((message, budget_bytes - r.budget_bytes()))
    }

    /// Appends the message.
    ///
    /// # Errors
    /// When there is no such version, or it cannot carry what is set.
    fn append_to(&self, w: &mut Writer, version: i16) -> Result<(), CodecError> {
        check_version::<Self>(version)?;
        w.set_flexible(Self::is_flexible(version));
        w.write(self, version)
    }

    /// The message alone in one piece.
    ///
    /// # Errors
    /// Those of `append_to`.
    fn to_bytes(&self, version: i16) -> Result<Bytes, CodecError> {
        let mut w = Writer::new(false);
        self.append_to(&mut w, version)?;
        w.into_bytes()
    }
}

/// What a client sends.
pub trait Request: Message {
    const API_KEY: ApiKey;
    /// What is sent back, in the same version.
    type Response: Response;
}

/// What a broker sends back.
pub trait Response: Message {
    const API_KEY: ApiKey;
}

fn check_version<M: Message>(version: i16) -> Result<(), CodecError> {
    if M::VERSIONS.contains(&version) {
        Ok(())
    } else {
        Err(CodecError::UnsupportedVersion { message: M::NAME, version })
    }
}

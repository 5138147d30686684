use bytes::{Buf, Bytes};

use super::{CodecError, StrBytes, Wire};

/// The most bytes that Kafka lets a string have, compact or not.
pub(super) const STRING_BYTES_MAX: usize = i16::MAX as usize;

/// Takes values off the front of a message.
///
/// Strings and bytes are views of the message. Arrays are charged to a budget before they are reserved, so that a message
/// takes no more memory than that, whatever it declares.
#[derive(Debug)]
pub struct Reader {
    bytes: Bytes,
    flexible: bool,
    budget_bytes: usize,
    element_bytes: usize,
}

impl Reader {
    /// `flexible` tells whether strings and arrays are compact and structs end with tagged fields (KIP-482). All arrays
    /// together may take `budget_bytes` of memory.
    pub fn new(bytes: Bytes, flexible: bool, budget_bytes: usize) -> Self {
        Self { bytes, flexible, budget_bytes, element_bytes: 0 }
    }

    /// Charges each element of an array with so much more than it takes.
    pub(super) fn charging(self, element_bytes: usize) -> Self {
        Self { element_bytes, ..self }
    }

    /// What is left of the budget.
    pub(super) fn budget_bytes(&self) -> usize {
        self.budget_bytes
    }

    /// What has not been read.
    pub fn into_rest(self) -> Bytes {
        self.bytes
    }

    /// How many bytes have not been read.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// A value of any type that can travel.
    ///
    /// # Errors
    /// When the bytes are none, or the budget is spent.
    pub fn read<T: Wire>(&mut self, version: i16) -> Result<T, CodecError> {
        T::decode(self, version)
    }

    /// Reads in the classic form, even in a flexible message.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn classic<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        let flexible = std::mem::replace(&mut self.flexible, false);
        let value = read(self);
        self.flexible = flexible;
        value
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        self.check(N)?;
        let mut array = [0; N];
        self.bytes.copy_to_slice(&mut array);
        Ok(array)
    }

    /// An unsigned varint of at most 32 bits: seven to the byte, the lowest first.
    pub(super) fn varint(&mut self) -> Result<u32, CodecError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && bits > 0x0f {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(CodecError::Malformed("a varint exceeds 32 bits"))
    }

    /// The next bytes, not copied.
    pub(super) fn take(&mut self, size_bytes: usize) -> Result<Bytes, CodecError> {
        self.check(size_bytes)?;
        Ok(self.bytes.split_to(size_bytes))
    }

    pub(super) fn string(&mut self) -> Result<Option<StrBytes>, CodecError> {
        let length = if self.flexible {
            self.compact_length()?
        } else {
            classic_length(i32::from(i16::from_be_bytes(self.array()?)))?
        };
        let Some(length) = length else { return Ok(None) };
        if length > STRING_BYTES_MAX {
            return Err(CodecError::Malformed("a string exceeds 32767 bytes"));
        }
        self.take(length)?.try_into().map(Some)
    }

    /// The length of bytes or the count of an array; `None` for null.
    pub(super) fn length(&mut self) -> Result<Option<usize>, CodecError> {
        if self.flexible { self.compact_length() } else { classic_length(i32::from_be_bytes(self.array()?)) }
    }

    /// An array with room for `count` elements, if as many can follow and the budget covers them.
    pub(super) fn reserve<T: Wire>(&mut self, count: usize) -> Result<Vec<T>, CodecError> {
        // Not even empty structs come without a byte, so the rest of the message bounds every count.
        self.check(count.saturating_mul(T::MIN_BYTES.max(1)))?;
        let needed_bytes = count.saturating_mul(size_of::<T>() + self.element_bytes);
        let left_bytes = self.budget_bytes;
        self.budget_bytes =
            left_bytes.checked_sub(needed_bytes).ok_or(CodecError::TooLarge { needed_bytes, left_bytes })?;
        Ok(Vec::with_capacity(count))
    }

    /// Reads the tagged fields that end a struct. `field` takes the value of a tag that it knows; if it returns false, the
    /// value is skipped.
    ///
    /// # Errors
    /// When a field is not as long as it says, and those of `field`.
    pub fn tags(
        &mut self,
        mut field: impl FnMut(&mut Self, u32) -> Result<bool, CodecError>,
    ) -> Result<(), CodecError> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let size = self.varint()? as usize;
            self.check(size)?;
            let after = self.remaining() - size;
            if !field(self, tag)? {
                self.bytes.advance(size);
            }
            if self.remaining() != after {
                return Err(CodecError::Malformed("a tagged field has another length than it says"));
            }
        }
        Ok(())
    }

    /// Reads past the tagged fields of a struct that knows none.
    ///
    /// # Errors
    /// When the message ends within them.
    pub fn skip_tags(&mut self) -> Result<(), CodecError> {
        self.tags(|_, _| Ok(false))
    }

    fn compact_length(&mut self) -> Result<Option<usize>, CodecError> {
        // Null is 0, so that lengths are one up.
        Ok(self.varint()?.checked_sub(1).map(|length| length as usize))
    }

    fn check(&self, size_bytes: usize) -> Result<(), CodecError> {
        match size_bytes.checked_sub(self.remaining()) {
            None | Some(0) => Ok(()),
            Some(missing_bytes) => Err(CodecError::Truncated { missing_bytes }),
        }
    }
}

fn classic_length(length: i32) -> Result<Option<usize>, CodecError> {
    match length {
        -1 => Ok(None),
        length => {
            usize::try_from(length).map(Some).map_err(|_| CodecError::Malformed("a length is negative"))
        }
    }
}

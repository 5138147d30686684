use bytes::Bytes;

use super::{CodecError, Reader, StrBytes, Uuid, Writer};

/// What can stand in a message. Whether its form is compact, [`Reader`] and [`Writer`] know; which fields it has, the
/// version tells.
pub trait Wire: Sized {
    /// The fewest bytes that a value takes in any form: by them counts are checked.
    const MIN_BYTES: usize;

    /// # Errors
    /// When the bytes are no such value, or the budget is spent.
    fn decode(r: &mut Reader, version: i16) -> Result<Self, CodecError>;

    /// # Errors
    /// When this version cannot carry the value.
    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), CodecError>;

    /// Of values that may be null: structs have a byte before them, all others a length that no value has.
    ///
    /// # Errors
    /// Those of `decode`.
    fn decode_nullable(r: &mut Reader, version: i16) -> Result<Option<Self>, CodecError> {
        let present: i8 = r.read(version)?;
        if present < 0 { Ok(None) } else { r.read(version).map(Some) }
    }

    /// # Errors
    /// Those of `encode`.
    fn encode_nullable(value: Option<&Self>, w: &mut Writer, version: i16) -> Result<(), CodecError> {
        let Some(value) = value else { return w.write(&-1i8, version) };
        w.write(&1i8, version)?;
        w.write(value, version)
    }
}

impl<T: Wire> Wire for Option<T> {
    const MIN_BYTES: usize = 1;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, CodecError> {
        T::decode_nullable(r, version)
    }

    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), CodecError> {
        T::encode_nullable(self.as_ref(), w, version)
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Wire for $number {
            const MIN_BYTES: usize = size_of::<Self>();

            fn decode(r: &mut Reader, _: i16) -> Result<Self, CodecError> {
                r.array().map(Self::from_be_bytes)
            }

            fn encode(&self, w: &mut Writer, _: i16) -> Result<(), CodecError> {
                w.put(&self.to_be_bytes());
                Ok(())
            }
        }
    )*};
}

numbers! { i8 i16 u16 i32 i64 f64 }

impl Wire for bool {
    const MIN_BYTES: usize = 1;

    fn decode(r: &mut Reader, _: i16) -> Result<Self, CodecError> {
        r.array().map(|[byte]| byte != 0)
    }

    fn encode(&self, w: &mut Writer, _: i16) -> Result<(), CodecError> {
        w.put(&[u8::from(*self)]);
        Ok(())
    }
}

impl Wire for Uuid {
    const MIN_BYTES: usize = 16;

    fn decode(r: &mut Reader, _: i16) -> Result<Self, CodecError> {
        r.array().map(Self::from_bytes)
    }

    fn encode(&self, w: &mut Writer, _: i16) -> Result<(), CodecError> {
        w.put(self.as_bytes());
        Ok(())
    }
}

/// The forms of `decode` and `encode` that all types share whose length can say null.
macro_rules! by_nullable {
    () => {
        const MIN_BYTES: usize = 1;

        fn decode(r: &mut Reader, version: i16) -> Result<Self, CodecError> {
            Self::decode_nullable(r, version)?
                .ok_or(CodecError::Malformed("a value is null that must not be"))
        }

        fn encode(&self, w: &mut Writer, version: i16) -> Result<(), CodecError> {
            Self::encode_nullable(Some(self), w, version)
        }
    };
}

impl Wire for StrBytes {
    by_nullable!();

    fn decode_nullable(r: &mut Reader, _: i16) -> Result<Option<Self>, CodecError> {
        r.string()
    }

    fn encode_nullable(value: Option<&Self>, w: &mut Writer, _: i16) -> Result<(), CodecError> {
        w.put_string(value.map(Self::as_bytes))
    }
}

/// Opaque bytes, and record batches.
impl Wire for Bytes {
    by_nullable!();

    fn decode_nullable(r: &mut Reader, _: i16) -> Result<Option<Self>, CodecError> {
        r.length()?.map(|length| r.take(length)).transpose()
    }

    fn encode_nullable(value: Option<&Self>, w: &mut Writer, _: i16) -> Result<(), CodecError> {
        w.put_length(value.map(Self::len))?;
        if let Some(bytes) = value {
            w.put_shared(bytes);
        }
        Ok(())
    }
}

impl<T: Wire> Wire for Vec<T> {
    by_nullable!();

    fn decode_nullable(r: &mut Reader, version: i16) -> Result<Option<Self>, CodecError> {
        let Some(count) = r.length()? else { return Ok(None) };
        let mut elements = r.reserve(count)?;
        for _ in 0..count {
            elements.push(r.read(version)?);
        }
        Ok(Some(elements))
    }

    fn encode_nullable(value: Option<&Self>, w: &mut Writer, version: i16) -> Result<(), CodecError> {
        w.put_length(value.map(Self::len))?;
        value.into_iter().flatten().try_for_each(|element| w.write(element, version))
    }
}

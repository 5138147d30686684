use bytes::Bytes;

use super::{CodecError, Reader, Wire, Writer};

/// Record batches in a response. Whoever sends a response may have them in a file and not in memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Records {
    /// The batches themselves.
    Here(Bytes),
    /// So many bytes that the sender puts there: see [`super::Piece::Elsewhere`]. Decoding never gives these.
    Elsewhere {
        /// More than 0.
        size_bytes: usize,
    },
}

impl Records {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Here(bytes) => bytes.len(),
            Self::Elsewhere { size_bytes } => *size_bytes,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Records {
    fn default() -> Self {
        Self::Here(Bytes::new())
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self::Here(bytes)
    }
}

impl Wire for Records {
    const MIN_BYTES: usize = Bytes::MIN_BYTES;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, CodecError> {
        Bytes::decode(r, version).map(Self::Here)
    }

    fn encode(&self, w: &mut Writer, version: i16) -> Result<(), CodecError> {
        Self::encode_nullable(Some(self), w, version)
    }

    fn decode_nullable(r: &mut Reader, version: i16) -> Result<Option<Self>, CodecError> {
        Ok(Bytes::decode_nullable(r, version)?.map(Self::Here))
    }

    fn encode_nullable(value: Option<&Self>, w: &mut Writer, version: i16) -> Result<(), CodecError> {
        match value {
            None => Bytes::encode_nullable(None, w, version),
            Some(Self::Here(bytes)) => bytes.encode(w, version),
            Some(Self::Elsewhere { size_bytes }) => {
                w.put_length(Some(*size_bytes))?;
                w.put_elsewhere(*size_bytes);
                Ok(())
            }
        }
    }
}

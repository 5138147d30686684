//! The five codecs of Kafka's batches. Compressors append to a batch under construction; decompressors fill an
//! [`Output`] that stops at its limit whatever sizes the data declares.

mod gzip;
mod lz4;
mod output;
mod snappy;
mod zstandard;

use std::fmt;
use std::str::FromStr;

use output::Output;

use super::BatchError;

/// How the records of a batch are compressed; all of them together, the header never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy blocks in the framing of xerial's snappy-java.
    Snappy,
    /// LZ4 frame format.
    Lz4,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// Every codec, in the order of its code.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec with this code, the lowest three bits of a batch's attributes.
    ///
    /// # Errors
    /// [`BatchError::UnknownCompression`] above 4.
    pub fn from_bits(bits: u8) -> Result<Self, BatchError> {
        Self::ALL.get(usize::from(bits)).copied().ok_or(BatchError::UnknownCompression(bits))
    }

    /// Its code in a batch's attributes.
    pub fn to_bits(self) -> u8 {
        self as u8
    }

    /// Its name in Kafka's settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    fn invalid(self, reason: impl fmt::Display) -> BatchError {
        BatchError::Compression { compression: self, reason: reason.to_string() }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of the codecs'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("compression must be none, gzip, snappy, lz4 or zstd")]
pub struct ParseCompressionError;

impl FromStr for Compression {
    type Err = ParseCompressionError;

    fn from_str(name: &str) -> Result<Self, ParseCompressionError> {
        Self::ALL.into_iter().find(|codec| codec.name() == name).ok_or(ParseCompressionError)
    }
}

/// One codec's state, kept from batch to batch.
pub(super) enum Compressor {
    None,
    Gzip,
    Snappy(Box<snap::raw::Encoder>),
    Lz4,
    Zstd(Box<zstd::zstd_safe::CCtx<'static>>),
}

impl Compressor {
    pub(super) fn new(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip,
            Compression::Snappy => Self::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::Lz4 => Self::Lz4,
            Compression::Zstd => Self::Zstd(Box::default()),
        }
    }

    pub(super) fn compression(&self) -> Compression {
        match self {
            Self::None => Compression::None,
            Self::Gzip => Compression::Gzip,
            Self::Snappy(_) => Compression::Snappy,
            Self::Lz4 => Compression::Lz4,
            Self::Zstd(_) => Compression::Zstd,
        }
    }

    /// Appends the compressed `records` to `out`.
    pub(super) fn compress(&mut self, records: &[u8], out: &mut Vec<u8>) -> Result<(), BatchError> {
        match self {
            Self::None => {
                out.extend_from_slice(records);
                Ok(())
            }
            Self::Gzip => gzip::compress(records, out),
            Self::Snappy(encoder) => snappy::compress(encoder, records, out),
            Self::Lz4 => lz4::compress(records, out),
            Self::Zstd(context) => zstandard::compress(context, records, out),
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compressor({})", self.compression())
    }
}

/// All codecs over one reused buffer.
pub(super) struct Decompressor {
    output: Output,
    snappy: snap::raw::Decoder,
    zstd: Option<Box<zstd::zstd_safe::DCtx<'static>>>,
}

impl Decompressor {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { output: Output::new(limit_bytes), snappy: snap::raw::Decoder::new(), zstd: None }
    }

    pub(super) fn decompress(
        &mut self,
        compression: Compression,
        compressed: &[u8],
    ) -> Result<&[u8], BatchError> {
        let output = &mut self.output;
        output.clear();
        match compression {
            Compression::None => output.write(compressed)?,
            Compression::Gzip => gzip::decompress(compressed, output)?,
            Compression::Snappy => snappy::decompress(&mut self.snappy, compressed, output)?,
            Compression::Lz4 => lz4::decompress(compressed, output)?,
            Compression::Zstd => {
                zstandard::decompress(self.zstd.get_or_insert_default(), compressed, output)?;
            }
        }
        Ok(self.output.filled())
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").field("output", &self.output).finish_non_exhaustive()
    }
}

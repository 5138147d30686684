use super::Compression;

/// Why a record batch cannot be read or built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Fewer bytes than the batch, or its header, takes.
    #[error("the record batch is cut short: it takes {needed} bytes, {available} are there")]
    Truncated {
        /// Bytes the batch or its header takes.
        needed: usize,
        /// Bytes that were there.
        available: usize,
    },
    /// An older message format (0 or 1), or no batch at all.
    #[error(
        "the record batch has format version {0}; only version 2 is supported, use a client of Kafka 0.11 or later"
    )]
    Magic(i8),
    /// The length field is too small for a header, or differs from the bytes given.
    #[error("the record batch declares a length of {0} bytes, which does not fit it")]
    Length(i32),
    /// The bytes are not those that their writer summed up.
    #[error("the record batch is corrupt: its CRC-32C is {computed:08x} where {stored:08x} is written")]
    Crc {
        /// Sum found in the header.
        stored: u32,
        /// Sum over the bytes as they are.
        computed: u32,
    },
    /// The batch is whole and unaltered, but its writer laid it out wrongly.
    #[error("the record batch is malformed: {0}; check the program that wrote it")]
    Malformed(&'static str),
    /// Decompressed, the records exceed what the reader allows; or a batch to build exceeds its format.
    #[error("the record batch takes more than {limit_bytes} bytes uncompressed; make smaller batches")]
    TooLarge {
        /// Most bytes allowed.
        limit_bytes: usize,
    },
    /// The attributes name a codec that does not exist.
    #[error(
        "the record batch is compressed with codec {0}, which is unknown; use none, gzip, snappy, lz4 or zstd"
    )]
    UnknownCompression(u8),
    /// The codec refused the bytes.
    #[error(
        "the {compression} data of the record batch is not valid: {reason}; check the program that wrote it"
    )]
    Compression {
        /// Codec named by the attributes.
        compression: Compression,
        /// What the codec said.
        reason: String,
    },
    /// A batch without a single record was to be built.
    #[error("a record batch needs at least one record; push one before building")]
    Empty,
}

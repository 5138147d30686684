//! Record batches in Kafka's message format 2 (KIP-98): read, built and checked.
//!
//! Clients make batches ([`BatchBuilder`]), the broker stores and serves them byte for byte, looking at the header
//! only ([`BatchHeader`], [`verify_crc`], [`split_batches`]), and clients look inside ([`BatchReader`]). Whatever
//! comes from outside is bounded: no count or length is believed, and decompression stops at the reader's limit.

mod builder;
mod compression;
mod control;
mod error;
mod header;
mod reader;
mod record;
mod retain;
mod varint;

pub use builder::{BatchBuilder, max_record_size_bytes};
pub use compression::{Compression, ParseCompressionError};
pub use control::{ControlType, TransactionMarker, control_batch};
pub use error::BatchError;
pub use header::{
    BatchHeader, BatchIter, HEADER_BYTES, ProducerStamp, TimestampType, split_batches, stamp_append_time,
    stamp_producer, verify_crc,
};
pub use reader::{BatchReader, Records};
pub use record::{Header, Headers, Record};
pub use retain::Retained;

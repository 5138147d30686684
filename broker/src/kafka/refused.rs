//! Why a connection is closed.

use std::io;

use runnel_proto::kafka::{ApiKey, CodecError};

use crate::error::BrokerError;

/// Why a connection is closed: there is no answer that the client could read.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A frame longer than the limit, or of a negative length.
    #[error("a frame of {size_bytes} bytes is not within socket.request.max.bytes")]
    FrameSize { size_bytes: i32 },
    /// Bytes that are no request.
    #[error("{0}")]
    Malformed(#[from] CodecError),
    /// An API, or a version of one, that is not announced.
    #[error("{} version {version} is not served", .api.name())]
    Unserved { api: ApiKey, version: i16 },
    /// An answer for which there is no memory, while many others are on their way.
    #[error("there is no memory now for an answer of {size_bytes} bytes")]
    NoMemory { size_bytes: usize },
    /// A batch sent without asking for an answer: only so can its sender learn of it.
    #[error("a batch that nobody waits for was refused: {0}")]
    Unacknowledged(BrokerError),
    /// What no answer has a place for.
    #[error("{0}")]
    Broker(#[from] BrokerError),
    /// The connection itself.
    #[error("{0}")]
    Io(#[from] io::Error),
}

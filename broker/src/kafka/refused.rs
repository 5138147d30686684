//! Why a connection is closed.

use std::io;

use runnel_proto::kafka::{ApiKey, CodecError};

use crate::error::BrokerError;

/// Why a connection is closed: there is no answer that the client could read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("a frame of {size_bytes} bytes is not within socket.request.max.bytes")]
    FrameSize { size_bytes: i32 },
    #[error("{0}")]
    Malformed(#[from] CodecError),
    #[error("{} version {version} is not served", .api.name())]
    Unserved { api: ApiKey, version: i16 },
    #[error("a batch that nobody waits for was refused: {0}")]
    Unacknowledged(BrokerError),
    #[error("{0}")]
    Broker(#[from] BrokerError),
    #[error("{0}")]
    Io(#[from] io::Error),
}

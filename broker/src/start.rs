//! Why a broker does not start.

use std::io;

use crate::data_dir::DataDirError;
use crate::error::BrokerError;

/// Why a broker does not start. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory can't be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// An address can't be used.
    #[error("can't listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The broker's own logs can't be read.
    #[error("can't open the broker's own log {topic}: {reason}; its files are kept as they are")]
    InternalLog {
        /// Which.
        topic: &'static str,
        /// Why.
        reason: String,
    },
    /// What the cluster is can't be told any more.
    #[error(
        "the broker's own log {topic} is damaged: {reason}; its files are kept as they are: put the data directory back from a \
         copy, or start with another one (--data)"
    )]
    DamagedLog {
        /// Which.
        topic: &'static str,
        /// How.
        reason: String,
    },
    /// Something else failed.
    #[error("can't start: {0}")]
    Broker(#[from] BrokerError),
    /// The disk failed.
    #[error("can't start: {0}")]
    Io(#[from] io::Error),
}

impl StartError {
    /// Whether another broker has the data directory, which whoever starts brokers on demand may take for success.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::DataDir(DataDirError::Locked { .. }))
    }
}

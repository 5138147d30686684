use std::io;

use crate::error::BrokerError;
use crate::storage;
use crate::types::Offset;

/// Why a log did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The offset is not in the log: removed already, or not yet there.
    #[error("offset {offset} is out of range; the log has {start} to {end}")]
    OutOfRange {
        /// The offset asked for.
        offset: Offset,
        /// The first offset there is.
        start: Offset,
        /// The offset that the next record gets.
        end: Offset,
    },
    /// The disk is full. Nothing was written; it can be tried again when there is space.
    #[error("the disk is full; nothing was written")]
    DiskFull,
    /// A write or a sync failed: what is on disk is unknown, and nothing more is accepted. The broker has to stop;
    /// its next start verifies the files.
    #[error("{reason}")]
    Failed {
        /// What failed, and how.
        reason: String,
    },
    /// Bytes that were on disk have changed or gone. The files are as they were found.
    #[error("{reason}")]
    Corrupt {
        /// What is wrong where.
        reason: String,
    },
    /// What is known of the batch's producer forbids it. Nothing was written.
    #[error(transparent)]
    Refused(#[from] BrokerError),
    /// A read failed for want of something else than intact bytes, such as descriptors. Nothing is lost.
    #[error("{reason}")]
    Unreadable {
        /// What failed, and how.
        reason: String,
    },
}

impl LogError {
    /// A write or sync that failed while `doing` something.
    pub(super) fn write(doing: &str, error: &io::Error) -> Self {
        if storage::is_full(error) {
            return Self::DiskFull;
        }
        Self::Failed { reason: format!("{doing}: {error}") }
    }

    /// A sync that failed while `doing` something: a full disk is no excuse for it.
    pub(crate) fn sync(doing: &str, error: &io::Error) -> Self {
        Self::Failed { reason: format!("{doing}: {error}") }
    }

    /// A read that failed while `doing` something.
    pub(super) fn read(doing: &str, error: &io::Error) -> Self {
        let reason = format!("{doing}: {error}");
        // EIO: the disk cannot give back what it took.
        match error.raw_os_error() {
            Some(nix::libc::EIO) => Self::Corrupt { reason },
            _ if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {
                Self::Corrupt { reason }
            }
            _ => Self::Unreadable { reason },
        }
    }
}

//! What callers ask of the transaction coordinator, and what it answers and wants done. Everything that Kafka's messages carry
//! is here; the front doors translate.

use std::fmt;

use crate::coordinator::group::NamedPartition;
use crate::error::BrokerError;
use crate::types::LogRecord;

/// A caller that waits for its answer; unique among those that wait.
pub type Ticket = u64;

/// A write that was ordered; rises by one with each.
pub type Token = u64;

/// What the machine wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Answer a caller. Every ticket is answered once.
    Reply(Ticket, Result<Reply, BrokerError>),
    /// Append these records, after all that were ordered before, and report the outcome with
    /// [`TransactionCoordinator::appended`](super::TransactionCoordinator::appended) once they are durable.
    Append {
        /// Names the write in the report.
        token: Token,
        /// What to append, as one batch.
        records: Vec<LogRecord>,
    },
    /// Write the marker that ends a transaction, and report with
    /// [`TransactionCoordinator::marked`](super::TransactionCoordinator::marked) once it is durable. Markers may be written in
    /// any order and at once. After a crash one may be asked for that was written before: writing it again must change nothing.
    Mark {
        /// Whose transaction it is.
        transactional_id: String,
        /// Where the marker goes.
        target: Target,
        /// What it says.
        marker: Marker,
    },
    /// Tell people; one line, safe for a terminal.
    Event(String),
}

/// What takes part in a transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A partition that the producer writes to.
    Partition(NamedPartition),
    /// A group that the producer commits offsets of.
    Group(String),
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Whose transaction it was.
    pub producer: Producer,
    /// Which coordinator decided; rises with every one that takes over.
    pub coordinator_epoch: i32,
    /// It counts; if not, it is aborted.
    pub commit: bool,
    /// The producer's epoch is above the one under which the transaction was written (KIP-890).
    pub bumps_epoch: bool,
}

/// A producer in one of its lives. Whoever has the highest epoch of an id is the producer, all others are fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Producer {
    /// The producer id; never given out twice.
    pub id: i64,
    /// Rises when a new instance takes over.
    pub epoch: i16,
}

impl fmt::Display for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at epoch {}", self.id, self.epoch)
    }
}

/// A request to the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Become a producer.
    Init(InitRequest),
    /// Begin or extend a transaction.
    Add(AddRequest),
    /// End a transaction.
    End(EndRequest),
}

/// A producer that wants an id (InitProducerId).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitRequest {
    /// The name under which its next instance will come back; `None`: it is only idempotent, and gets a fresh id.
    pub transactional_id: Option<String>,
    /// A transaction that is open for so long is aborted.
    pub timeout_ms: i32,
    /// Who it was before, when it goes on after an error (KIP-360; InitProducerId v3).
    pub producer: Option<Producer>,
}

/// What a producer is about to write to (AddPartitionsToTxn, or Produce itself) or to commit offsets of (AddOffsetsToTxn, or
/// TxnOffsetCommit itself). All or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddRequest {
    /// The producer's name.
    pub transactional_id: String,
    /// Who it is.
    pub producer: Producer,
    /// What takes part from now on. Whether it exists is for the caller to check.
    pub targets: Vec<Target>,
    /// The producer's epoch rises when this transaction ends (KIP-890; Produce v12, TxnOffsetCommit v5).
    pub bumps_epoch: bool,
}

/// The end of a transaction (EndTxn).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndRequest {
    /// The producer's name.
    pub transactional_id: String,
    /// Who it is.
    pub producer: Producer,
    /// It is to count; if not, it is aborted.
    pub commit: bool,
    /// The producer goes on at the next epoch, so that nothing late can slip into its next transaction (KIP-890; EndTxn v5).
    pub bumps_epoch: bool,
}

/// The answer to a [`Request`], one variant for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Who the caller is from now on.
    Initialized(Producer),
    /// All of it takes part.
    Added,
    /// The end is decided, durably; the markers follow. Who the caller is from now on: the same, unless the epoch was to rise.
    Ended(Producer),
}

//! What the consumers of a group tell each other through the broker: Kafka's embedded consumer protocol, and the
//! assignors by which the leader shares out partitions.

mod assignor;
mod protocol;
mod server;
mod sticky;
#[cfg(test)]
mod tests;

pub use assignor::{Assignor, UnknownAssignor};
pub use protocol::{Assignment, DecodeError, Subscription};
pub use server::{ServerAssignor, ServerMember};

pub use crate::v1::TopicPartitions;

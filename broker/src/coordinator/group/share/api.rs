//! What callers ask of a share group, and what it answers.

use super::settings::ShareSettings;
use crate::coordinator::group::topics::Partitions;
use crate::error::BrokerError;
use crate::types::{Offset, TopicId, TopicPartition};

/// A member's heartbeat (`ShareGroupHeartbeat`). What is `None` has not changed since the member's last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShareHeartbeatRequest {
    /// The group; made when there is none and the member joins.
    pub group: String,
    /// The id that the member has made up.
    pub member_id: String,
    /// The epoch that the member is in. 0: it joins; -1: it leaves.
    pub member_epoch: i32,
    /// Where it runs.
    pub rack_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// The topics that it reads.
    pub topics: Option<Vec<String>>,
}

/// Where a member stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareAlive {
    /// The epoch that it is in from now on.
    pub member_epoch: i32,
    /// When it is to show the next sign of life.
    pub heartbeat_interval_ms: i32,
    /// What it is to read from now on; `None`: what it was told last.
    pub assignment: Option<Partitions>,
}

/// Which records of some partitions come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareNextRequest {
    /// The group.
    pub group: String,
    /// The partitions, each with the first offset that still exists in it.
    pub partitions: Vec<(TopicPartition, Offset)>,
}

/// What can be had of each partition, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareNext {
    /// The group's settings.
    pub settings: ShareSettings,
    /// What was released so far: to be named by whoever then waits for more.
    pub releases: u64,
    /// One row a partition.
    pub next: Vec<NextOffset>,
}

/// What a group can give of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextOffset {
    /// The group has not begun with it: see [`ShareBeginRequest`].
    NotBegun,
    /// Records from this offset on, if there are any.
    At(Offset),
    /// Nothing, until some of what is under way is acknowledged.
    Full,
}

/// Where a group begins with partitions that it has not read. One that has begun stays where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareBeginRequest {
    /// The group.
    pub group: String,
    /// The partitions and their first offsets.
    pub starts: Vec<(TopicPartition, Offset)>,
}

/// Records that a member wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareAcquireRequest {
    /// The group.
    pub group: String,
    /// Who.
    pub member_id: String,
    /// Its session, with whose end it gives back what it holds.
    pub session: u64,
    /// What was found in the logs, in the order in which partitions get their turn.
    pub found: Vec<Found>,
    /// About how many records it takes, over all partitions; a batch that is begun is given whole, unless `is_exact`.
    pub max_records: i64,
    /// Not one record more.
    pub is_exact: bool,
    /// What it gets is told in pieces of about so many records; 0: as large as may be.
    pub batch_size: i64,
}

/// Records that were found in a partition's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The partition.
    pub partition: TopicPartition,
    /// The first offset that was looked at.
    pub from: Offset,
    /// Where to look on.
    pub to: Offset,
    /// The batches with records for this group, in order; between them there are none.
    pub spans: Vec<Span>,
}

/// The offsets of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first one.
    pub first: Offset,
    /// The last one.
    pub last: Offset,
}

/// Records that a member has now, until it acknowledges them or their lock ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acquired {
    /// The first offset.
    pub first: Offset,
    /// The last offset.
    pub last: Offset,
    /// How often they were delivered, this time included.
    pub deliveries: i16,
}

/// A member's word for records that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareAcknowledgeRequest {
    /// The group.
    pub group: String,
    /// Who.
    pub member_id: String,
    /// By partition; of each all is taken, or nothing.
    pub partitions: Vec<(TopicPartition, Vec<AckBatch>)>,
}

/// What becomes of some records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckBatch {
    /// The first offset.
    pub first: Offset,
    /// The last offset.
    pub last: Offset,
    /// One for all of them, or one for each.
    pub kinds: Vec<AckKind>,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckKind {
    /// There was none.
    Gap,
    /// It is done with.
    Accept,
    /// Somebody else shall have it.
    Release,
    /// Nobody shall have it again.
    Reject,
    /// The member needs more time (KIP-1222).
    Renew,
}

impl AckBatch {
    /// Stretches of one kind each: first offset, the offset after the last, kind.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (Offset, Offset, AckKind)> + '_ {
        let single = (self.kinds.len() == 1).then(|| (self.first, self.last + 1, self.kinds[0]));
        let several = if single.is_some() { &[][..] } else { &self.kinds[..] };
        let mut at = self.first;
        let chunks = several.chunk_by(|a, b| a == b).map(move |chunk| {
            let first = at;
            at += chunk.len() as i64;
            (first, at, chunk[0])
        });
        single.into_iter().chain(chunks)
    }
}

/// Somebody waits until records of a group are for others again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareWatchRequest {
    /// The group.
    pub group: String,
    /// What was released when the caller looked.
    pub since: u64,
}

/// A session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareReleaseRequest {
    /// The group.
    pub group: String,
    /// Whose.
    pub member_id: String,
    /// Which; one that another has replaced holds nothing.
    pub session: u64,
}

/// Places to begin at anew, all that was made of the partitions forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterShareOffsetsRequest {
    /// The group; made when there is none.
    pub group: String,
    /// The partitions with their first offsets, or why they can't be had.
    pub starts: Vec<Result<(TopicPartition, Offset), BrokerError>>,
}

/// Partitions that are to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteShareOffsetsRequest {
    /// The group.
    pub group: String,
    /// Topics by id, all partitions of each, or why they can't be had.
    pub topics: Vec<Result<TopicId, BrokerError>>,
}

/// How far a share group is in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareOffset {
    /// The partition.
    pub partition: TopicPartition,
    /// The offset of the first record that is not done with.
    pub start: Offset,
    /// How many records after it are done with.
    pub done: i64,
}

impl ShareOffset {
    /// How many records up to `end` are not done with.
    pub fn lag(&self, end: Offset) -> i64 {
        (end - self.start - self.done).max(0)
    }
}

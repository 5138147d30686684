//! What callers ask of a group, and what it answers. Everything that Kafka's group messages carry is here; the front
//! doors translate.

use bytes::Bytes;

use super::share::{
    Acquired, AlterShareOffsetsRequest, DeleteShareOffsetsRequest, ShareAcknowledgeRequest,
    ShareAcquireRequest, ShareAlive, ShareBeginRequest, ShareHeartbeatRequest, ShareNext, ShareNextRequest,
    ShareReleaseRequest, ShareWatchRequest,
};
use super::topics::Partitions;
use crate::error::BrokerError;
use crate::types::{LogRecord, Offset, TopicId};

/// A caller that waits for its answer; unique among those that wait.
pub type Ticket = u64;

/// A write that was ordered; rises by one with each.
pub type Token = u64;

/// What the machine wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Answer a caller. Every ticket is answered once, unless it is cancelled.
    Reply(Ticket, Result<Reply, BrokerError>),
    /// Append these records, after all that were ordered before, and report the outcome with
    /// [`GroupCoordinator::appended`](super::GroupCoordinator::appended) once they are durable.
    Append {
        /// Names the write in the report.
        token: Token,
        /// What to append, as one batch.
        records: Vec<LogRecord>,
    },
    /// Tell people; one line, safe for a terminal.
    Event(String),
}

/// A request to one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Become, or remain, a member.
    Join(JoinRequest),
    /// Fetch the assignment; the leader brings everybody's.
    Sync(SyncRequest),
    /// Join, go on or leave, by the consumer protocol (KIP-848).
    ConsumerHeartbeat(Box<ConsumerHeartbeatRequest>),
    /// Join, go on or leave as a member of a share group (KIP-932).
    ShareHeartbeat(Box<ShareHeartbeatRequest>),
    /// Tell where the next records of partitions are.
    ShareNext(ShareNextRequest),
    /// Begin with partitions that a share group has not read.
    ShareBegin(ShareBeginRequest),
    /// Give records to a member.
    ShareAcquire(ShareAcquireRequest),
    /// Take a member's word for records.
    ShareAcknowledge(ShareAcknowledgeRequest),
    /// Wait until records are free again.
    ShareWatch(ShareWatchRequest),
    /// End a session.
    ShareRelease(ShareReleaseRequest),
    /// Let a share group begin anew at other places.
    AlterShareOffsets(AlterShareOffsetsRequest),
    /// Forget what a share group has made of topics.
    DeleteShareOffsets(DeleteShareOffsetsRequest),
    /// Show a sign of life.
    Heartbeat(HeartbeatRequest),
    /// Take members out.
    Leave(LeaveRequest),
    /// Keep offsets.
    Commit(CommitRequest),
    /// Keep offsets that count once a producer's transaction commits.
    CommitTransactional(TransactionalCommitRequest),
    /// Make the offsets of a producer's transaction count, or drop them.
    EndTransaction(EndTransactionRequest),
    /// Read offsets.
    Fetch(FetchRequest),
    /// Delete the group and its offsets.
    DeleteGroup {
        /// The group.
        group: String,
    },
    /// Delete some of the group's offsets.
    DeleteOffsets(DeleteOffsetsRequest),
    /// Delete the group's offsets of a topic that is gone.
    ForgetTopic {
        /// The group.
        group: String,
        /// The topic.
        topic: String,
    },
}

impl Request {
    /// The group that is asked.
    pub fn group(&self) -> &str {
        match self {
            Self::Join(request) => &request.group,
            Self::Sync(request) => &request.group,
            Self::ConsumerHeartbeat(request) => &request.group,
            Self::ShareHeartbeat(request) => &request.group,
            Self::ShareNext(request) => &request.group,
            Self::ShareBegin(request) => &request.group,
            Self::ShareAcquire(request) => &request.group,
            Self::ShareAcknowledge(request) => &request.group,
            Self::ShareWatch(request) => &request.group,
            Self::ShareRelease(request) => &request.group,
            Self::AlterShareOffsets(request) => &request.group,
            Self::DeleteShareOffsets(request) => &request.group,
            Self::Heartbeat(request) => &request.group,
            Self::Leave(request) => &request.group,
            Self::Commit(request) => &request.group,
            Self::CommitTransactional(request) => &request.commit.group,
            Self::EndTransaction(request) => &request.group,
            Self::Fetch(request) => &request.group,
            Self::DeleteOffsets(request) => &request.group,
            Self::DeleteGroup { group } | Self::ForgetTopic { group, .. } => group,
        }
    }
}

/// The answer to a [`Request`], one variant for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The first half of a rebalance is through.
    Joined(Joined),
    /// The assignment.
    Synced(Synced),
    /// Where the member stands, by the consumer protocol.
    ConsumerAlive(ConsumerAlive),
    /// Where the member stands in a share group.
    ShareAlive(ShareAlive),
    /// Where the next records are.
    ShareNext(Box<ShareNext>),
    /// The group begins there, durably.
    ShareBegun,
    /// What the member has now, by partition in the order of the request.
    ShareAcquired(Vec<Vec<Acquired>>),
    /// One outcome for each partition, in the order of the request. Those that are `Ok` are durable.
    ShareAcknowledged(Vec<Result<(), BrokerError>>),
    /// Records are free again.
    ShareReleased,
    /// One outcome for each place or topic, in the order of the request. Those that are `Ok` are durable.
    ShareOffsetsMoved(Vec<Result<(), BrokerError>>),
    /// All is well.
    Alive,
    /// One outcome for each member that was to leave, in the order of the request.
    Left(Vec<Result<(), BrokerError>>),
    /// One outcome for each offset, in the order of the request. Those that are `Ok` are durable.
    Committed(Vec<Result<(), BrokerError>>),
    /// The transaction's offsets count, or are gone, durably.
    TransactionEnded,
    /// The offsets asked for.
    Fetched(Vec<FetchedOffset>),
    /// The group is gone, durably.
    GroupDeleted,
    /// One outcome for each partition, in the order of the request.
    OffsetsDeleted(Vec<Result<(), BrokerError>>),
    /// The topic's offsets are gone, durably.
    TopicForgotten,
}

/// One way to assign partitions that a member can work with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// Its name, as `range`.
    pub name: String,
    /// What it wants to know about the member; opaque to the broker but for consumers' lists of topics.
    pub metadata: Bytes,
}

/// A member that wants in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// The group; made when there is none.
    pub group: String,
    /// Empty at first, then the id that the broker gave.
    pub member_id: String,
    /// The own name of a static member (KIP-345).
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// Without a sign of life for so long the member is dropped.
    pub session_timeout_ms: i32,
    /// How long a rebalance waits for this member; 0 or less: its session timeout (JoinGroup v0).
    pub rebalance_timeout_ms: i32,
    /// `consumer` for consumers.
    pub protocol_type: String,
    /// In the order of preference.
    pub protocols: Vec<Protocol>,
    /// A dynamic member that joins first is only given an id, and asked to join with it (KIP-394; JoinGroup v4).
    pub require_known_member_id: bool,
    /// A static leader that comes back can be told to leave the assignment alone (KIP-814; JoinGroup v9).
    pub supports_skipping_assignment: bool,
}

/// A member is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The generation.
    pub generation: i32,
    /// The group's protocol type.
    pub protocol_type: String,
    /// The chosen protocol.
    pub protocol: String,
    /// The leader's member id.
    pub leader: String,
    /// The caller's member id.
    pub member_id: String,
    /// The caller leads and must not assign: everybody keeps what they have (KIP-814).
    pub skip_assignment: bool,
    /// Everybody, for the leader alone.
    pub members: Vec<JoinedMember>,
}

/// One member, as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    /// The member id.
    pub member_id: String,
    /// The own name of a static member.
    pub instance_id: Option<String>,
    /// What it said for the chosen protocol.
    pub metadata: Bytes,
}

/// A member that wants its assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRequest {
    /// The group.
    pub group: String,
    /// The generation it joined.
    pub generation: i32,
    /// Its id.
    pub member_id: String,
    /// Its own name, if it is static.
    pub instance_id: Option<String>,
    /// What it takes for the protocol type; compared when given (SyncGroup v5).
    pub protocol_type: Option<String>,
    /// What it takes for the protocol; compared when given (SyncGroup v5).
    pub protocol: Option<String>,
    /// From the leader: everybody's assignment, by member id.
    pub assignments: Vec<(String, Bytes)>,
}

/// A member's assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The group's protocol type.
    pub protocol_type: String,
    /// The chosen protocol.
    pub protocol: String,
    /// Opaque; empty when the leader gave this member nothing.
    pub assignment: Bytes,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatRequest {
    /// The group.
    pub group: String,
    /// The generation the member is in.
    pub generation: i32,
    /// Its id.
    pub member_id: String,
    /// Its own name, if it is static.
    pub instance_id: Option<String>,
}

/// A member's heartbeat by the consumer protocol (KIP-848). What is `None` has not changed since the member's last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsumerHeartbeatRequest {
    /// The group; made when there is none and the member joins.
    pub group: String,
    /// The id that the member has made up; empty: the broker makes one.
    pub member_id: String,
    /// The epoch that the member is in. 0: it joins; -1: it leaves; -2: a static member leaves for a while.
    pub member_epoch: i32,
    /// Its own name, if it is static.
    pub instance_id: Option<String>,
    /// Where it runs.
    pub rack_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// How long it may take to give partitions up.
    pub rebalance_timeout_ms: Option<i32>,
    /// The topics that it reads.
    pub topics: Option<Vec<String>>,
    /// It reads all topics whose names match. Empty: none.
    pub expression: Option<String>,
    /// The broker's assignor that it wants.
    pub assignor: Option<String>,
    /// The partitions that it has.
    pub owned: Option<Partitions>,
}

/// Where a member stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerAlive {
    /// Its id.
    pub member_id: String,
    /// The epoch that it is in from now on.
    pub member_epoch: i32,
    /// When it is to show the next sign of life.
    pub heartbeat_interval_ms: i32,
    /// What it is to have from now on; `None`: what it was told last.
    pub assignment: Option<Partitions>,
}

/// Members that go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveRequest {
    /// The group.
    pub group: String,
    /// Who.
    pub members: Vec<LeavingMember>,
}

/// One member that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingMember {
    /// Its id; may be empty for a static member.
    pub member_id: String,
    /// Its own name, if it is static.
    pub instance_id: Option<String>,
}

/// Offsets to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRequest {
    /// The group; made when there is none and the commit comes from outside.
    pub group: String,
    /// The member's generation; -1 from outside.
    pub generation: i32,
    /// The member's id; empty from outside.
    pub member_id: String,
    /// Its own name, if it is static.
    pub instance_id: Option<String>,
    /// One row a partition.
    pub offsets: Vec<OffsetToCommit>,
}

/// Offsets to keep within a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionalCommitRequest {
    /// Whose transaction it is.
    pub producer_id: i64,
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// What to keep; a member or generation is checked when it is given.
    pub commit: CommitRequest,
}

/// The end of a transaction, for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndTransactionRequest {
    /// The group.
    pub group: String,
    /// Whose transaction it is.
    pub producer_id: i64,
    /// The epoch of the marker: the producer's, or a later one that fences it.
    pub producer_epoch: i16,
    /// The offsets count from now on; if not, they are dropped.
    pub commit: bool,
}

/// How far one partition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetToCommit {
    /// The partition.
    pub partition: NamedPartition,
    /// The next offset to read.
    pub offset: Offset,
    /// The leader epoch of the last record read; -1 when unknown.
    pub leader_epoch: i32,
    /// Anything the member wants to find again.
    pub metadata: String,
    /// The topic that was read; `None`: whichever has the name.
    pub topic_id: Option<TopicId>,
    /// Why the offset can't be kept: the topic is not there at the time of the decision. Set by whoever passes the request on to
    /// the machine, which knows no topics.
    pub refused: Option<BrokerError>,
}

/// Which offsets to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// The group; one that does not exist has no offsets.
    pub group: String,
    /// Who asks, and in which epoch; checked in a group of the consumer protocol (OffsetFetch v9).
    pub member: Option<(String, i32)>,
    /// Which; `None`: all that are committed.
    pub partitions: Option<Vec<NamedPartition>>,
    /// Refuse partitions whose offset a transaction may yet change (KIP-447).
    pub require_stable: bool,
}

/// One partition's committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedOffset {
    /// The partition.
    pub partition: NamedPartition,
    /// `None` when nothing is committed.
    ///
    /// # Errors
    /// [`BrokerError::UnstableOffset`], if a stable one was required.
    pub committed: Result<Option<CommittedOffset>, BrokerError>,
}

/// Offsets to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteOffsetsRequest {
    /// The group.
    pub group: String,
    /// Which. A partition without an offset is no error.
    pub partitions: Vec<NamedPartition>,
}

/// A partition by its topic's name, as offsets are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition, from 0.
    pub partition: i32,
}

/// How far a group is in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: Offset,
    /// The leader epoch of the last record read; -1 when unknown.
    pub leader_epoch: i32,
    /// What the member said.
    pub metadata: String,
    /// When it was committed, in Unix milliseconds.
    pub commit_time_ms: i64,
}

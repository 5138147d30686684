//! A member's conversation with its group: join, sync, heartbeat, commit, leave.
//!
//! What it reads, and how, is its owner's business: it only asks how far that has come.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use runnel_proto::group::{Assignment, Assignor, Subscription};
use runnel_proto::status::from_status;
use runnel_proto::text::escape;
use runnel_proto::v1::groups_client::GroupsClient;
use runnel_proto::v1::topics_client::TopicsClient;
use runnel_proto::v1::{
    CommitOffsetsRequest, DescribeTopicsRequest, Error, ErrorCode, FetchOffsetsRequest, HeartbeatRequest,
    JoinGroupRequest, JoinGroupResponse, JoinProtocol, LeaveGroupRequest, MemberAssignment, OffsetCommit,
    SyncGroupRequest, TopicDescription, TopicPartitions,
};
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use crate::failure::Failure;

/// Without a sign of life for so long the group goes on without us.
const SESSION_TIMEOUT_MS: i32 = 10_000;
/// How long a rebalance waits for us.
const REBALANCE_TIMEOUT_MS: i32 = 30_000;
/// Between two signs of life, which also tell of rebalances and take committed offsets along.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Between two tries after the broker was busy, or away.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// How long a lost broker is waited for.
const RECONNECT_LIMIT: Duration = Duration::from_secs(30);

/// A partition's name and number.
pub(crate) type TopicPartition = (String, i32);

/// How far reading has come: the next offset of each partition.
pub(crate) type Progress = Vec<(TopicPartition, i64)>;

/// A member of a group.
pub(crate) struct Membership {
    channel: Channel,
    groups: GroupsClient<Channel>,
    group: String,
    client_id: String,
    topics: Vec<String>,
    assignors: Vec<Assignor>,
    member_id: String,
    generation: i32,
    /// How the group shares partitions; `None` before the first join.
    assignor: Option<Assignor>,
    is_leader: bool,
    /// The topics that are read: offsets in them must not be taken for offsets in others that get their names.
    topic_ids: BTreeMap<String, String>,
    /// The last committed offsets, or where reading began.
    committed: HashMap<TopicPartition, i64>,
}

/// What became of a wish to join.
#[derive(Debug)]
pub(crate) enum Joined {
    /// We are in, with these partitions.
    Assigned(Vec<TopicPartition>),
    /// The group has gone on without us: what we had may be read by others already.
    Expelled,
}

/// Why a member must join again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejoin {
    /// The group rebalances.
    Rebalance,
    /// The group has gone on without us.
    Expelled,
}

impl Rejoin {
    fn from_code(code: ErrorCode) -> Option<Self> {
        match code {
            ErrorCode::RebalanceInProgress => Some(Self::Rebalance),
            ErrorCode::UnknownMember | ErrorCode::IllegalGeneration | ErrorCode::UnknownGroup => {
                Some(Self::Expelled)
            }
            _ => None,
        }
    }
}

/// How a request failed.
enum Refused {
    Rejoin(Rejoin),
    /// Worth trying again.
    ForNow(String),
    ForGood(Failure),
}

impl Refused {
    fn from_error(error: &Error) -> Self {
        match (Rejoin::from_code(error.code()), error.code()) {
            (Some(rejoin), _) => Self::Rejoin(rejoin),
            (None, ErrorCode::Busy | ErrorCode::ShuttingDown | ErrorCode::DiskFull) => {
                Self::ForNow(escape(&error.message).into_owned())
            }
            _ => Self::ForGood(Failure::refused(error)),
        }
    }

    fn from_status(status: &tonic::Status) -> Self {
        Self::from_error(&from_status(status))
    }

    fn check(error: Option<&Error>) -> Result<(), Self> {
        error.map_or(Ok(()), |error| Err(Self::from_error(error)))
    }
}

impl Membership {
    /// Not yet a member; `client_id` is what it calls itself, `assignors` stand in the order of preference.
    pub(crate) fn new(
        channel: Channel,
        group: &str,
        client_id: &str,
        topics: &[String],
        assignors: Vec<Assignor>,
    ) -> Self {
        Self {
            groups: GroupsClient::new(channel.clone()),
            channel,
            group: group.to_owned(),
            client_id: client_id.to_owned(),
            topics: topics.to_vec(),
            assignors,
            member_id: String::new(),
            generation: -1,
            assignor: None,
            is_leader: false,
            topic_ids: BTreeMap::new(),
            committed: HashMap::new(),
        }
    }

    /// The group's name.
    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    /// Whether partitions may be read on while the group rebalances.
    pub(crate) fn is_cooperative(&self) -> bool {
        self.assignor.is_some_and(Assignor::is_cooperative)
    }

    /// Whether this member shares out the partitions.
    pub(crate) fn is_leader(&self) -> bool {
        self.is_leader
    }

    /// Joins, or joins again with what is still owned, and waits for the assignment.
    pub(crate) async fn join(&mut self, owned: &[TopicPartition]) -> Result<Joined, Failure> {
        let mut patience = Patience::default();
        loop {
            let refused = match self.try_join(owned).await {
                Ok(assigned) => return Ok(Joined::Assigned(assigned)),
                Err(refused) => refused,
            };
            match refused {
                Refused::Rejoin(Rejoin::Rebalance) => patience = Patience::default(),
                Refused::Rejoin(Rejoin::Expelled) => {
                    self.forget();
                    if !owned.is_empty() {
                        return Ok(Joined::Expelled);
                    }
                }
                Refused::ForNow(reason) => patience.wait(reason).await?,
                Refused::ForGood(failure) => return Err(failure),
            }
        }
    }

    fn forget(&mut self) {
        self.member_id.clear();
        self.generation = -1;
    }

    async fn try_join(&mut self, owned: &[TopicPartition]) -> Result<Vec<TopicPartition>, Refused> {
        let joined = self.groups.join_group(self.join_request(owned)).await;
        let joined = joined.map_err(|status| Refused::from_status(&status))?.into_inner();
        if !joined.member_id.is_empty() {
            self.member_id.clone_from(&joined.member_id);
        }
        match &joined.error {
            // The id is in place now: join at once.
            Some(error) if error.code() == ErrorCode::MemberIdRequired => {
                return Err(Refused::Rejoin(Rejoin::Rebalance));
            }
            error => Refused::check(error.as_ref())?,
        }
        let assignor: Assignor = joined.protocol.parse().map_err(|_| {
            let name = escape(&joined.protocol).into_owned();
            Refused::ForGood(Failure::failed(format!(
                "the group shares partitions by {name:?}, which is unknown"
            )))
        })?;
        let is_leader = joined.leader == joined.member_id;
        let assignments = if is_leader { self.share(assignor, &joined).await? } else { Vec::new() };
        let request = SyncGroupRequest {
            group: self.group.clone(),
            generation: joined.generation,
            member_id: joined.member_id.clone(),
            instance_id: None,
            assignments,
        };
        let synced = self.groups.sync_group(request).await;
        let synced = synced.map_err(|status| Refused::from_status(&status))?.into_inner();
        Refused::check(synced.error.as_ref())?;
        let assigned = decode_assignment(&synced.assignment)?;
        let described = existing_topics(&self.channel, &self.topics).await;
        let described = described.map_err(|status| Refused::from_status(&status))?;
        self.topic_ids = described.into_iter().map(|topic| (topic.name, topic.id)).collect();
        self.generation = joined.generation;
        self.assignor = Some(assignor);
        self.is_leader = is_leader;
        Ok(assigned)
    }

    fn join_request(&self, owned: &[TopicPartition]) -> JoinGroupRequest {
        let owned = by_topic(owned);
        let protocols = self.assignors.iter().map(|assignor| {
            let subscription = Subscription {
                topics: self.topics.clone(),
                user_data: assignor.user_data(&owned, self.generation),
                owned_partitions: owned.clone(),
                generation: self.generation,
                rack: None,
            };
            JoinProtocol { name: assignor.name().to_owned(), metadata: subscription.encode() }
        });
        JoinGroupRequest {
            group: self.group.clone(),
            member_id: self.member_id.clone(),
            instance_id: None,
            client_id: self.client_id.clone(),
            session_timeout_ms: SESSION_TIMEOUT_MS,
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            protocol_type: "consumer".to_owned(),
            protocols: protocols.collect(),
        }
    }

    /// The leader's part: everybody's share of everybody's topics.
    async fn share(
        &self,
        assignor: Assignor,
        joined: &JoinGroupResponse,
    ) -> Result<Vec<MemberAssignment>, Refused> {
        let malformed = |member: &str| {
            let member = escape(member);
            Refused::ForGood(Failure::failed(format!(
                "member {member} of the group sent a malformed subscription"
            )))
        };
        let mut members = Vec::new();
        for member in &joined.members {
            let wants = Subscription::decode(&member.metadata).map_err(|_| malformed(&member.member_id))?;
            members.push((member.member_id.clone(), wants));
        }
        let mut topics: Vec<String> = members.iter().flat_map(|(_, wants)| wants.topics.clone()).collect();
        topics.sort_unstable();
        topics.dedup();
        let counts = existing_sizes(&self.channel, &topics).await;
        let counts = counts.map_err(|status| Refused::from_status(&status))?;
        let shares = assignor.assign(&members, &counts);
        let shares = shares.into_iter();
        Ok(shares
            .map(|(member_id, share)| MemberAssignment { member_id, assignment: share.encode() })
            .collect())
    }

    /// Keeps the membership alive and commits the progress, until the member must join again.
    pub(crate) async fn keep_alive(&mut self, progress: impl Fn() -> Progress) -> Result<Rejoin, Failure> {
        let mut patience = Patience::default();
        loop {
            sleep(HEARTBEAT_INTERVAL).await;
            let beaten = match self.try_commit(&progress()).await {
                Ok(()) => self.heartbeat().await,
                refused => refused,
            };
            match beaten {
                Ok(()) => patience = Patience::default(),
                Err(Refused::Rejoin(rejoin)) => return Ok(rejoin),
                Err(Refused::ForNow(reason)) => patience.wait(reason).await?,
                Err(Refused::ForGood(failure)) => return Err(failure),
            }
        }
    }

    async fn heartbeat(&mut self) -> Result<(), Refused> {
        let request = HeartbeatRequest {
            group: self.group.clone(),
            generation: self.generation,
            member_id: self.member_id.clone(),
            instance_id: None,
        };
        let answer = self.groups.heartbeat(request).await.map_err(|status| Refused::from_status(&status))?;
        Refused::check(answer.into_inner().error.as_ref())
    }

    /// Commits the progress. The error says why that was not possible.
    pub(crate) async fn commit(&mut self, progress: &Progress) -> Result<(), String> {
        let mut patience = Patience::default();
        loop {
            match self.try_commit(progress).await {
                Ok(()) => return Ok(()),
                Err(Refused::Rejoin(Rejoin::Rebalance)) => return Err("the group is rebalancing".to_owned()),
                Err(Refused::Rejoin(Rejoin::Expelled)) => {
                    return Err("the group has gone on without us".to_owned());
                }
                Err(Refused::ForNow(reason)) => {
                    patience.wait(reason).await.map_err(|failure| failure.message)?
                }
                Err(Refused::ForGood(failure)) => return Err(failure.message),
            }
        }
    }

    async fn try_commit(&mut self, progress: &Progress) -> Result<(), Refused> {
        let changed =
            progress.iter().filter(|(partition, offset)| self.committed.get(partition) != Some(offset));
        let offsets: Vec<OffsetCommit> = changed
            .map(|((topic, partition), offset)| OffsetCommit {
                topic: topic.clone(),
                partition: *partition,
                offset: *offset,
                metadata: String::new(),
                topic_id: self.topic_ids.get(topic).cloned().unwrap_or_default(),
            })
            .collect();
        if offsets.is_empty() {
            return Ok(());
        }
        let request = CommitOffsetsRequest {
            group: self.group.clone(),
            generation: self.generation,
            member_id: self.member_id.clone(),
            instance_id: None,
            offsets: offsets.clone(),
        };
        let answer =
            self.groups.commit_offsets(request).await.map_err(|status| Refused::from_status(&status))?;
        let results = answer.into_inner().results;
        for (offset, result) in offsets.into_iter().zip(&results) {
            Refused::check(result.error.as_ref())?;
            self.committed.insert((offset.topic, offset.partition), offset.offset);
        }
        Ok(())
    }

    /// A way to look at the group's offsets apart from the membership.
    pub(crate) fn committed_offsets(&self) -> CommittedOffsets {
        CommittedOffsets { groups: self.groups.clone(), group: self.group.clone() }
    }

    /// Remembers where reading begins: nothing needs to be committed until it has come further.
    pub(crate) fn begin(&mut self, partition: TopicPartition, offset: i64) {
        self.committed.insert(partition, offset);
    }

    /// Goes, so that the others need not wait for the session to time out.
    pub(crate) async fn leave(&mut self) {
        if self.member_id.is_empty() {
            return;
        }
        let request = LeaveGroupRequest {
            group: self.group.clone(),
            member_id: std::mem::take(&mut self.member_id),
            instance_id: None,
        };
        // If nobody hears it, the session times out.
        let _ = self.groups.leave_group(request).await;
    }
}

/// The offsets that a group has committed.
#[derive(Debug, Clone)]
pub(crate) struct CommittedOffsets {
    groups: GroupsClient<Channel>,
    group: String,
}

impl CommittedOffsets {
    /// Those of these partitions; partitions without one are left out.
    pub(crate) async fn fetch(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
        let request = FetchOffsetsRequest { group: self.group.clone(), partitions: by_topic(partitions) };
        let offsets = self.groups.clone().fetch_offsets(request).await?.into_inner().offsets;
        Ok(offsets.into_iter().filter_map(|row| Some(((row.topic, row.partition), row.offset?))).collect())
    }
}

/// How many partitions those of the topics have that exist.
pub(crate) async fn existing_sizes(
    channel: &Channel,
    topics: &[String],
) -> Result<BTreeMap<String, i32>, tonic::Status> {
    let existing = existing_topics(channel, topics).await?;
    Ok(existing.into_iter().map(|topic| (topic.name, topic.partitions.len() as i32)).collect())
}

async fn existing_topics(
    channel: &Channel,
    topics: &[String],
) -> Result<Vec<TopicDescription>, tonic::Status> {
    let request = DescribeTopicsRequest { names: topics.to_vec() };
    let described = TopicsClient::new(channel.clone()).describe_topics(request).await?.into_inner();
    Ok(described.topics.into_iter().filter(|topic| topic.error.is_none()).collect())
}

fn decode_assignment(bytes: &[u8]) -> Result<Vec<TopicPartition>, Refused> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let malformed = |_| Refused::ForGood(Failure::failed("the group's leader sent a malformed assignment"));
    let partitions = Assignment::decode(bytes).map_err(malformed)?.partitions;
    let pairs = partitions.into_iter().flat_map(|row| {
        let topic = row.topic;
        row.partitions.into_iter().map(move |partition| (topic.clone(), partition))
    });
    Ok(pairs.collect())
}

fn by_topic(partitions: &[TopicPartition]) -> Vec<TopicPartitions> {
    let mut topics: BTreeMap<&String, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in partitions {
        topics.entry(topic).or_default().push(*partition);
    }
    topics
        .into_iter()
        .map(|(topic, mut partitions)| {
            partitions.sort_unstable();
            TopicPartitions { topic: topic.clone(), partitions }
        })
        .collect()
}

/// Waits between tries, and gives up in the end.
#[derive(Debug, Default)]
struct Patience {
    since: Option<Instant>,
}

impl Patience {
    async fn wait(&mut self, reason: String) -> Result<(), Failure> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() > RECONNECT_LIMIT {
            return Err(Failure::unreachable(format!(
                "{reason}; gave up after {} s",
                RECONNECT_LIMIT.as_secs()
            )));
        }
        sleep(RETRY_PAUSE).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_gather_by_topic() {
        let pair = |topic: &str, partition| (topic.to_owned(), partition);
        let rows = by_topic(&[pair("b", 1), pair("a", 2), pair("b", 0)]);
        let expected = [("a", vec![2]), ("b", vec![0, 1])]
            .map(|(topic, partitions)| TopicPartitions { topic: topic.to_owned(), partitions });
        assert_eq!(rows, expected);
    }

    #[test]
    fn assignments_are_read() {
        let rows = vec![TopicPartitions { topic: "a".to_owned(), partitions: vec![0, 2] }];
        let bytes = Assignment { partitions: rows, user_data: None }.encode();
        let pairs = decode_assignment(&bytes).unwrap_or_default();
        assert_eq!(pairs, [("a".to_owned(), 0), ("a".to_owned(), 2)]);
        assert!(decode_assignment(&[]).is_ok_and(|pairs| pairs.is_empty()));
        assert!(decode_assignment(&[0, 1, 2]).is_err());
    }
}

//! `runnel.v1.Groups`: translation to the group coordinator's requests.

use runnel_proto::v1;
use runnel_proto::v1::groups_server::Groups;
use runnel_proto::v1::{
    CommitOffsetsRequest, CommitOffsetsResponse, CommitResult, DeleteGroupRequest, DeleteGroupResponse,
    DeleteOffsetsRequest, DeleteOffsetsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    FetchOffsetsRequest, FetchOffsetsResponse, GroupDescription, GroupSummary, HeartbeatRequest,
    HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    ListGroupsRequest, ListGroupsResponse, SyncGroupRequest, SyncGroupResponse, TopicPartitions,
};
use tonic::{Request, Response, Status};

use super::refuse;
use crate::coordinator::group::{self, NamedPartition};
use crate::error::BrokerError;
use crate::listener::Peer;
use crate::operations::{GroupProgress, Operations};
use crate::types::Uuid;
use crate::{clock, wire};

/// The service.
#[derive(Clone)]
pub(super) struct GroupsService {
    /// What it translates to.
    pub(super) operations: Operations,
}

impl GroupsService {
    /// Looks at groups off the async threads: time lags are read from the disk.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Operations) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let operations = self.operations.clone();
        tokio::task::spawn_blocking(move || look(&operations))
            .await
            .map_err(|error| Status::internal(error.to_string()))
    }
}

#[tonic::async_trait]
impl Groups for GroupsService {
    async fn list_groups(
        &self,
        _: Request<ListGroupsRequest>,
    ) -> Result<Response<ListGroupsResponse>, Status> {
        self.operations.groups().check().map_err(|error| refuse(&error))?;
        let groups = self.look(|operations| operations.groups_progress(clock::now_ms())).await?;
        Ok(Response::new(ListGroupsResponse { groups: groups.into_iter().map(summarize).collect() }))
    }

    async fn describe_groups(
        &self,
        request: Request<DescribeGroupsRequest>,
    ) -> Result<Response<DescribeGroupsResponse>, Status> {
        let names = request.into_inner().groups;
        let describe =
            |operations: &Operations| names.into_iter().map(|name| describe(operations, name)).collect();
        Ok(Response::new(DescribeGroupsResponse { groups: self.look(describe).await? }))
    }

    async fn delete_group(
        &self,
        request: Request<DeleteGroupRequest>,
    ) -> Result<Response<DeleteGroupResponse>, Status> {
        let group = request.into_inner().group;
        self.operations.delete_group(group).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(DeleteGroupResponse {}))
    }

    async fn join_group(
        &self,
        request: Request<JoinGroupRequest>,
    ) -> Result<Response<JoinGroupResponse>, Status> {
        let client_host =
            request.extensions().get::<Peer>().map_or_else(String::new, |peer| peer.0.to_string());
        let request = request.into_inner();
        let joined = self
            .operations
            .groups()
            .join(group::JoinRequest {
                group: request.group,
                member_id: request.member_id,
                instance_id: request.instance_id,
                client_id: request.client_id,
                client_host,
                session_timeout_ms: request.session_timeout_ms,
                rebalance_timeout_ms: request.rebalance_timeout_ms,
                protocol_type: request.protocol_type,
                protocols: request
                    .protocols
                    .into_iter()
                    .map(|protocol| group::Protocol { name: protocol.name, metadata: protocol.metadata })
                    .collect(),
                require_known_member_id: true,
                supports_skipping_assignment: false,
            })
            .await;
        Ok(Response::new(match joined {
            Ok(joined) => JoinGroupResponse {
                generation: joined.generation,
                protocol: joined.protocol,
                leader: joined.leader,
                member_id: joined.member_id,
                members: joined
                    .members
                    .into_iter()
                    .map(|member| v1::JoinMember {
                        member_id: member.member_id,
                        instance_id: member.instance_id,
                        metadata: member.metadata,
                    })
                    .collect(),
                error: None,
            },
            Err(error) => JoinGroupResponse {
                member_id: match &error {
                    BrokerError::MemberIdRequired { member } => member.clone(),
                    _ => String::new(),
                },
                error: Some(error.to_wire()),
                ..Default::default()
            },
        }))
    }

    async fn sync_group(
        &self,
        request: Request<SyncGroupRequest>,
    ) -> Result<Response<SyncGroupResponse>, Status> {
        let request = request.into_inner();
        let assignments = request.assignments.into_iter();
        let synced = self
            .operations
            .groups()
            .sync(group::SyncRequest {
                group: request.group,
                generation: request.generation,
                member_id: request.member_id,
                instance_id: request.instance_id,
                protocol_type: None,
                protocol: None,
                assignments: assignments.map(|row| (row.member_id, row.assignment)).collect(),
            })
            .await;
        Ok(Response::new(match synced {
            Ok(synced) => SyncGroupResponse { assignment: synced.assignment, error: None },
            Err(error) => SyncGroupResponse { error: Some(error.to_wire()), ..Default::default() },
        }))
    }

    async fn heartbeat(
        &self,
        request: Request<HeartbeatRequest>,
    ) -> Result<Response<HeartbeatResponse>, Status> {
        let request = request.into_inner();
        let alive = self
            .operations
            .groups()
            .heartbeat(group::HeartbeatRequest {
                group: request.group,
                generation: request.generation,
                member_id: request.member_id,
                instance_id: request.instance_id,
            })
            .await;
        Ok(Response::new(HeartbeatResponse { error: alive.err().map(|error| error.to_wire()) }))
    }

    async fn leave_group(
        &self,
        request: Request<LeaveGroupRequest>,
    ) -> Result<Response<LeaveGroupResponse>, Status> {
        let request = request.into_inner();
        let member = group::LeavingMember { member_id: request.member_id, instance_id: request.instance_id };
        let left = self
            .operations
            .groups()
            .leave(group::LeaveRequest { group: request.group, members: vec![member] })
            .await;
        let outcome = match left {
            Ok(outcomes) => outcomes.into_iter().next().unwrap_or(Ok(())),
            Err(error) => Err(error),
        };
        Ok(Response::new(LeaveGroupResponse { error: outcome.err().map(|error| error.to_wire()) }))
    }

    async fn commit_offsets(
        &self,
        request: Request<CommitOffsetsRequest>,
    ) -> Result<Response<CommitOffsetsResponse>, Status> {
        let request = request.into_inner();
        let partitions: Vec<_> =
            request.offsets.iter().map(|row| named(row.topic.clone(), row.partition)).collect();
        let offsets = request.offsets.into_iter().map(offset_to_commit).collect::<Result<_, _>>()?;
        let committed = self
            .operations
            .commit_offsets(group::CommitRequest {
                group: request.group,
                generation: request.generation,
                member_id: request.member_id,
                instance_id: request.instance_id,
                offsets,
            })
            .await;
        let outcomes = match committed {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Err(error); partitions.len()],
        };
        Ok(Response::new(CommitOffsetsResponse { results: rows(partitions, outcomes) }))
    }

    async fn fetch_offsets(
        &self,
        request: Request<FetchOffsetsRequest>,
    ) -> Result<Response<FetchOffsetsResponse>, Status> {
        let request = request.into_inner();
        let partitions = match request.partitions {
            all if all.is_empty() => None,
            some => Some(flatten(some)),
        };
        let fetched = self
            .operations
            .groups()
            .fetch(group::FetchRequest {
                group: request.group,
                member: None,
                partitions,
                require_stable: false,
            })
            .await
            .map_err(|error| refuse(&error))?;
        let fetched = fetched.into_iter().map(|row| {
            let committed = row.committed?;
            Ok(v1::FetchedOffset {
                topic: row.partition.topic,
                partition: row.partition.partition,
                offset: committed.as_ref().map(|committed| committed.offset),
                metadata: committed.map(|committed| committed.metadata).unwrap_or_default(),
            })
        });
        let offsets = fetched.collect::<Result<_, _>>().map_err(|error: BrokerError| refuse(&error))?;
        Ok(Response::new(FetchOffsetsResponse { offsets }))
    }

    async fn delete_offsets(
        &self,
        request: Request<DeleteOffsetsRequest>,
    ) -> Result<Response<DeleteOffsetsResponse>, Status> {
        let request = request.into_inner();
        let partitions = flatten(request.partitions);
        let deleted = self
            .operations
            .groups()
            .delete_offsets(group::DeleteOffsetsRequest {
                group: request.group,
                partitions: partitions.clone(),
            })
            .await
            .map_err(|error| refuse(&error))?;
        Ok(Response::new(DeleteOffsetsResponse { results: rows(partitions, deleted) }))
    }
}

fn summarize(progress: GroupProgress) -> GroupSummary {
    let (lag, time_lag_ms) = (progress.lag(), progress.time_lag_ms());
    let summary = progress.group.summary;
    GroupSummary {
        group: summary.group,
        state: wire::group_state(summary.state).into(),
        protocol_type: summary.protocol_type,
        members: summary.members as u32,
        lag,
        time_lag_ms,
        r#type: wire::group_type(summary.kind).into(),
    }
}

fn describe(operations: &Operations, name: String) -> GroupDescription {
    match operations.group_progress(&name, clock::now_ms()) {
        Ok(progress) => GroupDescription {
            group: name,
            state: wire::group_state(progress.group.summary.state).into(),
            members: wire::members(&progress.group),
            protocol_type: progress.group.summary.protocol_type,
            protocol: progress.group.protocol,
            generation: progress.group.generation,
            leader: progress.group.leader,
            partitions: progress.partitions.iter().map(wire::partition).collect(),
            error: None,
            r#type: wire::group_type(progress.group.summary.kind).into(),
            assignment_epoch: progress.group.assignment_epoch,
        },
        Err(error) => GroupDescription { group: name, error: Some(error.to_wire()), ..Default::default() },
    }
}

fn offset_to_commit(row: v1::OffsetCommit) -> Result<group::OffsetToCommit, Status> {
    let topic_id = match row.topic_id.as_str() {
        "" => None,
        id => Some(Uuid::parse_str(id).map_err(|_| {
            let reason = format!("a topic's id is a UUID; {id:?} is none");
            refuse(&BrokerError::InvalidArgument { name: "topic_id".to_owned(), reason })
        })?),
    };
    Ok(group::OffsetToCommit {
        partition: named(row.topic, row.partition),
        offset: row.offset,
        leader_epoch: -1,
        metadata: row.metadata,
        topic_id,
        refused: None,
    })
}

fn named(topic: String, partition: i32) -> NamedPartition {
    NamedPartition { topic, partition }
}

fn flatten(topics: Vec<TopicPartitions>) -> Vec<NamedPartition> {
    let partitions = topics.into_iter().flat_map(|topic| {
        let name = topic.topic;
        topic.partitions.into_iter().map(move |partition| named(name.clone(), partition))
    });
    partitions.collect()
}

fn rows(partitions: Vec<NamedPartition>, outcomes: Vec<Result<(), BrokerError>>) -> Vec<CommitResult> {
    let rows = partitions.into_iter().zip(outcomes).map(|(partition, outcome)| CommitResult {
        topic: partition.topic,
        partition: partition.partition,
        error: outcome.err().map(|error| error.to_wire()),
    });
    rows.collect()
}

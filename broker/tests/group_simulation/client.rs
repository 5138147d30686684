//! A consumer, as clients of Kafka behave: joins, assigns when it leads, shows signs of life, commits, joins again when told.

use std::collections::BTreeMap;

use runnel_broker::coordinator::group::{
    CommitRequest, HeartbeatRequest, JoinRequest, Joined, LeaveRequest, LeavingMember, NamedPartition,
    OffsetToCommit, Protocol, Reply, Request, SyncRequest, Ticket,
};
use runnel_broker::error::BrokerError;
use runnel_proto::group::{Assignment, Assignor, Subscription, TopicPartitions};

use crate::model::{GROUP, TOPIC};

pub(crate) const HEARTBEAT_INTERVAL_MS: i64 = 2_000;

#[derive(Debug)]
pub(crate) enum Phase {
    Out,
    Joining(Ticket),
    Joined(Box<Joined>),
    Syncing(Ticket),
    In,
}

/// How a member of the simulation behaves.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    pub(crate) instance: Option<String>,
    pub(crate) assignors: Vec<Assignor>,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) asks_for_id: bool,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) manner: Manner,
    pub(crate) id: String,
    pub(crate) phase: Phase,
    pub(crate) generation: i32,
    protocol: String,
    pub(crate) owned: Vec<i32>,
    /// Another process took over its instance id.
    pub(crate) fenced: bool,
    /// Does nothing before then: thinking, or stuck.
    pub(crate) acts_at: i64,
    beats_at: i64,
    beating: Option<Ticket>,
    committing: Option<Ticket>,
}

impl Client {
    pub(crate) fn new(name: String, manner: Manner, now: i64) -> Self {
        Self {
            name,
            manner,
            id: String::new(),
            phase: Phase::Out,
            generation: -1,
            protocol: String::new(),
            owned: Vec::new(),
            fenced: false,
            acts_at: now,
            beats_at: now,
            beating: None,
            committing: None,
        }
    }

    /// What it is known by for life: a static member's next process has the same.
    pub(crate) fn identity(&self) -> String {
        self.manner.instance.clone().unwrap_or_else(|| self.id.clone())
    }

    /// What it asks next, if anything.
    pub(crate) fn next_request(&mut self, now: i64, commits: bool) -> Option<Request> {
        match &self.phase {
            Phase::Joining(_) | Phase::Syncing(_) => None,
            Phase::Out => Some(self.join()),
            Phase::Joined(joined) => Some(self.sync(joined)),
            Phase::In if now >= self.beats_at && self.beating.is_none() => {
                self.beats_at = now + HEARTBEAT_INTERVAL_MS;
                Some(Request::Heartbeat(HeartbeatRequest {
                    group: GROUP.into(),
                    generation: self.generation,
                    member_id: self.id.clone(),
                    instance_id: self.manner.instance.clone(),
                }))
            }
            Phase::In if commits && self.committing.is_none() && !self.owned.is_empty() => {
                Some(self.commit(now))
            }
            Phase::In => None,
        }
    }

    /// Takes note of its request's ticket.
    pub(crate) fn asked(&mut self, ticket: Ticket, request: &Request) {
        match request {
            Request::Join(_) => self.phase = Phase::Joining(ticket),
            Request::Sync(_) => self.phase = Phase::Syncing(ticket),
            Request::Heartbeat(_) => self.beating = Some(ticket),
            Request::Commit(_) => self.committing = Some(ticket),
            _ => {}
        }
    }

    /// All its calls that are under way, as a lost connection takes them.
    pub(crate) fn disconnect(&mut self) -> Vec<Ticket> {
        let phase = match self.phase {
            Phase::Joining(ticket) | Phase::Syncing(ticket) => {
                self.phase = Phase::Out;
                Some(ticket)
            }
            _ => None,
        };
        phase.into_iter().chain(self.beating.take()).chain(self.committing.take()).collect()
    }

    /// Takes an answer; true when it was its own.
    pub(crate) fn answered(&mut self, ticket: Ticket, answer: &Result<Reply, BrokerError>, now: i64) -> bool {
        let is_phase = matches!(self.phase, Phase::Joining(mine) | Phase::Syncing(mine) if mine == ticket);
        if !is_phase && self.beating != Some(ticket) && self.committing != Some(ticket) {
            return false;
        }
        self.beating.take_if(|mine| *mine == ticket);
        self.committing.take_if(|mine| *mine == ticket);
        let is_fenced = matches!(answer, Err(BrokerError::FencedInstance { .. }));
        if !is_phase && !is_fenced && !matches!(self.phase, Phase::In) {
            // It is about to learn what matters from its join.
            return true;
        }
        match answer {
            Ok(Reply::Joined(joined)) => {
                self.id = joined.member_id.clone();
                self.generation = joined.generation;
                self.protocol = joined.protocol.clone();
                self.phase = Phase::Joined(Box::new(joined.clone()));
            }
            Ok(Reply::Synced(synced)) => self.assigned(&synced.assignment, now),
            Ok(_) => {}
            Err(BrokerError::MemberIdRequired { member }) => {
                self.id = member.clone();
                self.phase = Phase::Out;
            }
            Err(BrokerError::UnknownMember { .. }) => {
                self.id = String::new();
                self.owned.clear();
                self.phase = Phase::Out;
            }
            Err(BrokerError::FencedInstance { .. }) => {
                self.fenced = true;
                self.phase = Phase::Out;
            }
            Err(_) => {
                self.phase = Phase::Out;
                self.acts_at = self.acts_at.max(now + 100);
            }
        }
        true
    }

    fn assigned(&mut self, assignment: &[u8], now: i64) {
        let partitions = partitions(assignment);
        let gives_up = self.owned.iter().any(|owned| !partitions.contains(owned));
        self.owned = partitions;
        // What a cooperative member gave up is handed on by the rebalance that it asks for now.
        let rejoins = gives_up && self.protocol == Assignor::CooperativeSticky.name();
        self.phase = if rejoins { Phase::Out } else { Phase::In };
        self.beats_at = now + HEARTBEAT_INTERVAL_MS;
    }

    fn join(&self) -> Request {
        let protocols = self.manner.assignors.iter().map(|assignor| {
            let owned = vec![TopicPartitions { topic: TOPIC.into(), partitions: self.owned.clone() }];
            let subscription = Subscription {
                topics: vec![TOPIC.into()],
                user_data: assignor.user_data(&owned, self.generation),
                owned_partitions: if assignor.is_cooperative() { owned } else { Vec::new() },
                generation: self.generation,
                rack: None,
            };
            Protocol { name: assignor.name().into(), metadata: subscription.encode() }
        });
        Request::Join(JoinRequest {
            group: GROUP.into(),
            member_id: self.id.clone(),
            instance_id: self.manner.instance.clone(),
            client_id: self.name.clone(),
            client_host: String::new(),
            session_timeout_ms: self.manner.session_timeout_ms,
            rebalance_timeout_ms: self.manner.rebalance_timeout_ms,
            protocol_type: "consumer".into(),
            protocols: protocols.collect(),
            require_known_member_id: self.manner.asks_for_id,
            supports_skipping_assignment: false,
        })
    }

    fn sync(&self, joined: &Joined) -> Request {
        let assignments = if joined.leader == joined.member_id { assign(joined) } else { Vec::new() };
        Request::Sync(SyncRequest {
            group: GROUP.into(),
            generation: joined.generation,
            member_id: self.id.clone(),
            instance_id: self.manner.instance.clone(),
            protocol_type: Some(joined.protocol_type.clone()),
            protocol: Some(joined.protocol.clone()),
            assignments,
        })
    }

    fn commit(&self, now: i64) -> Request {
        let row = |partition: &i32| OffsetToCommit {
            partition: NamedPartition { topic: TOPIC.into(), partition: *partition },
            offset: now,
            leader_epoch: -1,
            metadata: String::new(),
            topic_id: None,
            refused: None,
        };
        Request::Commit(CommitRequest {
            group: GROUP.into(),
            generation: self.generation,
            member_id: self.id.clone(),
            instance_id: self.manner.instance.clone(),
            offsets: self.owned.iter().map(row).collect(),
        })
    }

    pub(crate) fn leave(&self) -> Request {
        let member = LeavingMember { member_id: self.id.clone(), instance_id: self.manner.instance.clone() };
        Request::Leave(LeaveRequest { group: GROUP.into(), members: vec![member] })
    }
}

/// How many partitions there are to share.
pub(crate) const PARTITIONS: i32 = 24;

fn assign(joined: &Joined) -> Vec<(String, bytes::Bytes)> {
    let assignor: Assignor = joined.protocol.parse().expect("a protocol that was offered");
    let members: Vec<_> = joined
        .members
        .iter()
        .map(|member| {
            let subscription = Subscription::decode(&member.metadata).expect("a subscription");
            (member.member_id.clone(), subscription)
        })
        .collect();
    let counts = BTreeMap::from([(TOPIC.to_owned(), PARTITIONS)]);
    assignor.assign(&members, &counts).into_iter().map(|(id, assignment)| (id, assignment.encode())).collect()
}

pub(crate) fn partitions(assignment: &[u8]) -> Vec<i32> {
    if assignment.is_empty() {
        return Vec::new();
    }
    let assignment = Assignment::decode(assignment).expect("an assignment");
    assignment.partitions.into_iter().flat_map(|topic| topic.partitions).collect()
}

//! A group: its state, its members, and the bookkeeping that all requests share.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::api::{JoinedMember, Protocol};
use super::consumer::{Lives, Rows};
use super::context::Context;
use super::member::Member;
use super::offsets::Offsets;
use super::records::{GroupMetadata, MemberMetadata};
use super::share::ShareGroup;
use super::transactional::PendingOffsets;
use super::work::Work;
use crate::error::BrokerError;
use crate::types::UnixMillis;

/// Where a group stands between two generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// No members; offsets are kept.
    Empty,
    /// Waiting for all members to join again.
    PreparingRebalance,
    /// Waiting for the leader's assignment.
    CompletingRebalance,
    /// Every member has its assignment.
    Stable,
    /// The broker is to assign anew, with the next heartbeat (consumer protocol).
    Assigning,
    /// Members are on their way to what they are to have (consumer protocol).
    Reconciling,
    /// Gone.
    Dead,
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Dead => "Dead",
        })
    }
}

/// The wait for joins, in [`GroupState::PreparingRebalance`].
#[derive(Debug)]
pub(super) struct JoinPhase {
    /// Who is not back by then is dropped.
    pub(super) deadline: UnixMillis,
    /// Set while the first members of an empty group wait for company.
    pub(super) initial: Option<InitialDelay>,
}

#[derive(Debug)]
pub(super) struct InitialDelay {
    /// How much longer the wait may be prolonged, in all.
    pub(super) remaining_ms: i64,
    /// Somebody came during the present delay.
    pub(super) grew: bool,
}

/// One group, of any protocol. Durable is what [`Group::kept`], [`Group::rows`], [`Group::offsets`],
/// [`Group::pending_offsets`] and parts of [`Group::share`] hold, and only a replayed record changes these; all else is gone with
/// the process.
///
/// While there are [`Group::rows`] it is one of the consumer protocol, and as a classic group it is empty.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) state: GroupState,
    pub(super) generation: i32,
    /// `None` as long as only offsets were committed, from outside.
    pub(super) protocol_type: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) leader: Option<String>,
    pub(super) members: BTreeMap<String, Member>,
    /// Member ids of static members, by instance id.
    pub(super) instances: BTreeMap<String, String>,
    /// Ids that were given out and not yet joined with, and when they lapse.
    pub(super) pending: BTreeMap<String, UnixMillis>,
    pub(super) join_phase: Option<JoinPhase>,
    /// Members that have not asked for their assignment by then are dropped.
    pub(super) sync_deadline: Option<UnixMillis>,
    /// How many members the last settled generation had, for people.
    pub(super) settled_members: usize,

    /// The classic group's record in the log.
    pub(super) kept: Option<GroupMetadata>,
    /// The rows of a group of the consumer protocol in the log.
    pub(super) rows: Rows,
    /// How long its members may be silent.
    pub(super) lives: Lives,
    /// What it is as a share group: if it is one, it is nothing else.
    pub(super) share: ShareGroup,
    /// The offsets in the log.
    pub(super) offsets: Offsets,
    /// The offsets in the log whose transactions have not ended.
    pub(super) pending_offsets: PendingOffsets,

    /// A write other than a commit is under way. Until its outcome is known time stands still for the group: what comes
    /// is held, so that no decision rests on a state that may never be.
    pub(super) frozen: bool,
    /// Commits under way. They follow one another without waiting; only removals wait for them.
    pub(super) commits: usize,
    pub(super) held: VecDeque<Work>,

    /// When the group wants to be looked at next, as the coordinator has it in its list.
    pub(super) wake_at: Option<UnixMillis>,
    /// Rises with every change that can be seen.
    pub(super) version: u64,
}

impl Group {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: GroupState::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: BTreeMap::new(),
            join_phase: None,
            sync_deadline: None,
            settled_members: 0,
            kept: None,
            rows: Rows::default(),
            lives: Lives::default(),
            share: ShareGroup::default(),
            offsets: Offsets::default(),
            pending_offsets: PendingOffsets::default(),
            frozen: false,
            commits: 0,
            held: VecDeque::new(),
            wake_at: None,
            version: 0,
        }
    }

    /// Takes up what the log holds, after the last record was replayed.
    pub(super) fn restore(&mut self, cx: &Context<'_>) {
        self.lives.follow(&self.rows, cx.now, cx.config);
        self.share.restore(cx.now + i64::from(cx.config.share_session_timeout_ms));
        let Some(kept) = self.kept.clone() else { return };
        self.generation = kept.generation;
        self.protocol_type = Some(kept.protocol_type).filter(|kind| !kind.is_empty());
        let protocol = kept.protocol.unwrap_or_default();
        for member in &kept.members {
            self.insert(Member::restore(member, &protocol, cx.now));
        }
        self.settled_members = self.members.len();
        if !self.members.is_empty() {
            self.state = GroupState::Stable;
            self.protocol = Some(protocol);
            self.leader = kept.leader.filter(|leader| self.members.contains_key(leader));
        }
    }

    /// There is no such group: nobody is in it, and the log does not know it.
    pub(super) fn is_unknown(&self) -> bool {
        self.kept.is_none()
            && !self.rows.exists()
            && !self.share.exists()
            && self.offsets.is_empty()
            && self.pending_offsets.is_empty()
            && self.commits == 0
            && self.is_idle()
    }

    /// It can be dropped.
    pub(super) fn is_void(&self) -> bool {
        self.is_unknown() && !self.is_held()
    }

    /// Neither members nor any that are about to be.
    pub(super) fn is_idle(&self) -> bool {
        self.state == GroupState::Empty
            && self.pending.is_empty()
            && !self.rows.has_members()
            && !self.share.has_members()
    }

    /// Requests must queue.
    pub(super) fn is_held(&self) -> bool {
        self.frozen || !self.held.is_empty()
    }

    pub(super) fn insert(&mut self, member: Member) {
        if let Some(instance) = &member.instance_id {
            self.instances.insert(instance.clone(), member.id.clone());
        }
        self.members.insert(member.id.clone(), member);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Member> {
        let member = self.members.remove(id)?;
        if let Some(instance) = &member.instance_id
            && self.instances.get(instance) == Some(&member.id)
        {
            self.instances.remove(instance);
        }
        if self.leader.as_ref() == Some(&member.id) {
            self.leader = None;
        }
        Some(member)
    }

    /// Finds a member that calls; a static member must be the one that has the instance id now.
    pub(super) fn member(&mut self, id: &str, instance_id: Option<&str>) -> Result<&mut Member, BrokerError> {
        if let Some(instance) = instance_id {
            match self.instances.get(instance) {
                None => return Err(self.unknown_member(id)),
                Some(current) if current != id => return Err(self.fenced(instance)),
                Some(_) => {}
            }
        }
        let group = &self.name;
        let unknown = || BrokerError::UnknownMember { group: group.clone(), member: id.to_owned() };
        self.members.get_mut(id).ok_or_else(unknown)
    }

    pub(super) fn is_leader(&self, id: &str) -> bool {
        self.leader.as_deref() == Some(id)
    }

    /// How long a rebalance waits: as long as its most patient member.
    pub(super) fn rebalance_timeout_ms(&self) -> i64 {
        self.members.values().map(|member| i64::from(member.rebalance_timeout_ms)).max().unwrap_or(0)
    }

    /// A member with these protocols can work with all others.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if protocol_type.is_empty() || protocols.is_empty() {
            return false;
        }
        self.members.is_empty()
            || (self.protocol_type.as_deref() == Some(protocol_type)
                && protocols.iter().any(|protocol| {
                    self.members.values().all(|member| knows(&member.protocols, &protocol.name))
                }))
    }

    /// The protocol that all members know and most prefer. Among equals the first by name, so that it is always the same.
    pub(super) fn select_protocol(&self) -> Option<String> {
        select_protocol(self.members.values().map(|member| &member.protocols[..]))
    }

    /// Everybody, as the leader sees them.
    pub(super) fn roster(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        self.members.values().map(|member| member.as_joined(protocol)).collect()
    }

    /// The group as it is to be kept, with these members.
    pub(super) fn metadata(&self, now: UnixMillis, members: Vec<MemberMetadata>) -> GroupMetadata {
        GroupMetadata {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            state_since_ms: now,
            members,
        }
    }

    /// When something is due without anybody asking.
    pub(super) fn next_deadline(&self) -> Option<UnixMillis> {
        if self.is_held() {
            return None;
        }
        let members = self.members.values().filter_map(Member::expires_at);
        let phases =
            self.join_phase.as_ref().map(|phase| phase.deadline).into_iter().chain(self.sync_deadline);
        let lives = self.lives.next_deadline().into_iter().chain(self.share.next_deadline());
        self.pending.values().copied().chain(members).chain(phases).chain(lives).min()
    }

    pub(super) fn unknown_group(&self) -> BrokerError {
        BrokerError::UnknownGroup { group: self.name.clone() }
    }

    pub(super) fn unknown_member(&self, id: &str) -> BrokerError {
        BrokerError::UnknownMember { group: self.name.clone(), member: id.to_owned() }
    }

    pub(super) fn fenced(&self, instance: &str) -> BrokerError {
        BrokerError::FencedInstance { group: self.name.clone(), instance: instance.to_owned() }
    }

    pub(super) fn illegal_generation(&self, generation: i32) -> BrokerError {
        BrokerError::IllegalGeneration { group: self.name.clone(), generation }
    }

    pub(super) fn rebalancing(&self) -> BrokerError {
        BrokerError::RebalanceInProgress { group: self.name.clone() }
    }

    pub(super) fn inconsistent(&self) -> BrokerError {
        BrokerError::InconsistentProtocol { group: self.name.clone() }
    }
}

/// The vote: every member is for the first of its protocols that all others know, too.
pub(super) fn select_protocol<'a>(members: impl Iterator<Item = &'a [Protocol]> + Clone) -> Option<String> {
    let mut known_by = BTreeMap::<&str, usize>::new();
    for protocols in members.clone() {
        let names: BTreeSet<&str> = protocols.iter().map(|protocol| protocol.name.as_str()).collect();
        names.into_iter().for_each(|name| *known_by.entry(name).or_default() += 1);
    }
    let everybody = members.clone().count();
    let mut votes = BTreeMap::<&str, usize>::new();
    for protocols in members {
        let choice = protocols.iter().find(|protocol| known_by[protocol.name.as_str()] == everybody)?;
        *votes.entry(&choice.name).or_default() += 1;
    }
    let most = votes.values().max()?;
    votes.iter().find(|(_, count)| *count == most).map(|(name, _)| (*name).to_owned())
}

fn knows(protocols: &[Protocol], name: &str) -> bool {
    protocols.iter().any(|protocol| protocol.name == name)
}

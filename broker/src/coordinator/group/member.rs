//! One member of a group.

use bytes::Bytes;
use uuid::{Builder, Uuid};

use super::api::{JoinRequest, JoinedMember, Protocol, Ticket};
use super::records::MemberMetadata;
use crate::types::UnixMillis;

/// A member whose first join waits is dropped after this, since its caller may be long gone (as in Kafka).
const NEW_MEMBER_JOIN_TIMEOUT_MS: i64 = 300_000;

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) session_timeout_ms: i32,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) protocols: Vec<Protocol>,
    /// What it got in the current generation; stale until the group is stable.
    pub(super) assignment: Bytes,
    /// Without a sign of life until then it is dropped.
    pub(super) deadline: UnixMillis,
    /// Its first join has not been answered: unlike others it can be dropped while it waits.
    pub(super) is_new: bool,
    /// The client knows the id, or its instance id, and can come back after its call is cut.
    pub(super) can_return: bool,
    pub(super) awaiting_join: Option<Ticket>,
    pub(super) awaiting_sync: Option<Ticket>,
    /// It has asked for its assignment in this generation, or is not expected to.
    pub(super) synced: bool,
}

impl Member {
    /// A member that has never been in the group; its join waits.
    pub(super) fn join(id: String, request: JoinRequest, ticket: Ticket, now: UnixMillis) -> Self {
        Self {
            can_return: !request.member_id.is_empty() || request.instance_id.is_some(),
            is_new: true,
            deadline: now + NEW_MEMBER_JOIN_TIMEOUT_MS,
            awaiting_join: Some(ticket),
            ..Self::without_call(id, request)
        }
    }

    /// A static member that takes over from its former self.
    pub(super) fn take_over(id: String, request: JoinRequest, now: UnixMillis) -> Self {
        let mut member = Self::without_call(id, request);
        member.touch(now);
        member
    }

    /// A member as the log knew it; it has a whole session to show up.
    pub(super) fn restore(kept: &MemberMetadata, protocol: &str, now: UnixMillis) -> Self {
        let mut member = Self {
            id: kept.member_id.clone(),
            instance_id: kept.instance_id.clone(),
            client_id: kept.client_id.clone(),
            client_host: kept.client_host.clone(),
            session_timeout_ms: kept.session_timeout_ms,
            rebalance_timeout_ms: kept.rebalance_timeout_ms,
            protocols: vec![Protocol { name: protocol.to_owned(), metadata: kept.subscription.clone() }],
            assignment: kept.assignment.clone(),
            deadline: now,
            is_new: false,
            can_return: true,
            awaiting_join: None,
            awaiting_sync: None,
            synced: true,
        };
        member.touch(now);
        member
    }

    fn without_call(id: String, request: JoinRequest) -> Self {
        let mut member = Self {
            id,
            instance_id: request.instance_id.clone(),
            client_id: String::new(),
            client_host: String::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: 0,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            deadline: 0,
            is_new: false,
            can_return: true,
            awaiting_join: None,
            awaiting_sync: None,
            synced: false,
        };
        member.update(request);
        member
    }

    /// Takes over what a later join says.
    pub(super) fn update(&mut self, request: JoinRequest) {
        self.client_id = request.client_id;
        self.client_host = request.client_host;
        self.session_timeout_ms = request.session_timeout_ms;
        self.rebalance_timeout_ms = match request.rebalance_timeout_ms {
            ..=0 => request.session_timeout_ms,
            timeout_ms => timeout_ms,
        };
        self.protocols = request.protocols;
    }

    /// Takes a sign of life.
    pub(super) fn touch(&mut self, now: UnixMillis) {
        if !self.is_new {
            self.deadline = now + i64::from(self.session_timeout_ms);
        }
    }

    /// When it is dropped; `None` while it waits for the others, which proves it alive.
    pub(super) fn expires_at(&self) -> Option<UnixMillis> {
        let waits = self.awaiting_join.is_some() || self.awaiting_sync.is_some();
        (self.is_new || !waits).then_some(self.deadline)
    }

    /// What it said for a protocol; empty when it does not know it.
    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|known| known.name == protocol)
            .map(|known| known.metadata.clone())
            .unwrap_or_default()
    }

    pub(super) fn as_joined(&self, protocol: &str) -> JoinedMember {
        JoinedMember {
            member_id: self.id.clone(),
            instance_id: self.instance_id.clone(),
            metadata: self.metadata(protocol),
        }
    }

    pub(super) fn as_kept(&self, protocol: &str, assignment: Bytes) -> MemberMetadata {
        MemberMetadata {
            member_id: self.id.clone(),
            instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            subscription: self.metadata(protocol),
            assignment,
        }
    }
}

/// Makes member ids that nobody has had before, from a seed (SplitMix64, twice).
#[derive(Debug)]
pub(super) struct MemberIds {
    high: u64,
    low: u64,
}

impl MemberIds {
    pub(super) fn new(seed: u128) -> Self {
        Self { high: (seed >> 64) as u64, low: seed as u64 }
    }

    /// An id that begins with the member's own name, as Kafka's do, for those who read logs.
    pub(super) fn next(&mut self, name: &str) -> String {
        let random = (u128::from(split_mix(&mut self.high)) << 64) | u128::from(split_mix(&mut self.low));
        let uuid: Uuid = Builder::from_random_bytes(random.to_be_bytes()).into_uuid();
        format!("{name}-{uuid}")
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

//! Groups that go from one protocol to the other while their members work. The first member of the consumer protocol takes a
//! classic group along, whose members are served by [`classic_member`](super::classic_member) from then on; with the last one
//! the group is a classic one again.

use std::collections::BTreeSet;

use runnel_proto::group::{Assignment, Subscription};

use super::rows::{ClassicRow, CurrentRow, GroupRow, MemberRow, Rows};
use crate::coordinator::group::context::Context;
use crate::coordinator::group::member::Member;
use crate::coordinator::group::records::{GroupMetadata, MemberMetadata};
use crate::coordinator::group::state::{Group, GroupState, select_protocol};
use crate::coordinator::group::topics::{Partitions, has, only, union};
use crate::error::BrokerError;

impl Group {
    /// The rows of this classic group: its members keep what they have.
    ///
    /// # Errors
    /// It can't be, or must not be: then there is no group for a member of the consumer protocol.
    pub(super) fn upgraded(&self, cx: &Context<'_>) -> Result<Rows, BrokerError> {
        if !cx.settings.consumer_migration.upgrades() || !self.is_of_consumers() {
            return Err(self.unknown_group());
        }
        let mut rows = Rows {
            group: Some(GroupRow { epoch: self.generation, metadata_hash: 0 }),
            target_epoch: self.generation,
            ..Rows::default()
        };
        let mut taken = Partitions::new();
        // Who can't come back after its call is cut never learnt its id, and will join under another.
        for member in self.members.values().filter(|member| member.can_return) {
            let (row, had) =
                upgraded_member(member, self.protocol.as_deref(), cx).ok_or_else(|| self.unknown_group())?;
            // Whatever a leader assigned twice is the first one's.
            let assigned = only(&had, |topic, number| !has(&taken, topic, number));
            taken = union(&taken, &assigned);
            rows.targets.insert(member.id.clone(), assigned.clone());
            let epoch = self.generation;
            let current = CurrentRow { epoch, previous_epoch: epoch, assigned, ..CurrentRow::default() };
            rows.currents.insert(member.id.clone(), current);
            rows.members.insert(member.id.clone(), row);
        }
        Ok(rows)
    }

    /// What is left of the group without these members, if that is a classic group: there are members, and all of them speak the
    /// classic protocol.
    pub(super) fn downgraded(&self, gone: &BTreeSet<String>, cx: &Context<'_>) -> Option<GroupMetadata> {
        let left = self.rows.members.iter().filter(|(id, _)| !gone.contains(*id));
        let members: Vec<_> =
            left.map(|(id, row)| Some((id, row, row.classic.as_ref()?))).collect::<Option<_>>()?;
        let is_allowed = cx.settings.consumer_migration.downgrades() && members.len() <= cx.settings.max_size;
        if members.is_empty() || !is_allowed {
            return None;
        }
        let protocol = select_protocol(members.iter().map(|(_, _, classic)| &classic.protocols[..]))?;
        let kept = members.into_iter().map(|(id, row, classic)| {
            let said = classic.protocols.iter().find(|known| known.name == protocol);
            let partitions = cx.topics.named(&self.rows.current(id).assigned);
            MemberMetadata {
                member_id: id.clone(),
                instance_id: row.instance_id.clone(),
                client_id: row.client_id.clone(),
                client_host: row.client_host.clone(),
                rebalance_timeout_ms: row.rebalance_timeout_ms,
                session_timeout_ms: classic.session_timeout_ms,
                subscription: said.map(|known| known.metadata.clone()).unwrap_or_default(),
                assignment: Assignment { partitions, user_data: None }.encode(),
            }
        });
        Some(GroupMetadata {
            protocol_type: "consumer".to_owned(),
            generation: self.rows.epoch(),
            members: kept.collect(),
            protocol: Some(protocol),
            // It is elected in the rebalance that follows.
            leader: None,
            state_since_ms: cx.now,
        })
    }

    /// The group has become one of the consumer protocol: calls that wait are told to join again, and there.
    pub(super) fn leave_classic(&mut self, cx: &mut Context<'_>) {
        let error = self.rebalancing();
        for member in std::mem::take(&mut self.members).into_values() {
            for ticket in member.awaiting_join.into_iter().chain(member.awaiting_sync) {
                cx.refuse(ticket, error.clone());
            }
        }
        self.state = GroupState::Empty;
        self.generation = 0;
        self.instances.clear();
        self.pending.clear();
        (self.protocol_type, self.protocol, self.leader) = (None, None, None);
        (self.join_phase, self.sync_deadline) = (None, None);
        self.settled_members = 0;
    }
}

/// A classic member's row, and what it has; `None`: it can't be told, or an assignor that is not the broker's depends on it.
fn upgraded_member(
    member: &Member,
    protocol: Option<&str>,
    cx: &Context<'_>,
) -> Option<(MemberRow, Partitions)> {
    let chosen = member.protocols.iter().find(|known| Some(known.name.as_str()) == protocol);
    let said = &chosen.or(member.protocols.first())?.metadata;
    let subscription = Subscription::decode(said).ok()?;
    let assignment = Assignment::decode(&member.assignment).ok()?;
    if assignment.user_data.is_some_and(|data| !data.is_empty()) {
        return None;
    }
    let row = MemberRow {
        instance_id: member.instance_id.clone(),
        rack_id: subscription.rack,
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        topics: subscription.topics.into_iter().collect(),
        expression: None,
        rebalance_timeout_ms: member.rebalance_timeout_ms,
        assignor: None,
        classic: Some(ClassicRow {
            session_timeout_ms: member.session_timeout_ms,
            protocols: member.protocols.clone(),
        }),
    };
    Some((row, cx.topics.identified(&assignment.partitions)))
}

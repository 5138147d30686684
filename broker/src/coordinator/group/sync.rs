//! Fetching assignments, and signs of life.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::api::{HeartbeatRequest, Reply, SyncRequest, Synced, Ticket};
use super::context::{Context, Then};
use super::records::group_record;
use super::state::{Group, GroupState};
use crate::error::BrokerError;

impl Group {
    /// Answers when the leader's assignment is in the log.
    pub(super) fn sync(
        &mut self,
        ticket: Ticket,
        request: SyncRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        if self.rows.exists() {
            let reply = self.sync_as_classic(&request, cx)?;
            cx.reply(ticket, Ok(reply));
            return Ok(());
        }
        self.check_generation(&request.member_id, request.instance_id.as_deref(), request.generation)?;
        let differs = |asked: &Option<String>, have: &Option<String>| asked.is_some() && asked != have;
        if differs(&request.protocol_type, &self.protocol_type) || differs(&request.protocol, &self.protocol)
        {
            return Err(self.inconsistent());
        }
        let rebalancing = self.rebalancing();
        let unknown = self.unknown_member(&request.member_id);
        let state = self.state;
        let member = self.member(&request.member_id, request.instance_id.as_deref())?;
        member.touch(cx.now);
        match state {
            GroupState::PreparingRebalance => Err(rebalancing),
            GroupState::Stable => {
                member.synced = true;
                let assignment = member.assignment.clone();
                cx.reply(ticket, Ok(self.synced(assignment)));
                Ok(())
            }
            GroupState::CompletingRebalance => {
                member.synced = true;
                if let Some(earlier) = member.awaiting_sync.replace(ticket) {
                    cx.refuse(earlier, rebalancing);
                }
                if self.is_leader(&request.member_id) {
                    self.keep_assignment(request.assignments, cx);
                }
                Ok(())
            }
            _ => Err(unknown),
        }
    }

    /// Writes the leader's assignment down; a member that it forgot gets nothing.
    fn keep_assignment(&mut self, assignments: Vec<(String, Bytes)>, cx: &mut Context<'_>) {
        let mut assignments: BTreeMap<String, Bytes> = assignments.into_iter().collect();
        let protocol = self.protocol.clone().unwrap_or_default();
        let members = self.members.values_mut().map(|member| {
            member.assignment = assignments.remove(&member.id).unwrap_or_default();
            member.as_kept(&protocol, member.assignment.clone())
        });
        let members = members.collect();
        let metadata = self.metadata(cx.now, members);
        self.frozen = true;
        cx.write(vec![group_record(&self.name, &metadata)], Then::Assigned);
    }

    /// The assignment is in the log: everybody who waits gets theirs.
    pub(super) fn assigned(&mut self, cx: &mut Context<'_>) {
        self.state = GroupState::Stable;
        let empty = self.synced(Bytes::new());
        for member in self.members.values_mut() {
            if let Some(ticket) = member.awaiting_sync.take() {
                member.touch(cx.now);
                let mut reply = empty.clone();
                if let Reply::Synced(synced) = &mut reply {
                    synced.assignment = member.assignment.clone();
                }
                cx.reply(ticket, Ok(reply));
            }
        }
        self.tell_settled(cx);
    }

    /// The assignment could not be written: those who wait learn why, and all join again.
    pub(super) fn not_assigned(&mut self, error: &BrokerError, cx: &mut Context<'_>) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if let Some(ticket) = member.awaiting_sync.take() {
                member.touch(cx.now);
                cx.refuse(ticket, error.clone());
            }
        }
        self.prepare_rebalance(cx);
    }

    fn synced(&self, assignment: Bytes) -> Reply {
        Reply::Synced(Synced {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: self.protocol.clone().unwrap_or_default(),
            assignment,
        })
    }

    /// While the group gathers, a sign of life counts and asks to join again.
    pub(super) fn heartbeat(
        &mut self,
        request: &HeartbeatRequest,
        cx: &Context<'_>,
    ) -> Result<Reply, BrokerError> {
        if self.rows.exists() {
            return self.heartbeat_as_classic(request, cx);
        }
        self.check_generation(&request.member_id, request.instance_id.as_deref(), request.generation)?;
        self.member(&request.member_id, None)?.touch(cx.now);
        match self.state {
            GroupState::PreparingRebalance => Err(self.rebalancing()),
            _ => Ok(Reply::Alive),
        }
    }

    /// The caller is a member, and of this generation.
    pub(super) fn check_generation(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), BrokerError> {
        self.member(member_id, instance_id)?;
        if generation != self.generation {
            return Err(self.illegal_generation(generation));
        }
        Ok(())
    }
}

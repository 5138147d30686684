//! Joining.

use super::api::{JoinRequest, Joined, Reply, Ticket};
use super::context::Context;
use super::member::Member;
use super::records::MAX_STRING_BYTES;
use super::state::{Group, GroupState};
use crate::error::BrokerError;

/// Ids that may be given out and not yet be joined with, in one group.
const MAX_PENDING_MEMBERS: usize = 10_000;

/// Longest client id, instance id, host or protocol name. With a UUID added they still fit a record's string.
const MAX_NAME_BYTES: usize = MAX_STRING_BYTES - 64;

impl Group {
    /// Answers when the rebalance is through, or at once when none is needed.
    pub(super) fn join(
        &mut self,
        ticket: Ticket,
        request: JoinRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        check(&request, cx)?;
        if self.rows.exists() {
            return self.join_as_classic(ticket, request, cx);
        }
        if !self.has_room(&request, cx.settings.max_size) {
            return Err(BrokerError::GroupFull { group: self.name.clone(), limit: cx.settings.max_size });
        }
        if request.member_id.is_empty() {
            self.join_first(ticket, request, cx)
        } else {
            self.join_again(ticket, request, cx)
        }
    }

    /// While the group gathers, those who wait count, so that a group above its limit shrinks with its next rebalance.
    fn has_room(&self, request: &JoinRequest, limit: usize) -> bool {
        let former = request.instance_id.as_ref().and_then(|instance| self.instances.get(instance));
        let member = self.members.get(former.unwrap_or(&request.member_id));
        match self.state {
            GroupState::PreparingRebalance => {
                member.is_some_and(|member| member.awaiting_join.is_some())
                    || self.members.values().filter(|member| member.awaiting_join.is_some()).count() < limit
            }
            _ => member.is_some() || self.members.len() < limit,
        }
    }

    fn join_first(
        &mut self,
        ticket: Ticket,
        request: JoinRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        if !self.supports(&request.protocol_type, &request.protocols) {
            return Err(self.inconsistent());
        }
        let id = cx.ids.next(request.instance_id.as_deref().unwrap_or(&request.client_id));
        if let Some(instance) = &request.instance_id {
            match self.instances.get(instance).cloned() {
                Some(old_id) => self.replace(ticket, &old_id, id, request, cx),
                None => self.add(ticket, id, request, cx),
            }
            return Ok(());
        }
        if !request.require_known_member_id {
            self.add(ticket, id, request, cx);
            return Ok(());
        }
        if self.pending.len() >= MAX_PENDING_MEMBERS {
            return Err(BrokerError::Busy { what: "the number of members about to join the group" });
        }
        self.pending.insert(id.clone(), cx.now + i64::from(request.session_timeout_ms));
        Err(BrokerError::MemberIdRequired { member: id })
    }

    fn join_again(
        &mut self,
        ticket: Ticket,
        request: JoinRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        let id = request.member_id.clone();
        if self.pending.contains_key(&id) {
            if request.instance_id.is_some() {
                return Err(self.unknown_member(&id));
            }
            if !self.supports(&request.protocol_type, &request.protocols) {
                return Err(self.inconsistent());
            }
            self.pending.remove(&id);
            self.add(ticket, id, request, cx);
            return Ok(());
        }
        let protocols_changed =
            self.member(&id, request.instance_id.as_deref())?.protocols != request.protocols;
        if self.protocol_type.as_deref() != Some(&request.protocol_type)
            || (protocols_changed && !self.supports(&request.protocol_type, &request.protocols))
        {
            return Err(self.inconsistent());
        }
        let rejoins = match self.state {
            // The answer to an earlier join was lost, or the member merely makes sure.
            GroupState::CompletingRebalance => protocols_changed,
            // A leader that joins has seen its topics change and wants to assign anew.
            GroupState::Stable => protocols_changed || self.is_leader(&id),
            _ => true,
        };
        if rejoins {
            self.rejoin(ticket, &id, request, cx);
        } else {
            self.answer_again(ticket, &id, cx);
        }
        Ok(())
    }

    fn add(&mut self, ticket: Ticket, id: String, request: JoinRequest, cx: &mut Context<'_>) {
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type.clone());
        }
        if let Some(initial) = self.join_phase.as_mut().and_then(|phase| phase.initial.as_mut()) {
            initial.grew = true;
        }
        self.insert(Member::join(id, request, ticket, cx.now));
        match self.state {
            GroupState::Empty => self.prepare_rebalance(cx),
            _ => self.members_changed(cx),
        }
    }

    fn rejoin(&mut self, ticket: Ticket, id: &str, request: JoinRequest, cx: &mut Context<'_>) {
        let superseded = self.rebalancing();
        let Some(member) = self.members.get_mut(id) else { return };
        member.update(request);
        if let Some(earlier) = member.awaiting_join.replace(ticket) {
            cx.refuse(earlier, superseded);
        }
        self.members_changed(cx);
    }

    /// Tells a member the present generation.
    fn answer_again(&mut self, ticket: Ticket, id: &str, cx: &mut Context<'_>) {
        let mut joined = Joined { member_id: id.to_owned(), ..self.as_joined() };
        if self.is_leader(id) {
            joined.members = self.roster();
        }
        if let Some(member) = self.members.get_mut(id) {
            member.touch(cx.now);
        }
        cx.reply(ticket, Ok(Reply::Joined(joined)));
    }
}

fn check(request: &JoinRequest, cx: &Context<'_>) -> Result<(), BrokerError> {
    let (min_ms, max_ms) = (cx.settings.min_session_timeout_ms, cx.settings.max_session_timeout_ms);
    let timeout_ms = request.session_timeout_ms;
    if !(min_ms..=max_ms).contains(&timeout_ms) {
        return Err(BrokerError::InvalidSessionTimeout { timeout_ms, min_ms, max_ms });
    }
    let names = [
        ("client_id", request.client_id.as_str()),
        ("client_host", &request.client_host),
        ("instance_id", request.instance_id.as_deref().unwrap_or_default()),
        ("protocol_type", &request.protocol_type),
    ];
    let protocols = request.protocols.iter().map(|protocol| ("protocol name", protocol.name.as_str()));
    check_lengths(names.into_iter().chain(protocols))
}

/// Names that are kept must not be longer than records can hold.
pub(super) fn check_lengths<'a>(
    mut names: impl Iterator<Item = (&'static str, &'a str)>,
) -> Result<(), BrokerError> {
    match names.find(|(_, text)| text.len() > MAX_NAME_BYTES) {
        Some((name, _)) => Err(BrokerError::InvalidArgument {
            name: name.to_owned(),
            reason: format!("{name} is longer than {MAX_NAME_BYTES} bytes"),
        }),
        None => Ok(()),
    }
}

//! Members that speak the classic protocol in a group of the consumer protocol: they join, fetch their assignment and show signs
//! of life as ever, and get what the broker has assigned. Nobody leads; a member's generation is its epoch.

use std::collections::BTreeSet;

use bytes::Bytes;
use runnel_proto::group::{Assignment, Subscription};

use super::decide::{Decided, Migration};
use super::rows::{ClassicRow, MemberRow, MemberState, Rows};
use crate::coordinator::group::api::{
    HeartbeatRequest, JoinRequest, Joined, LeaveRequest, LeavingMember, Reply, Request, SyncRequest, Synced,
    Ticket,
};
use crate::coordinator::group::context::Context;
use crate::coordinator::group::state::{Group, select_protocol};
use crate::error::BrokerError;

/// The protocol type of consumers.
const CONSUMER: &str = "consumer";

impl Group {
    /// Answers when what it changes is in the log; nobody waits for anybody.
    pub(in super::super) fn join_as_classic(
        &mut self,
        ticket: Ticket,
        request: JoinRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        if !self.rows.has_members() {
            self.begin_as_classic(&Rows::default(), ticket, request, cx);
            return Ok(());
        }
        let subscription = self.check_classic(&request)?;
        let is_new_id = request.member_id.is_empty();
        let name = request.instance_id.as_deref().unwrap_or(&request.client_id);
        let id = if is_new_id { cx.ids.next(name) } else { request.member_id.clone() };
        let limit = cx.settings.consumer_max_size;
        if !self.rows.members.contains_key(&id) && self.rows.members.len() >= limit {
            return Err(BrokerError::GroupFull { group: self.name.clone(), limit });
        }
        if is_new_id && request.instance_id.is_none() && request.require_known_member_id {
            return Err(BrokerError::MemberIdRequired { member: id });
        }
        let mut next = self.rows.clone();
        if let Some(instance) = &request.instance_id {
            match self.rows.static_member(instance) {
                Some(former) if former == id => {}
                Some(former) if is_new_id => {
                    next.rename(former, &id);
                    next.rejoin(&id);
                }
                Some(_) => return Err(self.fenced(instance)),
                None if is_new_id => {}
                None => return Err(self.unknown_member(&id)),
            }
        }
        let before = next.members.get(&id);
        let row = classic_row(&request, &subscription);
        let is_due = before.is_none_or(|before| !before.reads_the_same(&row));
        next.members.insert(id.clone(), row);
        if next.all_classic() && self.becomes_classic(&next, &id, ticket, &request, cx) {
            return Ok(());
        }
        let owned = cx.topics.identified(&subscription.owned_partitions);
        self.advance(&mut next, &id, is_due, Some(&owned), cx);
        let joined = Joined {
            generation: next.current(&id).epoch,
            protocol_type: CONSUMER.to_owned(),
            protocol: request.protocols[0].name.clone(),
            leader: String::new(),
            member_id: id.clone(),
            skip_assignment: false,
            members: Vec::new(),
        };
        let decided = Decided {
            replies: vec![(ticket, Ok(Reply::Joined(joined)))],
            alive: Some(id.clone()),
            joined: Some(id),
            topics_version: Some(cx.topics.version()),
            ..Decided::default()
        };
        self.decide(&next, decided, cx);
        Ok(())
    }

    /// The last member of the consumer protocol is replaced by its next self, which speaks the classic one: the group goes on
    /// as a classic group, and the join is its first.
    fn becomes_classic(
        &mut self,
        next: &Rows,
        id: &str,
        ticket: Ticket,
        request: &JoinRequest,
        cx: &mut Context<'_>,
    ) -> bool {
        let mut gone: BTreeSet<String> =
            self.rows.members.keys().filter(|known| !next.members.contains_key(*known)).cloned().collect();
        gone.insert(id.to_owned());
        if let Some(classic) = self.downgraded(&gone, cx) {
            let decided = Decided {
                migration: Some(Migration::Downgrade),
                again: Some((ticket, Request::Join(request.clone()))),
                ..Decided::default()
            };
            self.decide_with(&Rows::default(), Some(&classic), decided, cx);
            return true;
        }
        if next.members.len() == 1 && cx.settings.consumer_migration.downgrades() {
            self.begin_as_classic(&Rows::default(), ticket, request.clone(), cx);
            return true;
        }
        false
    }

    /// Nothing is left of the group but its offsets; the join makes a classic group.
    fn begin_as_classic(&mut self, none: &Rows, ticket: Ticket, request: JoinRequest, cx: &mut Context<'_>) {
        let again = Some((ticket, Request::Join(request)));
        self.decide(none, Decided { again, ..Decided::default() }, cx);
    }

    /// It is a consumer, and has a protocol that all other classic members know, too: else the group could never go back.
    fn check_classic(&self, request: &JoinRequest) -> Result<Subscription, BrokerError> {
        let others = self.rows.members.iter().filter(|(id, _)| **id != request.member_id);
        let others: Vec<_> =
            others.filter_map(|(_, row)| row.classic.as_ref()).map(|row| &row.protocols[..]).collect();
        let all = others.into_iter().chain([&request.protocols[..]]).collect::<Vec<_>>();
        if request.protocol_type != CONSUMER || select_protocol(all.into_iter()).is_none() {
            return Err(self.inconsistent());
        }
        Subscription::decode(&request.protocols[0].metadata).map_err(|_| self.inconsistent())
    }

    /// Tells a classic member what it has.
    pub(in super::super) fn sync_as_classic(
        &mut self,
        request: &SyncRequest,
        cx: &mut Context<'_>,
    ) -> Result<Reply, BrokerError> {
        let id = self.check_classic_member(
            &request.member_id,
            request.instance_id.as_deref(),
            request.generation,
        )?;
        let row = &self.rows.members[&id];
        let protocol = row.classic.as_ref().map(|classic| classic.protocols[0].name.as_str());
        let differs = |asked: Option<&str>, have: Option<&str>| asked.is_some() && asked != have;
        if differs(request.protocol_type.as_deref(), Some(CONSUMER))
            || differs(request.protocol.as_deref(), protocol)
        {
            return Err(self.inconsistent());
        }
        let current = self.rows.current(&id);
        // One that must give up partitions has joined this rebalance, and must first learn which ones it keeps.
        if self.rows.epoch() > current.epoch && current.state != MemberState::UnrevokedPartitions {
            self.lives.expect_join(&self.rows, &id, cx.now);
            return Err(self.rebalancing());
        }
        self.lives.synced(&id);
        self.lives.touch(&self.rows, &id, cx.now, cx.config);
        let partitions = cx.topics.named(&current.assigned);
        Ok(Reply::Synced(Synced {
            protocol_type: CONSUMER.to_owned(),
            protocol: protocol.unwrap_or_default().to_owned(),
            assignment: Assignment { partitions, user_data: Some(Bytes::new()) }.encode(),
        }))
    }

    /// A classic member's sign of life. It is asked to join again when its assignment can change.
    pub(in super::super) fn heartbeat_as_classic(
        &mut self,
        request: &HeartbeatRequest,
        cx: &Context<'_>,
    ) -> Result<Reply, BrokerError> {
        let id = self.check_classic_member(
            &request.member_id,
            request.instance_id.as_deref(),
            request.generation,
        )?;
        self.lives.touch(&self.rows, &id, cx.now, cx.config);
        let current = self.rows.current(&id);
        let is_to_move = match current.state {
            _ if current.epoch < self.rows.epoch() => true,
            MemberState::Stable => false,
            MemberState::UnrevokedPartitions => true,
            MemberState::UnreleasedPartitions => !self.rows.waits_for_others(&id),
        };
        if is_to_move {
            self.lives.expect_join(&self.rows, &id, cx.now);
            return Err(self.rebalancing());
        }
        Ok(Reply::Alive)
    }

    /// Takes classic members out. Those of the consumer protocol leave by a heartbeat.
    pub(in super::super) fn leave_as_classic(
        &mut self,
        ticket: Ticket,
        request: &LeaveRequest,
        cx: &mut Context<'_>,
    ) {
        let leaving: Vec<_> = request.members.iter().map(|leaving| self.leaving_member(leaving)).collect();
        let gone: BTreeSet<String> = leaving.iter().flatten().cloned().collect();
        let reply = Reply::Left(leaving.into_iter().map(|outcome| outcome.map(|_| ())).collect());
        if gone.is_empty() {
            cx.reply(ticket, Ok(reply));
            return;
        }
        self.fence(&gone, Decided { replies: vec![(ticket, Ok(reply))], ..Decided::default() }, cx);
    }

    fn leaving_member(&self, leaving: &LeavingMember) -> Result<String, BrokerError> {
        let id = match &leaving.instance_id {
            // An administrator takes a static member out by its instance id alone.
            Some(instance) if leaving.member_id.is_empty() => {
                self.rows.static_member(instance).ok_or_else(|| self.unknown_member(instance))?.to_owned()
            }
            instance => self.rows_member(&leaving.member_id, instance.as_deref())?,
        };
        match self.rows.members[&id].classic {
            Some(_) => Ok(id),
            None => Err(self.unknown_member(&id)),
        }
    }

    fn check_classic_member(
        &self,
        id: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> Result<String, BrokerError> {
        let id = self.rows_member(id, instance)?;
        if self.rows.members[&id].classic.is_none() {
            return Err(self.unknown_member(&id));
        }
        match self.rows.current(&id).epoch {
            epoch if epoch == generation => Ok(id),
            _ => Err(self.illegal_generation(generation)),
        }
    }
}

fn classic_row(request: &JoinRequest, subscription: &Subscription) -> MemberRow {
    let session_timeout_ms = request.session_timeout_ms;
    MemberRow {
        instance_id: request.instance_id.clone(),
        rack_id: subscription.rack.clone(),
        client_id: request.client_id.clone(),
        client_host: request.client_host.clone(),
        topics: subscription.topics.iter().cloned().collect(),
        expression: None,
        rebalance_timeout_ms: match request.rebalance_timeout_ms {
            ..=0 => session_timeout_ms,
            timeout_ms => timeout_ms,
        },
        assignor: None,
        classic: Some(ClassicRow { session_timeout_ms, protocols: request.protocols.clone() }),
    }
}

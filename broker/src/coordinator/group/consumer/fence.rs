//! How members go: they leave, or are taken out when their time is over.

use std::collections::BTreeSet;

use super::decide::{Decided, Migration};
use super::rows::Rows;
use super::{AWAY_EPOCH, LEAVE_EPOCH};
use crate::coordinator::group::api::{ConsumerAlive, ConsumerHeartbeatRequest, Reply, Ticket};
use crate::coordinator::group::context::Context;
use crate::coordinator::group::state::Group;
use crate::coordinator::group::topics::Partitions;
use crate::error::BrokerError;

impl Group {
    /// Lets a member go: for good, or a static one for as long as its session lasts, with what it has.
    pub(super) fn leave_consumer(
        &mut self,
        ticket: Ticket,
        request: &ConsumerHeartbeatRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        if !self.rows.exists() {
            return Err(self.unknown_group());
        }
        let id = self.rows_member(&request.member_id, request.instance_id.as_deref())?;
        let farewell = |member_epoch| {
            Reply::ConsumerAlive(ConsumerAlive {
                member_id: id.clone(),
                member_epoch,
                heartbeat_interval_ms: 0,
                assignment: None,
            })
        };
        if request.member_epoch == AWAY_EPOCH {
            let mut next = self.rows.clone();
            let current = next.currents.entry(id.clone()).or_default();
            current.epoch = AWAY_EPOCH;
            current.revoking = Partitions::new();
            let replies = vec![(ticket, Ok(farewell(AWAY_EPOCH)))];
            self.decide(&next, Decided { replies, ..Decided::default() }, cx);
        } else {
            let replies = vec![(ticket, Ok(farewell(LEAVE_EPOCH)))];
            self.fence(&BTreeSet::from([id]), Decided { replies, ..Decided::default() }, cx);
        }
        Ok(())
    }

    /// The member that calls; a static member must be the one that has the instance id now.
    pub(super) fn rows_member(&self, id: &str, instance: Option<&str>) -> Result<String, BrokerError> {
        match instance.map(|instance| (instance, self.rows.static_member(instance))) {
            Some((instance, None)) => Err(self.unknown_member(instance)),
            Some((instance, Some(current))) if current != id => Err(self.fenced(instance)),
            _ if !self.rows.members.contains_key(id) => Err(self.unknown_member(id)),
            _ => Ok(id.to_owned()),
        }
    }

    /// Takes out members that were silent for too long, or did not do in time what they were to do.
    pub(in super::super) fn end_lives(&mut self, cx: &mut Context<'_>) {
        let due: BTreeSet<_> = self.lives.take_due(cx.now).into_iter().collect();
        if due.is_empty() {
            return;
        }
        let text = format!("group {:?}: {} members fell silent and were dropped", self.name, due.len());
        self.fence(&due, Decided { event: Some(text), ..Decided::default() }, cx);
    }

    /// Takes members out. When only members of the classic protocol are left, the group becomes a classic one.
    pub(super) fn fence(&mut self, gone: &BTreeSet<String>, decided: Decided, cx: &mut Context<'_>) {
        if let Some(classic) = self.downgraded(gone, cx) {
            let event = format!("group {:?} speaks the classic protocol again", self.name);
            let migration = Some(Migration::Downgrade);
            let decided = Decided { migration, event: decided.event.or(Some(event)), ..decided };
            self.decide_with(&Rows::default(), Some(&classic), decided, cx);
            return;
        }
        let mut next = self.rows.clone();
        gone.iter().for_each(|id| next.remove(id));
        next.refresh(cx.topics, cx.now, true);
        let topics_version = Some(cx.topics.version());
        self.decide(&next, Decided { topics_version, ..decided }, cx);
    }
}

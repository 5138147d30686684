//! Leaving, and callers that are lost while they wait.

use super::api::{LeaveRequest, LeavingMember, Reply, Ticket};
use super::context::Context;
use super::state::Group;
use crate::error::BrokerError;

impl Group {
    /// Takes members out at once, without waiting for their sessions to end.
    pub(super) fn leave(&mut self, request: &LeaveRequest, cx: &mut Context<'_>) -> Reply {
        let (members, pending) = (self.members.len(), self.pending.len());
        let results = request.members.iter().map(|leaving| self.leave_one(leaving, cx)).collect();
        if self.members.len() < members {
            self.members_changed(cx);
        } else if self.pending.len() < pending {
            self.maybe_complete_join(cx);
        }
        Reply::Left(results)
    }

    fn leave_one(&mut self, leaving: &LeavingMember, cx: &mut Context<'_>) -> Result<(), BrokerError> {
        if leaving.instance_id.is_none() && self.pending.remove(&leaving.member_id).is_some() {
            return Ok(());
        }
        // An administrator takes a static member out by its instance id alone.
        let id = match &leaving.instance_id {
            Some(instance) if leaving.member_id.is_empty() => {
                self.instances.get(instance).cloned().ok_or_else(|| self.unknown_member(instance))?
            }
            instance => self.member(&leaving.member_id, instance.as_deref())?.id.clone(),
        };
        self.drop_member(&id, cx);
        Ok(())
    }

    /// A caller is gone. Its member stays, as one that is not waiting, for as long as it may come back.
    pub(super) fn cancel(&mut self, ticket: Ticket, cx: &mut Context<'_>) {
        if self.share.cancel(ticket) {
            return;
        }
        let waiting = self
            .members
            .values_mut()
            .find(|member| member.awaiting_join == Some(ticket) || member.awaiting_sync == Some(ticket));
        let Some(member) = waiting else { return };
        if member.awaiting_sync == Some(ticket) {
            member.awaiting_sync = None;
            member.touch(cx.now);
            return;
        }
        member.awaiting_join = None;
        if member.can_return {
            member.is_new = false;
            member.touch(cx.now);
        } else {
            // Nobody was ever told its id.
            let id = member.id.clone();
            self.drop_member(&id, cx);
            self.members_changed(cx);
        }
    }
}

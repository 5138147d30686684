//! Static members that come back (KIP-345): a new process with the same instance id takes over its former self's place,
//! without a rebalance when it wants the same.

use super::api::{JoinRequest, Joined, Reply, Ticket};
use super::context::{Context, Then};
use super::member::Member;
use super::records::group_record;
use super::state::{Group, GroupState, select_protocol};
use super::subscription::subscribed_topics;

impl Group {
    /// Lets a join without a member id take the place of the member that has its instance id.
    pub(super) fn replace(
        &mut self,
        ticket: Ticket,
        old_id: &str,
        id: String,
        request: JoinRequest,
        cx: &mut Context<'_>,
    ) {
        if self.state == GroupState::Stable && self.wants_the_same(old_id, &request) {
            self.keep_replacement(ticket, old_id, id, request, cx);
            return;
        }
        let mut member = Member::take_over(id, request, cx.now);
        member.awaiting_join = Some(ticket);
        self.swap(old_id, member, cx);
        // In a group that completes its rebalance the leader may be assigning to the old id just now, and the new one
        // would get nothing: hence a rebalance there, too.
        self.members_changed(cx);
    }

    /// Neither the chosen protocol nor the topics would be others.
    fn wants_the_same(&self, old_id: &str, request: &JoinRequest) -> bool {
        let protocols = self
            .members
            .values()
            .map(|member| if member.id == old_id { &request.protocols[..] } else { &member.protocols[..] });
        let selected = select_protocol(protocols);
        let Some(protocol) = selected.filter(|selected| self.protocol.as_ref() == Some(selected)) else {
            return false;
        };
        let Some(old) = self.members.get(old_id) else { return false };
        let new = request.protocols.iter().find(|known| known.name == protocol).map(|known| &known.metadata);
        let old = old.metadata(&protocol);
        // Consumers also tell what they own, which is nothing after a restart: only the topics count.
        let is_for_the_same_topics =
            |new| subscribed_topics(new).is_some_and(|topics| subscribed_topics(&old) == Some(topics));
        new.is_some_and(|new| *new == old || (self.is_of_consumers() && is_for_the_same_topics(new)))
    }

    fn keep_replacement(
        &mut self,
        ticket: Ticket,
        old_id: &str,
        id: String,
        request: JoinRequest,
        cx: &mut Context<'_>,
    ) {
        let supports_skipping = request.supports_skipping_assignment;
        let mut member = Member::take_over(id, request, cx.now);
        member.synced = true;
        if let Some(old) = self.members.get(old_id) {
            member.assignment = old.assignment.clone();
        }
        let protocol = self.protocol.clone().unwrap_or_default();
        let keep = |kept: &Member| kept.as_kept(&protocol, kept.assignment.clone());
        let members = self
            .members
            .values()
            .map(|kept| if kept.id == old_id { keep(&member) } else { keep(kept) })
            .collect();
        let mut metadata = self.metadata(cx.now, members);
        let mut joined = Joined { member_id: member.id.clone(), ..self.as_joined() };
        if self.is_leader(old_id) {
            metadata.leader = Some(member.id.clone());
            // An older client that found itself the leader would assign, and a stable group tells nobody of that. So it is
            // told the id that it no longer has.
            if supports_skipping {
                joined.leader = member.id.clone();
                joined.skip_assignment = true;
            }
        }
        self.frozen = true;
        let then = Then::Replaced {
            ticket,
            old_id: old_id.to_owned(),
            member: Box::new(member),
            joined: Box::new(joined),
        };
        cx.write(vec![group_record(&self.name, &metadata)], then);
    }

    /// The replacement is in the log: the new member is the old one from now on.
    pub(super) fn replaced(
        &mut self,
        ticket: Ticket,
        old_id: &str,
        mut member: Member,
        mut joined: Joined,
        cx: &mut Context<'_>,
    ) {
        member.touch(cx.now);
        self.swap(old_id, member, cx);
        if joined.skip_assignment {
            joined.members = self.roster();
        }
        cx.reply(ticket, Ok(Reply::Joined(joined)));
    }

    fn swap(&mut self, old_id: &str, member: Member, cx: &mut Context<'_>) {
        let fenced = self.fenced(member.instance_id.as_deref().unwrap_or_default());
        let led = self.is_leader(old_id);
        if let Some(old) = self.remove(old_id) {
            for ticket in old.awaiting_join.into_iter().chain(old.awaiting_sync) {
                cx.refuse(ticket, fenced.clone());
            }
        }
        if led {
            self.leader = Some(member.id.clone());
        }
        self.insert(member);
    }
}

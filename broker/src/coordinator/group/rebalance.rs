//! From one generation to the next: gather all members, choose a leader and a protocol, wait for the assignment. And what
//! the clock brings about: members that fell silent, members that did not come back.

use super::api::{Joined, Reply};
use super::context::{Context, Then};
use super::member::Member;
use super::records::group_record;
use super::state::{Group, GroupState, InitialDelay, JoinPhase};
use crate::types::UnixMillis;

impl Group {
    /// The members are no longer those of the generation: starts a rebalance, or sees whether the running one is complete.
    pub(super) fn members_changed(&mut self, cx: &mut Context<'_>) {
        match self.state {
            GroupState::Stable | GroupState::CompletingRebalance => self.prepare_rebalance(cx),
            GroupState::PreparingRebalance => self.maybe_complete_join(cx),
            _ => {}
        }
    }

    /// Asks all members to join again.
    pub(super) fn prepare_rebalance(&mut self, cx: &mut Context<'_>) {
        self.refuse_waiting_syncs(cx);
        self.sync_deadline = None;
        let delay_ms = cx.settings.initial_rebalance_delay_ms;
        let timeout_ms = self.rebalance_timeout_ms();
        let waits_for_company = self.state == GroupState::Empty && delay_ms > 0;
        self.state = GroupState::PreparingRebalance;
        self.join_phase = Some(if waits_for_company {
            let remaining_ms = (timeout_ms - delay_ms).max(0);
            let initial = Some(InitialDelay { remaining_ms, grew: false });
            JoinPhase { deadline: cx.now + delay_ms, initial }
        } else {
            JoinPhase { deadline: cx.now + timeout_ms, initial: None }
        });
        self.maybe_complete_join(cx);
    }

    /// Members that wait for an assignment of a generation that will not have one must join again.
    fn refuse_waiting_syncs(&mut self, cx: &mut Context<'_>) {
        let error = self.rebalancing();
        for member in self.members.values_mut() {
            if let Some(ticket) = member.awaiting_sync.take() {
                cx.refuse(ticket, error.clone());
                member.touch(cx.now);
            }
        }
    }

    /// Goes on to the next generation if nobody is missing.
    pub(super) fn maybe_complete_join(&mut self, cx: &mut Context<'_>) {
        let waits_for_company = self.join_phase.as_ref().is_some_and(|phase| phase.initial.is_some());
        let all_joined =
            self.pending.is_empty() && self.members.values().all(|member| member.awaiting_join.is_some());
        if self.state == GroupState::PreparingRebalance && all_joined && !waits_for_company {
            self.complete_join(cx);
        }
    }

    /// Begins the next generation with those who are there.
    fn complete_join(&mut self, cx: &mut Context<'_>) {
        // A static member keeps its place while it is away, until its session ends.
        let is_gone = |member: &Member| member.awaiting_join.is_none() && member.instance_id.is_none();
        let gone: Vec<_> =
            self.members.values().filter(|member| is_gone(member)).map(|m| m.id.clone()).collect();
        for id in &gone {
            self.remove(id);
        }
        if !gone.is_empty() {
            let count = gone.len();
            cx.event(format!(
                "group {:?}: {count} members did not rejoin in time and were dropped",
                self.name
            ));
        }
        if !self.members.is_empty() && !self.elect_leader() {
            // Only static members that are away: somebody must come, or their sessions must end.
            self.join_phase =
                Some(JoinPhase { deadline: cx.now + self.rebalance_timeout_ms().max(1), initial: None });
            return;
        }
        self.join_phase = None;
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        if self.members.is_empty() {
            self.become_empty(cx);
        } else {
            self.protocol = self.select_protocol();
            self.state = GroupState::CompletingRebalance;
            self.sync_deadline = Some(cx.now + self.rebalance_timeout_ms());
            self.answer_joins(cx);
        }
    }

    /// Keeps the leader if it is there, else takes the first member that is.
    fn elect_leader(&mut self) -> bool {
        let is_there =
            |id: &String| self.members.get(id).is_some_and(|member| member.awaiting_join.is_some());
        if !self.leader.as_ref().is_some_and(is_there) {
            self.leader = self.members.keys().find(|id| is_there(id)).cloned();
        }
        self.leader.is_some()
    }

    fn answer_joins(&mut self, cx: &mut Context<'_>) {
        let joined = self.as_joined();
        let mut roster = self.roster();
        for member in self.members.values_mut() {
            let Some(ticket) = member.awaiting_join.take() else {
                member.synced = true;
                continue;
            };
            member.is_new = false;
            member.can_return = true;
            member.synced = false;
            member.touch(cx.now);
            let mut joined = Joined { member_id: member.id.clone(), ..joined.clone() };
            if joined.leader == member.id {
                joined.members = std::mem::take(&mut roster);
            }
            cx.reply(ticket, Ok(Reply::Joined(joined)));
        }
    }

    /// The present generation, as a member that joins learns of it; the member's own fields are left out.
    pub(super) fn as_joined(&self) -> Joined {
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: self.protocol.clone().unwrap_or_default(),
            leader: self.leader.clone().unwrap_or_default(),
            member_id: String::new(),
            skip_assignment: false,
            members: Vec::new(),
        }
    }

    fn become_empty(&mut self, cx: &mut Context<'_>) {
        self.state = GroupState::Empty;
        self.protocol = None;
        self.leader = None;
        self.sync_deadline = None;
        self.tell_settled(cx);
        // A group that never got so far as to keep anything leaves nothing behind.
        if self.kept.is_some() || !self.offsets.is_empty() || self.commits > 0 {
            self.keep_empty(cx);
        }
    }

    /// Writes down that nobody is there. From then on offsets age.
    pub(super) fn keep_empty(&mut self, cx: &mut Context<'_>) {
        let metadata = self.metadata(cx.now, Vec::new());
        self.frozen = true;
        cx.write(vec![group_record(&self.name, &metadata)], Then::Emptied);
    }

    /// Tells people how the members have changed since the last settled generation.
    pub(super) fn tell_settled(&mut self, cx: &mut Context<'_>) {
        let (before, now) = (self.settled_members, self.members.len());
        self.settled_members = now;
        if before != 0 || now != 0 {
            cx.event(format!("group {:?} rebalanced ({before} -> {now} members)", self.name));
        }
    }

    /// Does what is due. Whatever is left is due later than now.
    pub(super) fn tick(&mut self, cx: &mut Context<'_>) {
        for end in [
            Self::end_sessions,
            Self::end_join_phase,
            Self::end_sync_phase,
            Self::end_lives,
            Self::end_share_locks,
            Self::end_share_lives,
        ] {
            // A write may have begun before, or with the step before this one.
            if !self.is_held() && cx.write.is_none() {
                end(self, cx);
            }
        }
    }

    /// A group that was loaded from the log settles its generation anew when the limits have changed, or when its record makes
    /// no sense.
    pub(super) fn rebalance_if_unfit(&mut self, cx: &mut Context<'_>) {
        let is_fit = self.leader.is_some() && self.members.len() <= cx.settings.max_size;
        if self.state == GroupState::Stable && !is_fit {
            self.prepare_rebalance(cx);
        }
    }

    /// Drops members that fell silent, and ids that nobody joined with.
    fn end_sessions(&mut self, cx: &mut Context<'_>) {
        let pending = self.pending.len();
        self.pending.retain(|_, lapses_at| *lapses_at > cx.now);
        let is_due = |at: Option<UnixMillis>| at.is_some_and(|at| at <= cx.now);
        let silent: Vec<_> = self
            .members
            .values()
            .filter(|member| is_due(member.expires_at()))
            .map(|m| m.id.clone())
            .collect();
        for id in &silent {
            self.drop_member(id, cx);
        }
        if !silent.is_empty() {
            cx.event(format!("group {:?}: {} members fell silent and were dropped", self.name, silent.len()));
        }
        if !silent.is_empty() || self.pending.len() < pending {
            self.changed_by_removal(!silent.is_empty(), cx);
        }
    }

    /// Lapsed ids alone complete a rebalance that waited for them, and start none.
    fn changed_by_removal(&mut self, members_went: bool, cx: &mut Context<'_>) {
        if members_went {
            self.members_changed(cx);
        } else {
            self.maybe_complete_join(cx);
        }
    }

    fn end_join_phase(&mut self, cx: &mut Context<'_>) {
        let Some(phase) = &mut self.join_phase else { return };
        if phase.deadline > cx.now {
            return;
        }
        match &mut phase.initial {
            Some(initial) if initial.grew && initial.remaining_ms > 0 => {
                let delay_ms = cx.settings.initial_rebalance_delay_ms.min(initial.remaining_ms);
                initial.remaining_ms -= delay_ms;
                initial.grew = false;
                phase.deadline = cx.now + delay_ms;
            }
            _ => self.complete_join(cx),
        }
    }

    fn end_sync_phase(&mut self, cx: &mut Context<'_>) {
        if self.sync_deadline.is_none_or(|deadline| deadline > cx.now) {
            return;
        }
        self.sync_deadline = None;
        let late: Vec<_> =
            self.members.values().filter(|member| !member.synced).map(|m| m.id.clone()).collect();
        if late.is_empty() {
            return;
        }
        for id in &late {
            self.drop_member(id, cx);
        }
        let count = late.len();
        cx.event(format!(
            "group {:?}: {count} members never fetched their assignment and were dropped",
            self.name
        ));
        self.members_changed(cx);
    }

    /// Takes a member out and tells its waiting calls.
    pub(super) fn drop_member(&mut self, id: &str, cx: &mut Context<'_>) {
        let error = self.unknown_member(id);
        let Some(member) = self.remove(id) else { return };
        for ticket in member.awaiting_join.into_iter().chain(member.awaiting_sync) {
            cx.refuse(ticket, error.clone());
        }
    }
}

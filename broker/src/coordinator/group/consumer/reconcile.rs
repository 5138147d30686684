//! A member's way to its target: first it gives up what is no longer its own, then it gets what nobody else has.

use super::rows::{CurrentRow, MemberState, Rows};
use crate::coordinator::group::topics::{Partitions, each, has, only, union};

impl Rows {
    /// Takes a member one step on, as far as what it says to own allows (`None`: it says nothing this time).
    pub(super) fn reconcile(&mut self, member: &str, owned: Option<&Partitions>) {
        let current = self.current(member);
        let owns = |given_up: &Partitions| {
            owned.is_none_or(|owned| each(given_up).any(|(topic, number)| has(owned, topic, number)))
        };
        let stays = match current.state {
            MemberState::Stable => current.epoch == self.target_epoch,
            MemberState::UnrevokedPartitions => owns(&current.revoking),
            MemberState::UnreleasedPartitions => false,
        };
        if stays {
            return;
        }
        let none = Partitions::new();
        let target = self.targets.get(member).unwrap_or(&none);
        let kept = only(&current.assigned, |topic, number| has(target, topic, number));
        let revoking = only(&current.assigned, |topic, number| !has(target, topic, number));
        let missing = only(target, |topic, number| !has(&kept, topic, number));
        let free = only(&missing, |topic, number| !self.is_held_by_other(member, topic, number));
        let must_wait = |epoch, state, assigned, revoking| CurrentRow {
            epoch,
            previous_epoch: current.epoch,
            state,
            assigned,
            revoking,
        };
        let next = if !revoking.is_empty() && owns(&revoking) {
            must_wait(current.epoch, MemberState::UnrevokedPartitions, kept, revoking)
        } else if free == missing {
            must_wait(self.target_epoch, MemberState::Stable, union(&kept, &free), none)
        } else {
            must_wait(self.target_epoch, MemberState::UnreleasedPartitions, union(&kept, &free), none)
        };
        let is_same = |next: &CurrentRow| {
            CurrentRow { previous_epoch: current.previous_epoch, ..next.clone() } == current
        };
        if !is_same(&next) {
            self.currents.insert(member.to_owned(), next);
        }
    }

    /// Whether a member waits for partitions of which some other has not given up any yet.
    pub(super) fn waits_for_others(&self, member: &str) -> bool {
        let current = self.current(member);
        self.targets.get(member).is_some_and(|target| {
            each(target).any(|(topic, number)| {
                !has(&current.assigned, topic, number) && self.is_held_by_other(member, topic, number)
            })
        })
    }
}

//! What must hold whatever happens, told by answers alone.

use std::collections::{BTreeMap, BTreeSet};

use runnel_broker::coordinator::group::{GroupCoordinator, Ticket};

pub(crate) const GROUP: &str = "g";
pub(crate) const TOPIC: &str = "orders";

/// One change of a partition's offset that was asked for.
#[derive(Debug, Clone)]
struct Change {
    ticket: Ticket,
    /// `None`: the offset is deleted.
    offset: Option<i64>,
    /// If not, it may hold or not: it is not answered, or never will be.
    is_acknowledged: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    /// Tickets that wait for their answer.
    waiting: BTreeMap<Ticket, i64>,
    /// Tickets whose callers went away.
    lost: BTreeSet<Ticket>,
    /// Who was told to own a partition, by generation and partition. A static member's name outlives its ids.
    owners: BTreeMap<(i32, i32), String>,
    /// The highest generation that somebody was given an assignment in.
    settled: i32,
    /// The highest generation that somebody joined since the last crash.
    joined: i32,
    /// Changes in the order of the requests: at most the first is acknowledged, and those that were refused are out.
    offsets: BTreeMap<i32, Vec<Change>>,
    pub(crate) generations_settled: u64,
    pub(crate) changes_acknowledged: u64,
}

impl Model {
    pub(crate) fn asked(&mut self, ticket: Ticket, now: i64) {
        assert!(self.waiting.insert(ticket, now).is_none(), "ticket {ticket} was used twice");
    }

    /// Takes note of an answer. False when its caller was lost, and only a write that was under way brought it.
    pub(crate) fn answered(&mut self, ticket: Ticket) -> bool {
        let waited = self.waiting.remove(&ticket).is_some();
        assert!(waited || self.lost.remove(&ticket), "ticket {ticket} was answered twice, or never asked");
        waited
    }

    /// A caller went away.
    pub(crate) fn lost(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket).expect("a caller that waited");
        self.lost.insert(ticket);
    }

    /// No answer is put off for longer than the longest timeout allows.
    pub(crate) fn check_patience(&self, now: i64, longest_ms: i64) {
        for (ticket, since) in &self.waiting {
            assert!(now - since <= longest_ms, "ticket {ticket} has waited for {} ms", now - since);
        }
    }

    pub(crate) fn joined(&mut self, generation: i32) {
        assert!(generation >= self.joined, "joined generation {generation} after {}", self.joined);
        assert!(generation >= self.settled, "joined generation {generation}, {} is settled", self.settled);
        self.joined = generation;
    }

    pub(crate) fn synced(&mut self, generation: i32, member: &str, partitions: &[i32]) {
        assert!(
            generation >= self.settled,
            "an assignment of generation {generation} after {}",
            self.settled
        );
        self.generations_settled += u64::from(generation > self.settled);
        self.settled = generation;
        for partition in partitions {
            let owner = self.owners.entry((generation, *partition)).or_insert_with(|| member.to_owned());
            assert_eq!(owner, member, "partition {partition} has two owners in generation {generation}");
        }
    }

    /// A change of offsets was asked for.
    pub(crate) fn changes(&mut self, ticket: Ticket, partition: i32, offset: Option<i64>) {
        let change = Change { ticket, offset, is_acknowledged: false };
        self.offsets.entry(partition).or_default().push(change);
    }

    pub(crate) fn changed(&mut self, ticket: Ticket, acknowledged: bool) {
        self.changes_acknowledged += u64::from(acknowledged);
        for changes in self.offsets.values_mut() {
            let Some(at) = changes.iter().position(|change| change.ticket == ticket) else { continue };
            if acknowledged {
                changes[at].is_acknowledged = true;
                changes.drain(..at);
            } else {
                changes.remove(at);
            }
        }
    }

    /// The last change that was acknowledged holds, or one that was asked for after it and may have been made.
    pub(crate) fn check_offset(&self, partition: i32, seen: Option<i64>) {
        let changes = self.offsets.get(&partition).map(Vec::as_slice).unwrap_or_default();
        let nothing_yet = !changes.first().is_some_and(|change| change.is_acknowledged);
        let allowed = changes.iter().any(|change| change.offset == seen) || (nothing_yet && seen.is_none());
        assert!(allowed, "partition {partition} is at {seen:?}, which is none of {changes:?}");
    }

    /// The coordinator was rebuilt: whoever waited does so no longer, and what holds now holds.
    pub(crate) fn crashed(&mut self, machine: &GroupCoordinator, partitions: i32) {
        self.waiting.clear();
        self.lost.clear();
        self.joined = 0;
        if machine.describe(GROUP).is_none_or(|group| group.generation == 0) {
            self.deleted();
        }
        for partition in 0..partitions {
            let seen = committed(machine, partition);
            self.check_offset(partition, seen);
            let settled = Change { ticket: Ticket::MAX, offset: seen, is_acknowledged: true };
            self.offsets.insert(partition, vec![settled]);
        }
    }

    /// A group that is gone begins anew when somebody comes.
    pub(crate) fn observe(&mut self, machine: &GroupCoordinator) {
        if machine.versions().all(|(group, _)| group != GROUP) {
            self.deleted();
        }
    }

    /// The group was deleted; that somebody is about to join does not keep its past.
    pub(crate) fn deleted(&mut self) {
        self.owners.clear();
        self.settled = 0;
        self.joined = 0;
    }
}

pub(crate) fn committed(machine: &GroupCoordinator, partition: i32) -> Option<i64> {
    machine.offsets(GROUP)?.get(TOPIC, partition).map(|committed| committed.offset)
}

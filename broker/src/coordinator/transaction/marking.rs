//! Telling everybody that takes part how a transaction ended, and that it is over when they know.

use std::collections::BTreeSet;

use super::api::{Action, Target};
use super::context::{Context, Then};
use super::state::{Transaction, TransactionMetadata, TransactionState};
use crate::error::BrokerError;
use crate::types::UnixMillis;

/// What is left to do for a transaction that is ending.
#[derive(Debug)]
pub(super) struct Marking {
    /// Markers to ask for.
    missing: BTreeSet<Target>,
    /// Markers that were asked for.
    asked: BTreeSet<Target>,
    /// Nothing more is tried before then.
    not_before: UnixMillis,
}

impl Marking {
    /// When there is something to do without an answer.
    pub(super) fn due_at(&self) -> Option<UnixMillis> {
        let is_waiting = self.missing.is_empty() && !self.asked.is_empty();
        (!is_waiting).then_some(self.not_before)
    }
}

impl Transaction {
    /// Begins, when the end is in the log.
    pub(super) fn start_marking(&mut self, cx: &mut Context<'_>) {
        self.times_out_at = None;
        let missing = self.kept.as_ref().map(|kept| kept.targets.clone()).unwrap_or_default();
        self.marking = Some(Marking { missing, asked: BTreeSet::new(), not_before: cx.now });
        self.mark(cx);
    }

    /// Does what can be done now: asks for markers once nobody writes any more, and concludes when all are there.
    pub(super) fn mark(&mut self, cx: &mut Context<'_>) {
        let Some(marker) = self.marker(cx.coordinator_epoch) else { return };
        let Some(marking) = &mut self.marking else { return };
        if self.frozen || self.inside > 0 || marking.not_before > cx.now {
            return;
        }
        for target in std::mem::take(&mut marking.missing) {
            marking.asked.insert(target.clone());
            cx.actions.push(Action::Mark { transactional_id: self.id.clone(), target, marker });
        }
        if marking.asked.is_empty() {
            self.complete(cx);
        }
    }

    /// Takes the outcome of a marker.
    pub(super) fn marked(&mut self, target: Target, result: &Result<(), BrokerError>, cx: &mut Context<'_>) {
        let Some(marking) = &mut self.marking else { return };
        if !marking.asked.remove(&target) {
            return;
        }
        if result.is_err() {
            marking.missing.insert(target);
            marking.not_before = cx.now + cx.settings.retry_ms;
        }
        self.mark(cx);
    }

    /// A writer is through.
    pub(super) fn left(&mut self, cx: &mut Context<'_>) {
        self.inside = self.inside.checked_sub(1).expect("who leaves has come in");
        self.mark(cx);
    }

    fn complete(&mut self, cx: &mut Context<'_>) {
        let Some(kept) = &self.kept else { return };
        let state = match kept.state {
            TransactionState::PrepareCommit => TransactionState::CompleteCommit,
            _ => TransactionState::CompleteAbort,
        };
        let mut metadata = TransactionMetadata {
            state,
            targets: BTreeSet::new(),
            updated_ms: cx.now,
            producer: kept.successor(),
            next_producer_id: None,
            ..kept.clone()
        };
        if kept.next_producer_id.is_some() {
            metadata.previous_producer_id = Some(kept.producer.id);
        }
        self.frozen = true;
        cx.write(self.record(&metadata), Then::Completed);
    }

    /// The conclusion is in the log, or is to be tried again.
    pub(super) fn completed(&mut self, result: &Result<(), BrokerError>, cx: &mut Context<'_>) {
        if result.is_ok() {
            self.marking = None;
        } else {
            self.retry_later(cx);
        }
    }

    /// Nothing could be written: waits before it tries again.
    pub(super) fn retry_later(&mut self, cx: &Context<'_>) {
        let at = cx.now + cx.settings.retry_ms;
        match &mut self.marking {
            Some(marking) => marking.not_before = at,
            None => self.times_out_at = self.times_out_at.map(|due| due.max(at)),
        }
    }
}

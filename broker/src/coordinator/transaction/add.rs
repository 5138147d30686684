//! Beginning and extending a transaction.

use super::api::{AddRequest, Producer, Reply, Target, Ticket};
use super::context::{Context, Then};
use super::state::{Transaction, TransactionMetadata, TransactionState};
use super::work::Outcome;
use crate::error::BrokerError;

impl Transaction {
    /// Answers when it is in the log what takes part: only then may it be written to.
    pub(super) fn add(
        &mut self,
        ticket: Ticket,
        request: AddRequest,
        cx: &mut Context<'_>,
    ) -> Result<Outcome, BrokerError> {
        let kept = self.check_producer(request.producer)?;
        if kept.state.is_ending() {
            return Err(self.concurrent());
        }
        let is_open = kept.state == TransactionState::Ongoing;
        let takes_part = |target| kept.targets.contains(target);
        if request.targets.is_empty() || (is_open && request.targets.iter().all(takes_part)) {
            cx.reply(ticket, Ok(Reply::Added));
            return Ok(Outcome::Done);
        }
        let metadata = TransactionMetadata {
            state: TransactionState::Ongoing,
            targets: kept.targets.iter().cloned().chain(request.targets).collect(),
            updated_ms: cx.now,
            bumps_epoch: request.bumps_epoch,
            started_ms: kept.started_ms.filter(|_| is_open).or(Some(cx.now)),
            ..kept.clone()
        };
        self.frozen = true;
        cx.write(self.record(&metadata), Then::Added { ticket });
        Ok(Outcome::Done)
    }

    /// The producer may write to the target, within its open transaction.
    pub(super) fn check_open(&self, producer: Producer, target: &Target) -> Result<(), BrokerError> {
        let kept = self.check_producer(producer)?;
        if kept.state != TransactionState::Ongoing || self.is_closing {
            return Err(self.invalid_state("it is not open"));
        }
        if !kept.targets.contains(target) {
            return Err(self.invalid_state("what is written to does not take part in it"));
        }
        Ok(())
    }
}

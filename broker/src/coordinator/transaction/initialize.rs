//! Becoming the producer of a transactional id.

use super::api::{InitRequest, Producer, Reply, Ticket};
use super::context::{Context, Then};
use super::state::{Transaction, TransactionMetadata, TransactionState, is_exhausted};
use super::work::Outcome;
use crate::error::BrokerError;

/// Who the caller becomes.
struct Successor {
    producer: Producer,
    previous_producer_id: Option<i64>,
    last_epoch: Option<i16>,
}

impl Transaction {
    /// Answers when it is in the log that the caller has the id, and nobody else.
    pub(super) fn initialize(
        &mut self,
        ticket: Ticket,
        request: &InitRequest,
        cx: &mut Context<'_>,
    ) -> Result<Outcome, BrokerError> {
        let (timeout_ms, max_ms) = (request.timeout_ms, cx.settings.max_timeout_ms);
        if !(1..=max_ms).contains(&timeout_ms) {
            return Err(BrokerError::InvalidTransactionTimeout { timeout_ms, max_ms });
        }
        if let Some(kept) = &self.kept {
            self.check_claim(kept, request.producer)?;
            match kept.state {
                TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                    return Err(self.concurrent());
                }
                TransactionState::Ongoing => {
                    // The caller tries again, and finds the transaction of its former self aborted.
                    let answer = Err(self.concurrent());
                    self.fence(Some((ticket, answer)), cx);
                    return Ok(Outcome::Done);
                }
                _ => {}
            }
        }
        let Some(successor) = self.successor(request.producer, cx) else {
            return Ok(Outcome::NeedsProducerId);
        };
        let metadata = TransactionMetadata {
            producer: successor.producer,
            previous_producer_id: successor.previous_producer_id,
            next_producer_id: None,
            last_epoch: successor.last_epoch,
            timeout_ms,
            state: TransactionState::Empty,
            targets: [].into(),
            updated_ms: cx.now,
            started_ms: None,
            bumps_epoch: false,
        };
        let reply = Reply::Initialized(successor.producer);
        self.frozen = true;
        cx.write(self.record(&metadata), Then::Initialized { ticket, reply });
        Ok(Outcome::Done)
    }

    /// Whoever says who it is must be right: the present producer or, if no transaction is open, the one that became it and
    /// missed the answer.
    fn check_claim(&self, kept: &TransactionMetadata, claim: Option<Producer>) -> Result<(), BrokerError> {
        let Some(claim) = claim else { return Ok(()) };
        let was_before = is_retry(kept, claim) && kept.state != TransactionState::Ongoing;
        if claim == kept.successor() || was_before { Ok(()) } else { Err(self.fenced()) }
    }

    /// `None` when a fresh producer id is needed and none is at hand.
    fn successor(&self, claim: Option<Producer>, cx: &mut Context<'_>) -> Option<Successor> {
        let Some(kept) = &self.kept else {
            let producer = Producer { id: cx.ids.take()?, epoch: 0 };
            return Some(Successor { producer, previous_producer_id: None, last_epoch: None });
        };
        if claim.is_some_and(|claim| claim != kept.producer) {
            return Some(Successor {
                producer: kept.producer,
                previous_producer_id: kept.previous_producer_id,
                last_epoch: kept.last_epoch,
            });
        }
        let last_epoch = claim.map(|claim| claim.epoch);
        if kept.is_exhausted() {
            let producer = Producer { id: cx.ids.take()?, epoch: 0 };
            return Some(Successor { producer, previous_producer_id: Some(kept.producer.id), last_epoch });
        }
        let producer = Producer { epoch: kept.producer.epoch + 1, ..kept.producer };
        Some(Successor { producer, previous_producer_id: kept.previous_producer_id, last_epoch })
    }
}

/// This is who had the id before, and itself asked to become who has it now.
pub(super) fn is_retry(kept: &TransactionMetadata, claim: Producer) -> bool {
    let had_same_id = claim.id == kept.producer.id && kept.producer.epoch > 0;
    let had_previous_id =
        Some(claim.id) == kept.previous_producer_id && kept.producer.epoch == 0 && is_exhausted(claim.epoch);
    kept.last_epoch == Some(claim.epoch) && (had_same_id || had_previous_id)
}

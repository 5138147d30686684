//! Ending a transaction: because the producer says so, because another instance takes over, or because its time is up.

use super::api::{EndRequest, Producer, Reply, Ticket};
use super::context::{Context, Then};
use super::initialize::is_retry;
use super::state::{Transaction, TransactionMetadata, TransactionState};
use super::work::Outcome;
use crate::error::BrokerError;

impl Transaction {
    /// Answers when the end is decided, durably; the markers follow.
    pub(super) fn end(
        &mut self,
        ticket: Ticket,
        request: &EndRequest,
        cx: &mut Context<'_>,
    ) -> Result<Outcome, BrokerError> {
        let Some(kept) = &self.kept else { return Err(self.unmapped(request.producer)) };
        if request.bumps_epoch && kept.bumps_epoch && is_retry(kept, request.producer) {
            return self.end_again(ticket, kept, request.commit, cx);
        }
        let kept = self.check_producer(request.producer)?;
        let (commit, bumps_epoch) = (request.commit, request.bumps_epoch);
        match kept.state {
            TransactionState::Ongoing => {}
            // With rising epochs only a producer that cannot tell whether it has begun aborts what is not open.
            TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort
                if bumps_epoch && !commit => {}
            TransactionState::CompleteCommit if commit && !bumps_epoch => {
                cx.reply(ticket, Ok(Reply::Ended(kept.producer)));
                return Ok(Outcome::Done);
            }
            TransactionState::CompleteAbort if !commit && !bumps_epoch => {
                cx.reply(ticket, Ok(Reply::Ended(kept.producer)));
                return Ok(Outcome::Done);
            }
            // The caller knows its next epoch: this ends its next transaction, and comes too early.
            TransactionState::PrepareCommit | TransactionState::PrepareAbort if bumps_epoch => {
                return Err(self.concurrent());
            }
            TransactionState::PrepareCommit if commit => return Err(self.concurrent()),
            TransactionState::PrepareAbort if !commit => return Err(self.concurrent()),
            TransactionState::Empty => return Err(self.invalid_state("none is open")),
            TransactionState::PrepareCommit | TransactionState::CompleteCommit => {
                return Err(self.invalid_state("it was committed, or a new one is not open yet"));
            }
            TransactionState::PrepareAbort | TransactionState::CompleteAbort => {
                return Err(self.invalid_state("it was aborted, or a new one is not open yet"));
            }
        }
        let mut metadata = TransactionMetadata {
            state: if commit { TransactionState::PrepareCommit } else { TransactionState::PrepareAbort },
            updated_ms: cx.now,
            // One that was never begun has begun with its end, as in Kafka's records.
            started_ms: kept.started_ms.filter(|_| kept.state == TransactionState::Ongoing).or(Some(cx.now)),
            bumps_epoch,
            ..kept.clone()
        };
        if bumps_epoch {
            metadata.producer.epoch += 1;
            metadata.last_epoch = Some(kept.producer.epoch);
            if kept.is_exhausted() {
                let Some(id) = cx.ids.take() else { return Ok(Outcome::NeedsProducerId) };
                metadata.next_producer_id = Some(id);
            }
        }
        let reply = Reply::Ended(metadata.successor());
        self.close(&metadata, Some((ticket, Ok(reply))), cx);
        Ok(Outcome::Done)
    }

    /// The producer missed the answer, and does not know its new epoch.
    fn end_again(
        &self,
        ticket: Ticket,
        kept: &TransactionMetadata,
        commit: bool,
        cx: &mut Context<'_>,
    ) -> Result<Outcome, BrokerError> {
        match (kept.state, commit) {
            (TransactionState::CompleteCommit, true) | (TransactionState::CompleteAbort, false) => {
                cx.reply(ticket, Ok(Reply::Ended(kept.producer)));
                Ok(Outcome::Done)
            }
            (TransactionState::PrepareCommit, true) | (TransactionState::PrepareAbort, false) => {
                Err(self.concurrent())
            }
            (TransactionState::Ongoing | TransactionState::Empty, _) => Err(self.fenced()),
            _ => Err(self.invalid_state("it ended the other way")),
        }
    }

    /// Aborts an open transaction under the next epoch, so that whoever had the one before can write no more: because somebody
    /// asked to take over, or because its time is up. In the latter case a producer whose epoch rises with each transaction may
    /// go on: it finds out that it can't write, asks to abort, and learns its next epoch as if it had ended this itself.
    pub(super) fn fence(
        &mut self,
        asked: Option<(Ticket, Result<Reply, BrokerError>)>,
        cx: &mut Context<'_>,
    ) {
        let Some(kept) = &self.kept else { return };
        let goes_on = asked.is_none() && kept.bumps_epoch && !kept.is_exhausted();
        let epoch = kept.producer.epoch.checked_add(1).expect("the last epoch is given to nobody");
        let metadata = TransactionMetadata {
            producer: Producer { epoch, ..kept.producer },
            last_epoch: goes_on.then_some(kept.producer.epoch),
            state: TransactionState::PrepareAbort,
            updated_ms: cx.now,
            bumps_epoch: goes_on,
            ..kept.clone()
        };
        self.close(&metadata, asked, cx);
    }

    fn close(
        &mut self,
        metadata: &TransactionMetadata,
        asked: Option<(Ticket, Result<Reply, BrokerError>)>,
        cx: &mut Context<'_>,
    ) {
        self.frozen = true;
        self.is_closing = true;
        cx.write(self.record(metadata), Then::Prepared { asked });
    }
}

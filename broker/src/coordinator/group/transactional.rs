//! Offsets that were committed within transactions (TxnOffsetCommit): they wait beside the others until the transaction's end
//! makes them count or drops them.
//!
//! Kafka keeps them as transactional batches and ends them with a marker. Here the log is keyed: each waiting offset has a
//! record of its own, and one batch turns those of a producer into ordinary offsets, or just takes them away. So nothing needs
//! to know which transactions are under way to compact or mirror the log.

use std::collections::BTreeMap;

use super::api::{
    CommittedOffset, EndTransactionRequest, NamedPartition, Reply, Ticket, TransactionalCommitRequest,
};
use super::commit::{accepted_rows, check_row};
use super::context::Context;
use super::records::{offset_record, offset_tombstone, pending_record, pending_tombstone};
use super::state::{Group, GroupState};
use crate::error::BrokerError;
use crate::types::LogRecord;

/// A committed offset whose transaction has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingOffset {
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// What will hold if the transaction commits.
    pub committed: CommittedOffset,
}

/// All of a group, by producer id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PendingOffsets {
    // Never holds an empty producer.
    producers: BTreeMap<i64, BTreeMap<NamedPartition, PendingOffset>>,
}

impl PendingOffsets {
    pub(super) fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }

    /// A transaction may yet change this partition's offset.
    pub(super) fn is_on(&self, topic: &str, partition: i32) -> bool {
        self.iter().any(|(_, row, _)| row.topic == topic && row.partition == partition)
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(_, row, _)| row.topic.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &NamedPartition, &PendingOffset)> {
        self.producers.iter().flat_map(|(producer_id, rows)| {
            rows.iter().map(move |(partition, pending)| (*producer_id, partition, pending))
        })
    }

    fn of(&self, producer_id: i64) -> impl Iterator<Item = (&NamedPartition, &PendingOffset)> {
        self.producers.get(&producer_id).into_iter().flatten()
    }

    /// Takes over what a record says.
    pub(super) fn replay(
        &mut self,
        producer_id: i64,
        partition: NamedPartition,
        pending: Option<PendingOffset>,
    ) {
        match pending {
            Some(pending) => {
                self.producers.entry(producer_id).or_default().insert(partition, pending);
            }
            None => {
                let Some(rows) = self.producers.get_mut(&producer_id) else { return };
                rows.remove(&partition);
                if rows.is_empty() {
                    self.producers.remove(&producer_id);
                }
            }
        }
    }
}

impl Group {
    /// Answers when the offsets are in the log; they count once the transaction commits.
    pub(super) fn commit_transactional(
        &mut self,
        ticket: Ticket,
        request: TransactionalCommitRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        self.check_transactional_commit(&request)?;
        let TransactionalCommitRequest { producer_id, producer_epoch, commit } = request;
        let results: Vec<_> = commit.offsets.iter().map(|row| check_row(row, cx)).collect();
        let records: Vec<_> = accepted_rows(commit.offsets, &results, cx.now)
            .map(|(partition, committed)| {
                let pending = PendingOffset { producer_epoch, committed };
                pending_record(&self.name, producer_id, &partition, &pending)
            })
            .collect();
        self.commit_durably(records, ticket, results, cx);
        Ok(())
    }

    /// Versions before 3 of the request do not name the member, so a producer may commit without being known here; one that
    /// names itself must be right about it. A group that is between two generations takes the offsets all the same.
    fn check_transactional_commit(
        &mut self,
        request: &TransactionalCommitRequest,
    ) -> Result<(), BrokerError> {
        let commit = &request.commit;
        if self
            .pending_offsets
            .of(request.producer_id)
            .any(|(_, row)| row.producer_epoch > request.producer_epoch)
        {
            return Err(BrokerError::ProducerFenced { producer: request.producer_id.to_string() });
        }
        if commit.generation >= 0 && self.is_unknown() {
            return Err(self.illegal_generation(commit.generation));
        }
        let is_anonymous =
            commit.generation < 0 && commit.member_id.is_empty() && commit.instance_id.is_none();
        if !is_anonymous && self.rows.exists() {
            return self.check_consumer_commit(commit);
        }
        if is_anonymous || (commit.generation < 0 && self.state == GroupState::Empty) {
            return Ok(());
        }
        self.check_generation(&commit.member_id, commit.instance_id.as_deref(), commit.generation)
    }

    /// Answers when the producer's offsets count, or are gone. That there are none is no error: it may have been done before.
    pub(super) fn end_transaction(
        &mut self,
        ticket: Ticket,
        request: &EndTransactionRequest,
        cx: &mut Context<'_>,
    ) {
        let ended = self
            .pending_offsets
            .of(request.producer_id)
            .filter(|(_, pending)| pending.producer_epoch <= request.producer_epoch);
        let mut records = Vec::new();
        for (partition, pending) in ended {
            records.push(pending_tombstone(&self.name, request.producer_id, partition));
            if request.commit && !self.is_outdated(partition, &pending.committed) {
                records.push(offset_record(&self.name, partition, &pending.committed));
            }
        }
        self.remove_durably(records, ticket, Reply::TransactionEnded, cx);
    }

    /// The topics with an offset, one that waits among them.
    pub(super) fn offset_topics(&self) -> impl Iterator<Item = &str> {
        self.offsets.topics().chain(self.pending_offsets.topics())
    }

    /// Somebody has committed past the transaction, after it committed its offset and before it ended.
    fn is_outdated(&self, partition: &NamedPartition, pending: &CommittedOffset) -> bool {
        let current = self.offsets.get(&partition.topic, partition.partition);
        current.is_some_and(|current| current.commit_time_ms > pending.commit_time_ms)
    }

    /// What takes all traces of these partitions out of the log: their offsets, and those that wait.
    pub(super) fn partition_tombstones(&self, is_removed: impl Fn(&str, i32) -> bool) -> Vec<LogRecord> {
        let offsets = self
            .offsets
            .iter()
            .filter(|(topic, partition, _)| is_removed(topic, *partition))
            .map(|(topic, partition, _)| offset_tombstone(&self.name, topic, partition));
        let pending = self
            .pending_offsets
            .iter()
            .filter(|(_, row, _)| is_removed(&row.topic, row.partition))
            .map(|(producer_id, row, _)| pending_tombstone(&self.name, producer_id, row));
        offsets.chain(pending).collect()
    }
}

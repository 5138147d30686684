//! Committing offsets.

use super::api::{CommitRequest, CommittedOffset, NamedPartition, OffsetToCommit, Reply, Ticket};
use super::context::{Context, Then};
use super::records::{MAX_STRING_BYTES, offset_record};
use super::state::{Group, GroupState};
use crate::error::BrokerError;
use crate::types::{LogRecord, UnixMillis};

impl Group {
    /// Answers when the offsets are in the log.
    pub(super) fn commit(
        &mut self,
        ticket: Ticket,
        request: CommitRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        self.check_commit(&request)?;
        if let Some(member) = self.members.get_mut(&request.member_id) {
            member.touch(cx.now);
        }
        let results: Vec<_> = request.offsets.iter().map(|row| check_row(row, cx)).collect();
        let records: Vec<_> = accepted_rows(request.offsets, &results, cx.now)
            .map(|(partition, committed)| offset_record(&self.name, &partition, &committed))
            .collect();
        self.commit_durably(records, ticket, results, cx);
        Ok(())
    }

    /// Orders the records, and answers with the rows' outcomes when they are in the log.
    pub(super) fn commit_durably(
        &mut self,
        records: Vec<LogRecord>,
        ticket: Ticket,
        results: Vec<Result<(), BrokerError>>,
        cx: &mut Context<'_>,
    ) {
        if records.is_empty() {
            cx.reply(ticket, Ok(Reply::Committed(results)));
        } else {
            self.commits += 1;
            cx.write(records, Then::Committed { ticket, results });
        }
    }

    /// A member commits in its generation, also while the group gathers anew, so that nothing it has read is read again. From
    /// outside one commits while there are no members.
    fn check_commit(&mut self, request: &CommitRequest) -> Result<(), BrokerError> {
        if self.rows.exists() {
            return self.check_consumer_commit(request);
        }
        if request.generation < 0 && self.state == GroupState::Empty {
            return Ok(());
        }
        if request.generation >= 0 && self.is_unknown() {
            return Err(self.unknown_group());
        }
        let is_outsider =
            request.generation < 0 && request.member_id.is_empty() && request.instance_id.is_none();
        if is_outsider {
            return Err(self.unknown_member(""));
        }
        self.check_generation(&request.member_id, request.instance_id.as_deref(), request.generation)?;
        match self.state {
            GroupState::CompletingRebalance => Err(self.rebalancing()),
            _ => Ok(()),
        }
    }
}

/// The rows that may be kept, as they will be.
pub(super) fn accepted_rows(
    rows: Vec<OffsetToCommit>,
    results: &[Result<(), BrokerError>],
    now: UnixMillis,
) -> impl Iterator<Item = (NamedPartition, CommittedOffset)> {
    let accepted = rows.into_iter().zip(results).filter(|(_, result)| result.is_ok());
    accepted.map(move |(row, _)| {
        let committed = CommittedOffset {
            offset: row.offset,
            leader_epoch: row.leader_epoch,
            metadata: row.metadata,
            commit_time_ms: now,
        };
        (row.partition, committed)
    })
}

pub(super) fn check_row(row: &OffsetToCommit, cx: &Context<'_>) -> Result<(), BrokerError> {
    let limit_bytes = cx.settings.offset_metadata_max_bytes.min(MAX_STRING_BYTES);
    let size_bytes = row.metadata.len();
    if size_bytes > limit_bytes {
        return Err(BrokerError::MetadataTooLarge { size_bytes, limit_bytes });
    }
    if row.partition.topic.is_empty() || row.partition.topic.len() > MAX_STRING_BYTES {
        return Err(BrokerError::UnknownTopic { topic: row.partition.topic.chars().take(249).collect() });
    }
    if let Some(error) = &row.refused {
        return Err(error.clone());
    }
    if row.offset < 0 {
        return Err(BrokerError::InvalidArgument {
            name: "offset".to_owned(),
            reason: format!("an offset of {} can't be committed; offsets begin at 0", row.offset),
        });
    }
    Ok(())
}

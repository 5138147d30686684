//! Deleting a group, or some of its offsets.

use std::collections::BTreeSet;

use super::api::{DeleteOffsetsRequest, NamedPartition, Reply, Request, Ticket};
use super::consumer::Rows;
use super::context::{Context, Then};
use super::records::group_tombstone;
use super::state::{Group, GroupState};
use crate::error::BrokerError;
use crate::types::{LogRecord, TopicPartition};

/// How many members an error names.
const NAMED_MEMBERS: usize = 3;

/// These take offsets away, or end a transaction, so they must not overtake commits.
pub(super) fn follows_commits(request: &Request) -> bool {
    matches!(
        request,
        Request::DeleteGroup { .. }
            | Request::DeleteOffsets(_)
            | Request::ForgetTopic { .. }
            | Request::EndTransaction(_)
            | Request::AlterShareOffsets(_)
            | Request::DeleteShareOffsets(_)
    )
}

impl Group {
    /// Answers when the group and its offsets are gone from the log. Refused while it has members.
    pub(super) fn delete(&mut self, ticket: Ticket, cx: &mut Context<'_>) -> Result<(), BrokerError> {
        if self.is_unknown() {
            return Err(self.unknown_group());
        }
        if self.state != GroupState::Empty || self.rows.has_members() || self.share.has_members() {
            return Err(self.not_empty());
        }
        let records = self.tombstones();
        self.remove_durably(records, ticket, Reply::GroupDeleted, cx);
        Ok(())
    }

    /// Answers when the offsets are gone from the log. Refused for topics that a member reads.
    pub(super) fn delete_offsets(
        &mut self,
        ticket: Ticket,
        request: &DeleteOffsetsRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        if self.is_unknown() {
            return Err(self.unknown_group());
        }
        if !self.members.is_empty() && !self.is_of_consumers() {
            return Err(self.not_empty());
        }
        let subscribed = self.subscribed_topics();
        let check = |NamedPartition { topic, .. }: &NamedPartition| match subscribed.contains(topic) {
            true => Err(BrokerError::SubscribedTopic { group: self.name.clone(), topic: topic.clone() }),
            false => Ok(()),
        };
        let results: Vec<_> = request.partitions.iter().map(check).collect();
        let removed: BTreeSet<_> = request
            .partitions
            .iter()
            .zip(&results)
            .filter(|(_, result)| result.is_ok())
            .map(|(row, _)| (row.topic.as_str(), row.partition))
            .collect();
        let records = self.partition_tombstones(|topic, partition| removed.contains(&(topic, partition)));
        self.remove_durably(records, ticket, Reply::OffsetsDeleted(results), cx);
        Ok(())
    }

    /// Answers when the offsets of a deleted topic are gone from the log.
    pub(super) fn forget_topic(&mut self, ticket: Ticket, topic: &str, cx: &mut Context<'_>) {
        let mut records = self.partition_tombstones(|known, _| known == topic);
        let name_of = |partition: &TopicPartition| cx.topics.name(partition.topic_id);
        // A topic that is gone has no name any more.
        records
            .extend(self.share_tombstones(|partition| name_of(partition).is_none_or(|name| name == topic)));
        self.remove_durably(records, ticket, Reply::TopicForgotten, cx);
    }

    /// Orders the records and stands still until they are in the log; then answers.
    pub(super) fn remove_durably(
        &mut self,
        records: Vec<LogRecord>,
        ticket: Ticket,
        reply: Reply,
        cx: &mut Context<'_>,
    ) {
        if records.is_empty() {
            cx.reply(ticket, Ok(reply));
            return;
        }
        self.frozen = true;
        cx.write(records, Then::Removed { ticket, reply });
    }

    /// What takes the group out of the log, with all that transactions have committed and not yet ended. A group that only has offsets has no record of its own.
    pub(super) fn tombstones(&self) -> Vec<LogRecord> {
        let mut records = self.partition_tombstones(|_, _| true);
        records.extend(self.group_tombstones());
        records.extend(self.share_tombstones(|_| true));
        records
    }

    /// What takes the group itself out of the log, and leaves its offsets.
    pub(super) fn group_tombstones(&self) -> Vec<LogRecord> {
        let mut records = self.rows.changes(&self.name, &Rows::default());
        records.extend(self.share_row_tombstones());
        records.extend(self.kept.is_some().then(|| group_tombstone(&self.name)));
        records
    }

    pub(super) fn not_empty(&self) -> BrokerError {
        let ids: Vec<_> =
            self.members.keys().chain(self.rows.member_ids()).chain(self.share.member_ids()).collect();
        if ids.is_empty() {
            // The last one left while others were about to join.
            return BrokerError::GroupNotEmpty {
                group: self.name.clone(),
                members: "about to join".to_owned(),
            };
        }
        let named: Vec<_> = ids.iter().take(NAMED_MEMBERS).map(|id| format!("{id:?}")).collect();
        let more = match ids.len().saturating_sub(NAMED_MEMBERS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        BrokerError::GroupNotEmpty {
            group: self.name.clone(),
            members: format!("{}{more}", named.join(", ")),
        }
    }
}

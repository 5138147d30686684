//! Where a group begins with its partitions: at first, and when an operator says so.

use super::api::{AlterShareOffsetsRequest, DeleteShareOffsetsRequest, ShareBeginRequest, ShareOffset};
use super::partition::SharePartition;
use super::records::{self, Key};
use super::rows::{GroupRow, Rows};
use crate::coordinator::group::api::{Reply, Ticket};
use crate::coordinator::group::context::{Context, Then};
use crate::coordinator::group::state::Group;
use crate::coordinator::group::topics::Topics;
use crate::error::BrokerError;
use crate::types::{LogRecord, Offset, TopicPartition};

impl Group {
    /// Begins with partitions that the group has not read; answers when that is in the log, so that it begins there for good.
    pub(in super::super) fn share_begin(
        &mut self,
        ticket: Ticket,
        request: &ShareBeginRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        self.check_share()?;
        let is_new = |(partition, _): &&(TopicPartition, Offset)| !self.share.live.contains_key(partition);
        let starts: Vec<_> = request.starts.iter().filter(is_new).copied().collect();
        self.move_share(ticket, Reply::ShareBegun, &starts, Vec::new(), cx);
        Ok(())
    }

    /// Begins anew at other places. Refused while the group has members.
    pub(in super::super) fn alter_share_offsets(
        &mut self,
        ticket: Ticket,
        request: AlterShareOffsetsRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        if !self.share.exists() && !self.is_unknown() {
            return Err(self.no_share_group());
        }
        if self.share.has_members() {
            return Err(self.not_empty());
        }
        let starts: Vec<_> = request.starts.iter().filter_map(|start| start.as_ref().ok().copied()).collect();
        let results = request.starts.into_iter().map(|start| start.map(|_| ())).collect();
        let mut group = Vec::new();
        if self.share.rows.group.is_none() && !starts.is_empty() {
            let next = Rows { group: Some(GroupRow::default()), ..Rows::default() };
            group = self.share.rows.changes(&self.name, &next);
        }
        self.move_share(ticket, Reply::ShareOffsetsMoved(results), &starts, group, cx);
        Ok(())
    }

    /// Forgets what the group has made of topics. Refused while it has members.
    pub(in super::super) fn delete_share_offsets(
        &mut self,
        ticket: Ticket,
        request: DeleteShareOffsetsRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        self.check_share()?;
        if self.share.has_members() {
            return Err(self.not_empty());
        }
        let is_named = |partition: &TopicPartition| request.topics.contains(&Ok(partition.topic_id));
        let records = self.share_tombstones(is_named);
        let results = request.topics.into_iter().map(|topic| topic.map(|_| ())).collect();
        self.remove_durably(records, ticket, Reply::ShareOffsetsMoved(results), cx);
        Ok(())
    }

    fn move_share(
        &mut self,
        ticket: Ticket,
        reply: Reply,
        starts: &[(TopicPartition, Offset)],
        mut records: Vec<LogRecord>,
        cx: &mut Context<'_>,
    ) {
        records.extend(starts.iter().map(|(partition, start)| {
            let key = records::encode_key(&self.name, &Key::Partition(*partition));
            LogRecord { key, value: Some(records::encode_partition(&SharePartition::new(*start))) }
        }));
        if records.is_empty() {
            cx.reply(ticket, Ok(reply));
            return;
        }
        self.frozen = true;
        let partitions = starts.iter().map(|(partition, _)| *partition).collect();
        cx.write(records, Then::ShareMoved { ticket, reply, partitions });
    }

    /// The new places are in the log.
    pub(in super::super) fn share_moved(
        &mut self,
        ticket: Ticket,
        reply: Reply,
        partitions: Vec<TopicPartition>,
        cx: &mut Context<'_>,
    ) {
        partitions.into_iter().for_each(|partition| self.share.take_up(partition));
        cx.reply(ticket, Ok(reply));
        self.share_freed(cx);
    }

    /// What takes partitions out of the log.
    pub(in super::super) fn share_tombstones(
        &self,
        is_wanted: impl Fn(&TopicPartition) -> bool,
    ) -> Vec<LogRecord> {
        let wanted = self.share.kept.keys().filter(|partition| is_wanted(partition));
        let tombstone = |partition: &TopicPartition| LogRecord {
            key: records::encode_key(&self.name, &Key::Partition(*partition)),
            value: None,
        };
        wanted.map(tombstone).collect()
    }

    /// What takes the share group itself out of the log, and leaves its partitions.
    pub(in super::super) fn share_row_tombstones(&self) -> Vec<LogRecord> {
        self.share.rows.changes(&self.name, &Rows::default())
    }

    /// Whether the group has made something of a topic, or of one that is gone.
    pub(in super::super) fn shares_topic(&self, topic: &str, topics: &Topics) -> bool {
        self.share
            .kept
            .keys()
            .any(|partition| topics.name(partition.topic_id).is_none_or(|name| name == topic))
    }

    /// How far the group is, by partition.
    pub(in super::super) fn share_offsets(&self) -> Vec<ShareOffset> {
        let live = self.share.live.iter();
        live.map(|(partition, live)| ShareOffset {
            partition: *partition,
            start: live.start(),
            done: live.done(),
        })
        .collect()
    }
}

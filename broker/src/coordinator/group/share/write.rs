//! How what a group has made of its partitions reaches the log.

use super::records::{self, Key};
use crate::coordinator::group::api::{Reply, Ticket};
use crate::coordinator::group::context::{Context, Then};
use crate::coordinator::group::state::Group;
use crate::error::BrokerError;
use crate::types::{LogRecord, TopicPartition};

/// What could not be written is tried again after this.
const RETRY_MS: i64 = 1_000;

/// What a write of partitions holds, and who is to be answered after it.
#[derive(Debug)]
pub(in super::super) struct Writing {
    partitions: Vec<TopicPartition>,
    answers: Vec<(Ticket, Reply)>,
}

impl Group {
    /// Writes the partitions whose records are behind, if no other such write is under way: then what there is to write goes with
    /// the next.
    pub(in super::super) fn flush_share(&mut self, cx: &mut Context<'_>) {
        if self.share.writing || cx.write.is_some() {
            return;
        }
        let answers = std::mem::take(&mut self.share.answers);
        let partitions: Vec<_> = std::mem::take(&mut self.share.dirty).into_iter().collect();
        let records: Vec<_> =
            partitions.iter().filter_map(|partition| self.share_record(partition)).collect();
        if records.is_empty() {
            for (ticket, reply) in answers {
                cx.reply(ticket, Ok(reply));
            }
            return;
        }
        self.share.writing = true;
        self.share.retry_at = None;
        cx.write(records, Then::ShareWritten(Box::new(Writing { partitions, answers })));
    }

    fn share_record(&self, partition: &TopicPartition) -> Option<LogRecord> {
        let live = self.share.live.get(partition)?;
        let key = records::encode_key(&self.name, &Key::Partition(*partition));
        Some(LogRecord { key, value: Some(records::encode_partition(live)) })
    }

    /// Answers those whose word is in the log now, or is known not to be.
    pub(in super::super) fn share_written(
        &mut self,
        writing: Writing,
        result: Result<(), BrokerError>,
        cx: &mut Context<'_>,
    ) {
        self.share.writing = false;
        if result.is_err() {
            // It has taken effect all the same: nobody is given again what was accepted, and the next write tells of it.
            self.share.dirty.extend(writing.partitions);
            self.share.retry_at = Some(cx.now + RETRY_MS);
        }
        for (ticket, reply) in writing.answers {
            cx.reply(ticket, result.clone().map(|()| reply));
        }
    }
}

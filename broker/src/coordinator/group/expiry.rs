//! Offsets that nobody needs any more go after `offsets.retention.minutes`, and with the last of them the group.

use super::context::{Context, Then};
use super::records::offset_tombstone;
use super::state::{Group, GroupState};
use crate::types::UnixMillis;

impl Group {
    /// Looks for offsets past their time. Called now and then; what cannot be done now is done next time.
    pub(super) fn expire(&mut self, cx: &mut Context<'_>) {
        if self.is_held() || self.commits > 0 {
            return;
        }
        if self.share.exists() {
            self.forget_gone_topics(cx);
            return;
        }
        // The group emptied and the write of that failed: its offsets would otherwise never begin to age.
        if self.is_idle() && self.kept.as_ref().is_some_and(|kept| !kept.members.is_empty()) {
            self.keep_empty(cx);
            return;
        }
        let due = self.due_offsets(cx);
        let mut records: Vec<_> =
            due.iter().map(|(topic, partition)| offset_tombstone(&self.name, topic, *partition)).collect();
        let is_waited_for = !self.pending_offsets.is_empty();
        if self.is_idle() && !is_waited_for && due.len() == self.offsets.iter().count() {
            records.extend(self.group_tombstones());
        }
        if !records.is_empty() {
            self.frozen = true;
            cx.write(records, Then::Expired { offsets: due.len() });
        }
    }

    /// A share group stays until it is deleted. What it has made of topics that are gone goes, should that have been missed when
    /// they were deleted.
    fn forget_gone_topics(&mut self, cx: &mut Context<'_>) {
        if self.share.is_writing() {
            return;
        }
        let records = self.share_tombstones(|partition| cx.topics.name(partition.topic_id).is_none());
        if !records.is_empty() {
            self.frozen = true;
            cx.write(records, Then::Expired { offsets: 0 });
        }
    }

    /// Offsets age from their commit or, in a group that had members, from when the last one left, whichever is later. While
    /// there are members, only those of topics that nobody reads age.
    fn due_offsets(&self, cx: &Context<'_>) -> Vec<(String, i32)> {
        let is_settled = matches!(self.state, GroupState::Empty | GroupState::Stable);
        if !is_settled || (self.state == GroupState::Empty && !self.pending.is_empty()) {
            return Vec::new();
        }
        let empty_since_ms: UnixMillis = match (&self.kept, self.state) {
            (Some(kept), GroupState::Empty) => kept.state_since_ms,
            _ => UnixMillis::MIN,
        };
        let subscribed = self.subscribed_topics();
        self.offsets
            .iter()
            .filter(|(topic, partition, committed)| {
                let idle_since_ms = committed.commit_time_ms.max(empty_since_ms);
                cx.now.saturating_sub(idle_since_ms) >= cx.settings.offsets_retention_ms
                    && !subscribed.contains(topic)
                    && !self.pending_offsets.is_on(topic, *partition)
            })
            .map(|(topic, partition, _)| (topic.to_owned(), partition))
            .collect()
    }
}

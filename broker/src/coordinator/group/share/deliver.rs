//! Members get records and tell what became of them.

use std::sync::Arc;

use super::api::{
    AckKind, Found, NextOffset, ShareAcknowledgeRequest, ShareAcquireRequest, ShareNext, ShareNextRequest,
    ShareReleaseRequest, ShareWatchRequest,
};
use super::partition::{AckRefusal, Ended, Share};
use crate::coordinator::group::api::{Reply, Ticket};
use crate::coordinator::group::context::Context;
use crate::coordinator::group::state::Group;
use crate::error::BrokerError;
use crate::types::{TopicPartition, UnixMillis};

/// Locks are looked at so often: with thousands of them a task of its own for each millisecond would be too much.
const LOCK_ROUND_MS: i64 = 50;

impl Group {
    /// Tells where the next records are.
    pub(in super::super) fn share_next(
        &mut self,
        request: &ShareNextRequest,
        cx: &Context<'_>,
    ) -> Result<Reply, BrokerError> {
        self.check_share()?;
        let settings = Self::share_settings(cx);
        let mut next = Vec::with_capacity(request.partitions.len());
        for (partition, log_start_offset) in &request.partitions {
            let Some(live) = self.share.live.get_mut(partition) else {
                next.push(NextOffset::NotBegun);
                continue;
            };
            if live.begin_at(*log_start_offset) {
                self.share.dirty.insert(*partition);
            }
            next.push(live.next_offset(&settings).map_or(NextOffset::Full, NextOffset::At));
        }
        let releases = self.share.releases;
        Ok(Reply::ShareNext(Box::new(ShareNext { settings, releases, next })))
    }

    /// Gives a member records of those that were found.
    pub(in super::super) fn share_acquire(
        &mut self,
        request: &ShareAcquireRequest,
        cx: &Context<'_>,
    ) -> Result<Reply, BrokerError> {
        self.check_share()?;
        let settings = Self::share_settings(cx);
        let member = self.share.sessions.get_key_value(&*request.member_id);
        let member = member.map_or_else(|| Arc::from(&*request.member_id), |(id, _)| Arc::clone(id));
        let mut left = request.max_records;
        let mut acquired = Vec::with_capacity(request.found.len());
        for found in &request.found {
            let Found { partition, .. } = found;
            let share = Share { records: left, is_exact: request.is_exact, batch_size: request.batch_size };
            let live = self.share.live.get_mut(partition).filter(|_| left > 0);
            let given =
                live.map_or_else(Vec::new, |live| live.acquire(&member, found, share, cx.now, &settings));
            if !given.is_empty() {
                self.share.sessions.insert(Arc::clone(&member), request.session);
                self.lock_until(cx.now + settings.record_lock_duration_ms, *partition);
            }
            left -= given.iter().map(|given| given.last - given.first + 1).sum::<i64>();
            acquired.push(given);
        }
        Ok(Reply::ShareAcquired(acquired))
    }

    /// Takes a member's word, and answers when it is in the log.
    pub(in super::super) fn share_acknowledge(
        &mut self,
        ticket: Ticket,
        request: &ShareAcknowledgeRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        self.check_share()?;
        let settings = Self::share_settings(cx);
        let mut results = Vec::with_capacity(request.partitions.len());
        for (partition, batches) in &request.partitions {
            let Some(live) = self.share.live.get_mut(partition) else {
                results.push(Err(refusal(AckRefusal::NotHeld, *partition)));
                continue;
            };
            let was_full = live.next_offset(&settings).is_none();
            let outcome = live.acknowledge(&request.member_id, batches, cx.now, &settings);
            let is_free = was_full && live.next_offset(&settings).is_some();
            if let Ok(ended) = outcome {
                self.share_ended(*partition, Ended { released: ended.released || is_free, ..ended }, cx);
                if batches.iter().any(|batch| batch.kinds.contains(&AckKind::Renew)) {
                    self.lock_until(cx.now + settings.record_lock_duration_ms, *partition);
                }
            }
            results.push(outcome.map(|_| ()).map_err(|why| refusal(why, *partition)));
        }
        let is_refused = results.iter().all(Result::is_err);
        let reply = Reply::ShareAcknowledged(results);
        if is_refused {
            cx.reply(ticket, Ok(reply));
        } else {
            self.share.answers.push((ticket, reply));
            self.flush_share(cx);
        }
        Ok(())
    }

    /// Waits until something was released since the caller looked.
    pub(in super::super) fn share_watch(
        &mut self,
        ticket: Ticket,
        request: &ShareWatchRequest,
        cx: &mut Context<'_>,
    ) -> Result<(), BrokerError> {
        self.check_share()?;
        if self.share.releases == request.since {
            self.share.watchers.push(ticket);
        } else {
            cx.reply(ticket, Ok(Reply::ShareReleased));
        }
        Ok(())
    }

    /// Ends a session: what it holds is for others.
    pub(in super::super) fn share_release(
        &mut self,
        request: &ShareReleaseRequest,
        cx: &mut Context<'_>,
    ) -> Result<Reply, BrokerError> {
        self.check_share()?;
        if self.share.sessions.get(&*request.member_id) == Some(&request.session) {
            self.release_share(&request.member_id, cx);
        }
        Ok(Reply::ShareReleased)
    }

    /// Takes from a member all that it holds.
    pub(super) fn release_share(&mut self, member: &str, cx: &mut Context<'_>) {
        if self.share.sessions.remove(member).is_none() {
            return;
        }
        for partition in self.share.live.keys().copied().collect::<Vec<_>>() {
            let Some(live) = self.share.live.get_mut(&partition) else { continue };
            let ended = live.release(member);
            self.share_ended(partition, ended, cx);
        }
        self.flush_share(cx);
    }

    /// Ends the locks whose time is over.
    pub(in super::super) fn end_share_locks(&mut self, cx: &mut Context<'_>) {
        let settings = Self::share_settings(cx);
        while let Some((at, partition)) = self.share.locks.first().copied().filter(|(at, _)| *at <= cx.now) {
            self.share.locks.remove(&(at, partition));
            let Some(live) = self.share.live.get_mut(&partition) else { continue };
            let ended = live.expire(cx.now, &settings);
            self.share_ended(partition, ended, cx);
        }
        if self.share.retry_at.take_if(|at| *at <= cx.now).is_some() || !self.share.dirty.is_empty() {
            self.flush_share(cx);
        }
    }

    fn share_ended(&mut self, partition: TopicPartition, ended: Ended, cx: &mut Context<'_>) {
        if ended.changed {
            self.share.dirty.insert(partition);
        }
        if ended.released {
            self.share_freed(cx);
        }
    }

    /// Wakes those who wait for records.
    pub(super) fn share_freed(&mut self, cx: &mut Context<'_>) {
        self.share.releases += 1;
        for ticket in std::mem::take(&mut self.share.watchers) {
            cx.reply(ticket, Ok(Reply::ShareReleased));
        }
    }

    fn lock_until(&mut self, at: UnixMillis, partition: TopicPartition) {
        let round = (at + LOCK_ROUND_MS - 1) / LOCK_ROUND_MS * LOCK_ROUND_MS;
        self.share.locks.insert((round, partition));
    }

    /// There is a share group of this name.
    pub(super) fn check_share(&self) -> Result<(), BrokerError> {
        if self.share.exists() { Ok(()) } else { Err(self.no_share_group()) }
    }
}

fn refusal(why: AckRefusal, partition: TopicPartition) -> BrokerError {
    match why {
        AckRefusal::Invalid(reason) => BrokerError::InvalidArgument {
            name: "acknowledgement_batches".to_owned(),
            reason: reason.to_owned(),
        },
        AckRefusal::NotHeld => BrokerError::InvalidRecordState { partition: partition.partition },
    }
}

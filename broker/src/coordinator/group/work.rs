//! The queue of what a group is to do, and the two halves of doing it: before its records are written, and after.

use super::api::{Reply, Request, Ticket};
use super::context::{Context, Then};
use super::remove::follows_commits;
use super::state::Group;
use crate::error::BrokerError;

/// What waits for its turn.
#[derive(Debug)]
pub(super) enum Work {
    Request(Ticket, Request),
    Cancel(Ticket),
}

impl Group {
    /// The next thing to do, unless a write must be through first.
    pub(super) fn next_work(&mut self) -> Option<Work> {
        let waits_for_commits = (self.commits > 0 || self.share.is_writing())
            && matches!(self.held.front(), Some(Work::Request(_, request)) if follows_commits(request));
        if self.frozen || waits_for_commits { None } else { self.held.pop_front() }
    }

    /// Drops a request that still waits for its turn. True when it was there.
    pub(super) fn cancel_held(&mut self, ticket: Ticket) -> bool {
        let held = self.held.len();
        self.held.retain(|work| !matches!(work, Work::Request(waiting, _) if *waiting == ticket));
        self.held.len() < held
    }

    /// Decides. What needs the log is ordered from it, all else is done and answered.
    pub(super) fn perform(&mut self, work: Work, cx: &mut Context<'_>) {
        let (ticket, request) = match work {
            Work::Request(ticket, request) => (ticket, request),
            Work::Cancel(ticket) => return self.cancel(ticket, cx),
        };
        let outcome = match request {
            request if self.share.exists() && self.is_for_others(&request) => {
                Err(self.unfit_for_share(&request))
            }
            Request::ShareHeartbeat(_)
            | Request::ShareNext(_)
            | Request::ShareBegin(_)
            | Request::ShareAcquire(_)
            | Request::ShareAcknowledge(_)
            | Request::ShareWatch(_)
            | Request::ShareRelease(_)
                if !self.share.exists() && !self.is_unknown() =>
            {
                Err(self.no_share_group())
            }
            Request::ShareHeartbeat(request) => self.share_heartbeat(ticket, &request, cx),
            Request::ShareNext(request) => {
                self.share_next(&request, cx).map(|reply| cx.reply(ticket, Ok(reply)))
            }
            Request::ShareBegin(request) => self.share_begin(ticket, &request, cx),
            Request::ShareAcquire(request) => {
                self.share_acquire(&request, cx).map(|reply| cx.reply(ticket, Ok(reply)))
            }
            Request::ShareAcknowledge(request) => self.share_acknowledge(ticket, &request, cx),
            Request::ShareWatch(request) => self.share_watch(ticket, &request, cx),
            Request::ShareRelease(request) => {
                self.share_release(&request, cx).map(|reply| cx.reply(ticket, Ok(reply)))
            }
            Request::AlterShareOffsets(request) => self.alter_share_offsets(ticket, request, cx),
            Request::DeleteShareOffsets(request) => self.delete_share_offsets(ticket, request, cx),
            Request::Join(request) => self.join(ticket, request, cx),
            Request::ConsumerHeartbeat(request) => self.consumer_heartbeat(ticket, *request, cx),
            Request::Sync(request) => self.sync(ticket, request, cx),
            Request::Heartbeat(request) => {
                self.heartbeat(&request, cx).map(|reply| cx.reply(ticket, Ok(reply)))
            }
            Request::Leave(request) if self.rows.exists() => {
                self.leave_as_classic(ticket, &request, cx);
                Ok(())
            }
            Request::Leave(request) => {
                let reply = self.leave(&request, cx);
                cx.reply(ticket, Ok(reply));
                Ok(())
            }
            Request::Commit(request) => self.commit(ticket, request, cx),
            Request::CommitTransactional(request) => self.commit_transactional(ticket, request, cx),
            Request::EndTransaction(request) => {
                self.end_transaction(ticket, &request, cx);
                Ok(())
            }
            Request::Fetch(request) => self.fetch(&request).map(|reply| cx.reply(ticket, Ok(reply))),
            Request::DeleteGroup { .. } => self.delete(ticket, cx),
            Request::DeleteOffsets(request) => self.delete_offsets(ticket, &request, cx),
            Request::ForgetTopic { topic, .. } => {
                self.forget_topic(ticket, &topic, cx);
                Ok(())
            }
        };
        if let Err(error) = outcome {
            cx.refuse(ticket, error);
        }
    }

    /// Goes on where a decision left off, now that its records are in the log or are known not to be.
    pub(super) fn written(&mut self, then: Then, result: Result<(), BrokerError>, cx: &mut Context<'_>) {
        if let Then::Committed { ticket, results } = then {
            self.commits -= 1;
            cx.reply(ticket, result.map(|()| Reply::Committed(results)));
            return;
        }
        if let Then::ShareWritten(writing) = then {
            self.share_written(*writing, result, cx);
            self.flush_share(cx);
            return;
        }
        self.frozen = false;
        match (then, result) {
            (Then::Assigned, Ok(())) => self.assigned(cx),
            (Then::Assigned, Err(error)) => self.not_assigned(&error, cx),
            (Then::Replaced { ticket, old_id, member, joined }, Ok(())) => {
                self.replaced(ticket, &old_id, *member, *joined, cx);
            }
            (Then::Decided(decided), Ok(())) => self.decided(*decided, cx),
            (Then::Decided(decided), Err(error)) => self.not_decided(*decided, &error, cx),
            (Then::ShareDecided(decided), Ok(())) => self.share_decided(*decided, cx),
            (Then::ShareDecided(decided), Err(error)) => self.share_not_decided(*decided, error, cx),
            (Then::ShareMoved { ticket, reply, partitions }, Ok(())) => {
                self.share_moved(ticket, reply, partitions, cx);
            }
            (Then::Removed { ticket, reply }, Ok(())) => cx.reply(ticket, Ok(reply)),
            (
                Then::Replaced { ticket, .. }
                | Then::Removed { ticket, .. }
                | Then::ShareMoved { ticket, .. },
                Err(error),
            ) => cx.refuse(ticket, error),
            (Then::Expired { offsets }, Ok(())) if offsets > 0 => {
                cx.event(format!(
                    "group {:?}: {offsets} offsets were past their time and are gone",
                    self.name
                ));
            }
            // What was to be written is tried again when offsets are next looked at.
            (Then::Emptied | Then::Expired { .. } | Then::Committed { .. } | Then::ShareWritten(_), _) => {}
        }
    }
}

//! Reads as a member of a group: what the group assigns, from where the group has come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use runnel_proto::text::escape;
use runnel_proto::v1::ErrorCode;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;

use super::fetch::{self, Fetcher};
use super::output::{Damage, Lane, Work};
use super::plan::{self, Span, TopicSize};
use crate::args::{Isolation, OffsetPlan, Position};
use crate::context::Context;
use crate::failure::Failure;
use crate::member::{CommittedOffsets, Joined, Membership, Progress, Rejoin, TopicPartition, existing_sizes};

/// Between two looks at what changes rarely: new partitions.
const GROWTH_INTERVAL: Duration = Duration::from_secs(30);
/// How long committing and leaving may take at the end.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);
/// Between two looks at the others' progress, when there is nothing to do but to wait for it.
const WAIT_INTERVAL: Duration = Duration::from_secs(1);

/// What a member reads.
pub(super) struct Subscription {
    pub(super) offsets: OffsetPlan,
    pub(super) isolation: Isolation,
    /// Where each partition would be read without the group, as found out at the start.
    pub(super) spans: BTreeMap<TopicPartition, Span>,
}

impl Subscription {
    /// Whether there is an end to everything.
    fn is_bounded(&self) -> bool {
        self.spans.values().all(|span| span.stop.is_some())
    }

    fn stop(&self, partition: &TopicPartition) -> Option<i64> {
        self.spans.get(partition).and_then(|span| span.stop)
    }
}

/// A member at work.
pub(super) struct GroupReader<'a> {
    context: &'a Context,
    channel: Channel,
    membership: Membership,
    subscription: Subscription,
    fetcher: Fetcher<'a>,
    work: mpsc::Sender<Work>,
    damaged: mpsc::UnboundedReceiver<Damage>,
    sizes: Vec<TopicSize>,
    /// Partitions that could not be read at all.
    failed: u64,
    told_ignored: bool,
}

/// Why the reading paused.
enum Turn {
    Rejoin(Rejoin),
    Grown(Vec<TopicSize>),
    Damaged(Damage),
    Finished,
}

impl<'a> GroupReader<'a> {
    pub(super) fn new(
        context: &'a Context,
        channel: Channel,
        membership: Membership,
        subscription: Subscription,
        sizes: Vec<TopicSize>,
        work: mpsc::Sender<Work>,
        damaged: mpsc::UnboundedReceiver<Damage>,
    ) -> Self {
        let fetcher = Fetcher::new(context, channel.clone(), work.clone(), subscription.isolation);
        Self {
            context,
            channel,
            membership,
            subscription,
            fetcher,
            work,
            damaged,
            sizes,
            failed: 0,
            told_ignored: false,
        }
    }

    /// How many partitions failed so far.
    pub(super) fn failed(&mut self) -> u64 {
        // The output may have met damage after everything was fetched.
        while let Ok((lane, error)) = self.damaged.try_recv() {
            self.fetcher.give_up(&lane, &error.to_string());
        }
        self.failed + self.fetcher.failed()
    }

    /// Reads until there is nothing more to read. Safe to drop at any moment; then [`close`](Self::close).
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        let mut rejoin = Some(Rejoin::Rebalance);
        loop {
            if let Some(reason) = rejoin {
                self.rejoin(reason).await?;
            }
            rejoin = match self.read().await? {
                Turn::Rejoin(reason) => Some(reason),
                Turn::Grown(sizes) => {
                    self.sizes = sizes;
                    Some(Rejoin::Rebalance)
                }
                Turn::Damaged((lane, error)) => {
                    self.fetcher.give_up(&lane, &error.to_string());
                    None
                }
                Turn::Finished => return Ok(()),
            };
        }
    }

    /// Commits what has been printed and leaves the group. Everything handed to the output must be printed by now.
    ///
    /// A broker that is away is not waited for: whoever leaves wants to go.
    pub(super) async fn close(&mut self) -> Result<(), Failure> {
        let lanes: Vec<_> = self.fetcher.lanes().cloned().collect();
        let going = async {
            let committed = self.membership.commit(&progress(&lanes)).await;
            self.membership.leave().await;
            committed
        };
        let committed = timeout(LEAVE_LIMIT, going)
            .await
            .unwrap_or_else(|_| Err(format!("the broker did not answer within {} s", LEAVE_LIMIT.as_secs())));
        committed.map_err(|reason| {
            Failure::failed(format!(
                "the last printed records were not committed, so they will come again: {reason}"
            ))
        })
    }

    async fn rejoin(&mut self, reason: Rejoin) -> Result<(), Failure> {
        if reason == Rejoin::Expelled {
            self.drop_all();
        } else if !self.membership.is_cooperative() {
            self.revoke(|_| false).await;
        }
        loop {
            let owned = self.owned();
            let Self { membership, fetcher, .. } = self;
            let assigned = match alongside(membership.join(&owned), fetcher).await? {
                Joined::Assigned(assigned) => assigned,
                Joined::Expelled => {
                    self.drop_all();
                    continue;
                }
            };
            let assigned: BTreeSet<TopicPartition> = assigned.into_iter().collect();
            let gives_up_any = owned.iter().any(|partition| !assigned.contains(partition));
            self.revoke(|lane| assigned.contains(&(lane.topic.clone(), lane.partition))).await;
            let added: Vec<_> = assigned.into_iter().filter(|partition| !owned.contains(partition)).collect();
            self.add(&added).await?;
            if !gives_up_any {
                return Ok(());
            }
            // Cooperative: what was given up can be shared out only now.
        }
    }

    fn owned(&self) -> Vec<TopicPartition> {
        self.fetcher.lanes().map(|lane| (lane.topic.clone(), lane.partition)).collect()
    }

    /// Others may be reading our partitions already.
    fn drop_all(&mut self) {
        self.context
            .warn("the group has gone on without this member; records since its last commit may come again");
        self.fetcher.retain(|_| false);
    }

    /// Stops reading partitions that are not to be kept, and commits how far they have come.
    async fn revoke(&mut self, keep: impl Fn(&Lane) -> bool) {
        let gone: Vec<_> = self.fetcher.lanes().filter(|lane| !keep(lane)).cloned().collect();
        if gone.is_empty() {
            return;
        }
        self.fetcher.retain(keep);
        self.drain().await;
        if let Err(reason) = self.membership.commit(&progress(&gone)).await {
            self.context
                .warn(&format!("some printed records were not committed, so they will come again: {reason}"));
        }
    }

    /// Waits until the output has written everything it was given.
    pub(super) async fn drain(&self) {
        let (reached, waits) = oneshot::channel();
        if self.work.send(Work::Barrier(reached)).await.is_ok() {
            let _ = waits.await;
        }
    }

    /// Begins to read partitions where the group has come, or where the command line says.
    async fn add(&mut self, added: &[TopicPartition]) -> Result<(), Failure> {
        if added.is_empty() {
            return Ok(());
        }
        let committed = self.membership.committed_offsets().fetch(added).await?;
        self.tell_ignored_offsets(added, &committed);
        let Subscription { offsets, isolation, .. } = &self.subscription;
        let (spans, unknown) = plan::spans(&self.channel, added, offsets, *isolation, false).await?;
        for row in unknown {
            // A topic that was deleted meanwhile is the group's business at its next rebalance.
            if row.error.code() != ErrorCode::UnknownTopic {
                self.failed += 1;
            }
            fetch::tell_unread(self.context, &row.topic, row.partition, &escape(&row.error.message));
        }
        for span in spans {
            let key = (span.topic.clone(), span.partition);
            let known = committed.get(&key).copied();
            let start = self.start(&span, known);
            let stop = self.subscription.stop(&key).or(span.stop);
            let lane = Lane::new(&span.topic, span.partition, start, stop);
            // A place that the command line chose must be committed though nothing is read: the next run goes on there.
            if known.is_some() || start == span.earliest {
                self.membership.begin(key, start);
            }
            self.fetcher.add(lane);
        }
        Ok(())
    }

    /// Says once that `-o` does not move a group that has been somewhere.
    fn tell_ignored_offsets(&mut self, added: &[TopicPartition], committed: &BTreeMap<TopicPartition, i64>) {
        let asks_elsewhere = |partition: &TopicPartition| {
            let start = self.subscription.offsets.range(partition.1).start;
            start.is_some_and(|start| start != Position::Stored) && committed.contains_key(partition)
        };
        if !self.told_ignored && added.iter().any(asks_elsewhere) {
            self.told_ignored = true;
            self.context.note(&format!(
                "runnel: group {0} goes on where it has committed offsets, whatever -o says; `runnel group reset {0}` moves them",
                escape(self.membership.group())
            ));
        }
    }

    fn start(&self, span: &Span, committed: Option<i64>) -> i64 {
        match committed {
            None => span.start,
            Some(committed) if committed < span.earliest => {
                let (topic, partition, earliest) = (escape(&span.topic), span.partition, span.earliest);
                self.context.warn(&format!(
                    "{topic}/{partition}: the records {committed} to {earliest} were deleted before the group read them"
                ));
                earliest
            }
            Some(committed) => committed,
        }
    }

    /// Reads what is assigned for as long as that stays so.
    async fn read(&mut self) -> Result<Turn, Failure> {
        let lanes: Vec<Arc<Lane>> = self.fetcher.lanes().cloned().collect();
        let is_leader = self.membership.is_leader();
        let committed = self.membership.committed_offsets();
        let Self { membership, fetcher, damaged, subscription, channel, sizes, .. } = self;
        let waits_for_others = lanes.is_empty() && subscription.is_bounded();
        tokio::select! {
            read = fetcher.run(), if !lanes.is_empty() => read.map(|()| Turn::Finished),
            rejoin = membership.keep_alive(|| progress(&lanes)) => rejoin.map(Turn::Rejoin),
            Some(damage) = damaged.recv() => Ok(Turn::Damaged(damage)),
            sizes = growth(channel, sizes), if is_leader => Ok(Turn::Grown(sizes)),
            read = all_read(&committed, &subscription.spans), if waits_for_others => read.map(|()| Turn::Finished),
        }
    }
}

/// How far the lanes have been printed.
fn progress(lanes: &[Arc<Lane>]) -> Progress {
    lanes.iter().map(|lane| ((lane.topic.clone(), lane.partition), lane.printed())).collect()
}

/// Does something that takes time, and reads on meanwhile.
async fn alongside<T>(
    main: impl Future<Output = Result<T, Failure>>,
    fetcher: &mut Fetcher<'_>,
) -> Result<T, Failure> {
    tokio::pin!(main);
    tokio::select! {
        done = &mut main => done,
        read = fetcher.run() => {
            read?;
            main.await
        }
    }
}

/// Comes back once a topic has more partitions than before, with how many they have.
pub(super) async fn growth(channel: &Channel, before: &[TopicSize]) -> Vec<TopicSize> {
    let topics: Vec<String> = before.iter().map(|size| size.topic.clone()).collect();
    loop {
        sleep(GROWTH_INTERVAL).await;
        // A lost broker is noticed by whoever reads.
        let Ok(now) = existing_sizes(channel, &topics).await else { continue };
        let now = before.iter().map(|size| TopicSize {
            topic: size.topic.clone(),
            partitions: now.get(&size.topic).copied().unwrap_or(0).max(size.partitions),
        });
        let now: Vec<_> = now.collect();
        if now != before {
            return now;
        }
    }
}

/// Comes back once the group has read every partition to its stop.
async fn all_read(
    committed: &CommittedOffsets,
    spans: &BTreeMap<TopicPartition, Span>,
) -> Result<(), Failure> {
    let partitions: Vec<TopicPartition> = spans.keys().cloned().collect();
    loop {
        sleep(WAIT_INTERVAL).await;
        let committed = committed.fetch(&partitions).await?;
        let is_read = |(key, span): (&TopicPartition, &Span)| {
            let position = committed.get(key).copied().unwrap_or(span.start);
            span.stop.is_none_or(|stop| position.max(span.earliest) >= stop)
        };
        if spans.iter().all(is_read) {
            return Ok(());
        }
    }
}

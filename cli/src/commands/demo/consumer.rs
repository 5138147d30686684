//! Reads topics of the demo as a member of a group, each with a habit that makes the dashboard worth watching.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runnel_proto::group::Assignor;
use runnel_proto::records::split_batches;
use runnel_proto::v1;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::Streaming;
use tonic::transport::Channel;

use crate::admin::Admin;
use crate::failure::Failure;
use crate::member::{Joined, Membership, Progress, TopicPartition};

/// Small answers, so that a slow reader advances in small steps.
const MAX_BYTES: u32 = 32 << 10;
/// What a reader that was away still has to read at most: it begins to read this fast.
const FAST_RECORDS_PER_S: f64 = 200_000.0;

/// One member of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consumer {
    pub(super) group: &'static str,
    pub(super) client_id: &'static str,
    pub(super) topics: &'static [&'static str],
    pub(super) habit: Habit,
}

/// What makes a member special.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Habit {
    /// Reads everything at once.
    Diligent,
    /// Can't read faster than this.
    Slow { records_per_s: f64 },
    /// Stops reading now and then, and catches up.
    Napping { awake: Duration, asleep: Duration },
    /// Leaves its group now and then, and comes back.
    Restless { present: Duration, absent: Duration },
}

/// Everybody who reads.
pub(super) const CONSUMERS: [Consumer; 6] = [
    Consumer {
        group: "billing",
        client_id: "billing-a",
        topics: &["orders", "payments"],
        habit: Habit::Diligent,
    },
    Consumer {
        group: "billing",
        client_id: "billing-b",
        topics: &["orders", "payments"],
        habit: Habit::Restless { present: Duration::from_secs(35), absent: Duration::from_secs(10) },
    },
    Consumer {
        group: "analytics",
        client_id: "analytics-1",
        topics: &["clicks"],
        habit: Habit::Slow { records_per_s: 1900.0 },
    },
    Consumer {
        group: "search-index",
        client_id: "indexer",
        topics: &["orders"],
        habit: Habit::Napping { awake: Duration::from_secs(20), asleep: Duration::from_secs(15) },
    },
    Consumer { group: "log-archive", client_id: "archiver", topics: &["app-logs"], habit: Habit::Diligent },
    Consumer { group: "fraud-check", client_id: "fraud-1", topics: &["payments"], habit: Habit::Diligent },
];

impl Consumer {
    /// Reads for as long as it is polled; returns only when that fails.
    pub(super) async fn run(self, channel: Channel) -> Result<(), Failure> {
        let mut reader =
            Reader { admin: Admin::new(channel.clone()), habit: self.habit, positions: BTreeMap::new() };
        let topics: Vec<String> = self.topics.iter().map(|&topic| topic.to_owned()).collect();
        let mut member = Membership::new(channel, self.group, self.client_id, &topics, vec![Assignor::Range]);
        let mut leaves_at = self.habit.leaves_after().map(|present| Instant::now() + present);
        loop {
            if let Joined::Assigned(partitions) = member.join(&[]).await? {
                reader.begin(&mut member, partitions).await?;
            }
            if reader.read(&mut member, leaves_at).await? == Ended::Rebalance {
                continue;
            }
            member.leave().await;
            if let Habit::Restless { present, absent } = self.habit {
                sleep(absent).await;
                leaves_at = Some(Instant::now() + present);
            }
        }
    }
}

impl Habit {
    fn leaves_after(self) -> Option<Duration> {
        match self {
            Self::Restless { present, .. } => Some(present),
            _ => None,
        }
    }

    /// How long reading rests after so many records, `since` the member began.
    fn rest_after(self, records: u64, since: Duration) -> Duration {
        let rate = match self {
            Self::Slow { records_per_s } => records_per_s,
            _ => FAST_RECORDS_PER_S,
        };
        let rest = Duration::from_secs_f64(records as f64 / rate);
        let Self::Napping { awake, asleep } = self else { return rest };
        let cycle = awake + asleep;
        let at = Duration::from_nanos((since.as_nanos() % cycle.as_nanos()) as u64);
        if at < awake { rest } else { cycle - at }
    }
}

/// Why reading ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Rebalance,
    Left,
}

struct Reader {
    admin: Admin,
    habit: Habit,
    /// Where to read on.
    positions: BTreeMap<TopicPartition, i64>,
}

impl Reader {
    /// Takes over partitions where the group has come to, or at their beginning.
    async fn begin(
        &mut self,
        member: &mut Membership,
        partitions: Vec<TopicPartition>,
    ) -> Result<(), Failure> {
        let committed = member.committed_offsets().fetch(&partitions).await?;
        self.positions.clear();
        for partition in partitions {
            let offset = committed.get(&partition).copied().unwrap_or(0);
            member.begin(partition.clone(), offset);
            self.positions.insert(partition, offset);
        }
        Ok(())
    }

    /// Reads what the member owns until the group rebalances or it is time to leave. What was read is committed then.
    async fn read(&mut self, member: &mut Membership, leaves_at: Option<Instant>) -> Result<Ended, Failure> {
        let progress = Mutex::new(self.progress());
        let ended = {
            let keep_alive = member.keep_alive(|| lock(&progress).clone());
            tokio::select! {
                rejoin = keep_alive => rejoin.map(|_| Ended::Rebalance),
                failure = self.follow(&progress) => Err(failure),
                () = sleep_until(leaves_at.unwrap_or_else(Instant::now)), if leaves_at.is_some() => Ok(Ended::Left),
            }
        };
        // When the group has gone on already, others read that again: no harm in a demo.
        let _ = member.commit(&self.progress()).await;
        ended
    }

    /// Reads at the pace that the habit allows; returns only when that fails.
    async fn follow(&mut self, progress: &Mutex<Progress>) -> Failure {
        let begin = Instant::now();
        let mut stream = match self.open().await {
            Ok(Some(stream)) => stream,
            Ok(None) => return std::future::pending().await,
            Err(failure) => return failure,
        };
        loop {
            // While it rests the stream is not polled, and the broker holds nothing back for this member.
            let taken = match stream.message().await {
                Ok(Some(answer)) => self.take(&answer),
                Ok(None) => Err(Failure::unreachable("the broker ended the stream")),
                Err(status) => Err(status.into()),
            };
            match taken {
                Ok(records) => {
                    *lock(progress) = self.progress();
                    sleep(self.habit.rest_after(records, begin.elapsed())).await;
                }
                Err(failure) => return failure,
            }
        }
    }

    fn progress(&self) -> Progress {
        self.positions.iter().map(|(partition, &offset)| (partition.clone(), offset)).collect()
    }

    /// Opens a stream over all partitions; none when the member owns nothing.
    async fn open(&mut self) -> Result<Option<Streaming<v1::ConsumeResponse>>, Failure> {
        if self.positions.is_empty() {
            return Ok(None);
        }
        let partition = |((topic, partition), &offset): (&(String, i32), &i64)| v1::ConsumePartition {
            topic: topic.clone(),
            partition: *partition,
            offset,
            stop_offset: None,
        };
        let partitions = self.positions.iter().map(partition).collect();
        let request = v1::ConsumeRequest { partitions, max_bytes: MAX_BYTES, ..Default::default() };
        Ok(Some(self.admin.records.consume(request).await?.into_inner()))
    }

    /// Goes on after what has come; returns how many records that was.
    fn take(&mut self, answer: &v1::ConsumeResponse) -> Result<u64, Failure> {
        if let Some(error) = &answer.error {
            return Err(Failure::refused(error));
        }
        let mut records = 0;
        for batch in split_batches(&answer.batches) {
            let (header, _) = batch.map_err(|error| Failure::failed(error.to_string()))?;
            records += u64::try_from(header.record_count).unwrap_or(0);
        }
        self.positions.insert((answer.topic.clone(), answer.partition), answer.next_offset);
        Ok(records)
    }
}

/// The progress; its lock is never held across an await.
fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reader_rests_in_proportion() {
        let slow = Habit::Slow { records_per_s: 100.0 };
        assert_eq!(slow.rest_after(50, Duration::ZERO), Duration::from_millis(500));
        assert!(Habit::Diligent.rest_after(50, Duration::ZERO) < Duration::from_millis(1));
    }

    #[test]
    fn a_napping_reader_sleeps_until_its_cycle_begins_again() {
        let napping = Habit::Napping { awake: Duration::from_secs(20), asleep: Duration::from_secs(15) };
        assert!(napping.rest_after(1, Duration::from_secs(19)) < Duration::from_millis(1));
        assert_eq!(napping.rest_after(1, Duration::from_secs(25)), Duration::from_secs(10));
        assert_eq!(napping.rest_after(1, Duration::from_secs(60)), Duration::from_secs(10));
    }

    #[test]
    fn everybody_reads_what_somebody_writes() {
        let written = super::super::workload::STREAMS.map(|stream| stream.topic);
        for consumer in CONSUMERS {
            assert!(consumer.topics.iter().all(|topic| written.contains(topic)), "{consumer:?}");
        }
    }
}

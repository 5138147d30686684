//! Reads partitions from the broker and hands their batches to the output, on from where each of them is.

use std::sync::Arc;
use std::time::Duration;

use runnel_proto::client::MAX_MESSAGE_BYTES;
use runnel_proto::status::from_status;
use runnel_proto::text::escape;
use runnel_proto::v1::records_client::RecordsClient;
use runnel_proto::v1::{ConsumePartition, ConsumeRequest, ConsumeResponse, Error, ErrorCode};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::transport::Channel;

use super::output::{Lane, Work};
use crate::args::Isolation;
use crate::context::Context;
use crate::failure::Failure;

/// How long a lost broker is waited for.
const RECONNECT_LIMIT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The partitions being read.
pub(super) struct Fetcher<'a> {
    context: &'a Context,
    client: RecordsClient<Channel>,
    work: mpsc::Sender<Work>,
    isolation: Isolation,
    reads: Vec<Read>,
    /// Partitions that could not be read on.
    failed: u64,
}

struct Read {
    lane: Arc<Lane>,
    /// Where to read on; the output may not have come so far yet.
    position: i64,
    is_over: bool,
}

impl Read {
    fn reached_stop(&self) -> bool {
        self.lane.stop.is_some_and(|stop| self.position >= stop)
    }
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(
        context: &'a Context,
        channel: Channel,
        work: mpsc::Sender<Work>,
        isolation: Isolation,
    ) -> Self {
        let client = RecordsClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
        Self { context, client, work, isolation, reads: Vec::new(), failed: 0 }
    }

    /// Also reads this partition, from where it has been printed.
    pub(super) fn add(&mut self, lane: Arc<Lane>) {
        let position = lane.printed();
        self.reads.push(Read { lane, position, is_over: false });
    }

    /// Stops reading partitions that are not to be kept. What was read of them may still be on its way to the output.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Lane) -> bool) {
        self.reads.retain(|read| keep(&read.lane));
    }

    /// The partitions being read, finished ones included.
    pub(super) fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        self.reads.iter().map(|read| &read.lane)
    }

    /// How many partitions failed so far.
    pub(super) fn failed(&self) -> u64 {
        self.failed
    }

    /// Reports that a partition can't be read on and leaves it alone from now on.
    pub(super) fn give_up(&mut self, lane: &Arc<Lane>, reason: &str) {
        tell_failure(self.context, lane, reason);
        self.failed += 1;
        for read in self.reads.iter_mut().filter(|read| Arc::ptr_eq(&read.lane, lane)) {
            read.is_over = true;
        }
    }

    /// Reads until every partition is finished or has failed. Safe to drop at any moment and to call again.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        let mut lost_since: Option<Instant> = None;
        loop {
            let mut got_any = false;
            let lost = match self.stream(&mut got_any).await {
                Ok(()) => return Ok(()),
                Err(lost) => lost,
            };
            if got_any {
                (pause, lost_since) = (FIRST_PAUSE, None);
            }
            let reason = lost.settle()?;
            let now = Instant::now();
            if lost_since.is_none() {
                self.context.note(&format!("runnel: {reason}; trying again"));
            }
            if now - *lost_since.get_or_insert(now) > RECONNECT_LIMIT {
                return Err(Failure::unreachable(format!(
                    "{reason}; gave up after {} s",
                    RECONNECT_LIMIT.as_secs()
                )));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn stream(&mut self, got_any: &mut bool) -> Result<(), Lost> {
        for read in &mut self.reads {
            // One that begins beyond its stop is asked for all the same: the broker says what is wrong with it.
            read.is_over |= read.lane.stop == Some(read.position);
        }
        let partitions = self.wanted();
        if partitions.is_empty() {
            return Ok(());
        }
        let isolation_level = self.isolation.to_wire().into();
        let request = ConsumeRequest { partitions, max_bytes: 0, isolation_level };
        let mut answers = self.client.consume(request).await.map_err(Lost::Status)?.into_inner();
        while self.reads.iter().any(|read| !read.is_over) {
            let Some(answer) = answers.message().await.map_err(Lost::Status)? else {
                return Err(Lost::Reason("the broker ended the stream".to_owned()));
            };
            *got_any = true;
            self.take(answer).await?;
        }
        Ok(())
    }

    fn wanted(&self) -> Vec<ConsumePartition> {
        let open = self.reads.iter().filter(|read| !read.is_over);
        open.map(|read| ConsumePartition {
            topic: read.lane.topic.clone(),
            partition: read.lane.partition,
            offset: read.position,
            stop_offset: read.lane.stop,
        })
        .collect()
    }

    async fn take(&mut self, answer: ConsumeResponse) -> Result<(), Lost> {
        let is_meant =
            |read: &&mut Read| read.lane.partition == answer.partition && read.lane.topic == answer.topic;
        let Some(read) = self.reads.iter_mut().find(is_meant).filter(|read| !read.is_over) else {
            return Ok(());
        };
        if let Some(error) = answer.error {
            let lane = Arc::clone(&read.lane);
            return self.refused(&lane, &error);
        }
        if !answer.batches.is_empty() || answer.next_offset > read.position {
            // Between the room in the queue and the new position nothing may wait: the caller may drop us there.
            let Ok(room) = self.work.reserve().await else {
                // The output has ended; whoever watches it will drop us.
                return std::future::pending().await;
            };
            let next = answer.next_offset.max(read.position);
            room.send(Work::Batches {
                lane: Arc::clone(&read.lane),
                bytes: answer.batches,
                from: read.position,
                next,
            });
            read.position = next;
        }
        read.is_over = answer.finished || read.reached_stop();
        Ok(())
    }

    fn refused(&mut self, lane: &Arc<Lane>, error: &Error) -> Result<(), Lost> {
        let message = escape(&error.message).into_owned();
        if matches!(error.code(), ErrorCode::Busy | ErrorCode::ShuttingDown) {
            return Err(Lost::Reason(message));
        }
        self.give_up(lane, &message);
        Ok(())
    }
}

/// Tells that a partition can't be read on.
pub(super) fn tell_failure(context: &Context, lane: &Lane, reason: &str) {
    tell_unread(context, &lane.topic, lane.partition, reason);
}

/// The same, of a partition that was not even begun.
pub(super) fn tell_unread(context: &Context, topic: &str, partition: i32, reason: &str) {
    let place = format!("{}/{partition}", escape(topic));
    // Some reasons begin with the place.
    match reason.starts_with(&place) {
        true => context.warn(reason),
        false => context.warn(&format!("{place}: {reason}")),
    }
}

/// Why a stream ended before its time.
enum Lost {
    Status(tonic::Status),
    Reason(String),
}

impl Lost {
    /// Whether it is worth trying again; if not, the failure.
    fn settle(self) -> Result<String, Failure> {
        match self {
            Self::Reason(reason) => Ok(reason),
            Self::Status(status) => {
                let error = from_status(&status);
                match error.code() {
                    ErrorCode::ShuttingDown | ErrorCode::Busy => Ok(escape(&error.message).into_owned()),
                    _ => Err(Failure::refused(&error)),
                }
            }
        }
    }
}

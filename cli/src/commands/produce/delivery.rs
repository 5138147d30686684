//! Sends batches and matches the answers.
//!
//! Many batches are under way at once. When the broker asks to retry one (its disk is full, it is busy), nothing new is
//! sent until all answers are in; what was refused then goes out again in its old order, on a new stream. So each
//! partition keeps its order. Batches whose answer is lost with the connection are never sent again: they may be stored.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use runnel_proto::client::MAX_MESSAGE_BYTES;
use runnel_proto::status::from_status;
use runnel_proto::text::escape;
use runnel_proto::v1::records_client::RecordsClient;
use runnel_proto::v1::{Acks, Error, ErrorCode, ProduceRequest, ProduceResponse};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::batching::Batch;
use super::report::{Reporter, Tally};
use crate::args::OnError;
use crate::failure::limit_text;
use crate::output::counted;

/// So many bytes may be sent and not answered.
const WINDOW_BYTES: usize = 16 << 20;
/// So many batches may be, which matters when they are tiny.
const WINDOW_BATCHES: usize = 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Shorter trouble is nobody's business.
const TELL_AFTER: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How to deliver.
#[derive(Debug, Clone)]
pub(super) struct DeliveryPolicy {
    pub(super) topic: String,
    pub(super) acks: Acks,
    /// How long to retry when nothing gets through.
    pub(super) timeout: Duration,
    pub(super) on_error: OnError,
}

/// Everything on its way to the broker.
pub(super) struct Delivery {
    policy: DeliveryPolicy,
    client: RecordsClient<Channel>,
    batches: mpsc::Receiver<Batch>,
    /// Refused for now, in their order; they go before any new one.
    again: VecDeque<Batch>,
    under_way: UnderWay,
    next_id: u64,
    patience: Patience,
    is_silent: bool,
    reporter: Reporter,
    tally: Tally,
    partitions: BTreeSet<i32>,
}

/// How a stream, or the whole delivery, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All that could be sent is answered.
    Done,
    /// A record was refused, and nothing is to be sent after it.
    Stopped,
    /// The broker can't be reached any more.
    Lost,
    /// The broker kept asking to retry for too long.
    GaveUp,
    /// The broker stopped answering, though the connection stands.
    Silent,
}

impl Delivery {
    pub(super) fn new(
        policy: DeliveryPolicy,
        channel: Channel,
        batches: mpsc::Receiver<Batch>,
        reporter: Reporter,
    ) -> Self {
        let client = RecordsClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let patience = Patience::new(policy.timeout);
        Self {
            policy,
            client,
            batches,
            again: VecDeque::new(),
            under_way: UnderWay::default(),
            next_id: 0,
            patience,
            is_silent: false,
            reporter,
            tally: Tally::default(),
            partitions: BTreeSet::new(),
        }
    }

    /// Delivers until the batches end or something is final. Safe to drop at any moment: the tally stays true.
    pub(super) async fn run(&mut self) -> Ended {
        loop {
            let opened = Instant::now();
            self.is_silent = false;
            let reason = match self.stream().await {
                Ok(ended) => return ended,
                Err(reason) => reason,
            };
            if self.lost_answers() {
                let (acknowledged, unknown) = (self.tally.acknowledged, self.tally.unknown);
                self.reporter.warn(&format!(
                    "{reason}; {acknowledged} records acknowledged, {unknown} unknown: they may be stored or not"
                ));
                return if self.is_silent { Ended::Silent } else { Ended::Lost };
            }
            if self.is_silent {
                self.reporter.warn(&reason);
                return Ended::Silent;
            }
            let now = Instant::now();
            if now - opened > self.policy.timeout {
                // The stream was good for long.
                self.patience.reset();
            }
            match self.patience.next(now) {
                Next::Pause { pause, tell } => {
                    if tell {
                        let limit = self.policy.timeout.as_secs_f64();
                        self.reporter.warn(&format!("{reason}; retrying for {limit} s in all"));
                    }
                    tokio::time::sleep(pause).await;
                }
                Next::GiveUp => {
                    self.reporter.warn(&format!("{reason}; gave up"));
                    return if self.again.is_empty() { Ended::Lost } else { Ended::GaveUp };
                }
            }
        }
    }

    /// Whether records were sent whose fate nobody will tell.
    fn lost_answers(&mut self) -> bool {
        self.tally.unknown = self.under_way.records();
        if self.policy.acks == Acks::None {
            self.tally.unknown = std::mem::take(&mut self.tally.acknowledged);
        }
        self.tally.unknown > 0
    }

    /// What has become of the records so far.
    pub(super) fn tally(&self) -> Tally {
        let unknown = self.tally.unknown.max(self.under_way.records());
        Tally { unknown, partitions: self.partitions.len(), ..self.tally.clone() }
    }

    /// Works on one stream. The error is why a new one is needed.
    async fn stream(&mut self) -> Result<Ended, String> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let opened = self.client.produce(UnboundedReceiverStream::new(outgoing));
        let Ok(opened) = timeout(self.policy.timeout, opened).await else { return Err(self.silence()) };
        let mut answers = opened.map_err(|status| told(&status))?.into_inner();
        for batch in std::mem::take(&mut self.again) {
            self.send(&requests, batch);
        }
        let mut open = true;
        let mut stopped = false;
        let mut waits_since = Instant::now();
        loop {
            let idle = self.under_way.is_empty();
            if idle && stopped {
                return Ok(Ended::Stopped);
            }
            if idle && !self.again.is_empty() {
                return Err(self.patience.reason.clone());
            }
            if idle && !open {
                drop(requests);
                return finish(&mut answers).await;
            }
            let may_send = open && !stopped && self.again.is_empty() && self.under_way.has_room();
            tokio::select! {
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => {
                        stopped |= !self.settle(&answer)?;
                        waits_since = Instant::now();
                    }
                    Ok(None) => return Err("the broker ended the stream".to_owned()),
                    Err(status) => return Err(told(&status)),
                },
                batch = self.batches.recv(), if may_send => match batch {
                    Some(batch) => {
                        if idle {
                            waits_since = Instant::now();
                        }
                        self.send(&requests, batch);
                    }
                    None => open = false,
                },
                () = sleep_until(waits_since + self.policy.timeout), if !idle => return Err(self.silence()),
            }
        }
    }

    /// Remembers that the broker does not answer; the sentence for people.
    fn silence(&mut self) -> String {
        self.is_silent = true;
        format!("timed out: the broker has not answered for {}", limit_text(self.policy.timeout))
    }

    fn send(&mut self, requests: &mpsc::UnboundedSender<ProduceRequest>, batch: Batch) {
        let request = ProduceRequest {
            correlation_id: self.next_id,
            topic: self.policy.topic.clone(),
            partition: batch.partition,
            batch: batch.bytes.clone(),
            acks: self.policy.acks.into(),
        };
        // When the stream is gone, its answers tell.
        let _ = requests.send(request);
        if self.policy.acks == Acks::None {
            self.acknowledged(&batch);
        } else {
            self.under_way.push(self.next_id, batch);
        }
        self.next_id += 1;
    }

    /// Puts an answer to its batch; whether to go on sending.
    fn settle(&mut self, answer: &ProduceResponse) -> Result<bool, String> {
        let Some(batch) = self.under_way.take(answer.correlation_id) else {
            return Err("the broker answered what nobody asked".to_owned());
        };
        let Some(error) = &answer.error else {
            self.patience.reset();
            self.acknowledged(&batch);
            return Ok(true);
        };
        if may_retry(error) {
            self.patience.reason = escape(&error.message).into_owned();
            self.again.push_back(batch);
            return Ok(true);
        }
        self.tally.refused += batch.records;
        let places = self.reporter.places(&batch);
        self.reporter.failure(&format!("{places}: {}", escape(&error.message)));
        Ok(self.policy.on_error == OnError::Skip)
    }

    fn acknowledged(&mut self, batch: &Batch) {
        let (partition, records) = (batch.partition, batch.records);
        self.reporter
            .detail(|| format!("partition {partition}: {} acknowledged", counted(records as i64, "record")));
        self.tally.acknowledged += batch.records;
        self.tally.acknowledged_bytes += batch.input_bytes;
        self.partitions.insert(batch.partition);
        self.reporter.advance(batch.input_bytes);
    }
}

/// The requests are over: waits until the broker has taken them all, which matters when it answers none.
async fn finish(answers: &mut Streaming<ProduceResponse>) -> Result<Ended, String> {
    match answers.message().await {
        Ok(_) => Ok(Ended::Done),
        Err(status) => Err(told(&status)),
    }
}

fn told(status: &tonic::Status) -> String {
    escape(&from_status(status).message).into_owned()
}

/// Whether the broker stored nothing and may take it later.
fn may_retry(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::DiskFull | ErrorCode::Busy | ErrorCode::ShuttingDown)
}

/// Sent, not answered.
#[derive(Debug, Default)]
struct UnderWay {
    batches: VecDeque<(u64, Batch)>,
    bytes: usize,
}

impl UnderWay {
    fn push(&mut self, id: u64, batch: Batch) {
        self.bytes += batch.bytes.len();
        self.batches.push_back((id, batch));
    }

    /// Answers come in the order of the requests.
    fn take(&mut self, id: u64) -> Option<Batch> {
        let (_, batch) = self.batches.pop_front_if(|(first, _)| *first == id)?;
        self.bytes -= batch.bytes.len();
        Some(batch)
    }

    fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    fn has_room(&self) -> bool {
        self.bytes < WINDOW_BYTES && self.batches.len() < WINDOW_BATCHES
    }

    fn records(&self) -> u64 {
        self.batches.iter().map(|(_, batch)| batch.records).sum()
    }
}

/// How long to wait before the next try, and when to give up.
#[derive(Debug)]
struct Patience {
    timeout: Duration,
    pause: Duration,
    failing_since: Option<Instant>,
    told: bool,
    /// What the broker said last.
    reason: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Try again after this; `tell`: it is time to let people know.
    Pause {
        pause: Duration,
        tell: bool,
    },
    GiveUp,
}

impl Patience {
    fn new(timeout: Duration) -> Self {
        Self { timeout, pause: FIRST_PAUSE, failing_since: None, told: false, reason: String::new() }
    }

    fn next(&mut self, now: Instant) -> Next {
        let failing_for = now - *self.failing_since.get_or_insert(now);
        let left = self.timeout.saturating_sub(failing_for);
        if left.is_zero() {
            return Next::GiveUp;
        }
        let tell = !self.told && failing_for >= TELL_AFTER;
        self.told |= tell;
        let pause = self.pause.min(left);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Next::Pause { pause, tell }
    }

    /// Something got through.
    fn reset(&mut self) {
        (self.pause, self.failing_since, self.told) = (FIRST_PAUSE, None, false);
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;

//! Writes one stream of the demo through the broker's ordinary produce service.

use std::time::Duration;

use runnel_proto::partitioner::partition_for_key;
use runnel_proto::records::BatchBuilder;
use runnel_proto::v1;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::workload::{Invented, Inventor, Pace, Stream};
use crate::admin::Admin;
use crate::failure::Failure;
use crate::time::now_ms;

/// Records are gathered for so long.
const TICK: Duration = Duration::from_millis(100);
/// Records that are there when the demo begins, spread over this time before it.
const HISTORY: Duration = Duration::from_secs(120);
/// History is written in pieces of so many records.
const HISTORY_PIECE: usize = 2000;

/// One stream, with its connection and what is gathered for each partition.
pub(super) struct Producer {
    stream: Stream,
    inventor: Inventor,
    gathered: Vec<BatchBuilder>,
    /// Where the next record without a key goes.
    turn: usize,
    requests: mpsc::Sender<v1::ProduceRequest>,
    answers: Streaming<v1::ProduceResponse>,
}

impl Producer {
    /// Creates the topic and opens the stream.
    pub(super) async fn open(mut admin: Admin, stream: Stream, seed: u64) -> Result<Self, Failure> {
        let request = v1::CreateTopicRequest {
            name: stream.topic.to_owned(),
            partitions: stream.partitions,
            if_not_exists: true,
            ..Default::default()
        };
        admin.topics.create_topic(request).await?;
        let (requests, outgoing) = mpsc::channel(stream.partitions as usize);
        let answers = admin.records.produce(ReceiverStream::new(outgoing)).await?.into_inner();
        let gathered = (0..stream.partitions).map(|_| BatchBuilder::new(stream.compression)).collect();
        Ok(Self { stream, inventor: Inventor::new(stream.kind, seed), gathered, turn: 0, requests, answers })
    }

    /// As [`open`](Self::open), but only if the topic exists: whoever deleted it does not want it back.
    pub(super) async fn reopen(mut admin: Admin, stream: Stream, seed: u64) -> Result<Option<Self>, Failure> {
        let described = admin.describe_topics(vec![stream.topic.to_owned()]).await?;
        match described.iter().all(|topic| topic.error.is_none()) {
            true => Self::open(admin, stream, seed).await.map(Some),
            false => Ok(None),
        }
    }

    /// Writes what would have come in before the demo began.
    pub(super) async fn write_history(&mut self) -> Result<(), Failure> {
        let total = (f64::from(self.stream.records_per_s) * HISTORY.as_secs_f64()) as usize;
        let begin_ms = now_ms() - HISTORY.as_millis() as i64;
        let spacing_ms = HISTORY.as_millis() as f64 / total as f64;
        for first in (0..total).step_by(HISTORY_PIECE) {
            for number in first..total.min(first + HISTORY_PIECE) {
                self.gather(begin_ms + (number as f64 * spacing_ms) as i64);
            }
            self.send().await?;
        }
        Ok(())
    }

    /// Writes at the stream's rate for as long as it is polled; returns only when that fails.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        let begin = Instant::now();
        let mut pace = Pace::default();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let time_ms = now_ms();
            for _ in 0..pace.take(self.stream.rate(begin.elapsed()), TICK) {
                self.gather(time_ms);
            }
            self.send().await?;
        }
    }

    fn gather(&mut self, time_ms: i64) {
        let mut record = Invented::default();
        self.inventor.next(&mut record, time_ms);
        let key = Some(record.key.as_bytes()).filter(|key| !key.is_empty());
        let partition = match key {
            Some(key) => partition_for_key(key, self.stream.partitions) as usize,
            None => {
                self.turn = (self.turn + 1) % self.gathered.len();
                self.turn
            }
        };
        let header = record.header.map(|(name, value)| (name.as_bytes(), Some(value.as_bytes())));
        self.gathered[partition].push(time_ms, key, Some(record.value.as_bytes()), header.as_slice());
    }

    /// Sends a batch for each partition that has records and waits until all are on disk.
    async fn send(&mut self) -> Result<(), Failure> {
        let mut expected = 0;
        for (partition, gathered) in self.gathered.iter_mut().enumerate() {
            if gathered.is_empty() {
                continue;
            }
            let batch = gathered.build().map_err(|error| Failure::failed(error.to_string()))?;
            let request = v1::ProduceRequest {
                correlation_id: partition as u64,
                topic: self.stream.topic.to_owned(),
                partition: partition as i32,
                batch,
                acks: v1::Acks::All.into(),
            };
            // When the stream has ended, the answers say why.
            let _ = self.requests.send(request).await;
            expected += 1;
        }
        for _ in 0..expected {
            let answer = self.answers.message().await?;
            let answer = answer.ok_or_else(|| Failure::unreachable("the broker ended the stream"))?;
            if let Some(error) = answer.error {
                return Err(Failure::refused(&error));
            }
        }
        Ok(())
    }
}

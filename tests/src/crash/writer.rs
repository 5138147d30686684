//! A producer that remembers exactly what it was promised.

use std::collections::VecDeque;

use bytes::Bytes;
use runnel_proto::records::{BatchBuilder, Compression};
use runnel_proto::v1::{Acks, ProduceRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::TOPIC;
use crate::harness::{Random, records};

/// Batches under way at once.
const PIPELINE: usize = 8;
const MOST_RECORDS: u64 = 20;
const TIMESTAMP_MS: i64 = 1_767_225_600_000;

/// Which record: its writer, and the writer's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RecordId {
    pub(super) writer: u32,
    pub(super) sequence: u64,
}

impl RecordId {
    /// The record's value, which says which record it is and depends on nothing else.
    pub(super) fn value(self) -> Vec<u8> {
        let mut random = Random::new(self.sequence << 8 | u64::from(self.writer));
        let length = random.below(60) as usize;
        format!("{} {} {}", self.writer, self.sequence, "x".repeat(length)).into_bytes()
    }

    /// Which record has this value.
    pub(super) fn of_value(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (writer, rest) = text.split_once(' ')?;
        let id = Self { writer: writer.parse().ok()?, sequence: rest.split_once(' ')?.0.parse().ok()? };
        (id.value() == value).then_some(id)
    }
}

/// A batch that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) partition: i32,
    /// Its first record; the others have the next sequences.
    pub(super) first: RecordId,
    pub(super) count: u64,
    pub(super) answer: Answer,
}

/// What the broker said to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing: it was killed before.
    None,
    /// It is durable, from this offset on.
    Stored { base_offset: i64 },
    /// It is not stored.
    Refused,
}

impl Sent {
    /// Its records.
    pub(super) fn records(&self) -> impl Iterator<Item = RecordId> + use<> {
        let RecordId { writer, sequence } = self.first;
        (sequence..sequence + self.count).map(move |sequence| RecordId { writer, sequence })
    }
}

/// Writes to one partition and never sends anything twice.
pub(super) struct Writer {
    id: u32,
    partition: i32,
    random: Random,
    next_sequence: u64,
    sent: Vec<Sent>,
}

impl Writer {
    pub(super) fn new(id: u32, partition: i32, seed: u64) -> Self {
        Self { id, partition, random: Random::new(seed), next_sequence: 0, sent: Vec::new() }
    }

    /// What was sent since the last call.
    pub(super) fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Sends batch after batch until the broker is gone.
    pub(super) async fn write(&mut self, channel: Channel) {
        let (requests, outgoing) = mpsc::channel(PIPELINE);
        let mut under_way = VecDeque::new();
        self.send(&requests, &mut under_way).await;
        let Ok(answers) = records(channel).produce(ReceiverStream::new(outgoing)).await else { return };
        let mut answers = answers.into_inner();
        loop {
            while under_way.len() < PIPELINE {
                self.send(&requests, &mut under_way).await;
            }
            let Ok(Some(answer)) = answers.message().await else { return };
            let at = under_way.pop_front().expect("only what was asked is answered");
            assert_eq!(answer.correlation_id, at as u64, "answers come in the order of the requests");
            self.sent[at].answer = match answer.error {
                None => Answer::Stored { base_offset: answer.base_offset },
                Some(_) => Answer::Refused,
            };
        }
    }

    async fn send(&mut self, requests: &mpsc::Sender<ProduceRequest>, under_way: &mut VecDeque<usize>) {
        let at = self.sent.len();
        let (sent, batch) = self.next_batch();
        self.sent.push(sent);
        under_way.push_back(at);
        let request = ProduceRequest {
            correlation_id: at as u64,
            topic: TOPIC.into(),
            partition: self.partition,
            batch,
            acks: Acks::All.into(),
        };
        // When the stream is gone, the missing answers tell.
        let _ = requests.send(request).await;
    }

    fn next_batch(&mut self) -> (Sent, Bytes) {
        let codec = Compression::ALL[self.random.below(Compression::ALL.len() as u64) as usize];
        let first = RecordId { writer: self.id, sequence: self.next_sequence };
        let count = 1 + self.random.below(MOST_RECORDS);
        self.next_sequence += count;
        let sent = Sent { partition: self.partition, first, count, answer: Answer::None };
        let mut builder = BatchBuilder::new(codec);
        for record in sent.records() {
            builder.push(TIMESTAMP_MS + record.sequence as i64, None, Some(&record.value()), &[]);
        }
        (sent, builder.build().expect("small records make a batch"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_tells_its_record() {
        for sequence in 0..200 {
            let id = RecordId { writer: 3, sequence };
            assert_eq!(RecordId::of_value(&id.value()), Some(id));
            assert_eq!(RecordId::of_value(&[id.value(), b"x".to_vec()].concat()), None);
        }
    }
}

//! Fetch: one reader's way through some partitions.
//!
//! A reader costs the broker one chunk at a time. Chunks are charged to a budget that all readers share; when it is used
//! up (readers that do not read hold what they were given), further chunks are small and uncharged, so that slow readers
//! slow nobody down and memory stays bounded.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Operations;
use crate::error::BrokerError;
use crate::partition::{IsolationLevel, Partition, Waits};
use crate::types::Offset;

/// A chunk when the budget is used up.
const SMALL_CHUNK_BYTES: usize = 16 << 10;

/// Where to read one partition.
#[derive(Debug, Clone)]
pub struct Position {
    /// The topic's name.
    pub topic: String,
    /// The partition, from 0.
    pub partition: i32,
    /// The first offset wanted.
    pub offset: Offset,
    /// Finished once the position reaches this; `None`: follow for ever.
    pub stop_offset: Option<Offset>,
}

/// What a reader gets next.
#[derive(Debug)]
pub struct Chunk {
    /// Whose it is.
    pub position: Position,
    /// Whole batches; empty with `finished` or an error.
    pub batches: Bytes,
    /// The first offset that still exists.
    pub log_start_offset: Offset,
    /// The offset after the last record that readers may see.
    pub high_watermark: Offset,
    /// Nothing more comes from this partition.
    pub finished: bool,
    /// Why it can't be read on.
    pub error: Option<BrokerError>,
}

/// A reader of some partitions, which take turns. One that has nothing to read costs nothing until it has.
#[derive(Debug)]
pub struct Reader {
    /// Those that may have something to read, in turn.
    ready: VecDeque<Cursor>,
    /// Those that were read to their end, each coming back when there is more.
    waiting: Waits<Cursor>,
    /// Partitions that could not even be found; told first.
    refused: Vec<(Position, BrokerError)>,
    chunk_bytes: usize,
    isolation_level: IsolationLevel,
    budget: Arc<Semaphore>,
    /// Held until the next chunk is asked for: the transport has then taken the last one.
    held: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Cursor {
    position: Position,
    partition: Arc<Partition>,
}

impl Operations {
    /// A reader for `positions`, with chunks of about `chunk_bytes`.
    pub fn reader(
        &self,
        positions: Vec<Position>,
        chunk_bytes: usize,
        isolation_level: IsolationLevel,
    ) -> Reader {
        let mut ready = VecDeque::with_capacity(positions.len());
        let mut refused = Vec::new();
        for position in positions {
            let found = self.registry().partition(&position.topic, position.partition);
            match found.and_then(|partition| check_range(partition, position.offset)) {
                Ok(partition) => ready.push_back(Cursor { position, partition }),
                Err(error) => refused.push((position, error)),
            }
        }
        let budget = Arc::clone(&self.shared.fetch_budget);
        let waiting = Waits::default();
        Reader { ready, waiting, refused, chunk_bytes, isolation_level, budget, held: None }
    }
}

/// A place beyond what readers may see is a mistake, not something to wait for.
fn check_range(partition: Arc<Partition>, offset: Offset) -> Result<Arc<Partition>, BrokerError> {
    let figures = partition.figures()?;
    if (figures.log_start_offset..=figures.high_watermark).contains(&offset) {
        return Ok(partition);
    }
    Err(BrokerError::OffsetOutOfRange {
        topic: partition.topic().to_string(),
        partition: partition.id().partition,
        offset,
        start: figures.log_start_offset,
        end: figures.high_watermark,
    })
}

impl Reader {
    /// Waits for the next chunk; `None` when every partition is finished or failed.
    pub async fn next(&mut self) -> Option<Chunk> {
        self.held = None;
        if let Some((position, error)) = self.refused.pop() {
            return Some(Chunk::failed(position, error));
        }
        loop {
            // Whoever has something again gets a turn now, so that a busy neighbour can't starve it.
            while let Some(cursor) = self.waiting.ready() {
                self.ready.push_back(cursor);
            }
            let cursor = match self.ready.pop_front() {
                Some(cursor) => cursor,
                None if self.waiting.is_empty() => return None,
                None => self.waiting.next().await,
            };
            match self.advance(cursor).await {
                Step::Told(chunk) => return Some(chunk),
                Step::Waits(cursor) => {
                    let (partition, offset) = (Arc::clone(&cursor.partition), cursor.position.offset);
                    self.waiting.push(cursor, partition, offset, self.isolation_level);
                }
            }
        }
    }

    async fn advance(&mut self, mut cursor: Cursor) -> Step {
        if cursor.finished() {
            return Step::Told(cursor.into_finished());
        }
        let (chunk_bytes, permit) = self.allowance();
        match cursor.read(chunk_bytes, self.isolation_level).await {
            Err(error) => Step::Told(Chunk::failed(cursor.position, error)),
            Ok(Read { found: 0, next_offset, .. }) => {
                // A position inside a gap at the log's end moves on without any bytes.
                cursor.position.offset = cursor.position.offset.max(next_offset);
                match cursor.finished() {
                    true => Step::Told(cursor.into_finished()),
                    false => Step::Waits(cursor),
                }
            }
            Ok(Read { bytes, left_out, next_offset, .. }) => {
                let records = next_offset - cursor.position.offset - left_out;
                cursor.partition.sent(records.max(0) as u64, bytes.len() as u64);
                cursor.position.offset = next_offset;
                self.held = permit;
                let mut chunk = cursor.chunk(bytes);
                chunk.finished = cursor.finished();
                if !chunk.finished {
                    self.ready.push_back(cursor);
                }
                Step::Told(chunk)
            }
        }
    }

    fn allowance(&self) -> (usize, Option<OwnedSemaphorePermit>) {
        match Arc::clone(&self.budget).try_acquire_many_owned(self.chunk_bytes as u32) {
            Ok(permit) => (self.chunk_bytes, Some(permit)),
            Err(_) => (self.chunk_bytes.min(SMALL_CHUNK_BYTES), None),
        }
    }
}

enum Step {
    Told(Chunk),
    Waits(Cursor),
}

/// What one look at a partition has brought.
struct Read {
    /// Bytes found, whether or not the reader gets them.
    found: usize,
    bytes: Bytes,
    /// Records that the reader does not get.
    left_out: i64,
    next_offset: Offset,
}

impl Cursor {
    async fn read(&self, max_bytes: usize, isolation_level: IsolationLevel) -> Result<Read, BrokerError> {
        let offset = self.position.offset;
        let (batches, (bytes, left_out)) = match isolation_level {
            IsolationLevel::ReadUncommitted => {
                let batches = self.partition.read(offset, max_bytes).await?;
                let bytes = batches.bytes.clone();
                (batches, (bytes, 0))
            }
            IsolationLevel::ReadCommitted => {
                let committed = self.partition.read_committed(offset, max_bytes).await?;
                let kept = committed.without_aborted()?;
                (committed.batches, kept)
            }
        };
        Ok(Read { found: batches.bytes.len(), bytes, left_out, next_offset: batches.next_offset })
    }

    fn finished(&self) -> bool {
        self.position.stop_offset.is_some_and(|stop| self.position.offset >= stop)
    }

    fn into_finished(self) -> Chunk {
        Chunk { finished: true, ..self.chunk(Bytes::new()) }
    }

    fn chunk(&self, batches: Bytes) -> Chunk {
        let figures = self.partition.figures().unwrap_or_default();
        Chunk {
            position: self.position.clone(),
            batches,
            log_start_offset: figures.log_start_offset,
            high_watermark: figures.high_watermark,
            finished: false,
            error: None,
        }
    }
}

impl Chunk {
    fn failed(position: Position, error: BrokerError) -> Self {
        Self {
            position,
            batches: Bytes::new(),
            log_start_offset: -1,
            high_watermark: -1,
            finished: false,
            error: Some(error),
        }
    }
}

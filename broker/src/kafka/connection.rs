//! One client's connection: frames in, answers out, in the order of the requests.
//!
//! A Kafka broker handles one request of a connection at a time; clients count on the order that this gives. Produce
//! requests alone overlap: each is appended as it is read, and answered when it is on disk, so that one sync serves many.
//! What comes behind a request that waits is read already, some of it, so that a client that leaves is noticed.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::{Piece, send};
use super::api::{self, Answer};
use super::call::Client;
use super::frames::{Frame, Frames, Next};
use super::refused::Refused;
use crate::operations::Operations;

/// Produce requests of one connection that wait for the disk; librdkafka has a million in flight if it is let.
const OVERLAPPING: usize = 64;

/// A client that asks nothing for so long is let go, as Kafka does it: it comes back when it needs to.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// When the broker stops, a client may take so long to read an answer that is on its way.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Serves a connection until the client leaves, breaks the protocol, or the broker stops.
///
/// # Errors
/// Why it ended, other than by the client's wish or the broker's.
pub(crate) async fn serve(stream: TcpStream, operations: Operations) -> Result<(), Refused> {
    let client = Client::new(stream.local_addr()?, stream.peer_addr()?);
    let frames = Frames::new(operations.config().socket_request_max_bytes);
    let client = Arc::new(client);
    let input = Input { frames, held: None };
    Connection { operations, client, queue: VecDeque::new(), alone: false }.run(stream, input).await
}

struct Connection {
    operations: Operations,
    client: Arc<Client>,
    /// What is being answered. Only the first is looked after: the others wait for nothing that it does not wait for, too.
    queue: VecDeque<Answer>,
    /// The queue holds a request that nothing may overlap.
    alone: bool,
}

impl Connection {
    async fn run(mut self, mut stream: TcpStream, mut input: Input) -> Result<(), Refused> {
        let operations = self.operations.clone();
        let mut stopped = pin!(operations.stopped());
        let mut idle = pin!(sleep(IDLE));
        let mut last_active = Instant::now();
        let mut open = true;
        loop {
            self.begin_all(&mut input).await?;
            if !open && self.queue.is_empty() {
                return Ok(());
            }
            let idles = self.queue.is_empty();
            tokio::select! {
                biased;
                pieces = self.answers(), if !idles => {
                    last_active = Instant::now();
                    let unread = async { operations.stopped().await; sleep(LAST_ANSWER).await };
                    tokio::select! {
                        biased;
                        sent = send(&stream, pieces?) => sent?,
                        () = unread => return Ok(()),
                    }
                }
                () = &mut stopped, if open => open = false,
                () = &mut idle, if idles => {
                    if last_active.elapsed() >= IDLE {
                        return Ok(());
                    }
                    idle.set(sleep_until(last_active + IDLE));
                }
                more = input.receive(&mut stream, &operations, idles),
                    if open && input.has_room() =>
                {
                    // The client left; nobody would read the answers.
                    if !more? { return Ok(()) }
                    last_active = Instant::now();
                }
            }
        }
    }

    /// Begins the requests that have come and need not wait.
    async fn begin_all(&mut self, input: &mut Input) -> Result<(), Refused> {
        while let Some(frame) = input.next() {
            let overlaps = api::may_overlap(&frame.bytes);
            let free = self.queue.is_empty() || (overlaps && !self.alone && self.queue.len() < OVERLAPPING);
            if !free {
                input.held = Some(frame);
                return Ok(());
            }
            self.alone = !overlaps;
            self.queue.push_back(api::begin(&self.operations, &self.client, frame).await?);
        }
        Ok(())
    }

    /// The next answer, and those behind it that are there, too.
    async fn answers(&mut self) -> Result<Vec<Piece>, Refused> {
        let Some(first) = self.queue.front_mut() else { return Ok(Vec::new()) };
        let mut pieces = first.await?;
        self.queue.pop_front();
        while let Some(answer) = self.queue.front_mut().and_then(FutureExt::now_or_never) {
            self.queue.pop_front();
            pieces.extend(answer?);
        }
        self.alone &= !self.queue.is_empty();
        Ok(pieces)
    }
}

/// What has come and is not begun.
struct Input {
    frames: Frames,
    /// The next request, which has to wait for those before it.
    held: Option<Frame>,
}

impl Input {
    fn next(&mut self) -> Option<Frame> {
        self.held.take().or_else(|| self.frames.pop())
    }

    /// Whether more may be read.
    fn has_room(&self) -> bool {
        self.held.is_none() || self.frames.has_room_ahead()
    }

    /// Reads what comes; false when the client has closed. One that is `idle` waits without a buffer, since ten thousand
    /// may; others get it back as soon as their requests are begun, and need no new one.
    async fn receive(
        &mut self,
        stream: &mut TcpStream,
        operations: &Operations,
        idle: bool,
    ) -> Result<bool, Refused> {
        if let Next::Admission(size_bytes) = self.frames.next()? {
            self.frames.admit(operations.admit(size_bytes).await?);
            return Ok(true);
        }
        if idle {
            self.frames.release();
        }
        stream.readable().await?;
        Ok(stream.read_buf(self.frames.room()).await? > 0)
    }
}

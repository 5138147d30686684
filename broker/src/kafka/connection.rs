//! One client's connection: frames in, answers out, in the order of the requests.
//!
//! A Kafka broker handles one request of a connection at a time; clients count on the order that this gives. Produce
//! requests alone overlap: each is appended as it is read, and answered when it is on disk, so that one sync serves many.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::api::{self, Answer};
use super::call::Client;
use super::frames::{Frame, Frames, Next};
use super::refused::Refused;
use crate::operations::Operations;

/// Produce requests of one connection that wait for the disk; librdkafka has a million in flight if it is let.
const OVERLAPPING: usize = 64;

/// A client that asks nothing for so long is let go, as Kafka does it: it comes back when it needs to.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// Serves a connection until the client leaves, breaks the protocol, or the broker stops.
///
/// # Errors
/// Why it ended, other than by the client's wish or the broker's.
pub(crate) async fn serve(stream: TcpStream, operations: Operations) -> Result<(), Refused> {
    let client = Client::new(stream.local_addr()?, stream.peer_addr()?);
    let frames = Frames::new(operations.config().socket_request_max_bytes);
    let client = Arc::new(client);
    Connection { stream, operations, client, frames, held: None, queue: FuturesOrdered::new(), alone: false }
        .run()
        .await
}

struct Connection {
    stream: TcpStream,
    operations: Operations,
    client: Arc<Client>,
    frames: Frames,
    /// The next request, which has to wait for those before it.
    held: Option<Frame>,
    /// What is being answered.
    queue: FuturesOrdered<Answer>,
    /// The queue holds a request that nothing may overlap.
    alone: bool,
}

impl Connection {
    async fn run(mut self) -> Result<(), Refused> {
        let operations = self.operations.clone();
        let stopped = operations.stopped();
        tokio::pin!(stopped);
        let mut open = true;
        loop {
            self.begin_all().await?;
            if !open && self.queue.is_empty() {
                return Ok(());
            }
            let wants_input = open && self.held.is_none();
            tokio::select! {
                biased;
                Some(answer) = self.queue.next(), if !self.queue.is_empty() => {
                    self.alone &= !self.queue.is_empty();
                    if let Some(pieces) = answer? {
                        write_all(&mut self.stream, &pieces).await?;
                    }
                }
                () = &mut stopped, if open => open = false,
                () = sleep(IDLE), if self.queue.is_empty() => return Ok(()),
                more = receive(&mut self.stream, &mut self.frames, &operations), if wants_input => {
                    // The client left; nobody would read the answers.
                    if !more? { return Ok(()) }
                }
            }
        }
    }

    /// Begins the requests that have come and need not wait.
    async fn begin_all(&mut self) -> Result<(), Refused> {
        loop {
            let Some(frame) = self.held.take().or_else(|| self.frames.pop()) else { return Ok(()) };
            let overlaps = api::may_overlap(&frame.bytes);
            let free = self.queue.is_empty() || (overlaps && !self.alone && self.queue.len() < OVERLAPPING);
            if !free {
                self.held = Some(frame);
                return Ok(());
            }
            self.alone = !overlaps;
            self.queue.push_back(api::begin(&self.operations, &self.client, frame).await?);
        }
    }
}

/// Reads what comes; false when the client has closed.
async fn receive(
    stream: &mut TcpStream,
    frames: &mut Frames,
    operations: &Operations,
) -> Result<bool, Refused> {
    match frames.next()? {
        Next::Admission(size_bytes) => frames.admit(operations.admit(size_bytes).await?),
        Next::Bytes => {
            if stream.read_buf(frames.room()).await? == 0 {
                return Ok(false);
            }
        }
        Next::Frame => {}
    }
    Ok(true)
}

async fn write_all(stream: &mut TcpStream, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = slices.as_mut_slice();
    while !left.is_empty() {
        match stream.write_vectored(left).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => IoSlice::advance_slices(&mut left, written),
        }
    }
    Ok(())
}

//! One client's connection: frames in, answers out, in the order of the requests.
//!
//! A Kafka broker handles one request of a connection at a time; clients count on the order that this gives. Produce
//! requests alone overlap: each is appended as it is read, and answered when it is on disk, so that one sync serves many.
//! What comes behind a request that waits is read already, some of it, so that a client that leaves is noticed.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::{Piece, send};
use super::api::{self, Answer, Ready};
use super::call::Client;
use super::frames::{Frame, Frames, Next};
use super::refused::Refused;
use super::share_sessions::{Member, ShareSessions};
use crate::operations::{Operations, Taken};

/// Produce requests of one connection that wait for the disk; librdkafka has a million in flight if it is let.
const OVERLAPPING: usize = 64;

/// A client that asks nothing for so long is let go, as Kafka does it: it comes back when it needs to.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// So long may a client take over a frame or over answers while others wait for the memory that it holds, and as much
/// longer as a slow network needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// So often must it have been seen that a client takes nothing of an answer while others wait for its memory.
const STALLED_LOOKS: u32 = 4;

/// What even a slow network brings in a second.
const SLOW_BYTES: usize = 1 << 20;

/// How often it is looked, after that, whether others wait.
const LOOK: Duration = Duration::from_secs(1);

/// So long a connection that rests keeps its buffer: a producer whose batches are on disk before its next ones come would
/// otherwise have each in new memory, all pages of which the kernel clears. Meanwhile no more can have come than a
/// network brings.
const REUSED_WITHIN: Duration = Duration::from_millis(20);

/// When the broker stops, a client may take so long to read an answer that is on its way.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Serves a connection until the client leaves, breaks the protocol, or the broker stops.
///
/// # Errors
/// Why it ended, other than by the client's wish or the broker's.
pub(crate) async fn serve(
    stream: TcpStream,
    operations: Operations,
    shares: Arc<Mutex<ShareSessions>>,
) -> Result<(), Refused> {
    let client = Client::new(stream.local_addr()?, stream.peer_addr()?, shares);
    let frames = Frames::new(operations.config().socket_request_max_bytes);
    let client = Arc::new(client);
    let input = Input { frames, held: None, admitted: Instant::now() };
    let connection = Connection {
        operations: operations.clone(),
        client: Arc::clone(&client),
        beginning: None,
        queue: VecDeque::new(),
        alone: false,
    };
    let ended = connection.run(stream, input).await;
    let gone = client.shares().disconnected(client.number);
    for (Member { group, id }, session) in gone {
        operations.end_share_session(group, id, session).await;
    }
    ended
}

struct Connection {
    operations: Operations,
    client: Arc<Client>,
    /// A request that is not begun at once: it waits for memory, or for its transaction's record. None behind it is begun.
    beginning: Option<BoxFuture<'static, Result<Answer, Refused>>>,
    /// What is being answered. Only the first is looked after: the others wait for nothing that it does not wait for, too.
    queue: VecDeque<Answer>,
    /// The last request to be begun is one that nothing may overlap.
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
            self.begin_all(&mut input)?;
            let (idles, waits) = (self.is_idle(), self.waits());
            if !open && idles {
                return Ok(());
            }
            tokio::select! {
                biased;
                answers = self.answers(), if !idles => {
                    last_active = Instant::now();
                    let answers = answers?;
                    let held = !self.is_idle() || input.holds();
                    let is_wanted = || held && operations.is_short();
                    let mut sent = pin!(send_all(&stream, answers, is_wanted));
                    if let Some(sent) = (&mut sent).now_or_never() {
                        sent?;
                        continue;
                    }
                    // A client may never read them, and what its requests came in is as large as they were.
                    input.frames.release();
                    let unread = async { operations.stopped().await; sleep(LAST_ANSWER).await };
                    tokio::select! {
                        biased;
                        sent = sent => sent?,
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
                more = input.receive(&mut stream, &operations, idles, waits), if open => {
                    // The client left; nobody would read the answers.
                    if !more? { return Ok(()) }
                    last_active = Instant::now();
                }
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.beginning.is_none()
    }

    /// Whether no request can be begun before something is answered.
    fn waits(&self) -> bool {
        self.beginning.is_some() || (self.alone && !self.queue.is_empty())
    }

    /// Begins the requests that have come and need not wait.
    fn begin_all(&mut self, input: &mut Input) -> Result<(), Refused> {
        while self.beginning.is_none() {
            let Some(frame) = input.next() else { break };
            let overlaps = api::may_overlap(&frame.bytes);
            let free = self.queue.is_empty() || (overlaps && !self.alone && self.queue.len() < OVERLAPPING);
            if !free {
                input.held = Some(frame);
                break;
            }
            self.alone = !overlaps;
            let mut beginning = api::begin(self.operations.clone(), Arc::clone(&self.client), frame).boxed();
            match (&mut beginning).now_or_never() {
                Some(answer) => self.queue.push_back(answer?),
                None => self.beginning = Some(beginning),
            }
        }
        Ok(())
    }

    /// The next answer, and those behind it that are there, too; none when a request has been begun meanwhile.
    async fn answers(&mut self) -> Result<Vec<Ready>, Refused> {
        let first = tokio::select! {
            biased;
            first = or_never(self.queue.front_mut()) => first?,
            begun = or_never(self.beginning.as_mut()) => {
                self.beginning = None;
                self.queue.push_back(begun?);
                return Ok(Vec::new());
            }
        };
        self.queue.pop_front();
        let mut answers = vec![first];
        while let Some(answer) = self.queue.front_mut().and_then(FutureExt::now_or_never) {
            self.queue.pop_front();
            answers.push(answer?);
        }
        Ok(answers)
    }
}

async fn or_never<F: Future + Unpin>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// Sends answers. A client that is slow to take them keeps the memory that they have, and what else its connection holds,
/// until others need it.
async fn send_all(stream: &TcpStream, answers: Vec<Ready>, is_wanted: impl Fn() -> bool) -> io::Result<()> {
    let (pieces, taken): (Vec<_>, Vec<_>) =
        answers.into_iter().map(|Ready { pieces, taken }| (pieces, taken)).unzip();
    let is_wanted = || is_wanted() || taken.iter().any(Taken::is_wanted);
    let pieces: Vec<_> = pieces.into_iter().flatten().collect();
    let due = due(Instant::now(), pieces.iter().map(Piece::memory_bytes).sum());
    let moved = AtomicBool::new(false);
    tokio::select! {
        biased;
        sent = send(stream, pieces, &moved) => sent,
        () = outstayed(due, &is_wanted) => Err(io::ErrorKind::TimedOut.into()),
        () = stalled(&moved, &is_wanted) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Waits until nothing has moved for so long that whoever is to take it seems not to read at all, and it is wanted.
async fn stalled(moved: &AtomicBool, is_wanted: impl Fn() -> bool) {
    let mut looks = 0;
    while looks < STALLED_LOOKS || !is_wanted() {
        sleep(LOOK).await;
        looks = if moved.swap(false, Ordering::Relaxed) { 0 } else { looks + 1 };
    }
}

/// By when so much should be through, or more should have come than that.
fn due(since: Instant, size_bytes: usize) -> Instant {
    since + PATIENCE + Duration::from_secs((size_bytes / SLOW_BYTES) as u64)
}

/// Waits until something was held for long enough, and is wanted.
async fn outstayed(due: Instant, is_wanted: impl Fn() -> bool) {
    sleep_until(due).await;
    while !is_wanted() {
        sleep(LOOK).await;
    }
}

/// What has come and is not begun.
struct Input {
    frames: Frames,
    /// The next request, which has to wait for those before it.
    held: Option<Frame>,
    /// When the frame that is coming took of the budget, if it did.
    admitted: Instant,
}

impl Input {
    fn next(&mut self) -> Option<Frame> {
        self.held.take().or_else(|| self.frames.pop())
    }

    /// Whether more may be read. While a request `waits`, only what need not be paid for.
    fn has_room(&self, waits: bool) -> bool {
        (self.held.is_none() && !waits) || self.frames.has_room_ahead()
    }

    /// Whether it has some of the budget.
    fn holds(&self) -> bool {
        self.frames.is_admitted() || self.held.as_ref().is_some_and(|frame| frame.budget.is_some())
    }

    /// Reads what comes; false when the client has closed. While a request `waits` it does so without a buffer, since ten
    /// thousand may, and soon while the connection `idles`; others need no new one. Never ends while no more may be read.
    async fn receive(
        &mut self,
        stream: &mut TcpStream,
        operations: &Operations,
        idles: bool,
        waits: bool,
    ) -> Result<bool, Refused> {
        if waits {
            self.frames.release();
        }
        if !self.has_room(waits) {
            return pending().await;
        }
        if let Next::Admission(size_bytes) = self.frames.next()? {
            let mut admission = pin!(operations.admit(size_bytes));
            let budget = match (&mut admission).now_or_never() {
                Some(budget) => budget,
                None => {
                    self.frames.release();
                    admission.await
                }
            };
            self.frames.admit(budget?);
            self.admitted = Instant::now();
            return Ok(true);
        }
        let late = async {
            match self.frames.is_admitted() {
                true => {
                    outstayed(due(self.admitted, self.frames.received_bytes()), || operations.is_short())
                        .await
                }
                false => pending().await,
            }
        };
        tokio::select! {
            biased;
            ready = stream.readable() => ready?,
            () = sleep(REUSED_WITHIN), if idles && self.frames.is_releasable() => {
                self.frames.release();
                return Ok(true);
            }
            () = late => return Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        }
        Ok(stream.read_buf(self.frames.room()).await? > 0)
    }
}

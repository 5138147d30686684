//! An answer on its way to the client: pieces in memory, and stretches of files that go from the page cache to the socket.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes};
use nix::sys::socket::{MsgFlags, sendmsg};
use runnel_proto::kafka;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use crate::storage::FileRange;

/// Pieces in memory that are written at once.
const SLICES: usize = 64;

/// Bytes of a file that are sent before others get their turn.
const STRETCH_BYTES: usize = 1 << 20;

/// A client that takes nothing for so long is let go.
const STALLED: Duration = Duration::from_secs(10 * 60);

/// A part of an answer.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes in memory.
    Memory(Bytes),
    /// Bytes of a file.
    File(FileRange),
}

/// Pieces that are all in memory.
pub(super) fn in_memory(pieces: Vec<Bytes>) -> Vec<Piece> {
    pieces.into_iter().map(Piece::Memory).collect()
}

/// A frame around records that are in files: those take, one after the other, the places that were left for them.
pub(super) fn around(pieces: Vec<kafka::Piece>, ranges: Vec<FileRange>) -> Vec<Piece> {
    let mut ranges = ranges.into_iter();
    let piece = |piece| match piece {
        kafka::Piece::Bytes(bytes) => Piece::Memory(bytes),
        kafka::Piece::Elsewhere(size_bytes) => {
            let range = ranges.next().expect("every place has its records");
            assert_eq!(range.size_bytes(), size_bytes, "records have the length that was told");
            Piece::File(range)
        }
    };
    pieces.into_iter().map(piece).collect()
}

/// Sends all pieces. `moved` is set whenever the client has taken some.
///
/// # Errors
/// Those of the connection and of the files; `TimedOut` when the client takes nothing any more.
pub(super) async fn send(stream: &TcpStream, mut pieces: Vec<Piece>, moved: &AtomicBool) -> io::Result<()> {
    let mut left = pieces.as_mut_slice();
    while let [first, ..] = left {
        let done = match first {
            Piece::Memory(_) => write(stream, left).await?,
            Piece::File(range) => {
                when_writable(stream, || range.send(stream.as_fd(), STRETCH_BYTES)).await?;
                usize::from(range.size_bytes() == 0)
            }
        };
        moved.store(true, Ordering::Relaxed);
        left = &mut left[done..];
    }
    Ok(())
}

/// Writes pieces up to the next file: how many are done.
async fn write(stream: &TcpStream, pieces: &mut [Piece]) -> io::Result<usize> {
    let in_memory = pieces.iter().take_while(|piece| matches!(piece, Piece::Memory(_))).count();
    let count = in_memory.min(SLICES);
    let flags = flags(pieces.len() > count);
    let mut written = when_writable(stream, || {
        let slices: Vec<_> = pieces[..count].iter().map(|piece| IoSlice::new(piece.memory())).collect();
        Ok(sendmsg::<()>(stream.as_raw_fd(), &slices, &[], flags, None)?)
    })
    .await?;
    for (done, piece) in pieces[..count].iter_mut().enumerate() {
        let Piece::Memory(bytes) = piece else { unreachable!("they were counted") };
        if written < bytes.len() {
            bytes.advance(written);
            return Ok(done);
        }
        written -= bytes.len();
    }
    Ok(count)
}

impl Piece {
    /// How much memory it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory().len()
    }

    fn memory(&self) -> &[u8] {
        match self {
            Self::Memory(bytes) => bytes,
            Self::File(_) => &[],
        }
    }
}

/// With `more` to come, the system need not send a packet for the little there is.
#[cfg(target_os = "linux")]
fn flags(more: bool) -> MsgFlags {
    let more = if more { nix::libc::MSG_MORE } else { 0 };
    MsgFlags::MSG_NOSIGNAL | MsgFlags::from_bits_retain(more)
}

#[cfg(not(target_os = "linux"))]
fn flags(_more: bool) -> MsgFlags {
    MsgFlags::empty()
}

async fn when_writable<T>(stream: &TcpStream, mut write: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    // What never waits would never let others run.
    consume_budget().await;
    loop {
        match stream.try_io(Interest::WRITABLE, &mut write) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                timeout(STALLED, stream.writable()).await??;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

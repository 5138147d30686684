//! Cuts a stream of bytes into frames: four bytes of length, then as many of request.

use bytes::{Buf, Bytes, BytesMut};
use runnel_proto::kafka::ApiKey;
use tokio::sync::OwnedSemaphorePermit;

use super::refused::Refused;

/// Up to here a frame is read without asking: ten thousand connections may each hold one.
const FREE_BYTES: usize = 4 << 10;

/// What is read at once while no longer frame is known to come.
const ROOM_BYTES: usize = 8 << 10;

/// Only records make a request longer than this.
const WITHOUT_RECORDS_BYTES: usize = 16 << 20;

/// A request without records waits with its frame for the memory that it needs beside, so that it takes so many times as much of
/// the budget: all of them together have half of it.
const WITHOUT_RECORDS_WEIGHT: usize = 2;

/// The most that is set aside for a frame before its bytes come.
const STEP_BYTES: usize = 1 << 20;

/// Up to here a buffer grows by being copied, to the size that is needed.
const COPIED_BYTES: usize = 128 << 10;

const LENGTH_BYTES: usize = 4;

/// A request's bytes, and what they were admitted with.
pub struct Frame {
    /// The request, without its length.
    pub bytes: Bytes,
    /// Held until the request is answered: what is in flight is what is paid for.
    pub budget: Option<OwnedSemaphorePermit>,
}

/// What a connection has received and not yet begun.
pub struct Frames {
    buffer: BytesMut,
    /// The buffer holds what has come and no more.
    released: bool,
    limit_bytes: usize,
    budget: Option<OwnedSemaphorePermit>,
}

/// What the next frame needs.
pub enum Next {
    /// More bytes, into [`Frames::room`].
    Bytes,
    /// So much of the budget for requests, to be handed in by [`Frames::admit`].
    Admission(usize),
    /// Nothing: it is there.
    Frame,
}

impl Frames {
    /// For frames of at most `limit_bytes`.
    pub fn new(limit_bytes: usize) -> Self {
        Self { buffer: BytesMut::new(), released: true, limit_bytes, budget: None }
    }

    /// # Errors
    /// The frame's length is negative or above the limit.
    pub fn next(&self) -> Result<Next, Refused> {
        let Some(size_bytes) = self.size_bytes() else { return Ok(Next::Bytes) };
        let has_records = self.is_of(ApiKey::Produce);
        let limit_bytes = match has_records {
            Some(false) => self.limit_bytes.min(WITHOUT_RECORDS_BYTES),
            _ => self.limit_bytes,
        };
        let within = usize::try_from(size_bytes).ok().filter(|size_bytes| *size_bytes <= limit_bytes);
        let size_bytes = within.ok_or(Refused::FrameSize { size_bytes })?;
        if size_bytes > FREE_BYTES && self.budget.is_none() {
            return Ok(match has_records {
                None => Next::Bytes,
                Some(true) => Next::Admission(size_bytes),
                Some(false) => Next::Admission(size_bytes * WITHOUT_RECORDS_WEIGHT),
            });
        }
        Ok(if self.buffer.len() >= LENGTH_BYTES + size_bytes { Next::Frame } else { Next::Bytes })
    }

    /// Takes the budget for the next frame.
    pub fn admit(&mut self, budget: OwnedSemaphorePermit) {
        self.budget = Some(budget);
    }

    /// Where further bytes go.
    pub fn room(&mut self) -> &mut BytesMut {
        self.released = false;
        let wanted = self.size_bytes().map_or(0, |size| LENGTH_BYTES + usize::try_from(size).unwrap_or(0));
        let there = self.buffer.len();
        let missing = (wanted + ROOM_BYTES).saturating_sub(there).clamp(ROOM_BYTES, STEP_BYTES);
        if self.buffer.capacity() - there < missing && !self.buffer.try_reclaim(missing) {
            if there <= COPIED_BYTES {
                // No larger than the frame, which alone is paid for: growing in place doubles.
                let mut larger = BytesMut::with_capacity(there + missing);
                larger.extend_from_slice(&self.buffer);
                self.buffer = larger;
            } else {
                // The system moves it, and what is set aside beyond the frame is never touched.
                self.buffer.reserve(missing);
            }
        }
        &mut self.buffer
    }

    /// Whether more may be read while the frame before waits for its turn: nothing that would have to be paid for.
    pub(super) fn has_room_ahead(&self) -> bool {
        self.buffer.len() < FREE_BYTES && matches!(self.next(), Ok(Next::Bytes | Next::Frame))
    }

    /// Gives memory back while nothing more comes: what has come may be the end of a far longer buffer.
    pub(super) fn release(&mut self) {
        if self.is_releasable() {
            self.buffer = BytesMut::from(&*self.buffer);
            self.released = true;
        }
    }

    /// Whether there is memory to give back: not while it is for a frame that has paid for it.
    pub(super) fn is_releasable(&self) -> bool {
        self.budget.is_none() && !self.released
    }

    /// How much of what comes next is there.
    pub(super) fn received_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the next frame, which has not come whole, has taken of the budget.
    pub(super) fn is_admitted(&self) -> bool {
        self.budget.is_some()
    }

    /// The next frame, if it is there.
    pub fn pop(&mut self) -> Option<Frame> {
        let Ok(Next::Frame) = self.next() else { return None };
        let size_bytes = self.size_bytes()? as usize;
        self.buffer.advance(LENGTH_BYTES);
        let bytes = self.buffer.split_to(size_bytes).freeze();
        Some(Frame { bytes, budget: self.budget.take() })
    }

    fn size_bytes(&self) -> Option<i32> {
        self.buffer.first_chunk().map(|length| i32::from_be_bytes(*length))
    }

    /// Whether the next request is one of this kind, once that can be told.
    fn is_of(&self, api: ApiKey) -> Option<bool> {
        let key = self.buffer.get(LENGTH_BYTES..)?.first_chunk()?;
        Some(i16::from_be_bytes(*key) == api.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(limit_bytes: usize, bytes: &[u8]) -> Frames {
        let mut frames = Frames::new(limit_bytes);
        frames.room().extend_from_slice(bytes);
        frames
    }

    #[test]
    fn frames_come_one_after_the_other_and_whole() {
        let mut frames = frames(100, b"\0\0\0\x03abc\0\0\0\0\0\0\0\x02d");
        assert_eq!(frames.pop().unwrap().bytes, "abc");
        assert_eq!(frames.pop().unwrap().bytes, "");
        assert!(frames.pop().is_none() && matches!(frames.next(), Ok(Next::Bytes)));
        frames.room().extend_from_slice(b"e");
        assert_eq!(frames.pop().unwrap().bytes, "de");
    }

    #[test]
    fn a_buffer_is_used_again_until_it_is_given_back() {
        let size_bytes = 1 << 20;
        let mut frame = vec![0; LENGTH_BYTES + size_bytes];
        frame[..LENGTH_BYTES].copy_from_slice(&(size_bytes as i32).to_be_bytes());
        let budget = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
        let mut frames = frames(size_bytes, &frame);
        frames.admit(budget.try_acquire_owned().unwrap());
        assert!(!frames.is_releasable(), "what is paid for stays");
        let buffer = frames.buffer.as_ptr();
        assert_eq!(frames.pop().unwrap().bytes.len(), size_bytes);
        frames.room().extend_from_slice(&frame[..100]);
        assert!(frames.buffer.as_ptr() == buffer && frames.is_releasable());
        frames.release();
        assert!(frames.buffer.capacity() < ROOM_BYTES && !frames.is_releasable());
        assert_eq!(frames.received_bytes(), 100, "what has come is kept");
        frames.room();
        assert!(frames.is_releasable());
    }

    #[test]
    fn a_length_beyond_the_limit_or_below_0_is_refused() {
        for length in [101, i32::MAX, -1, i32::MIN] {
            let frames = frames(100, &length.to_be_bytes());
            let refused =
                matches!(frames.next(), Err(Refused::FrameSize { size_bytes }) if size_bytes == length);
            assert!(refused, "{length}");
        }
    }

    #[test]
    fn a_large_frame_is_admitted_before_it_is_read_and_takes_no_memory_before_it_comes() {
        let size_bytes = 90 << 20;
        let length = (size_bytes as i32).to_be_bytes();
        assert!(matches!(frames(100 << 20, &length).next(), Ok(Next::Bytes)), "it may be of any kind");
        let metadata = [&(1_i32 << 20).to_be_bytes()[..], &[0, 3]].concat();
        let weighs = 2 << 20;
        assert!(matches!(frames(100 << 20, &metadata).next(), Ok(Next::Admission(bytes)) if bytes == weighs));
        let mut frames = frames(100 << 20, &[&length[..], &[0, 0]].concat());
        assert!(matches!(frames.next(), Ok(Next::Admission(bytes)) if bytes == size_bytes));
        let budget = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
        frames.admit(budget.try_acquire_owned().unwrap());
        assert!(matches!(frames.next(), Ok(Next::Bytes)));
        assert!(frames.room().capacity() < 2 * STEP_BYTES);
    }
}

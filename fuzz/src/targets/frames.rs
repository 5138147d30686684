//! The stream of a connection, cut into frames.

use runnel_broker::kafka::{Frames, Next};

use crate::memory::within;

/// So long may frames be that nobody need be asked for.
const LIMIT_BYTES: usize = 4 << 10;

/// The reader's buffer has room for two, doubles, and its rest is moved.
const MEMORY_BYTES: usize = 8 * LIMIT_BYTES;

/// The first byte tells in which pieces the others come.
pub(crate) fn frames(bytes: &[u8]) {
    let Some((&step, stream)) = bytes.split_first() else { return };
    let at_once = cut(stream, stream.len());
    let in_pieces = cut(stream, usize::from(step) + 1);
    assert_eq!(at_once, in_pieces, "frames are the same however they come");
    let (frames, refused) = at_once;
    let mut rest = stream;
    for frame in frames {
        let (length, behind) = rest.split_at(4);
        assert_eq!(length, (frame.len() as u32).to_be_bytes(), "its length stands before it");
        assert!(frame.len() <= LIMIT_BYTES && behind.starts_with(&frame));
        rest = &behind[frame.len()..];
    }
    let next = rest.first_chunk().map(|length| i32::from_be_bytes(*length));
    let is_beyond = next
        .is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > LIMIT_BYTES) || length < 0);
    assert_eq!(refused, is_beyond, "what is refused is a length that is negative or beyond the limit");
    assert!(
        next.is_none_or(|length| is_beyond || rest.len() < 4 + length as usize),
        "no frame is left behind"
    );
}

/// The frames of a stream that comes in pieces, and whether it was refused in the end.
fn cut(stream: &[u8], piece_bytes: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut reader, mut found) = (Frames::new(LIMIT_BYTES), Vec::new());
    for piece in stream.chunks(piece_bytes.max(1)) {
        within(MEMORY_BYTES + piece.len(), || reader.room().extend_from_slice(piece));
        while let Some(frame) = reader.pop() {
            found.push(frame.bytes.to_vec());
        }
        if reader.next().is_err() {
            return (found, true);
        }
    }
    assert!(!matches!(reader.next(), Ok(Next::Frame)), "each frame is taken");
    (found, false)
}

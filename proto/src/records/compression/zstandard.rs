//! Zstandard in one go, straight into the output. The streaming interface would reserve a window of the size that
//! the frame asks for, up to 128 MiB; here the output itself is the window.

use zstd::zstd_safe::{CCtx, DCtx, ErrorCode, compress_bound, get_error_name};

use super::{BatchError, Compression, Output};

/// Zstandard's own default, and Kafka's.
const LEVEL: i32 = 3;
const FIRST_ROOM_BYTES: usize = 64 << 10;
/// `ZSTD_error_dstSize_tooSmall`, stable since zstd 1.3.1; error codes come negated.
const ROOM_TOO_SMALL: ErrorCode = 70_usize.wrapping_neg();

pub(super) fn compress(context: &mut CCtx<'_>, records: &[u8], out: &mut Vec<u8>) -> Result<(), BatchError> {
    let start = out.len();
    out.resize(start + compress_bound(records.len()), 0);
    let written = context.compress(&mut out[start..], records, LEVEL).map_err(invalid)?;
    out.truncate(start + written);
    Ok(())
}

/// Sizes that frames declare are not believed: the room grows fourfold until the content fits or the limit is met.
pub(super) fn decompress(
    context: &mut DCtx<'_>,
    compressed: &[u8],
    output: &mut Output,
) -> Result<(), BatchError> {
    let mut wanted = FIRST_ROOM_BYTES.max(compressed.len().saturating_mul(4));
    loop {
        let room = output.all_room(wanted);
        let room_bytes = room.len();
        match context.decompress(room, compressed) {
            Ok(written) => {
                output.advance(written);
                return Ok(());
            }
            Err(ROOM_TOO_SMALL) if room_bytes == output.left_bytes() => return Err(output.too_large()),
            Err(ROOM_TOO_SMALL) => wanted = room_bytes.saturating_mul(4),
            Err(code) => return Err(invalid(code)),
        }
    }
}

fn invalid(code: ErrorCode) -> BatchError {
    Compression::Zstd.invalid(get_error_name(code))
}

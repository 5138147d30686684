//! The LZ4 frame format (version 1.6). Written as Kafka's readers want it (KIP-57): independent blocks, no block
//! checksums. Read in every variety but dictionaries, straight into the output, which is also the history that
//! linked blocks refer to; the library's own frame reader would first reserve up to 12 MiB for a few bytes.
//!
//! Checksums of header, blocks and content are passed over: the batch's CRC-32C has vouched for all of it.

use std::io::Write;

use lz4_flex::block::{DecompressError, decompress_into_with_dict};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use super::{BatchError, Compression, Output};

const MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();
const HISTORY_BYTES: usize = 64 << 10;
const CHECKSUM_BYTES: usize = 4;
const STORED_BIT: u32 = 1 << 31;
/// No sequence of compressed bytes expands further.
const MAX_RATIO: usize = 255;

pub(super) fn compress(records: &[u8], out: &mut Vec<u8>) -> Result<(), BatchError> {
    let info = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(info, out);
    encoder.write_all(records).map_err(|e| Compression::Lz4.invalid(e))?;
    encoder.finish().map_err(|e| Compression::Lz4.invalid(e))?;
    Ok(())
}

pub(super) fn decompress(compressed: &[u8], output: &mut Output) -> Result<(), BatchError> {
    let mut rest = compressed;
    while !rest.is_empty() {
        let frame = Frame::read(&mut rest)?;
        frame.decompress(&mut rest, output)?;
    }
    Ok(())
}

/// What a frame's descriptor says that matters to its blocks.
struct Frame {
    linked: bool,
    block_checksums: bool,
    content_checksum: bool,
    max_block_bytes: usize,
}

impl Frame {
    fn read(rest: &mut &[u8]) -> Result<Self, BatchError> {
        if take::<4>(rest)? != MAGIC {
            return Err(Compression::Lz4.invalid("a frame does not start with LZ4's magic number"));
        }
        let [flags, block_size] = take(rest)?;
        let has = |bit: u8| flags & (1 << bit) != 0;
        if flags >> 6 != 1 {
            return Err(Compression::Lz4.invalid("a frame is not of version 1"));
        }
        if has(0) {
            return Err(Compression::Lz4.invalid("a frame needs a dictionary"));
        }
        if has(3) {
            take::<8>(rest)?; // content size
        }
        take::<1>(rest)?; // header checksum
        let max_block_bytes = match (block_size >> 4) & 0b111 {
            code @ 4..=7 => 1 << (8 + 2 * code),
            _ => return Err(Compression::Lz4.invalid("a frame has an unknown block size")),
        };
        Ok(Self { linked: !has(5), block_checksums: has(4), content_checksum: has(2), max_block_bytes })
    }

    fn decompress(&self, rest: &mut &[u8], output: &mut Output) -> Result<(), BatchError> {
        let frame_start = output.filled_bytes();
        loop {
            let size = u32::from_le_bytes(take(rest)?);
            if size == 0 {
                break;
            }
            let block = split(rest, (size & !STORED_BIT) as usize)?;
            if block.len() > self.max_block_bytes {
                return Err(Compression::Lz4.invalid("a block exceeds its frame's block size"));
            }
            if size & STORED_BIT != 0 {
                output.write(block)?;
            } else {
                self.decompress_block(block, frame_start, output)?;
            }
            if self.block_checksums {
                take::<CHECKSUM_BYTES>(rest)?;
            }
        }
        if self.content_checksum {
            take::<CHECKSUM_BYTES>(rest)?;
        }
        Ok(())
    }

    fn decompress_block(
        &self,
        block: &[u8],
        frame_start: usize,
        output: &mut Output,
    ) -> Result<(), BatchError> {
        let history_start = if self.linked {
            frame_start.max(output.filled_bytes().saturating_sub(HISTORY_BYTES))
        } else {
            output.filled_bytes()
        };
        let wanted = self.max_block_bytes.min(block.len().saturating_mul(MAX_RATIO));
        let limited = wanted > output.left_bytes();
        let (history, room) = output.room(history_start, wanted);
        match decompress_into_with_dict(block, room, history) {
            Ok(written) => {
                output.advance(written);
                Ok(())
            }
            Err(DecompressError::OutputTooSmall { .. }) if limited => Err(output.too_large()),
            Err(error) => Err(Compression::Lz4.invalid(error)),
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], BatchError> {
    let (taken, after) = rest.split_first_chunk().ok_or_else(cut_short)?;
    *rest = after;
    Ok(*taken)
}

fn split<'a>(rest: &mut &'a [u8], at: usize) -> Result<&'a [u8], BatchError> {
    let (taken, after) = rest.split_at_checked(at).ok_or_else(cut_short)?;
    *rest = after;
    Ok(taken)
}

fn cut_short() -> BatchError {
    Compression::Lz4.invalid("a frame is cut short")
}

//! Snappy as xerial's snappy-java frames it, which Kafka's Java clients read and write:
//!
//! ```text
//! 0x82 "SNAPPY" 0x00 | version i32 | lowest compatible version i32 | (length i32, snappy block)…
//! ```
//!
//! librdkafka writes one bare block instead, so both are read.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::{BatchError, Compression, Output};

const MAGIC: &[u8; 8] = b"\x82SNAPPY\0";
const VERSION: [u8; 4] = 1_i32.to_be_bytes();
const FRAME_HEADER_BYTES: usize = 16;
/// As snappy-java does; readers size their buffers by it.
const BLOCK_BYTES: usize = 32 << 10;

pub(super) fn compress(encoder: &mut Encoder, records: &[u8], out: &mut Vec<u8>) -> Result<(), BatchError> {
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(&VERSION);
    for block in records.chunks(BLOCK_BYTES) {
        let length_at = out.len();
        let data_at = length_at + 4;
        out.resize(data_at + max_compress_len(block.len()), 0);
        let length =
            encoder.compress(block, &mut out[data_at..]).map_err(|e| Compression::Snappy.invalid(e))?;
        out.truncate(data_at + length);
        out[length_at..data_at].copy_from_slice(&(length as i32).to_be_bytes());
    }
    Ok(())
}

pub(super) fn decompress(
    decoder: &mut Decoder,
    compressed: &[u8],
    output: &mut Output,
) -> Result<(), BatchError> {
    if !compressed.starts_with(MAGIC) {
        return decompress_block(decoder, compressed, output);
    }
    let mut rest = compressed;
    while !rest.is_empty() {
        // snappy-java allows whole streams one after another.
        rest = if rest.starts_with(MAGIC) {
            split(rest, FRAME_HEADER_BYTES)?.1
        } else {
            let (length, after) = rest.split_first_chunk().ok_or_else(cut_short)?;
            let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| cut_short())?;
            let (block, after) = split(after, length)?;
            decompress_block(decoder, block, output)?;
            after
        };
    }
    Ok(())
}

fn decompress_block(decoder: &mut Decoder, block: &[u8], output: &mut Output) -> Result<(), BatchError> {
    let length = decompress_len(block).map_err(|e| Compression::Snappy.invalid(e))?;
    if length > output.left_bytes() {
        return Err(output.too_large());
    }
    // Three bytes of input make 64 of output at the very best, so a block that declares more cannot be whole.
    if length / 64 > block.len() / 3 {
        return Err(Compression::Snappy.invalid("a block declares more than it can hold"));
    }
    let (_, room) = output.room(0, length);
    let written = decoder.decompress(block, room).map_err(|e| Compression::Snappy.invalid(e))?;
    output.advance(written);
    Ok(())
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), BatchError> {
    bytes.split_at_checked(at).ok_or_else(cut_short)
}

fn cut_short() -> BatchError {
    Compression::Snappy.invalid("a block is cut short")
}

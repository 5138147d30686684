use std::io::{Read, Write};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{BatchError, Compression, Output};

const CHUNK_BYTES: usize = 64 << 10;

pub(super) fn compress(records: &[u8], out: &mut Vec<u8>) -> Result<(), BatchError> {
    let mut encoder = GzEncoder::new(out, flate2::Compression::default());
    encoder.write_all(records).and_then(|()| encoder.try_finish()).map_err(|e| Compression::Gzip.invalid(e))
}

pub(super) fn decompress(compressed: &[u8], output: &mut Output) -> Result<(), BatchError> {
    let mut decoder = MultiGzDecoder::new(compressed);
    loop {
        // At the limit one byte more tells a batch that just fits from one that does not.
        let full = output.left_bytes() == 0;
        let mut probe = [0];
        let room = if full { probe.as_mut_slice() } else { output.all_room(CHUNK_BYTES) };
        match decoder.read(room).map_err(|e| Compression::Gzip.invalid(e))? {
            0 => return Ok(()),
            _ if full => return Err(output.too_large()),
            read => output.advance(read),
        }
    }
}

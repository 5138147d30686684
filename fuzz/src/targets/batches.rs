//! Record batches, as a client produces them: the checks before they are stored, and all that reads their records.

use bytes::Bytes;
use runnel_broker::config::TopicConfig;
use runnel_broker::log::validate;
use runnel_proto::records::{
    BatchHeader, BatchReader, HEADER_BYTES, Retained, TransactionMarker, split_batches, verify_crc,
};

use crate::memory::within;

/// What a batch's records may come to, decompressed.
const LIMIT_BYTES: usize = 1 << 20;

/// For the codecs' own tables.
const SLACK_BYTES: usize = 1 << 20;

/// Where the length, the magic and the sum of a batch stand.
const LENGTH_AT: usize = 8;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const SUMMED_FROM: usize = 21;

pub(crate) fn batches(bytes: &[u8]) {
    for (_, batch) in split_batches(bytes).map_while(Result::ok) {
        read(batch);
    }
    if let Some(batch) = mended(bytes) {
        assert_eq!(verify_crc(&batch), Ok(()), "its sum is right");
        read(&batch);
    }
}

/// With length, magic and sum as they must be, so that what lies behind them meets the bytes.
fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut batch = bytes.to_vec();
    let length = i32::try_from(batch.len().checked_sub(HEADER_BYTES)? + HEADER_BYTES - LENGTH_AT - 4).ok()?;
    batch[LENGTH_AT..][..4].copy_from_slice(&length.to_be_bytes());
    batch[MAGIC_AT] = 2;
    let sum = crc32c::crc32c(&batch[SUMMED_FROM..]);
    batch[CRC_AT..][..4].copy_from_slice(&sum.to_be_bytes());
    Some(batch)
}

fn read(batch: &[u8]) {
    let size_bytes = batch.len();
    let header = BatchHeader::parse(batch);
    let understood = within(LIMIT_BYTES + size_bytes + SLACK_BYTES, || exhaust(batch));
    if let Some(read) = understood {
        let header = header.expect("its records were read");
        assert_eq!(read.records, header.record_count, "as many as the header says");
        assert!(read.size_bytes <= LIMIT_BYTES.max(size_bytes), "no more than was allowed");
    }
    // Half of the records, as compaction leaves them, are a batch again.
    let mut keep = [true, false].into_iter().cycle();
    let half = || BatchReader::new(LIMIT_BYTES).retain(batch, |_| keep.next().expect("endless"));
    // The old records, the kept ones, and these compressed, which may be larger than before.
    if let Ok(Retained::Some(half)) = within(4 * LIMIT_BYTES + size_bytes + SLACK_BYTES, half) {
        assert_eq!(verify_crc(&half), Ok(()));
        let kept = exhaust(&half).expect("its records can be read").records;
        assert_eq!(Some(kept), understood.map(|read| read.records - read.records / 2));
    }
    let stored = |config: &TopicConfig| validate::check(Bytes::copy_from_slice(batch), config, "topic", 0);
    let _ = stored(&TopicConfig::default());
}

/// What was found in a batch.
#[derive(Clone, Copy)]
struct Read {
    records: i32,
    size_bytes: usize,
}

/// Reads all that is in a batch; `None` when it is refused somewhere.
fn exhaust(batch: &[u8]) -> Option<Read> {
    let mut reader = BatchReader::new(LIMIT_BYTES);
    let mut read = Read { records: 0, size_bytes: 0 };
    for record in reader.read(batch).ok()? {
        let record = record.ok()?;
        let _ = TransactionMarker::read(&record);
        let size = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let headers: usize = record.headers().map(|header| header.name.len() + size(header.value)).sum();
        read.records += 1;
        read.size_bytes += size(record.key) + size(record.value) + headers;
    }
    Some(read)
}

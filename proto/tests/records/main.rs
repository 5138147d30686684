//! Record batches: what goes in comes out, and what is broken is refused without harm.

mod codecs;
mod damage;
mod layout;
mod librdkafka;
mod round_trip;

use bytes::Bytes;
use runnel_proto::records::{
    BatchBuilder, BatchError, BatchReader, Compression, Record, max_record_size_bytes,
};

const LIMIT_BYTES: usize = 16 << 20;

/// A record that owns what [`Record`] borrows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Owned {
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Owned {
    fn of_value(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }
}

impl From<&Record<'_>> for Owned {
    fn from(record: &Record<'_>) -> Self {
        Self {
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers().map(|h| (h.name.to_vec(), h.value.map(<[u8]>::to_vec))).collect(),
        }
    }
}

fn push(builder: &mut BatchBuilder, record: &Owned) {
    let before = builder.size_bytes();
    let headers: Vec<_> = record.headers.iter().map(|(n, v)| (n.as_slice(), v.as_deref())).collect();
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    builder.push(record.timestamp_ms, key, value, &headers);
    assert!(builder.size_bytes() - before <= max_record_size_bytes(key, value, &headers));
}

fn build(records: &[Owned], compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(compression);
    records.iter().for_each(|record| push(&mut builder, record));
    builder.build().expect("records fit a batch")
}

fn read(batch: &[u8]) -> Result<Vec<Owned>, BatchError> {
    read_with(&mut BatchReader::new(LIMIT_BYTES), batch)
}

fn read_with(reader: &mut BatchReader, batch: &[u8]) -> Result<Vec<Owned>, BatchError> {
    reader.read(batch)?.map(|record| record.map(|r| Owned::from(&r))).collect()
}

/// Attributes, length and sum made to fit `body`, which takes the place of the records of `batch`.
fn with_body(batch: &[u8], compression: Compression, body: &[u8]) -> Vec<u8> {
    let mut batch = [&batch[..runnel_proto::records::HEADER_BYTES], body].concat();
    batch[22] = (batch[22] & !0b111) | compression.to_bits();
    let length = (batch.len() - 12) as i32;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    sum(&mut batch);
    batch
}

fn sum(batch: &mut [u8]) {
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

//! Record batches: what goes in comes out, and what is broken is refused without harm.

use bytes::Bytes;
use proptest::prelude::*;
use runnel_proto::records::{
    BatchBuilder, BatchError, BatchHeader, BatchReader, Compression, Record, max_record_size_bytes,
};

const LIMIT_BYTES: usize = 16 << 20;

/// A record that owns what [`Record`] borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
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

fn build(records: &[Owned], compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(compression);
    for record in records {
        let before = builder.size_bytes();
        let headers: Vec<_> = record.headers.iter().map(|(n, v)| (n.as_slice(), v.as_deref())).collect();
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        builder.push(record.timestamp_ms, key, value, &headers);
        assert!(builder.size_bytes() - before <= max_record_size_bytes(key, value, &headers));
    }
    assert_eq!(builder.len(), records.len());
    let uncompressed_bytes = builder.size_bytes();
    let batch = builder.build().expect("records fit a batch");
    assert!(builder.is_empty());
    if compression == Compression::None {
        assert_eq!(batch.len(), uncompressed_bytes);
    }
    batch
}

fn read(batch: &[u8]) -> Result<Vec<Owned>, BatchError> {
    BatchReader::new(LIMIT_BYTES).read(batch)?.map(|record| record.map(|r| Owned::from(&r))).collect()
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        (any::<u8>(), 0..3000_usize).prop_map(|(byte, count)| vec![byte; count]),
    ]
}

fn nullable() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(bytes())
}

fn record() -> impl Strategy<Value = Owned> {
    let timestamp_ms = prop_oneof![any::<i64>(), 1_700_000_000_000..1_700_000_100_000_i64];
    (timestamp_ms, nullable(), nullable(), proptest::collection::vec((bytes(), nullable()), 0..4))
        .prop_map(|(timestamp_ms, key, value, headers)| Owned { timestamp_ms, key, value, headers })
}

fn records() -> impl Strategy<Value = Vec<Owned>> {
    proptest::collection::vec(record(), 1..30)
}

fn compression() -> impl Strategy<Value = Compression> {
    proptest::sample::select(Compression::ALL.as_slice())
}

proptest! {
    #[test]
    fn what_is_built_reads_back_the_same(records in records(), compression in compression()) {
        let batch = build(&records, compression);
        let header = BatchHeader::parse(&batch).unwrap();
        prop_assert_eq!(header.size_bytes, batch.len());
        prop_assert_eq!(header.compression(), Ok(compression));
        prop_assert_eq!(header.record_count as usize, records.len());
        prop_assert_eq!(header.base_timestamp_ms, records[0].timestamp_ms);
        prop_assert_eq!(Some(header.max_timestamp_ms), records.iter().map(|r| r.timestamp_ms).max());
        prop_assert_eq!(read(&batch), Ok(records));
    }
}

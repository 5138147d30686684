use proptest::prelude::*;
use runnel_proto::records::{
    BatchBuilder, BatchError, BatchHeader, BatchReader, Compression, Retained, split_batches, verify_crc,
};

use crate::{LIMIT_BYTES, Owned, build, push, read, read_with};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        (any::<u8>(), 0..3000_usize).prop_map(|(byte, count)| vec![byte; count]),
        (any::<u8>(), 0..100_000_usize)
            .prop_map(|(step, count)| (0..count).map(|i| ((i * usize::from(step)) >> 8) as u8).collect()),
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

pub(crate) fn records() -> impl Strategy<Value = Vec<Owned>> {
    proptest::collection::vec(record(), 1..20)
}

pub(crate) fn compression() -> impl Strategy<Value = Compression> {
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
        prop_assert_eq!(header.last_offset() as usize, records.len() - 1);
        prop_assert_eq!(header.base_timestamp_ms, records[0].timestamp_ms);
        prop_assert_eq!(Some(header.max_timestamp_ms), records.iter().map(|r| r.timestamp_ms).max());
        prop_assert_eq!(read(&batch), Ok(records));
    }

    #[test]
    fn builder_and_reader_serve_batch_after_batch(
        batches in proptest::collection::vec((records(), compression()), 1..6),
    ) {
        let mut builders = Compression::ALL.map(BatchBuilder::new);
        let mut reader = BatchReader::new(LIMIT_BYTES);
        for (records, compression) in batches {
            let builder = &mut builders[usize::from(compression.to_bits())];
            records.iter().for_each(|record| push(builder, record));
            prop_assert_eq!(builder.len(), records.len());
            let batch = builder.build().unwrap();
            prop_assert!(builder.is_empty());
            prop_assert_eq!(read_with(&mut reader, &batch), Ok(records));
        }
    }

    #[test]
    fn concatenated_batches_come_apart(
        batches in proptest::collection::vec((records(), compression()), 0..5),
    ) {
        let batches: Vec<_> = batches.iter().map(|(records, codec)| build(records, *codec)).collect();
        let joined = batches.concat();
        let apart: Result<Vec<_>, _> = split_batches(&joined).collect();
        let apart: Vec<_> = apart.unwrap().into_iter().map(|(_, batch)| batch.to_vec()).collect();
        prop_assert_eq!(apart, batches);
    }

    #[test]
    fn retaining_drops_records_and_nothing_else(
        records in records(),
        compression in compression(),
        keep in proptest::collection::vec(any::<bool>(), 20),
    ) {
        let mut batch = build(&records, compression).to_vec();
        batch[..8].copy_from_slice(&1000_i64.to_be_bytes());
        let mut reader = BatchReader::new(LIMIT_BYTES);
        let retained = reader.retain(&batch, |record| keep[record.offset as usize - 1000]).unwrap();
        let expected: Vec<_> =
            (1000..).zip(&records).zip(&keep).filter(|(_, keep)| **keep).map(|(r, _)| (r.0, r.1.clone())).collect();
        match retained {
            Retained::All => prop_assert_eq!(expected.len(), records.len()),
            Retained::None => prop_assert!(expected.is_empty()),
            Retained::Some(rest) => {
                prop_assert!(expected.len() < records.len());
                let (old, new) = (BatchHeader::parse(&batch).unwrap(), BatchHeader::parse(&rest).unwrap());
                prop_assert_eq!(new.base_offset, 1000);
                prop_assert_eq!(new.last_offset(), old.last_offset());
                prop_assert_eq!(new.attributes, old.attributes);
                prop_assert_eq!(new.base_timestamp_ms, old.base_timestamp_ms);
                prop_assert_eq!(
                    Some(new.max_timestamp_ms),
                    expected.iter().map(|(_, record)| record.timestamp_ms).max()
                );
                let found: Result<Vec<_>, _> =
                    reader.read(&rest).unwrap().map(|r| r.map(|r| (r.offset, Owned::from(&r)))).collect();
                prop_assert_eq!(found, Ok(expected));
            }
        }
    }
}

#[test]
fn null_and_empty_differ_and_headers_keep_order_and_duplicates() {
    let headers = [("b", Some("1")), ("a", None), ("b", Some("1")), ("b", Some("")), ("", None)];
    let headers: Vec<_> = headers.map(|(n, v)| (n.into(), v.map(Into::into))).into();
    let with = |key: Option<&str>, value: Option<&str>, headers| Owned {
        timestamp_ms: -1,
        key: key.map(Into::into),
        value: value.map(Into::into),
        headers,
    };
    let records = vec![
        with(None, Some(""), vec![]),
        with(Some(""), None, headers),
        with(None, None, vec![]),
        with(Some(""), Some(""), vec![]),
    ];
    for compression in Compression::ALL {
        assert_eq!(read(&build(&records, compression)), Ok(records.clone()), "{compression}");
    }
}

#[test]
fn a_builder_needs_a_record() {
    for compression in Compression::ALL {
        let mut builder = BatchBuilder::new(compression);
        assert_eq!(builder.build(), Err(BatchError::Empty));
        builder.push(5, None, Some(b"value"), &[]);
        verify_crc(&builder.build().unwrap()).unwrap();
        assert_eq!(builder.build(), Err(BatchError::Empty));
    }
}

#[test]
fn a_plain_batch_takes_exactly_the_size_foretold() {
    let mut builder = BatchBuilder::new(Compression::None);
    for i in 0..300 {
        builder.push(i, Some(b"key"), Some(&vec![7; i as usize]), &[(b"name", Some(b"value"))]);
    }
    let foretold = builder.size_bytes();
    assert_eq!(builder.build().unwrap().len(), foretold);
}

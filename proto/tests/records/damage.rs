use proptest::prelude::*;
use runnel_proto::records::{
    BatchError, BatchHeader, BatchReader, Compression, HEADER_BYTES, split_batches, verify_crc,
};

use crate::round_trip::{compression, records};
use crate::{LIMIT_BYTES, Owned, build, read, sum, with_body};

/// Reads as far as it goes; returns the bytes that the records held.
fn exhaust(limit_bytes: usize, batch: &[u8]) -> usize {
    let mut reader = BatchReader::new(limit_bytes);
    let Ok(records) = reader.read(batch) else { return 0 };
    records
        .filter_map(Result::ok)
        .map(|record| {
            let headers =
                record.headers().map(|h| h.name.len() + h.value.map_or(0, <[u8]>::len)).sum::<usize>();
            record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers
        })
        .sum()
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = BatchHeader::parse(&bytes);
        let _ = verify_crc(&bytes);
        prop_assert!(split_batches(&bytes).count() <= bytes.len());
        exhaust(LIMIT_BYTES, &bytes);
    }

    /// The sum is right, so that the codecs and the record reader meet the bytes.
    #[test]
    fn arbitrary_records_under_a_right_sum_do_no_harm(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        compression in compression(),
        record_count in any::<i32>(),
    ) {
        let mut batch = with_body(&build(&[Owned::default()], Compression::None), compression, &body);
        batch[57..61].copy_from_slice(&record_count.to_be_bytes());
        sum(&mut batch);
        prop_assert!(exhaust(10_000, &batch) <= 10_000.max(body.len()));
    }

    /// Nearly right bytes reach deeper than arbitrary ones.
    #[test]
    fn altered_records_under_a_right_sum_do_no_harm(
        records in records(),
        compression in compression(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut batch = build(&records, compression).to_vec();
        let from = 21;
        for (at, byte) in changes {
            let at = from + at.index((batch.len() - from).min(400));
            batch[at] = byte;
        }
        sum(&mut batch);
        let limit = 100_000;
        prop_assert!(exhaust(limit, &batch) <= limit.max(batch.len()));
    }

    #[test]
    fn altered_plain_records_are_never_read_as_more_than_counted(
        changes in proptest::collection::vec((0..200_usize, any::<u8>()), 1..4),
    ) {
        let records: Vec<_> = (0..20).map(|i| Owned::of_value(vec![i; 5])).collect();
        let mut batch = build(&records, Compression::None).to_vec();
        for (at, byte) in changes {
            batch[HEADER_BYTES + at] = byte;
        }
        sum(&mut batch);
        let mut reader = BatchReader::new(LIMIT_BYTES);
        let results: Vec<_> = reader.read(&batch).unwrap().collect();
        prop_assert!(results.len() <= 20);
        // An error ends the walk; without one, every record was there.
        let errors = results.iter().filter(|result| result.is_err()).count();
        prop_assert_eq!(errors, usize::from(results.last().unwrap().is_err()));
        prop_assert!(errors == 1 || results.len() == 20);
    }

    #[test]
    fn a_cut_batch_is_refused(records in records(), compression in compression(), at in any::<proptest::sample::Index>()) {
        let batch = build(&records, compression);
        let cut = &batch[..at.index(batch.len())];
        let needed = if cut.len() < HEADER_BYTES { HEADER_BYTES } else { batch.len() };
        let expected = BatchError::Truncated { needed, available: cut.len() };
        prop_assert_eq!(verify_crc(cut), Err(expected.clone()));
        prop_assert_eq!(read(cut), Err(expected.clone()));
        let whole_and_cut = [&batch, cut].concat();
        let mut apart = split_batches(&whole_and_cut);
        prop_assert!(apart.next().is_some_and(|first| first.is_ok()));
        if !cut.is_empty() {
            prop_assert_eq!(apart.next(), Some(Err(expected)));
        }
        prop_assert_eq!(apart.next(), None);
    }
}

#[test]
fn every_flipped_bit_is_caught() {
    let records: Vec<_> = (0..5).map(|i| Owned::of_value(format!("value {i} value {i}"))).collect();
    for compression in Compression::ALL {
        let mut batch = build(&records, compression).to_vec();
        // Base offset and leader epoch are the broker's to stamp; everything else is guarded.
        let guarded = (8..12).chain(16..batch.len());
        for (at, bit) in guarded.flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            batch[at] ^= 1 << bit;
            let error = verify_crc(&batch).expect_err("a flipped bit passed");
            assert_eq!(read(&batch), Err(error.clone()));
            let right_error = match at {
                8..12 => matches!(error, BatchError::Length(_) | BatchError::Truncated { .. }),
                16 => matches!(error, BatchError::Magic(_)),
                _ => matches!(error, BatchError::Crc { .. }),
            };
            assert!(right_error, "byte {at} bit {bit} of {compression}: {error}");
            batch[at] ^= 1 << bit;
        }
        verify_crc(&batch).unwrap();
    }
}

#[test]
fn bytes_after_a_batch_are_refused() {
    let mut batch = build(&[Owned::of_value("value")], Compression::None).to_vec();
    let length = batch.len() as i32 - 12;
    batch.push(0);
    assert_eq!(verify_crc(&batch), Err(BatchError::Length(length)));
}

#[test]
fn older_formats_are_named() {
    let mut message = vec![0; 26];
    message[16] = 1;
    assert_eq!(BatchHeader::parse(&message), Err(BatchError::Magic(1)));
}

#[test]
fn lengths_without_room_for_a_header_are_refused() {
    let mut batch = build(&[Owned::of_value("value")], Compression::None).to_vec();
    for length in [i32::MIN, -1, 0, 48] {
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        assert_eq!(BatchHeader::parse(&batch), Err(BatchError::Length(length)));
    }
    batch[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
    assert_eq!(BatchHeader::parse(&batch).unwrap().size_bytes, i32::MAX as usize + 12);
}

#[test]
fn unknown_codecs_are_refused() {
    let batch = build(&[Owned::of_value("value")], Compression::None);
    for code in 5..8 {
        let mut batch = batch.to_vec();
        batch[22] |= code;
        sum(&mut batch);
        assert_eq!(read(&batch), Err(BatchError::UnknownCompression(code)));
    }
}

#[test]
fn wrong_record_counts_are_refused() {
    let batch = build(&[Owned::of_value("one"), Owned::of_value("two")], Compression::None);
    for count in [i32::MIN, -1, 0, 1, 3, i32::MAX] {
        let mut batch = batch.to_vec();
        batch[57..61].copy_from_slice(&count.to_be_bytes());
        sum(&mut batch);
        assert!(matches!(read(&batch), Err(BatchError::Malformed(_))), "{count}");
    }
}

#[test]
fn a_batch_emptied_by_compaction_holds_no_record() {
    let mut batch = with_body(&build(&[Owned::default()], Compression::None), Compression::None, &[]);
    batch[57..61].copy_from_slice(&0_i32.to_be_bytes());
    sum(&mut batch);
    assert_eq!(read(&batch), Ok(vec![]));
}

#[test]
fn malformed_records_are_refused() {
    // length, attributes, timestamp delta, offset delta, key, value, header count; numbers are zig-zag.
    let right: &[u8] = &[12, 0, 0, 0, 1, 1, 0];
    let wrong: &[(&str, &[u8])] = &[
        ("negative length", &[1, 0, 0, 0, 1, 1, 0]),
        ("length beyond the batch", &[14, 0, 0, 0, 1, 1, 0]),
        ("longer than its fields", &[14, 0, 0, 0, 1, 1, 0, 0]),
        ("shorter than its fields", &[10, 0, 0, 0, 1, 1, 0]),
        ("negative offset delta", &[12, 0, 0, 1, 1, 1, 0]),
        ("offset delta beyond the batch", &[12, 0, 0, 2, 1, 1, 0]),
        ("key length -2", &[12, 0, 0, 0, 3, 1, 0]),
        ("value beyond the record", &[12, 0, 0, 0, 1, 4, 0]),
        ("negative header count", &[12, 0, 0, 0, 1, 1, 1]),
        ("more headers than bytes", &[12, 0, 0, 0, 1, 1, 2]),
        ("two billion headers", &[20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f]),
        ("null header name", &[16, 0, 0, 0, 1, 1, 2, 1, 1]),
        (
            "endless number",
            &[32, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 1, 1, 0],
        ),
        ("length beyond 32 bits", &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1, 1, 0]),
    ];
    let batch = build(&[Owned::default()], Compression::None);
    assert_eq!(read(&with_body(&batch, Compression::None, right)), Ok(vec![Owned::default()]));
    for (what, body) in wrong {
        let result = read(&with_body(&batch, Compression::None, body));
        assert!(matches!(result, Err(BatchError::Malformed(_))), "{what}: {result:?}");
    }
}

#[test]
fn offsets_must_ascend_but_may_have_gaps() {
    let batch = build(&[Owned::default(), Owned::default()], Compression::None);
    let body = |first: u8, second: u8| [12, 0, 0, first, 1, 1, 0, 12, 0, 0, second, 1, 1, 0];
    let offsets = |first, second, last: i32| {
        let mut batch = with_body(&batch, Compression::None, &body(first, second));
        batch[23..27].copy_from_slice(&last.to_be_bytes());
        sum(&mut batch);
        let mut reader = BatchReader::new(0);
        let offsets: Result<Vec<_>, _> = reader.read(&batch).unwrap().map(|r| r.map(|r| r.offset)).collect();
        offsets.ok()
    };
    assert_eq!(offsets(0, 2, 1), Some(vec![0, 1]));
    assert_eq!(offsets(2, 10, 5), Some(vec![1, 5]));
    assert_eq!(offsets(2, 2, 5), None);
    assert_eq!(offsets(2, 0, 5), None);
    assert_eq!(offsets(0, 2, 0), None);
}

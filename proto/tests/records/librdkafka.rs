//! Batches that librdkafka 2.0.2 made from `librdkafka-input.txt`, captured by `capture_batches` of `runnel-tests`.

use std::fs;
use std::path::PathBuf;

use runnel_proto::records::{BatchReader, Compression, split_batches, verify_crc};

use crate::{LIMIT_BYTES, Owned, build, read};

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What kcat was told to make of each line: key before `|`, null for an empty value, five headers.
fn expected() -> Vec<Owned> {
    let headers = [
        ("trace", Some("1")),
        ("trace", Some("2")),
        ("trace", Some("1")),
        ("empty", Some("")),
        ("null", None),
    ];
    let headers = headers.map(|(name, value)| (name.into(), value.map(Into::into)));
    String::from_utf8(fixture("librdkafka-input.txt"))
        .unwrap()
        .lines()
        .map(|line| {
            let (key, value) = line.split_once('|').map_or((None, line), |(key, value)| (Some(key), value));
            Owned {
                timestamp_ms: 0,
                key: key.map(Into::into),
                value: (!value.is_empty()).then(|| value.into()),
                headers: headers.to_vec(),
            }
        })
        .collect()
}

/// The records of a fixture with their offsets, and the number of its batches.
fn decode(compression: Compression) -> (Vec<(i64, Owned)>, usize) {
    let bytes = fixture(&format!("librdkafka-{compression}.bin"));
    let mut reader = BatchReader::new(LIMIT_BYTES);
    let mut records = Vec::new();
    let batches: Result<Vec<_>, _> = split_batches(&bytes).collect();
    let batches = batches.unwrap();
    for (header, batch) in &batches {
        verify_crc(batch).unwrap();
        assert_eq!(header.compression(), Ok(compression));
        for record in reader.read(batch).unwrap() {
            let record = record.unwrap();
            records.push((record.offset, Owned::from(&record)));
        }
        assert_eq!(records.last().unwrap().0, header.last_offset());
    }
    (records, batches.len())
}

#[test]
fn every_record_of_every_codec_is_there() {
    const YEAR_2026_MS: i64 = 1_767_225_600_000;
    let expected = expected();
    assert_eq!(expected.len(), 100);
    for compression in Compression::ALL {
        let (records, batches) = decode(compression);
        assert!(batches > 1 && batches < records.len() / 10, "{compression}: {batches} batches");
        assert_eq!(records.len(), expected.len(), "{compression}");
        let mut last_ms = YEAR_2026_MS;
        for ((offset, mut record), (i, expected)) in records.into_iter().zip((0..).zip(&expected)) {
            assert_eq!(offset, i, "{compression}");
            assert!(record.timestamp_ms >= last_ms, "{compression}: {record:?}");
            last_ms = std::mem::take(&mut record.timestamp_ms);
            assert_eq!(&record, expected, "{compression}: offset {offset}");
        }
    }
}

#[test]
fn we_write_the_very_bytes_that_librdkafka_does() {
    let bytes = fixture("librdkafka-none.bin");
    for batch in split_batches(&bytes) {
        let (_, batch) = batch.unwrap();
        let mut theirs = batch.to_vec();
        theirs[..8].copy_from_slice(&[0; 8]);
        let mut ours = build(&read(batch).unwrap(), Compression::None).to_vec();
        // librdkafka leaves the leader epoch 0, ours is -1: the broker's to stamp.
        ours[12..16].copy_from_slice(&theirs[12..16]);
        assert!(ours == theirs, "{:?}\n{:?}", &ours[..61], &theirs[..61]);
    }
}

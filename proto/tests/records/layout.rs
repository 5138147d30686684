use runnel_proto::records::{
    BatchBuilder, BatchHeader, BatchReader, Compression, ControlType, TimestampType, TransactionMarker,
    control_batch, stamp_append_time, verify_crc,
};

use crate::{LIMIT_BYTES, sum};

#[test]
fn every_byte_lies_where_kafka_puts_it() {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(1000, Some(b"k"), Some(b"one"), &[]);
    builder.push(998, None, None, &[(b"h", Some(b"x")), (b"h", None)]);
    let batch = builder.build().unwrap();
    #[rustfmt::skip]
    let expected = [
        0, 0, 0, 0, 0, 0, 0, 0, // base offset
        0, 0, 0, 74, // length
        0xff, 0xff, 0xff, 0xff, // leader epoch
        2, // magic
        batch[17], batch[18], batch[19], batch[20], // CRC, checked below
        0, 0, // attributes
        0, 0, 0, 1, // last offset delta
        0, 0, 0, 0, 0, 0, 3, 0xe8, // base timestamp
        0, 0, 0, 0, 0, 0, 3, 0xe8, // max timestamp
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // producer id
        0xff, 0xff, // producer epoch
        0xff, 0xff, 0xff, 0xff, // base sequence
        0, 0, 0, 2, // record count
        20, 0, 0, 0, 2, b'k', 6, b'o', b'n', b'e', 0,
        26, 0, 3, 2, 1, 1, 4, 2, b'h', 2, b'x', 2, b'h', 1,
    ];
    assert_eq!(batch, expected.as_slice());
    let mut summed = batch.to_vec();
    sum(&mut summed);
    assert_eq!(batch, summed);
}

#[test]
fn stamping_the_append_time_overrules_the_records_timestamps() {
    let mut builder = BatchBuilder::new(Compression::Gzip);
    builder.push(1000, None, Some(b"one"), &[]);
    builder.push(2000, None, Some(b"two"), &[]);
    let mut batch = builder.build().unwrap().to_vec();
    assert_eq!(BatchHeader::parse(&batch).unwrap().timestamp_type(), TimestampType::CreateTime);
    stamp_append_time(&mut batch, 5000);
    verify_crc(&batch).unwrap();
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(header.compression(), Ok(Compression::Gzip));
    assert_eq!(header.max_timestamp_ms, 5000);
    for record in BatchReader::new(LIMIT_BYTES).read(&batch).unwrap() {
        let record = record.unwrap();
        assert_eq!((record.timestamp_ms, record.timestamp_type), (5000, TimestampType::LogAppendTime));
    }
}

#[test]
fn base_offset_and_leader_epoch_are_stamped_without_summing_again() {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(1, None, Some(b"one"), &[]);
    builder.push(1, None, Some(b"two"), &[]);
    let mut batch = builder.build().unwrap().to_vec();
    batch[..8].copy_from_slice(&42_i64.to_be_bytes());
    batch[12..16].copy_from_slice(&7_i32.to_be_bytes());
    verify_crc(&batch).unwrap();
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!((header.base_offset, header.last_offset(), header.next_offset()), (42, 43, 44));
    assert_eq!(header.leader_epoch, 7);
    let mut reader = BatchReader::new(LIMIT_BYTES);
    let offsets: Vec<_> = reader.read(&batch).unwrap().map(|record| record.unwrap().offset).collect();
    assert_eq!(offsets, [42, 43]);
}

#[test]
fn the_last_offsets_do_not_wrap() {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(1, None, None, &[]);
    builder.push(1, None, None, &[]);
    let mut batch = builder.build().unwrap().to_vec();
    batch[..8].copy_from_slice(&i64::MAX.to_be_bytes());
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!((header.last_offset(), header.next_offset()), (i64::MAX, i64::MAX));
    let mut reader = BatchReader::new(LIMIT_BYTES);
    let read: Vec<_> = reader.read(&batch).unwrap().map(|record| record.is_ok()).collect();
    assert_eq!(read, [true, false]);
}

#[test]
fn markers_read_back_and_lie_where_kafka_puts_them() {
    for (control_type, code) in [(ControlType::Abort, 0), (ControlType::Commit, 1)] {
        let marker = TransactionMarker { control_type, coordinator_epoch: 0x0102_0304 };
        let batch = control_batch(marker, 77, 3, 1000);
        let header = BatchHeader::parse(&batch).unwrap();
        assert!(header.is_control() && header.is_transactional());
        assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (77, 3, -1));
        assert_eq!(header.record_count, 1);
        let mut reader = BatchReader::new(LIMIT_BYTES);
        let record = reader.read(&batch).unwrap().next().unwrap().unwrap();
        assert_eq!(record.key, Some([0, 0, 0, code].as_slice()));
        assert_eq!(record.value, Some([0, 0, 1, 2, 3, 4].as_slice()));
        assert_eq!(record.timestamp_ms, 1000);
        assert_eq!(TransactionMarker::read(&record), Ok(Some(marker)));
    }
}

#[test]
fn foreign_control_records_are_told_from_markers() {
    let read = |key: Option<&[u8]>, value: Option<&[u8]>| {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(1, key, value, &[]);
        let batch = builder.build().unwrap();
        let mut reader = BatchReader::new(LIMIT_BYTES);
        TransactionMarker::read(&reader.read(&batch).unwrap().next().unwrap().unwrap())
    };
    assert_eq!(read(Some(&[0, 0, 0, 2]), None), Ok(None), "a leader change of KRaft");
    assert!(read(None, None).is_err());
    assert!(read(Some(&[0, 0, 0]), None).is_err());
    assert!(read(Some(&[0xff, 0xff, 0, 1]), None).is_err());
    assert!(read(Some(&[0, 0, 0, 1]), None).is_err());
    assert!(read(Some(&[0, 0, 0, 1]), Some(&[0, 0, 0])).is_err());
    let commit = TransactionMarker { control_type: ControlType::Commit, coordinator_epoch: 9 };
    assert_eq!(
        read(Some(&[0, 1, 0, 1, 5]), Some(&[0, 1, 0, 0, 0, 9, 5])),
        Ok(Some(commit)),
        "a later version appends fields"
    );
}

#[test]
fn codecs_keep_their_names_and_codes() {
    let names = ["none", "gzip", "snappy", "lz4", "zstd"];
    for (code, name) in names.into_iter().enumerate() {
        let codec: Compression = name.parse().unwrap();
        assert_eq!((codec.to_bits() as usize, codec.to_string().as_str()), (code, name));
        assert_eq!(Compression::from_bits(code as u8), Ok(codec));
    }
    assert!("brotli".parse::<Compression>().is_err());
    assert!(Compression::from_bits(5).is_err());
}

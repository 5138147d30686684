//! Data of other writers, and data made to do harm.

use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use runnel_proto::records::{BatchError, BatchReader, Compression, HEADER_BYTES};

use crate::{LIMIT_BYTES, Owned, build, read, read_with, with_body};

const CODECS: [Compression; 4] =
    [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn sample() -> Vec<Owned> {
    (0..5000)
        .map(|i| Owned {
            key: Some(format!("key-{}", i % 7).into_bytes()),
            ..Owned::of_value(format!("line {i} of a log, {} bytes from the last one", i * 31 % 977))
        })
        .collect()
}

fn body_of(batch: &[u8]) -> &[u8] {
    &batch[HEADER_BYTES..]
}

/// Compresses the sample's records as `write` does, and reads the batch.
fn check(compression: Compression, write: impl FnOnce(&[u8]) -> Vec<u8>) {
    let plain = build(&sample(), Compression::None);
    let batch = with_body(&plain, compression, &write(body_of(&plain)));
    assert!(read(&batch) == Ok(sample()), "{:?}", read(&batch).err());
}

fn lz4(info: FrameInfo, records: &[u8]) -> Vec<u8> {
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(records).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn lz4_of_every_variety_is_read() {
    for mode in [BlockMode::Independent, BlockMode::Linked] {
        for size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB] {
            for checksums in [false, true] {
                check(Compression::Lz4, |records| {
                    let info = FrameInfo::new()
                        .block_mode(mode)
                        .block_size(size)
                        .block_checksums(checksums)
                        .content_checksum(checksums)
                        .content_size(checksums.then_some(records.len() as u64));
                    lz4(info, records)
                });
            }
        }
    }
}

#[test]
fn linked_lz4_blocks_do_not_reach_into_the_frame_before() {
    let info = || FrameInfo::new().block_mode(BlockMode::Linked).block_size(BlockSize::Max64KB);
    check(Compression::Lz4, |records| {
        let (first, second) = records.split_at(records.len() / 3);
        [lz4(info(), first), lz4(info(), second)].concat()
    });
}

#[test]
fn our_lz4_has_independent_blocks_and_no_block_checksums() {
    let batch = build(&sample(), Compression::Lz4);
    let [flags, block_size] = [body_of(&batch)[4], body_of(&batch)[5]];
    assert_eq!(flags >> 6, 1, "version");
    assert_eq!(flags & 0b11_0000, 0b10_0000, "independent blocks, no checksums of blocks");
    assert_eq!(block_size >> 4, 4, "64 KiB");
}

#[test]
fn bare_snappy_is_read() {
    check(Compression::Snappy, |records| snap::raw::Encoder::new().compress_vec(records).unwrap());
}

#[test]
fn snappy_in_frames_one_after_another_is_read() {
    check(Compression::Snappy, |records| {
        let (first, second) = records.split_at(1000);
        let frame = |bytes: &[u8]| {
            let block = snap::raw::Encoder::new().compress_vec(bytes).unwrap();
            let length = (block.len() as u32).to_be_bytes();
            [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".as_slice(), &length, &block].concat()
        };
        [frame(first), frame(second)].concat()
    });
}

#[test]
fn our_snappy_is_framed_as_xerial_does() {
    let batch = build(&sample(), Compression::Snappy);
    assert!(body_of(&batch).starts_with(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"));
}

#[test]
fn gzip_of_several_members_is_read() {
    check(Compression::Gzip, |records| {
        let member = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let (first, second) = records.split_at(1000);
        [member(first), member(second)].concat()
    });
}

#[test]
fn streamed_zstd_without_a_size_is_read() {
    for level in [1, 19] {
        check(Compression::Zstd, |records| zstd::stream::encode_all(records, level).unwrap());
    }
    check(Compression::Zstd, |records| {
        let (first, second) = records.split_at(1000);
        [zstd::stream::encode_all(first, 3).unwrap(), zstd::bulk::compress(second, 3).unwrap()].concat()
    });
}

#[test]
fn codecs_make_batches_smaller() {
    let plain = build(&sample(), Compression::None);
    for compression in CODECS {
        let size = build(&sample(), compression).len();
        assert!(size * 2 < plain.len(), "{compression}: {size} of {}", plain.len());
    }
}

#[test]
fn the_limit_is_exact_and_a_bomb_is_refused() {
    let records = [Owned::of_value(vec![0; 20 << 20]), Owned::of_value("end")];
    let records_bytes = build(&records, Compression::None).len() - HEADER_BYTES;
    for compression in CODECS {
        let batch = build(&records, compression);
        assert!(batch.len() < 2 << 20, "{compression}: {}", batch.len());
        assert!(
            read_with(&mut BatchReader::new(records_bytes), &batch) == Ok(records.to_vec()),
            "{compression}"
        );
        for limit_bytes in [0, 1, 1000, 1 << 20, records_bytes - 1] {
            let result = BatchReader::new(limit_bytes).read(&batch).map(|_| ());
            assert_eq!(result, Err(BatchError::TooLarge { limit_bytes }), "{compression}");
        }
    }
}

#[test]
fn a_reader_is_as_good_as_new_after_an_error() {
    let mut reader = BatchReader::new(1 << 20);
    let bomb = [Owned::of_value(vec![0; 2 << 20])];
    for compression in CODECS {
        assert!(reader.read(&build(&bomb, compression)).is_err());
        let garbage = with_body(&build(&bomb, compression), compression, b"garbage in the place of data");
        assert!(matches!(reader.read(&garbage), Err(BatchError::Compression { .. })), "{compression}");
        assert!(read_with(&mut reader, &build(&sample(), compression)) == Ok(sample()), "{compression}");
    }
}

#[test]
fn compressed_data_cut_under_a_right_sum_is_refused() {
    for compression in CODECS {
        let batch = build(&sample(), compression);
        let body = body_of(&batch);
        for end in [0, 1, 5, 10, body.len() / 2, body.len() - 5] {
            let cut = with_body(&batch, compression, &body[..end]);
            assert!(read(&cut).is_err(), "{compression} cut to {end}");
        }
    }
}

#[test]
fn declared_sizes_are_not_believed() {
    let plain = build(&[Owned::of_value("value")], Compression::None);
    let refused = |compression, body: &[u8]| {
        let error = BatchReader::new(LIMIT_BYTES).read(&with_body(&plain, compression, body)).map(|_| ());
        error.expect_err("a lie passed")
    };
    // Bare snappy that announces 4 GiB, and 10 MiB in nine bytes.
    let too_large = BatchError::TooLarge { limit_bytes: LIMIT_BYTES };
    assert_eq!(refused(Compression::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]), too_large);
    let announced = [0x80, 0x80, 0x80, 0x05, 0, 0, 0, 0, 0];
    assert!(matches!(refused(Compression::Snappy, &announced), BatchError::Compression { .. }));
    // A snappy frame whose block is 2 GiB long, and one of negative length.
    let framed = |length: i32| {
        [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".as_slice(), &length.to_be_bytes(), b"abc"].concat()
    };
    for length in [i32::MAX, -1, 4] {
        let error = refused(Compression::Snappy, &framed(length));
        assert!(matches!(error, BatchError::Compression { .. }));
    }
    // A zstd frame that announces 2^60 bytes of content and holds one.
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x09, 0, 0, b'x'];
    assert!(matches!(
        refused(Compression::Zstd, &zstd),
        BatchError::Compression { .. } | BatchError::TooLarge { .. }
    ));
    // An LZ4 block of 2 GiB.
    let lz4 = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73, 0xff, 0xff, 0xff, 0x7f, 0];
    assert!(matches!(refused(Compression::Lz4, &lz4), BatchError::Compression { .. }));
}

//! A reader's memory stays within its limit, whatever a batch declares. It limits the address space of its whole
//! process, so that an allocation beyond aborts it. Hence it is alone in its file, and without the usual harness,
//! whose threads have 64 MiB each in reserve. Address space can be limited and read on Linux only.

use nix::sys::resource::{Resource, setrlimit};
use runnel_proto::records::{BatchBuilder, BatchReader, Compression, HEADER_BYTES};

const LIMIT_BYTES: usize = 8 << 20;
/// The codecs' own tables and the allocator's rounding.
const SLACK_BYTES: usize = 4 << 20;

#[expect(clippy::print_stdout, reason = "it stands in for the harness")]
fn main() {
    let report = if cfg!(target_os = "linux") {
        hostile_batches_reserve_no_more_than_the_limit();
        "hostile_batches_reserve_no_more_than_the_limit ... ok"
    } else {
        "hostile_batches_reserve_no_more_than_the_limit ... skipped: it needs Linux"
    };
    println!("{report}");
}

/// Address space in use, touched or not.
fn address_space_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

fn batch(compression: Compression, body: &[u8]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(0, None, None, &[]);
    let mut batch = [&builder.build().unwrap()[..HEADER_BYTES], body].concat();
    batch[22] = compression.to_bits();
    let length = batch.len() as i32 - 12;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch
}

fn hostile_batches_reserve_no_more_than_the_limit() {
    let bombs = Compression::ALL[1..].iter().map(|&compression| {
        let mut builder = BatchBuilder::new(compression);
        builder.push(0, None, Some(&vec![0; 1 << 20]), &[]);
        // All codecs allow one piece after another; built in one go, a bomb would leave free memory to hide in.
        batch(compression, &builder.build().unwrap()[HEADER_BYTES..].repeat(100))
    });
    let lies: [(Compression, &[u8]); 5] = [
        (Compression::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]),
        (Compression::Snappy, b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\x7f\xff\xff\xff"),
        // Content of 2^60 bytes in a single segment; then a window of 128 MiB without content size.
        (Compression::Zstd, &[0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x09, 0, 0, b'x']),
        (Compression::Zstd, &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x09, 0, 0, b'x']),
        // Linked blocks of 4 MiB, of which there is one of two bytes.
        (Compression::Lz4, &[0x04, 0x22, 0x4d, 0x18, 0x40, 0x70, 0x73, 2, 0, 0, 0, 0x10, b'x', 0, 0, 0, 0]),
    ];
    let hostile: Vec<_> = bombs.chain(lies.map(|(compression, body)| batch(compression, body))).collect();
    let mut reader = BatchReader::new(LIMIT_BYTES);
    let most = (address_space_bytes() + LIMIT_BYTES + SLACK_BYTES) as u64;
    setrlimit(Resource::RLIMIT_AS, most, most).unwrap();
    for batch in &hostile {
        let refused = match reader.read(batch) {
            Ok(mut records) => records.any(|record| record.is_err()),
            Err(_) => true,
        };
        assert!(refused);
    }
}

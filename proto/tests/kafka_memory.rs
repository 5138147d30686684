//! A message takes no more memory than its budget, whatever it declares. As in `records_memory.rs` the address space
//! of the whole process is limited, so that an allocation beyond aborts it; Linux only.

use bytes::Bytes;
use nix::sys::resource::{Resource, setrlimit};

#[path = "kafka/all.rs"]
mod all;
#[path = "kafka/check.rs"]
#[expect(dead_code, reason = "here only memory counts, not what is understood")]
mod check;

const BUDGET_BYTES: usize = 1 << 20;
/// What encoding it again takes, and the allocator's rounding.
const SLACK_BYTES: usize = 6 << 20;
const FRAME_BYTES: usize = 256 << 10;

#[expect(clippy::print_stdout, reason = "it stands in for the harness")]
fn main() {
    let report = if cfg!(target_os = "linux") {
        hostile_messages_stay_within_their_budget();
        "hostile_messages_stay_within_their_budget ... ok"
    } else {
        "hostile_messages_stay_within_their_budget ... skipped: it needs Linux"
    };
    println!("{report}");
}

/// Address space in use, touched or not.
fn address_space_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Frames that are nothing but counts: each number, again and again, is the count of the first array, of those within, and
/// of tags.
fn frames() -> Vec<Bytes> {
    let counts = [
        // Empty arrays and strings, then as many as there are bytes, in both forms.
        &[0][..],
        &[1],
        &[0, 0, 0, 1],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0, 0x03, 0xff, 0x00],
        &[0, 0x01, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x80, 0x80, 0x0c],
        &[0xff, 0xff, 0x03, 0],
    ];
    // With a head that fills what may stand before the first array.
    let heads = [0, 1, 2, 4, 6, 8, 10, 13, 21, 33];
    let pairs = counts.iter().flat_map(|first| counts.iter().map(move |rest| (first, rest)));
    let framed = pairs.flat_map(|(first, rest)| {
        heads.iter().map(move |&head| {
            let mut frame = [&vec![0; head][..], first].concat();
            while frame.len() < FRAME_BYTES {
                frame.extend_from_slice(rest);
            }
            Bytes::from(frame)
        })
    });
    framed.collect()
}

fn hostile_messages_stay_within_their_budget() {
    let frames = frames();
    let most = (address_space_bytes() + BUDGET_BYTES + SLACK_BYTES) as u64;
    setrlimit(Resource::RLIMIT_AS, most, most).unwrap();
    let (mut understood, mut beyond) = (0, 0);
    for check in all::ALL {
        for version in check.versions.clone() {
            for frame in &frames {
                match check.recode(frame.clone(), version, version, BUDGET_BYTES) {
                    Ok(_) => understood += 1,
                    Err(runnel_proto::kafka::CodecError::TooLarge { .. }) => beyond += 1,
                    Err(_) => {}
                }
            }
        }
    }
    assert!(understood > 1000 && beyond > 1000, "{understood} understood, {beyond} beyond the budget");
}

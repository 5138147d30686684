//! What tests of the whole program stand on: the real binary, brokers in directories of their own, and waits that end.

mod binary;
mod broker;
mod grpc;
mod home;
mod process;
mod random;
mod tmux;

use std::time::{Duration, Instant};

pub use binary::runnel_program;
pub use broker::{TestBroker, address_to_keep};
pub use grpc::{Client, StoredRecord, read_partition, records, unpack};
pub use home::Home;
pub use process::{Output, Process, Runnel};
pub use random::Random;
pub use tmux::Tmux;

/// How long anything may take before a test gives up on it. Far more than it takes, so that a busy machine fails no test.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Tries until it works; the last refusal is told when that takes longer than [`PATIENCE`].
#[track_caller]
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(last) if Instant::now() > deadline => {
                panic!("{what}: not within {} s; at last: {last}", PATIENCE.as_secs())
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

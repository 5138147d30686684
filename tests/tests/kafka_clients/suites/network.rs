//! A loopback network of one's own: ports that programs insist on are free in it, whatever else runs.

use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use runnel_tests::harness::Runnel;

/// Does something on a thread whose network, and that of all that it starts, is a loopback interface and nothing else.
///
/// # Errors
/// Why there can be none: it takes the rights of an administrator, and Linux.
pub(super) fn isolated<T: Send>(act: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("no network of its own: {error}"))?;
            let mut up = Command::new("ip");
            up.args(["link", "set", "dev", "lo", "up"]);
            Runnel::new(up).run().ok();
            Ok(act())
        });
        // What it has asserted is told by the thread that asked.
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

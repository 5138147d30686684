//! Before something is timed: what came before it shall not be paid for by it.

use std::hint::black_box;

/// More than any run that is timed writes in a second or two.
const WARMED_BYTES: usize = 2 << 30;

/// Puts on disk what others have left to be written, so that nobody has to wait for that, and has the machine's memory in
/// its hands: a virtual machine gets a page from its host only when the page is first used, which takes longer than
/// to fill it. Without this the broker that was last to find new pages for its files took three times as long.
pub(crate) fn settle() {
    nix::unistd::sync();
    // What is given back last is what the kernel gives out first.
    drop(black_box(vec![1_u8; WARMED_BYTES]));
}

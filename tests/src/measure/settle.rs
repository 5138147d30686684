//! Before something is timed: what came before it shall not be paid for by it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;

use super::Result;
use super::command::memory_bytes;

/// So much memory may stay free: the kernel keeps about as much for itself.
const FREE_BYTES: u64 = 256 << 20;
const MEMORY: &str = "/proc/meminfo";
const STEP_BYTES: usize = 1 << 20;

/// Puts on disk what others have left to be written, so that nobody has to wait for that, and has no memory lie idle, as on a
/// machine that has been in use for a while.
///
/// A virtual machine gives free pages back to its host, and gets each again when it is next used: that took 1.7 s for 1 GiB
/// where pages that it had took 0.16 s, and the same broker 0.8 s or 3 s for the same gigabyte. So what is free is filled with
/// file pages, from which the kernel takes when it needs some.
pub(crate) fn settle() {
    nix::unistd::sync();
    // Where that can't be done figures spread more, and that is told with them.
    let _ = fill_memory();
}

/// Holes, as large as files may well be: reading them takes memory and no disk.
struct Holes {
    file: File,
    position: u64,
}

const HOLES_BYTES: u64 = 1 << 40;

impl Holes {
    fn new() -> Result<Self> {
        let file = tempfile::tempfile()?;
        file.set_len(HOLES_BYTES)?;
        Ok(Self { file, position: 0 })
    }
}

static HOLES: Mutex<Option<Holes>> = Mutex::new(None);

fn fill_memory() -> Result<()> {
    let mut holes = HOLES.lock().map_err(|_| "filling memory has panicked")?;
    let Holes { file, position } = match &mut *holes {
        Some(holes) => holes,
        none => none.insert(Holes::new()?),
    };
    let mut buffer = vec![0; STEP_BYTES];
    // A bound for file systems that keep no pages for holes.
    let mut left = memory_bytes(MEMORY, "MemTotal:")?;
    while left > 0 && memory_bytes(MEMORY, "MemFree:")? > FREE_BYTES {
        for _ in 0..16 {
            file.read_exact_at(&mut buffer, *position)?;
            *position = (*position + STEP_BYTES as u64) % HOLES_BYTES;
            left = left.saturating_sub(STEP_BYTES as u64);
        }
    }
    Ok(())
}

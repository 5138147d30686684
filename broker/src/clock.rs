//! The wall clock, read in one place. Everything that decides takes the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::types::UnixMillis;

/// Now, in milliseconds since the Unix epoch; 0 on a machine whose clock stands before it.
pub fn now_ms() -> UnixMillis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as UnixMillis)
}

//! What bytes from anybody may do to the decoders: be understood or refused, within a bound of memory, and nothing else.
//!
//! A target takes any bytes and panics when a promise is broken. `fuzz/run` has libFuzzer drive it, and keeps under
//! `fuzz/corpus/` what reached new code; `tests/tests/fuzz.rs` runs that corpus, and changes of it, each time.

#[path = "../../proto/tests/kafka/all.rs"]
mod all;
#[path = "../../proto/tests/kafka/check.rs"]
#[expect(dead_code, reason = "what follows a request does not matter here")]
mod check;
mod memory;
mod targets;

use std::path::PathBuf;

/// Something to be fed with bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// How `fuzz/run` and the corpus call it.
    pub name: &'static str,
    /// Feeds it.
    ///
    /// # Panics
    /// When a promise is broken.
    pub feed: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 3] = [
    Target { name: "frames", feed: targets::frames },
    Target { name: "requests", feed: targets::requests },
    Target { name: "batches", feed: targets::batches },
];

impl Target {
    /// The target of this name.
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// Where its corpus lies.
    pub fn corpus(&self) -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "corpus", self.name].iter().collect()
    }
}

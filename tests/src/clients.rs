//! Foreign clients that tests run: found on this machine, or their absence said aloud.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Set to 1 where every client must be there, as in continuous integration.
pub const REQUIRE_CLIENTS: &str = "RUNNEL_REQUIRE_CLIENTS";

/// The path of `program`; without it `None`, after saying which `test` is skipped.
///
/// # Panics
/// When the program is missing and `RUNNEL_REQUIRE_CLIENTS=1` demands it.
pub fn find(program: &str, test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file());
    if found.is_none() {
        missing(program, test, "install it");
    }
    found
}

/// The path of `file` among what `tests/clients/fetch.sh` has fetched; without it `None`, after saying which `test` is
/// skipped.
///
/// # Panics
/// When it is missing and `RUNNEL_REQUIRE_CLIENTS=1` demands it.
pub fn fetched(file: &str, test: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if !path.exists() {
        missing(file, test, "run tests/clients/fetch.sh");
        return None;
    }
    Some(path)
}

/// Says which `test` is skipped for want of `what`.
///
/// # Panics
/// When `RUNNEL_REQUIRE_CLIENTS=1` demands it.
pub fn missing(what: &str, test: &str, remedy: &str) {
    let required = std::env::var_os(REQUIRE_CLIENTS).is_some_and(|value| value == "1");
    assert!(!required, "{test} needs {what}: {remedy}, or unset {REQUIRE_CLIENTS} to skip the test");
    // Past the test harness, which swallows what passing tests print.
    let _ = writeln!(io::stderr(), "skipped: {test}, because {what} is not there; {remedy}");
}

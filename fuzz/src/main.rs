//! Feeds the target that `TARGET` names: with what libFuzzer thinks of, or, built without it, with the files that the
//! command line names, to see a finding again.

#![cfg_attr(fuzzing, no_main)]

use runnel_fuzz::Target;

/// # Panics
/// When there is no such target.
fn target() -> Target {
    let name = std::env::var("TARGET").expect("TARGET names a target");
    Target::named(&name).expect("it is one of the targets")
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static CHOSEN: std::sync::OnceLock<Target> = std::sync::OnceLock::new();
    (CHOSEN.get_or_init(target).feed)(bytes)
});

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    for file in std::env::args_os().skip(1) {
        (target().feed)(&std::fs::read(file)?);
    }
    Ok(())
}

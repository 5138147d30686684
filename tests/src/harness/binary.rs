//! The `runnel` program that tests run: the one that `RUNNEL_PROGRAM` names, or that of this workspace, built the way the
//! running test is built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names a program that is there already, as continuous integration names the one that would be released.
const PROGRAM: &str = "RUNNEL_PROGRAM";

/// The program's path. Unless it is named, the first call has Cargo build it, which takes a moment when it is up to date.
///
/// # Panics
/// When it can't be built, or the one that is named is not there.
pub fn runnel_program() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| std::env::var_os(PROGRAM).map_or_else(build, |name| named(name.as_ref())))
}

/// Its whole path, since it runs in other folders.
fn named(name: &Path) -> PathBuf {
    name.canonicalize().unwrap_or_else(|error| panic!("{PROGRAM} names {}: {error}", name.display()))
}

fn build() -> PathBuf {
    let (profile, target_dir) = profile_and_target_dir();
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--package", "runnel", "--bin", "runnel"])
        .args(["--message-format", "json-render-diagnostics", "--profile", &profile])
        .arg("--target-dir")
        .arg(target_dir)
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "runnel can't be built:\n{errors}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .expect("cargo tells where the program is")
}

/// Tests lie in `TARGET/PROFILE/deps`, other programs in `TARGET/PROFILE`.
fn profile_and_target_dir() -> (String, PathBuf) {
    let this = std::env::current_exe().expect("this program has a path");
    let mut dir = this.parent().expect("programs lie in directories");
    if dir.ends_with("deps") {
        dir = dir.parent().expect("deps lies in the profile's directory");
    }
    let name = dir.file_name().expect("profiles have names").to_string_lossy();
    let profile = if name == "debug" { "dev" } else { &*name };
    (profile.to_owned(), dir.parent().expect("profiles lie in the target directory").to_owned())
}

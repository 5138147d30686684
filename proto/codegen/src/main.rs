//! Writes `proto/src/kafka/` anew: `cargo run -p runnel-codegen`.

use std::path::Path;
use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "a program says why it failed")]
fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let definitions = runnel_codegen::definitions(&workspace);
    if !definitions.is_dir() {
        return Err(format!("{} is missing: run tests/peers/fetch-kafka-clients.sh", definitions.display()));
    }
    let messages = workspace.join("proto/src/kafka/messages");
    if messages.is_dir() {
        // So that none is left of a message that is no longer wanted.
        std::fs::remove_dir_all(&messages).map_err(|error| error.to_string())?;
    }
    for (path, text) in runnel_codegen::generate(&workspace)? {
        let path = workspace.join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .map_err(|error| error.to_string())?;
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

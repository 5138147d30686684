//! Programs that run to their end.

use std::error::Error;
use std::process::Command;

/// Runs a command to its end, which must be a success; returns its stdout, if that is not connected otherwise.
pub(crate) fn run(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.output().map_err(|error| format!("can't run {}: {error}", shown(command)))?;
    if !output.status.success() {
        let [said, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        // Some tell on stdout why they failed.
        let last = said.trim_end().lines().next_back().unwrap_or_default();
        let errors = [errors.trim_end(), last].join("\n");
        return Err(format!("{} failed with {}: {}", shown(command), output.status, errors.trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Its line for a reader: of long arguments, such as Java's class path, only the beginning.
fn shown(command: &Command) -> String {
    const SHOWN_CHARS: usize = 40;
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words = words.map(|word| {
        let word = word.to_string_lossy();
        match word.char_indices().nth(SHOWN_CHARS) {
            Some((end, _)) => format!("{}…", &word[..end]),
            None => word.into_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

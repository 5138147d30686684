//! `runnel completions` and `runnel man`: made from the same definitions as the command line itself.

use std::fs;

use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::args::{Cli, CompletionShell, CompletionsArgs, ManArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::{local, output};

const PROGRAM: &str = "runnel";

/// Prints a completion script.
pub(crate) async fn run(_context: &Context, args: CompletionsArgs) -> Result<(), Failure> {
    output::print_text(&script(args.shell))
}

/// Writes the man pages.
pub(crate) async fn run_man(context: &Context, args: ManArgs) -> Result<(), Failure> {
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        Man::new(Cli::command()).render(&mut page).map_err(|error| Failure::output(&error))?;
        return output::print_text(&String::from_utf8_lossy(&page));
    };
    let failed =
        |error| Failure::failed(format!("can't write man pages to {}: {error}", local::shown(directory)));
    fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(failed)?;
    context.note(&format!("The man pages are in {}; read them with `man -l FILE`.", local::shown(directory)));
    Ok(())
}

fn script(shell: CompletionShell) -> String {
    let shell = match shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Zsh => Shell::Zsh,
        CompletionShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), PROGRAM, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Each committed file, as it has to be.
    const FILES: [(CompletionShell, &str); 3] = [
        (CompletionShell::Bash, "runnel.bash"),
        (CompletionShell::Zsh, "_runnel"),
        (CompletionShell::Fish, "runnel.fish"),
    ];

    #[test]
    fn the_committed_completions_are_those_of_this_command_line() {
        let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../completions"));
        for (shell, name) in FILES {
            let path = directory.join(name);
            let expected = script(shell);
            if std::env::var_os("RUNNEL_REGENERATE").is_some() {
                fs::create_dir_all(directory).expect("the directory");
                fs::write(&path, &expected).expect("written");
            }
            let committed = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == expected,
                "completions/{name} is out of date; run RUNNEL_REGENERATE=1 cargo test -p runnel completions"
            );
        }
    }

    #[test]
    fn there_is_a_man_page_for_every_verb() {
        let directory = tempfile::tempdir().expect("a directory");
        clap_mangen::generate_to(Cli::command(), directory.path()).expect("pages");
        for page in ["runnel.1", "runnel-produce.1", "runnel-group-reset.1"] {
            assert!(directory.path().join(page).exists(), "{page}");
        }
    }
}

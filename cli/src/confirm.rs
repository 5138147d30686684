//! Asking before something is lost.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::failure::Failure;

/// Goes on only when `yes` was said on the command line, or is said now on a terminal.
///
/// `what` completes "This …": it says what will happen, escaped.
pub(crate) fn confirm(what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !can_ask() {
        return Err(Failure::usage(format!(
            "this {what}; add --yes to do that without a terminal to ask on"
        )));
    }
    if ask(&format!("This {what}. Go on? [y/N] "))
        .map_err(|error| Failure::failed(format!("can't ask: {error}")))?
    {
        return Ok(());
    }
    Err(Failure::failed("nothing was changed"))
}

/// Whether somebody can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on standard error; only `y` and `yes` mean yes.
pub(crate) fn ask(question: &str) -> io::Result<bool> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(question.as_bytes())?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        assert!(is_yes("y\n") && is_yes(" YES \n"));
        for no in ["", "\n", "n\n", "yep\n", "yes please\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }

    #[test]
    fn yes_on_the_command_line_asks_nobody() {
        assert_eq!(confirm("deletes everything", true), Ok(()));
    }
}

//! What every command is given: which broker is meant, and how to talk to people.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use crate::args::{ColorWhen, GlobalArgs};

/// The global flags, made sense of.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Where the broker listens, when somebody named it; else the local one is meant.
    pub(crate) broker: Option<String>,
    /// The local broker's data directory, when somebody named it.
    pub(crate) data_dir: Option<PathBuf>,
    /// Whether a local broker may be started.
    pub(crate) autostart: bool,
    /// When to use colour.
    pub(crate) color: ColorWhen,
    /// Say nothing on stderr but errors.
    pub(crate) quiet: bool,
    /// Say more on stderr: 0, 1, 2.
    pub(crate) verbose: u8,
}

impl Context {
    /// Makes sense of the global flags.
    pub(crate) fn new(global: GlobalArgs) -> Self {
        Self {
            broker: global.broker,
            data_dir: global.data,
            autostart: !global.no_autostart,
            color: global.color,
            quiet: global.quiet,
            verbose: global.verbose,
        }
    }

    /// Whether to colour what goes to stdout.
    pub(crate) fn colors_stdout(&self) -> bool {
        self.colors(io::stdout().is_terminal())
    }

    /// Whether to colour what goes to stderr.
    pub(crate) fn colors_stderr(&self) -> bool {
        self.colors(io::stderr().is_terminal())
    }

    fn colors(&self, is_terminal: bool) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => {
                is_terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }

    /// Tells people something that is no error; silent with `--quiet`. Untrusted parts must be escaped by the caller.
    pub(crate) fn note(&self, line: &str) {
        if !self.quiet {
            say(line);
        }
    }

    /// Warns: always shown. Untrusted parts must be escaped by the caller.
    pub(crate) fn warn(&self, line: &str) {
        say(&format!("runnel: {line}"));
    }
}

/// Writes a line to stderr; that nobody reads stderr is no reason to fail.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

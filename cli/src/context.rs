//! What every command is given: which broker is meant, and how to talk to people.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use runnel_proto::client::{Address, connect};
use tonic::transport::Channel;

use crate::args::{ColorWhen, GlobalArgs};
use crate::failure::Failure;
use crate::local;

/// How long a named broker may take to answer the first time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The global flags, made sense of.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Where the broker listens, when somebody named it; else the local one is meant.
    pub(crate) broker: Option<Address>,
    /// The local broker's data directory, when somebody named it.
    named_data_dir: Option<PathBuf>,
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
            named_data_dir: global.data,
            autostart: !global.no_autostart,
            color: global.color,
            quiet: global.quiet,
            verbose: global.verbose,
        }
    }

    /// The local broker's data directory, from the root on.
    pub(crate) fn data_dir(&self) -> Result<PathBuf, Failure> {
        let named = self.named_data_dir.clone().map_or_else(local::default_data_dir, Ok);
        named.and_then(|path| local::absolute(&path)).map_err(Failure::usage)
    }

    /// A connection to the broker; the local one is started if need be and allowed.
    pub(crate) async fn channel(&self) -> Result<Channel, Failure> {
        match &self.broker {
            Some(address) => connect(address, CONNECT_TIMEOUT)
                .await
                .map_err(|error| Failure::unreachable(error.to_string())),
            None => local::ensure_local_broker(&self.data_dir()?, self.autostart)
                .await
                .map_err(Failure::unreachable),
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

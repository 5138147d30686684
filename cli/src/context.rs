//! What every command is given: which broker is meant, and how to talk to people.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use runnel_proto::client::{Address, connect};
use runnel_proto::text::escape;
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
        let begin = Instant::now();
        let took = || format!("after {} ms", begin.elapsed().as_millis());
        if let Some(address) = &self.broker {
            let channel = connect(address, CONNECT_TIMEOUT).await;
            let channel = channel.map_err(|error| Failure::unreachable(error.to_string()))?;
            self.detail(1, || format!("connected to {} {}", escape(&address.to_string()), took()));
            return Ok(channel);
        }
        let data_dir = self.data_dir()?;
        let (channel, started) =
            local::ensure_local_broker(&data_dir, self.autostart).await.map_err(Failure::unreachable)?;
        self.detail(1, || {
            let what = if started {
                "started a local broker and connected to it"
            } else {
                "connected to the local broker"
            };
            format!("{what}, data in {}, {}", local::shown(&data_dir), took())
        });
        Ok(channel)
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

    /// Tells how things go, with `-v`; `level` 2 with `-vv` only. Untrusted parts must be escaped by the caller.
    pub(crate) fn detail(&self, level: u8, line: impl FnOnce() -> String) {
        if self.verbose >= level {
            say(&format!("runnel: {}", line()));
        }
    }

    /// Warns: always shown. Untrusted parts must be escaped by the caller.
    pub(crate) fn warn(&self, line: &str) {
        say(&format!("runnel: {line}"));
    }
}

/// Does something within the user's own limit, if there is one.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(limit) = limit else { return work.await };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Failure::timed_out(limit)))
}

/// Writes a line to stderr; that nobody reads stderr is no reason to fail.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

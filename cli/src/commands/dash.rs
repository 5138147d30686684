//! `runnel dash`: the dashboard.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use runnel_proto::client::{Address, connect};
use runnel_proto::text::escape;
use runnel_tui::{Connector, OnceFormat, Options};

use crate::args::{DashArgs, PictureFormat};
use crate::context::Context;
use crate::failure::Failure;
use crate::{local, output};

/// One attempt to connect; the dashboard makes others.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);
/// How long a single picture waits for figures.
const PICTURE_LIMIT: Duration = Duration::from_secs(5);
/// The picture's size where there is no terminal.
const PICTURE_SIZE: (u16, u16) = (120, 40);

/// Runs it.
pub(crate) async fn run(context: &Context, args: DashArgs) -> Result<(), Failure> {
    let options = options(context)?;
    if !args.once {
        return watch(options).await;
    }
    let format = match args.output {
        PictureFormat::Text => OnceFormat::Text,
        PictureFormat::Json => OnceFormat::Json,
    };
    print_once(options, args.size, format, Duration::ZERO).await
}

/// Shows the dashboard until the user leaves it.
pub(super) async fn watch(options: Options) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::usage(
            "the live dashboard needs a terminal on stdin and stdout; `runnel dash --once` prints one picture without",
        ));
    }
    runnel_tui::run(options)
        .await
        .map_err(|error| Failure::failed(format!("can't use the terminal: {error}")))
}

/// Prints one picture, after watching for `gather`.
pub(super) async fn print_once(
    options: Options,
    size: Option<(u16, u16)>,
    format: OnceFormat,
    gather: Duration,
) -> Result<(), Failure> {
    let size = size.or_else(output::stdout_size).unwrap_or(PICTURE_SIZE);
    let picture =
        runnel_tui::once(options, size, format, PICTURE_LIMIT, gather).await.map_err(Failure::unreachable)?;
    output::print_text(&picture)
}

fn options(context: &Context) -> Result<Options, Failure> {
    let color = context.colors_stdout();
    if let Some(address) = context.broker.clone() {
        let address_label = escape(&address.to_string()).into_owned();
        return Ok(Options { address_label, connect: to_address(address), color });
    }
    let data_dir = context.data_dir()?;
    let address_label = local::shown(&data_dir);
    Ok(Options { address_label, connect: to_local(data_dir, context.autostart), color })
}

/// Connects to a named broker.
pub(super) fn to_address(address: Address) -> Connector {
    Arc::new(move || {
        let address = address.clone();
        Box::pin(async move { connect(&address, ATTEMPT_LIMIT).await.map_err(|error| error.to_string()) })
    })
}

/// Connects to the local broker. Only the first attempt may start it: whoever stops the broker while the dashboard is
/// open wants it to be stopped.
fn to_local(data_dir: PathBuf, autostart: bool) -> Connector {
    let autostart = Arc::new(AtomicBool::new(autostart));
    Arc::new(move || {
        let (data_dir, autostart) = (data_dir.clone(), autostart.swap(false, Ordering::Relaxed));
        Box::pin(async move { Ok(local::ensure_local_broker(&data_dir, autostart).await?.0) })
    })
}

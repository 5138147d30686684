//! The Runnel dashboard: what a broker does, live, in a terminal.
//!
//! The broker pushes snapshots over `Monitor.Watch`; the dashboard never asks. `feed` holds the connection, `state` what
//! is known and what is on the screen (pure), `input` turns keys into intents, `view` draws, `term` has the terminal and
//! `app` is the loop that joins them. `once` draws one frame without a terminal.

mod app;
mod data;
mod feed;
#[cfg(test)]
mod fixture;
mod input;
mod once;
mod state;
mod term;
mod view;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Opens a connection to the broker. Called again for each attempt; the error is a sentence for the banner.
pub type Connector = Arc<
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<tonic::transport::Channel, String>> + Send>> + Send + Sync,
>;

/// What a dashboard is to show, and how.
#[derive(Clone)]
pub struct Options {
    /// Where the broker is, for the header; already escaped.
    pub address_label: String,
    /// Opens the connection.
    pub connect: Connector,
    /// Whether colours may be used (`NO_COLOR` says no).
    pub color: bool,
}

/// What [`once`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnceFormat {
    /// The overview as lines of text.
    Text,
    /// The data behind it as one JSON object, ended by a newline: all topics and groups; null is unknown.
    Json,
}

/// Runs the live dashboard on the terminal at standard input and output, until the user leaves it or SIGTERM, SIGHUP
/// or SIGINT ends it. A lost broker does not: the dashboard tries again and says so.
///
/// # Errors
/// When the terminal can't be taken over or is gone. The terminal is restored on every path.
pub async fn run(options: Options) -> std::io::Result<()> {
    app::run(options).await
}

/// The smallest screen that anything is drawn for: columns and rows.
pub const SMALLEST_SIZE: (u16, u16) = view::SMALLEST;

/// Waits until two snapshots have come, so that rates exist, but for `wait` at most, and goes on for `gather`, so that
/// there is a history; then tells what is known, as one overview frame of `size` (columns, rows) or as data. Needs no
/// terminal.
///
/// # Errors
/// A sentence, when the broker can't be reached or nothing came within `wait`.
pub async fn once(
    options: Options,
    size: (u16, u16),
    format: OnceFormat,
    wait: Duration,
    gather: Duration,
) -> Result<String, String> {
    once::once(options, size, format, wait, gather).await
}

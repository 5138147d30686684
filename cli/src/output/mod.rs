//! How answers reach standard output: tables for people, JSON, YAML and bare names for scripts.
//!
//! Everything printed for scripts comes from one `Serialize` type per command, so that field names stay what they are.
//! Unknown values are `null` there and `?` in a table, never 0.

use std::io::{self, Write};

use runnel_proto::text::escape;
use serde::Serialize;

use crate::args::OutputFormat;
use crate::context::Context;
use crate::failure::Failure;

mod human;
mod table;

pub(crate) use human::{bytes, count, counted, duration_ms, records_text};
pub(crate) use table::{Cell, Table, left, right, unknown_or};

/// An answer that can be printed in every format.
pub(crate) trait Report: Serialize {
    /// The answer for people; ends with a newline unless it is empty.
    fn text(&self, screen: &Screen) -> String;
    /// What `-o name` prints, one a line.
    fn names(&self) -> Vec<String>;
}

/// What is known of the place a table goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Columns to fit into; `None` off a terminal, where nothing is ever cut.
    pub(crate) width: Option<usize>,
    /// Whether headings are drawn bold.
    pub(crate) color: bool,
}

impl Screen {
    fn stdout(context: &Context) -> Self {
        let width = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        Self { width, color: context.colors_stdout() }
    }
}

/// Prints a report to standard output.
pub(crate) fn print(context: &Context, report: &impl Report, format: OutputFormat) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::failed(format!("can't format the answer: {error}"));
    let text = match format {
        OutputFormat::Table => report.text(&Screen::stdout(context)),
        OutputFormat::Json => serde_json::to_string_pretty(report).map_err(|error| failed(&error))? + "\n",
        OutputFormat::Yaml => serde_yaml_ng::to_string(report).map_err(|error| failed(&error))?,
        OutputFormat::Name => report.names().iter().map(|name| format!("{}\n", escape(name))).collect(),
    };
    print_text(&text)
}

/// Prints ready text to standard output.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::output(&error))
}

/// The terminal's columns and rows, when standard output is one.
pub(crate) fn stdout_size() -> Option<(u16, u16)> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, height)| (width.0, height.0))
}

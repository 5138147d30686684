//! How a command ends when it does not end well.

use std::io;
use std::time::Duration;

use runnel_proto::text::escape;
use runnel_proto::v1::{Error, ErrorCode};

/// Some record or partition failed, or the broker refused.
pub(crate) const FAILED: u8 = 1;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// The broker can't be reached.
pub(crate) const UNREACHABLE: u8 = 3;
/// The time given with `--timeout` is over.
pub(crate) const TIMEOUT: u8 = 124;
/// Ctrl-C cut short what was asked for.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command failed: the exit code for scripts, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The process's exit code.
    pub(crate) exit_code: u8,
    /// What went wrong and what to do; empty when everything has been said already.
    pub(crate) message: String,
}

impl Failure {
    /// Some record or partition failed, or the broker refused.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { exit_code: FAILED, message: message.into() }
    }

    /// The same, when each failure has been reported where it happened.
    pub(crate) fn reported() -> Self {
        Self::failed("")
    }

    /// The arguments contradict each other or the world.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit_code: USAGE, message: message.into() }
    }

    /// The broker can't be reached.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { exit_code: UNREACHABLE, message: message.into() }
    }

    /// The time is over.
    pub(crate) fn timeout(message: impl Into<String>) -> Self {
        Self { exit_code: TIMEOUT, message: message.into() }
    }

    /// The user's own limit is over.
    pub(crate) fn timed_out(limit: Duration) -> Self {
        Self::timeout(format!("timed out after {}", limit_text(limit)))
    }

    /// Ctrl-C.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self { exit_code: INTERRUPTED, message: message.into() }
    }

    /// Writing to stdout failed. That whoever reads has gone away is no failure: the exit code is then 0.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit_code: 0, message: String::new() };
        }
        Self::failed(format!("can't write to stdout: {error}"))
    }

    /// The broker refused one thing; its sentence says what to do. It is escaped here.
    pub(crate) fn refused(error: &Error) -> Self {
        Self::failed(escape(&error.message))
    }
}

/// A limit, nearly as it was given: `500ms`, `2.5s`.
pub(crate) fn limit_text(limit: Duration) -> String {
    match limit.as_millis() {
        millis @ ..1000 => format!("{millis}ms"),
        _ => format!("{}s", limit.as_secs_f64()),
    }
}

impl From<tonic::Status> for Failure {
    /// A call failed: the broker refused it, or went away.
    fn from(status: tonic::Status) -> Self {
        let error = runnel_proto::status::from_status(&status);
        // A lost connection is told like a broker that goes down: nobody is there to answer.
        let exit_code = if error.code() == ErrorCode::ShuttingDown { UNREACHABLE } else { FAILED };
        Self { exit_code, message: escape(&error.message).into_owned() }
    }
}

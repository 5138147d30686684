//! `runnel completions`.

use crate::args::CompletionsArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: CompletionsArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel completions` is not built yet"))
}

/// Runs `runnel man`.
pub(crate) async fn run_man(_context: &Context, _args: crate::args::ManArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel man` is not built yet"))
}

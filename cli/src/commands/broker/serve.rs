//! `runnel broker`: serves in the foreground until it is told to stop.

use crate::args::ServeArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(super) async fn run(_context: &Context, _args: ServeArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel broker` is not built yet"))
}

//! `runnel produce`.

use crate::args::ProduceArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: ProduceArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel produce` is not built yet"))
}

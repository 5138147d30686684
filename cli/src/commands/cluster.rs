//! `runnel cluster`.

use crate::args::ClusterArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: ClusterArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel cluster` is not built yet"))
}

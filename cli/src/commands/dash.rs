//! `runnel dash`.

use crate::args::DashArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: DashArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel dash` is not built yet"))
}

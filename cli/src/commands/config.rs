//! `runnel config`.

use crate::args::ConfigArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: ConfigArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel config` is not built yet"))
}

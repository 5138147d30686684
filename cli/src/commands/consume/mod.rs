//! `runnel consume`.

use crate::args::ConsumeArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: ConsumeArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel consume` is not built yet"))
}

//! `runnel group`.

use crate::args::GroupArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: GroupArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel group` is not built yet"))
}

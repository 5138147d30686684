//! `runnel demo`.

use crate::args::DemoArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: DemoArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel demo` is not built yet"))
}

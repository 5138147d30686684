//! `runnel broker`.

use crate::args::BrokerArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: BrokerArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel broker` is not built yet"))
}

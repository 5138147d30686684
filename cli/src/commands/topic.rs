//! `runnel topic`.

use crate::args::TopicArgs;
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(_context: &Context, _args: TopicArgs) -> Result<(), Failure> {
    Err(Failure::failed("`runnel topic` is not built yet"))
}

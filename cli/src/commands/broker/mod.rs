//! `runnel broker`: in the foreground, or the local one's start, stop and status.

mod serve;
mod start;
mod status;
mod stop;

use crate::args::{BrokerArgs, BrokerCommand};
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(context: &Context, args: BrokerArgs) -> Result<(), Failure> {
    match args.command {
        None => serve::run(context, args.serve).await,
        Some(BrokerCommand::Start(args)) => start::run(context, args).await,
        Some(BrokerCommand::Stop) => stop::run(context).await,
        Some(BrokerCommand::Status(args)) => status::run(context, args).await,
    }
}

/// Refuses to manage a broker that is not the local one.
fn local_only(context: &Context, verb: &str) -> Result<(), Failure> {
    match &context.broker {
        None => Ok(()),
        Some(address) => Err(Failure::usage(format!(
            "`broker {verb}` is about the local broker, and -b or RUNNEL_BROKER names {address}; leave that out, or choose the \
             local broker with --data"
        ))),
    }
}

//! One module a noun or record verb; each has a `run`.

mod broker;
mod cluster;
mod completions;
mod config;
mod consume;
mod dash;
mod demo;
mod group;
mod produce;
mod topic;

use crate::args::Command;
use crate::context::Context;
use crate::failure::Failure;

/// Does what the command line asks for.
pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Produce(args) => produce::run(context, args).await,
        Command::Consume(args) => consume::run(context, args).await,
        Command::Topic(args) => topic::run(context, args).await,
        Command::Group(args) => group::run(context, args).await,
        Command::Config(args) => config::run(context, args).await,
        Command::Cluster(args) => cluster::run(context, args).await,
        Command::Broker(args) => broker::run(context, args).await,
        Command::Dash(args) => dash::run(context, args).await,
        Command::Demo(args) => demo::run(context, args).await,
        Command::Completions(args) => completions::run(context, args).await,
        Command::Man(args) => completions::run_man(context, args).await,
    }
}

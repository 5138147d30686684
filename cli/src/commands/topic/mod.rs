//! `runnel topic`.

mod create;
mod delete;
mod describe;
mod list;
mod trim;

use crate::args::{TopicArgs, TopicCommand};
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(context: &Context, args: TopicArgs) -> Result<(), Failure> {
    match args.command {
        TopicCommand::List(args) => list::run(context, args).await,
        TopicCommand::Describe(args) => describe::run(context, args).await,
        TopicCommand::Create(args) => create::run(context, args).await,
        TopicCommand::Alter(args) => create::alter(context, args).await,
        TopicCommand::Delete(args) => delete::run(context, args).await,
        TopicCommand::Trim(args) => trim::run(context, args).await,
    }
}

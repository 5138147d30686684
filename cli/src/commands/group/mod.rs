//! `runnel group`.

mod delete;
mod describe;
mod list;
mod plan;
mod reset;

use runnel_proto::v1;

use crate::args::{GroupArgs, GroupCommand};
use crate::context::Context;
use crate::failure::Failure;

/// Runs it.
pub(crate) async fn run(context: &Context, args: GroupArgs) -> Result<(), Failure> {
    match args.command {
        GroupCommand::List(args) => list::run(context, args).await,
        GroupCommand::Describe(args) => describe::run(context, args).await,
        GroupCommand::Reset(args) => reset::run(context, args).await,
        GroupCommand::Delete(args) => delete::run(context, args).await,
    }
}

/// A group's state as it is printed.
fn state_name(state: v1::GroupState) -> &'static str {
    match state {
        v1::GroupState::Unspecified => "unknown",
        v1::GroupState::Empty => "empty",
        v1::GroupState::PreparingRebalance => "preparing-rebalance",
        v1::GroupState::CompletingRebalance => "completing-rebalance",
        v1::GroupState::Stable => "stable",
        v1::GroupState::Assigning => "assigning",
        v1::GroupState::Reconciling => "reconciling",
        v1::GroupState::Dead => "dead",
    }
}

/// A group's protocol as it is printed.
fn type_name(kind: v1::GroupType) -> &'static str {
    match kind {
        v1::GroupType::Unspecified => "unknown",
        v1::GroupType::Classic => "classic",
        v1::GroupType::Consumer => "consumer",
        v1::GroupType::Share => "share",
    }
}

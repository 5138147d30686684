//! What the programs that measure share: commands that are timed, brokers and clients that are measured, figures.

pub(crate) mod alone;
pub(crate) mod command;
pub(crate) mod dashboard;
pub(crate) mod figures;
pub(crate) mod kafka;
pub(crate) mod librdkafka;
pub(crate) mod lines;
pub(crate) mod rounds;
pub(crate) mod runnel;
pub(crate) mod settle;
pub(crate) mod terminal;
pub(crate) mod text;
pub(crate) mod wire;

use std::error::Error;

/// What can go wrong: a peer that is missing, a command that fails, an output that is not the input.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

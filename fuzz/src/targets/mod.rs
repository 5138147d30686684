//! One file a target.

mod batches;
mod frames;
mod requests;

pub(crate) use batches::batches;
pub(crate) use frames::frames;
pub(crate) use requests::requests;

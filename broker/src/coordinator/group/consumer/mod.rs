//! The consumer group protocol (KIP-848): the broker knows what each member reads, decides who is to have which partitions
//! (the target assignment), and leads each member there by answers to its heartbeats: first it gives up what is no longer
//! its own, then it gets what the others have given up.
//!
//! A decision is made on a copy of the group's [`Rows`]; what differs afterwards is written down ([`Rows::changes`]), and
//! what is in the log is replayed. So nothing that a member is told can be lost.
//!
//! `rows` holds what is kept, `records` how; `heartbeat` the members' requests, `subscribe` who reads what, `assign` the
//! target assignment, `reconcile` a member's way there, `fence` how members go, `lives` what the clock brings about,
//! `classic_member` and `migrate` the members that speak the classic protocol, and groups that go from one to the other.

mod assign;
mod classic_member;
mod decide;
mod fence;
mod heartbeat;
mod lives;
mod migrate;
mod offsets;
mod reconcile;
mod records;
mod rows;
mod subscribe;
mod views;

pub(super) use decide::Decided;
pub(super) use lives::Lives;
pub(super) use records::{Key, decode_key};
pub use rows::MemberState;
pub(super) use rows::Rows;

/// A member's epoch while it is away and will be back (a static member's farewell).
pub(super) const AWAY_EPOCH: i32 = -2;
/// A member's epoch when it leaves for good.
pub(super) const LEAVE_EPOCH: i32 = -1;

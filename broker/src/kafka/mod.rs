//! Kafka's own protocol on the broker's address: any Kafka client works with it unchanged.
//!
//! `frames` cuts the stream, `connection` keeps the order, `api` holds the one table, and `handlers` has a file an API,
//! which translates to operations and back. What each API serves, `docs/PROTOCOL.md` tells.

mod answer;
mod api;
mod call;
mod connection;
mod errors;
mod frames;
mod handlers;
mod refused;
mod session;
mod share_sessions;

pub(crate) use connection::serve;
pub use frames::{Frame, Frames, Next};
pub use refused::Refused;
pub(crate) use share_sessions::ShareSessions;

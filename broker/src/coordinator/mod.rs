//! Consumer groups: who is in which, who reads which partition, how far everybody is.
//!
//! [`group`] decides and awaits nothing; [`runtime`] gives it time, callers, and the internal log `__consumer_offsets`.

pub mod fields;
pub mod group;
pub mod runtime;
pub mod transaction;

//! Consumer groups: who is in which, who reads which partition, how far everybody is.
//!
//! [`group`] decides and awaits nothing.

pub mod group;

//! The Runnel broker. `docs/ARCHITECTURE.md` is its map.

pub mod config;
pub mod coordinator;
pub mod error;
pub mod log;
pub mod metadata;
pub mod storage;
pub mod types;

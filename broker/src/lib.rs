//! The Runnel broker. `docs/ARCHITECTURE.md` is its map.

pub mod broker;
pub mod clock;
pub mod config;
pub mod connections;
pub mod coordinator;
pub mod data_dir;
pub mod error;
pub mod events;
pub mod grpc;
pub mod http;
pub mod kafka;
pub mod listener;
pub mod log;
pub mod logs;
pub mod metadata;
pub mod metrics;
pub mod monitor;
pub mod operations;
pub mod partition;
pub mod process;
pub mod start;
pub mod storage;
pub mod types;
pub mod upkeep;
pub mod wire;

pub use broker::{Broker, BrokerOptions};
pub use start::StartError;

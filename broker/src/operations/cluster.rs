//! The cluster as a whole; today it is this broker.

use std::path::PathBuf;

use super::Operations;
use crate::types::{UnixMillis, Uuid};

/// Who this broker is.
#[derive(Debug, Clone)]
pub struct BrokerInfo {
    /// Its id.
    pub id: i32,
    /// The program's version.
    pub version: &'static str,
    /// Where it listens, as `HOST:PORT` and `unix:PATH`.
    pub listeners: Vec<String>,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// When it started.
    pub start_time_ms: UnixMillis,
    /// Leaves by itself when idle.
    pub autostarted: bool,
}

/// The cluster's figures; the broker's own topics are left out.
#[derive(Debug, Clone)]
pub struct ClusterInfo {
    /// Stays the same for the life of the data directory.
    pub cluster_id: Uuid,
    /// Topics.
    pub topics: usize,
    /// Partitions.
    pub partitions: usize,
    /// Groups; `None` while they are refused.
    pub groups: Option<usize>,
}

impl Operations {
    /// Who this broker is.
    pub fn broker(&self) -> &BrokerInfo {
        &self.shared.broker
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> Uuid {
        self.image(|image| image.cluster().map_or(Uuid::nil(), |cluster| cluster.id))
    }

    /// The cluster's figures.
    pub fn cluster(&self) -> ClusterInfo {
        let topics = self.list_topics(false);
        ClusterInfo {
            cluster_id: self.cluster_id(),
            topics: topics.len(),
            partitions: topics.iter().map(|topic| topic.partitions.len()).sum(),
            groups: self.shared.groups.check().is_ok().then(|| self.shared.groups.list().len()),
        }
    }
}

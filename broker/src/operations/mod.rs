//! What the broker can do, a file a verb. Front doors translate to these; nothing here knows a protocol.

mod change;
mod cluster;
mod configs;
mod disk_space;
mod features;
mod fetch;
mod groups;
mod memory;
mod offsets;
mod produce;
mod share;
mod topics;
mod transactions;

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use tokio::sync::{Mutex, Semaphore, watch};

pub use cluster::BrokerInfo;
pub use configs::{ConfigSynonym, Owner};
pub use features::FinalizedFeatures;
pub use fetch::{Chunk, Position};
pub use groups::{GroupProgress, PartitionProgress};
pub use memory::{Memory, Taken};
pub use offsets::OffsetSpec;
pub use produce::Pending;
pub use share::{Delivery, ShareFetch};
pub use topics::{CreateTopic, CreatedTopic};

use crate::clock;
use crate::config::BrokerConfig;
use crate::connections::Connections;
use crate::coordinator::runtime::Groups;
use crate::coordinator::transaction_runtime::Transactions;
use crate::events::Events;
use crate::metadata::{MetadataImage, Mirror};
pub use crate::partition::IsolationLevel;
use crate::partition::{self, Partition, Registry};
use crate::storage::Disk;

/// Bytes of chunks that readers have been given and not yet taken, over all readers.
const FETCH_BUDGET_BYTES: usize = 64 << 20;

/// What all requests of Kafka's clients together may take beside their bytes.
const REQUESTS_BYTES: usize = 36 << 20;

/// The most that one of them may take.
pub const REQUEST_BYTES: usize = 32 << 20;

/// What all fetch sessions may take, and the most that one may.
const SESSIONS_BYTES: usize = 8 << 20;
const SESSION_BYTES: usize = 6 << 20;

/// Every operation, on one broker. Clones share it.
#[derive(Clone)]
pub struct Operations {
    shared: Arc<Shared>,
}

/// What a start puts together for the operations to work on.
pub struct Parts {
    /// Where the files are.
    pub disk: Disk,
    /// The topics served.
    pub registry: Registry,
    /// What new partitions share.
    pub partitions: partition::Shared,
    /// What `__metadata` comes to.
    pub image: MetadataImage,
    /// `__metadata`.
    pub metadata_log: Arc<Partition>,
    /// The image's mirror in the store.
    pub mirror: Arc<Mirror>,
    /// The group coordinator.
    pub groups: Groups,
    /// The transaction coordinator.
    pub transactions: Transactions,
    /// The settings of the configuration file and the command line.
    pub config: BrokerConfig,
    /// What happened.
    pub events: Events,
    /// Who is connected.
    pub connections: Connections,
    /// Turns true when the broker stops.
    pub stop: watch::Receiver<bool>,
    /// Who this is.
    pub broker: BrokerInfo,
}

struct Shared {
    disk: Disk,
    registry: Registry,
    partitions: partition::Shared,
    image: RwLock<MetadataImage>,
    metadata_log: Arc<Partition>,
    mirror: Arc<Mirror>,
    /// Changes of metadata take turns.
    turn: Mutex<()>,
    groups: Groups,
    transactions: Transactions,
    static_config: BrokerConfig,
    /// `static_config` with what was set while the broker ran.
    config: RwLock<Arc<BrokerConfig>>,
    events: Events,
    connections: Connections,
    stop: watch::Receiver<bool>,
    broker: BrokerInfo,
    /// Bytes of batches that wait for the disk, over all producers.
    produce_budget: Arc<Semaphore>,
    produce_budget_bytes: usize,
    request_memory: Memory,
    session_memory: Memory,
    fetch_budget: Arc<Semaphore>,
    disk_space: disk_space::DiskSpace,
}

impl Operations {
    /// The operations on `parts`.
    ///
    /// # Errors
    /// The dynamic broker settings in the image are ones that this version refuses.
    pub fn new(parts: Parts) -> Result<Self, crate::error::BrokerError> {
        let config = parts.config.with_dynamic(parts.image.broker_configs())?;
        let produce_budget_bytes = config.queued_max_request_bytes.min(u32::MAX as usize);
        Ok(Self {
            shared: Arc::new(Shared {
                disk: parts.disk,
                registry: parts.registry,
                partitions: parts.partitions,
                image: RwLock::new(parts.image),
                metadata_log: parts.metadata_log,
                mirror: parts.mirror,
                turn: Mutex::new(()),
                groups: parts.groups,
                transactions: parts.transactions,
                static_config: parts.config,
                config: RwLock::new(Arc::new(config)),
                events: parts.events,
                connections: parts.connections,
                stop: parts.stop,
                broker: parts.broker,
                produce_budget: Arc::new(Semaphore::new(produce_budget_bytes)),
                produce_budget_bytes,
                request_memory: Memory::new(REQUESTS_BYTES, REQUEST_BYTES),
                session_memory: Memory::new(SESSIONS_BYTES, SESSION_BYTES),
                fetch_budget: Arc::new(Semaphore::new(FETCH_BUDGET_BYTES)),
                disk_space: disk_space::DiskSpace::default(),
            }),
        })
    }

    /// Puts space aside again after it was given back.
    pub fn refill_reserve(&self) {
        self.shared.partitions.reserve.refill();
    }

    /// The topics served.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// What happened.
    pub fn events(&self) -> &Events {
        &self.shared.events
    }

    /// Tells people what happened.
    fn tell(&self, message: &str) {
        self.shared.events.tell(clock::now_ms(), message);
    }

    /// Where the files are.
    pub fn disk(&self) -> &Disk {
        &self.shared.disk
    }

    /// Who is connected.
    pub fn connections(&self) -> &Connections {
        &self.shared.connections
    }

    /// The broker's settings in force.
    pub fn config(&self) -> Arc<BrokerConfig> {
        Arc::clone(&self.shared.config.read().expect("no one panics while holding the settings"))
    }

    /// The memory for what requests are decoded into, and for their answers.
    pub fn request_memory(&self) -> &Memory {
        &self.shared.request_memory
    }

    /// The memory for fetch sessions.
    pub fn session_memory(&self) -> &Memory {
        &self.shared.session_memory
    }

    /// Whether somebody waits for room for a request, or for memory.
    pub fn is_short(&self) -> bool {
        // What is there while somebody waits is kept for him, so that nothing is left.
        self.shared.produce_budget.available_permits() == 0 || self.shared.request_memory.is_short()
    }

    /// Waits until the broker stops.
    pub async fn stopped(&self) {
        // An error means that the broker is gone, which is a stop, too.
        let _ = self.shared.stop.clone().wait_for(|stop| *stop).await;
    }

    /// Whether the broker still takes work.
    pub fn ready(&self) -> bool {
        !*self.shared.stop.borrow()
    }
}

/// Where a topic's partition keeps its files, below the data directory.
pub fn partition_dir(id: crate::types::TopicPartition) -> PathBuf {
    topic_dir(id.topic_id).join(id.partition.to_string())
}

/// Where a topic keeps its partitions, below the data directory.
pub fn topic_dir(id: crate::types::TopicId) -> PathBuf {
    PathBuf::from(TOPICS_DIR).join(id.to_string())
}

/// The ending of the folder of a topic that is deleted.
pub const DELETED: &str = "deleted";

/// The folder of all topics, below the data directory.
pub const TOPICS_DIR: &str = "topics";

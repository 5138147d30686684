//! The groups' start: their log replayed, their settings given to them.

use std::sync::Arc;

use runnel_proto::group::ServerAssignor;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::open::Opener;
use super::own::{OFFSETS, coordinator_log};
use super::repair::{Repair, Replayed};
use crate::clock;
use crate::config::{BrokerConfig, GroupConfig};
use crate::coordinator::group::{GroupCoordinator, GroupSettings, MigrationPolicy, ShareLimits, Topics};
use crate::coordinator::runtime::{self, CheckTopic, Groups, TopicAccess, TopicsSince};
use crate::error::BrokerError;
use crate::metadata::{MetadataImage, Mirror};
use crate::partition::{self, Registry};
use crate::start::StartError;
use crate::types::Uuid;

/// What the groups start with.
pub(super) struct Start<'a> {
    pub(super) opener: &'a Opener<'a>,
    pub(super) broker: &'a BrokerConfig,
    pub(super) image: &'a MetadataImage,
    pub(super) mirror: &'a Arc<Mirror>,
    pub(super) shared: &'a partition::Shared,
    pub(super) registry: &'a Registry,
}

impl Start<'_> {
    /// Replays the groups and lets them go.
    pub(super) fn run(&self, runtime: &Handle) -> Result<(Groups, JoinHandle<()>), StartError> {
        let new = || GroupCoordinator::new(group_settings(self.broker), Uuid::new_v4().as_u128());
        let Replayed { partition, mut machine, refusal } =
            self.repair().run(new, GroupCoordinator::replay)?;
        for (group, configs) in self.image.configured_groups() {
            machine.configure(group, Some(GroupConfig::resolve(self.broker, configs)?));
        }
        let tell = self.opener.events.clone();
        let on_event = Box::new(move |message: String| tell.tell(clock::now_ms(), &message));
        let log = coordinator_log(OFFSETS, partition, Arc::clone(self.mirror));
        let _in_runtime = runtime.enter();
        let topics = TopicAccess {
            check: check_topic(self.registry.clone()),
            since: topics_since(self.registry.clone()),
        };
        let (groups, task) = runtime::start(machine, log, topics, on_event, clock::now_ms());
        Ok((refusal.map_or(groups.clone(), |error| groups.refusing(error)), task))
    }

    fn repair(&self) -> Repair<'_> {
        Repair {
            opener: self.opener,
            mirror: self.mirror,
            shared: self.shared,
            registry: self.registry,
            own: OFFSETS,
            refused: "groups",
            setting: "offsets.salvage.enable",
            goes_on: self.broker.offsets_salvage_enable,
            loss: "groups may read records again or not find their offsets",
            amend: |_, _| {},
        }
    }
}

/// Offsets are kept of what exists, and of the very topic that was read.
fn check_topic(registry: Registry) -> CheckTopic {
    Arc::new(move |partition, id| {
        let topic = registry.topic(&partition.topic)?;
        if id.is_some_and(|id| id != topic.id) {
            return Err(BrokerError::TopicReplaced { topic: partition.topic.clone() });
        }
        topic.partition(partition.partition).map(|_| ())
    })
}

fn topics_since(registry: Registry) -> TopicsSince {
    Arc::new(move |seen| {
        let (version, topics) = registry.changed_since(seen)?;
        let topics = topics.iter().filter(|topic| !topic.internal);
        let rows = topics.map(|topic| (topic.name.to_string(), topic.id, topic.partitions.len() as i32));
        Some(Topics::new(version, rows))
    })
}

fn group_settings(config: &BrokerConfig) -> GroupSettings {
    GroupSettings {
        initial_rebalance_delay_ms: config.group_initial_rebalance_delay_ms.into(),
        min_session_timeout_ms: config.group_min_session_timeout_ms,
        max_session_timeout_ms: config.group_max_session_timeout_ms,
        max_size: config.group_max_size,
        each: GroupConfig::of_all(config),
        consumer_max_size: config.group_consumer_max_size,
        consumer_assignors: config
            .group_consumer_assignors
            .iter()
            .filter_map(|name| ServerAssignor::named(name))
            .collect(),
        consumer_migration: MigrationPolicy::named(&config.group_consumer_migration_policy),
        share: ShareLimits {
            max_size: config.group_share_max_size,
            delivery_count_limit: config.group_share_delivery_count_limit as i16,
            max_record_locks: config.group_share_partition_max_record_locks.into(),
        },
        offset_metadata_max_bytes: config.offset_metadata_max_bytes,
        offsets_retention_ms: i64::from(config.offsets_retention_minutes) * 60_000,
        ..GroupSettings::default()
    }
}

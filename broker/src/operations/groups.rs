//! Groups: the coordinator's answers, and how far behind their partitions each is.

use std::collections::BTreeMap;

use super::Operations;
use super::topics::counted;
use crate::coordinator::group::{
    CommitRequest, CommittedOffset, GroupDescription, GroupType, MemberDescription, NamedPartition, Offsets,
};
use crate::coordinator::runtime::Groups;
use crate::error::BrokerError;
use crate::types::{Offset, UnixMillis};

/// A group and how far it is.
#[derive(Debug, Clone)]
pub struct GroupProgress {
    /// The group and its members.
    pub group: GroupDescription,
    /// The partitions with a committed offset or an owner, by topic and number.
    pub partitions: Vec<PartitionProgress>,
}

/// How far a group is in one partition. What is not known is `None`, never 0.
#[derive(Debug, Clone)]
pub struct PartitionProgress {
    /// The partition.
    pub partition: NamedPartition,
    /// What is committed; of a share group the first record that is not done with.
    pub committed: Option<CommittedOffset>,
    /// The first offset that still exists.
    pub log_start_offset: Option<Offset>,
    /// The high watermark.
    pub end_offset: Option<Offset>,
    /// Age of the first record that is not committed; 0 when there is none.
    pub time_lag_ms: Option<i64>,
    /// The owner's member id; empty when nobody owns it. A share group's partition may have several, with commas.
    pub member_id: String,
    /// Records after `committed` that a share group is done with; 0 in others.
    pub done: i64,
}

impl GroupProgress {
    /// Records not yet committed over all partitions; `None` when nothing is known of any.
    pub fn lag(&self) -> Option<i64> {
        let known: Vec<_> = self.partitions.iter().filter_map(PartitionProgress::lag).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }

    /// The largest time lag of its partitions; `None` when none is known.
    pub fn time_lag_ms(&self) -> Option<i64> {
        self.partitions.iter().filter_map(|row| row.time_lag_ms).max()
    }
}

impl PartitionProgress {
    /// Records not yet committed; `None` when that can't be told, as with an offset beyond the end.
    pub fn lag(&self) -> Option<i64> {
        let committed = self.committed.as_ref()?.offset;
        // Offsets that retention has deleted can't be read any more: they are lost, not lagging.
        let first = committed.max(self.log_start_offset?);
        let lag = self.end_offset? - first - self.done;
        (lag >= 0).then_some(lag)
    }
}

impl MemberDescription {
    /// The partitions that the member was given, by topic; empty when its protocol is not the consumers'.
    pub fn assigned(&self) -> BTreeMap<String, Vec<i32>> {
        let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
        for row in &self.partitions {
            topics.entry(row.topic.clone()).or_default().extend(&row.partitions);
        }
        topics
    }
}

/// What a group itself knows of a partition.
#[derive(Default)]
struct Progress {
    committed: Option<CommittedOffset>,
    member_id: String,
    done: i64,
}

impl Operations {
    /// The group coordinator.
    pub fn groups(&self) -> &Groups {
        &self.shared.groups
    }

    /// Keeps offsets; one outcome for each. Those that are `Ok` are durable.
    pub async fn commit_offsets(
        &self,
        request: CommitRequest,
    ) -> Result<Vec<Result<(), BrokerError>>, BrokerError> {
        // Programs that never were members commit from outside all the time; to a group of members somebody does it by hand.
        let has_had_members =
            || self.groups().describe(&request.group).is_some_and(|group| group.generation > 0);
        let by_hand = (request.generation < 0 && has_had_members()).then(|| request.group.clone());
        let outcomes = self.groups().commit(request).await?;
        let moved = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        if let Some(group) = by_hand.filter(|_| moved > 0) {
            self.tell(&format!("group {group:?}: offsets of {} were reset", counted(moved, "partition")));
        }
        Ok(outcomes)
    }

    /// Deletes a group and its offsets, durably.
    pub async fn delete_group(&self, group: String) -> Result<(), BrokerError> {
        self.groups().delete_group(group.clone()).await?;
        self.tell(&format!("group {group:?} was deleted"));
        Ok(())
    }

    /// Every group and how far it is. Reads the disk for time lags.
    pub fn groups_progress(&self, now_ms: UnixMillis) -> Vec<GroupProgress> {
        let groups = self.groups().list();
        groups.iter().filter_map(|group| self.group_progress(&group.group, now_ms).ok()).collect()
    }

    /// One group and how far it is. Reads the disk for time lags.
    pub fn group_progress(&self, group: &str, now_ms: UnixMillis) -> Result<GroupProgress, BrokerError> {
        self.groups().check()?;
        let unknown = || BrokerError::UnknownGroup { group: group.to_owned() };
        let description = self.groups().describe(group).ok_or_else(unknown)?;
        let offsets = self.groups().offsets(group).ok_or_else(unknown)?;
        Ok(self.progress(description, &offsets, now_ms))
    }

    fn progress(&self, group: GroupDescription, offsets: &Offsets, now_ms: UnixMillis) -> GroupProgress {
        let mut rows: BTreeMap<NamedPartition, Progress> = BTreeMap::new();
        for (topic, partition, committed) in offsets.iter() {
            let key = NamedPartition { topic: topic.to_owned(), partition };
            rows.insert(key, Progress { committed: Some(committed.clone()), ..Progress::default() });
        }
        for offset in self.groups().share_offsets(&group.summary.group).unwrap_or_default() {
            let Some(topic) = self.registry().topic_by_id(offset.partition.topic_id) else { continue };
            let key = NamedPartition { topic: topic.name.to_string(), partition: offset.partition.partition };
            let committed = CommittedOffset {
                offset: offset.start,
                leader_epoch: -1,
                metadata: String::new(),
                commit_time_ms: 0,
            };
            let progress = Progress { committed: Some(committed), done: offset.done, ..Progress::default() };
            rows.insert(key, progress);
        }
        for member in &group.members {
            for (topic, partitions) in member.assigned() {
                for partition in partitions {
                    let key = NamedPartition { topic: topic.clone(), partition };
                    let members = &mut rows.entry(key).or_default().member_id;
                    if group.summary.kind == GroupType::Share && !members.is_empty() {
                        members.push_str(", ");
                        members.push_str(&member.member_id);
                    } else {
                        members.clone_from(&member.member_id);
                    }
                }
            }
        }
        let partitions = rows
            .into_iter()
            .map(|(partition, progress)| self.partition_progress(partition, progress, now_ms))
            .collect();
        GroupProgress { group, partitions }
    }

    fn partition_progress(
        &self,
        partition: NamedPartition,
        Progress { committed, member_id, done }: Progress,
        now_ms: UnixMillis,
    ) -> PartitionProgress {
        let served = self.registry().partition(&partition.topic, partition.partition).ok();
        let figures = served.as_ref().and_then(|served| served.figures().ok());
        let mut progress = PartitionProgress {
            partition,
            committed,
            log_start_offset: figures.as_ref().map(|figures| figures.log_start_offset),
            end_offset: figures.as_ref().map(|figures| figures.high_watermark),
            time_lag_ms: None,
            member_id,
            done,
        };
        progress.time_lag_ms = match (progress.lag(), served, &progress.committed, figures) {
            (Some(0), ..) => Some(0),
            (Some(_), Some(served), Some(committed), Some(figures)) => {
                let first = committed.offset.max(figures.log_start_offset);
                let timestamp_ms = served.timestamp_at(first).ok().flatten();
                timestamp_ms.map(|timestamp_ms| (now_ms - timestamp_ms).max(0))
            }
            _ => None,
        };
        progress
    }
}

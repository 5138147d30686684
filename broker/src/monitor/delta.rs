//! What changed from one state to the next. Applying the result to the first gives the second.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use runnel_proto::v1::{
    GroupPartition, GroupSample, PartitionSample, Snapshot, TopicPartitions, TopicSample,
};

/// The change from `before` to `now`; brokers and totals are always told.
pub(super) fn delta(before: &Snapshot, now: &Snapshot) -> Snapshot {
    let topics_before = by_key(&before.topics, |topic| topic.id.as_str());
    let groups_before = by_key(&before.groups, |group| group.group.as_str());
    Snapshot {
        full: false,
        topics: now
            .topics
            .iter()
            .filter_map(|topic| topic_delta(topics_before.get(topic.id.as_str()).copied(), topic))
            .collect(),
        removed_topic_ids: removed(&before.topics, &now.topics, |topic| topic.id.clone()),
        groups: now
            .groups
            .iter()
            .filter_map(|group| group_delta(groups_before.get(group.group.as_str()).copied(), group))
            .collect(),
        removed_groups: removed(&before.groups, &now.groups, |group| group.group.clone()),
        time_ms: now.time_ms,
        cluster_id: now.cluster_id.clone(),
        brokers: now.brokers.clone(),
        totals: now.totals,
        events: Vec::new(),
    }
}

fn topic_delta(before: Option<&TopicSample>, now: &TopicSample) -> Option<TopicSample> {
    let Some(before) = before else { return Some(now.clone()) };
    // Partitions are never taken away and stand by number, so the index is the key.
    let changed = |(index, partition): (usize, &PartitionSample)| {
        (before.partitions.get(index) != Some(partition)).then(|| partition.clone())
    };
    let partitions: Vec<_> = now.partitions.iter().enumerate().filter_map(changed).collect();
    let is_same = partitions.is_empty() && before.records_estimated == now.records_estimated;
    (!is_same).then(|| TopicSample {
        id: now.id.clone(),
        name: now.name.clone(),
        internal: now.internal,
        partition_count: now.partition_count,
        partitions,
        records_estimated: now.records_estimated,
    })
}

fn group_delta(before: Option<&GroupSample>, now: &GroupSample) -> Option<GroupSample> {
    let Some(before) = before else { return Some(now.clone()) };
    if before == now {
        return None;
    }
    let partitions_before = by_key(&before.partitions, partition_key);
    let partitions = now
        .partitions
        .iter()
        .filter(|partition| partitions_before.get(&partition_key(partition)) != Some(partition))
        .cloned()
        .collect();
    let gone = removed(&before.partitions, &now.partitions, |partition| {
        (partition.topic.clone(), partition.partition)
    });
    let removed_partitions =
        gone.into_iter().map(|(topic, partition)| TopicPartitions { topic, partitions: vec![partition] });
    Some(GroupSample { partitions, removed_partitions: removed_partitions.collect(), ..now.clone() })
}

fn partition_key(partition: &GroupPartition) -> (&str, i32) {
    (&partition.topic, partition.partition)
}

fn by_key<'a, T, K: Eq + Hash>(items: &'a [T], key: impl Fn(&'a T) -> K) -> HashMap<K, &'a T> {
    items.iter().map(|item| (key(item), item)).collect()
}

fn removed<T, K: Ord>(before: &[T], now: &[T], key: impl Fn(&T) -> K) -> Vec<K> {
    let kept: BTreeSet<K> = now.iter().map(&key).collect();
    before.iter().map(key).filter(|key| !kept.contains(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(id: &str, ends: &[i64]) -> TopicSample {
        let partition = |(number, end): (usize, &i64)| PartitionSample {
            partition: number as i32,
            high_watermark: *end,
            ..Default::default()
        };
        TopicSample {
            id: id.into(),
            name: id.to_uppercase(),
            partition_count: ends.len() as u32,
            partitions: ends.iter().enumerate().map(partition).collect(),
            ..Default::default()
        }
    }

    fn group(name: &str, committed: &[(&str, i32, i64)]) -> GroupSample {
        let partition = |(topic, partition, offset): &(&str, i32, i64)| GroupPartition {
            topic: (*topic).into(),
            partition: *partition,
            committed_offset: Some(*offset),
            ..Default::default()
        };
        GroupSample {
            group: name.into(),
            partitions: committed.iter().map(partition).collect(),
            ..Default::default()
        }
    }

    fn state(topics: Vec<TopicSample>, groups: Vec<GroupSample>) -> Snapshot {
        Snapshot { topics, groups, ..Default::default() }
    }

    #[test]
    fn nothing_changed_is_nothing_told() {
        let same = state(vec![topic("a", &[1, 2])], vec![group("g", &[("A", 0, 1)])]);
        let told = delta(&same, &same);
        assert!(told.topics.is_empty() && told.groups.is_empty());
    }

    #[test]
    fn only_changed_partitions_are_told() {
        let before = state(vec![topic("a", &[1, 2, 3]), topic("b", &[1])], vec![]);
        let now = state(vec![topic("a", &[1, 9, 3, 0]), topic("b", &[1])], vec![]);
        let told = delta(&before, &now);
        assert_eq!(told.topics.len(), 1);
        let numbers: Vec<_> = told.topics[0].partitions.iter().map(|partition| partition.partition).collect();
        assert_eq!((numbers, told.topics[0].partition_count), (vec![1, 3], 4));
    }

    #[test]
    fn what_is_gone_and_what_is_new_is_told() {
        let before = state(vec![topic("a", &[1])], vec![group("g", &[("A", 0, 1), ("A", 1, 1)])]);
        let now = state(vec![topic("b", &[1])], vec![group("g", &[("A", 0, 2)]), group("h", &[])]);
        let told = delta(&before, &now);
        assert_eq!(told.removed_topic_ids, ["a"]);
        assert_eq!(told.topics, [topic("b", &[1])]);
        assert_eq!(told.groups.len(), 2);
        assert_eq!(told.groups[0].partitions, group("g", &[("A", 0, 2)]).partitions);
        assert_eq!(
            told.groups[0].removed_partitions,
            [TopicPartitions { topic: "A".into(), partitions: vec![1] }]
        );
        let back = delta(&now, &before);
        assert_eq!(back.removed_groups, ["h"]);
    }
}

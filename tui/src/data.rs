//! The overview as data for scripts. Field names are stable; null is what isn't known.

use runnel_proto::v1::GroupState;
use serde::Serialize;

use crate::state::{Broker, Cluster, Data, Direction, Figure, Group, Topic};

/// Everything that the overview is drawn from.
#[derive(Debug, Serialize)]
pub(crate) struct Overview<'a> {
    time_ms: i64,
    cluster_id: &'a str,
    brokers: Vec<BrokerRow<'a>>,
    totals: Totals,
    /// The worst by lag first.
    groups: Vec<GroupRow<'a>>,
    /// The hottest by records a second first, without the broker's own.
    topics: Vec<TopicRow<'a>>,
    /// The newest first.
    events: Vec<EventRow<'a>>,
}

#[derive(Debug, Serialize)]
struct BrokerRow<'a> {
    id: i32,
    listeners: &'a [String],
    version: &'a str,
    start_time_ms: i64,
    memory_bytes: u64,
    /// 1.0 is one core in full use.
    cpu_cores: Option<f64>,
    connections: u32,
    disk_free_bytes: Option<u64>,
    disk_total_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Totals {
    records_in_per_s: Option<f64>,
    bytes_in_per_s: Option<f64>,
    records_out_per_s: Option<f64>,
    bytes_out_per_s: Option<f64>,
    topics: u32,
    partitions: u32,
    groups: Option<u32>,
    size_bytes: u64,
}

#[derive(Debug, Serialize)]
struct GroupRow<'a> {
    group: &'a str,
    state: &'static str,
    members: usize,
    partitions: usize,
    lag: Option<i64>,
    /// Some partitions' lags aren't known, so the group's is at least this.
    lag_is_partial: bool,
    time_lag_ms: Option<i64>,
    /// `rising`, `steady` or `falling`.
    trend: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct TopicRow<'a> {
    name: &'a str,
    id: &'a str,
    partitions: u32,
    unserved_partitions: usize,
    records_in_per_s: Option<f64>,
    bytes_in_per_s: Option<f64>,
    bytes_out_per_s: Option<f64>,
    records: Option<i64>,
    /// There may be fewer, since gaps count, or more, since a partition is not served.
    records_estimated: bool,
    size_bytes: Option<i64>,
    /// The fastest partition's rate over the mean.
    skew: Option<f64>,
    groups: Vec<&'a str>,
    worst_lag: Option<i64>,
}

#[derive(Debug, Serialize)]
struct EventRow<'a> {
    time_ms: i64,
    message: &'a str,
}

impl<'a> Overview<'a> {
    /// All that is known.
    pub(crate) fn of(data: &'a Data) -> Self {
        let cluster = data.shown();
        let mut groups: Vec<_> = cluster.groups.values().collect();
        groups.sort_by(|a, b| lag(b).compare(lag(a)).then_with(|| a.name.cmp(&b.name)));
        let mut topics: Vec<_> = cluster.topics.values().filter(|topic| !topic.internal).collect();
        topics.sort_by(|a, b| {
            b.sums.records_in_per_s.total_cmp(&a.sums.records_in_per_s).then_with(|| a.name.cmp(&b.name))
        });
        Self {
            time_ms: cluster.time_ms,
            cluster_id: &cluster.id,
            brokers: cluster.brokers.iter().map(BrokerRow::of).collect(),
            totals: Totals::of(cluster),
            groups: groups.into_iter().map(|group| GroupRow::of(cluster, group)).collect(),
            topics: topics.into_iter().map(|topic| TopicRow::of(cluster, topic)).collect(),
            events: cluster
                .events
                .iter()
                .rev()
                .map(|event| EventRow { time_ms: event.time_ms, message: &event.message })
                .collect(),
        }
    }
}

impl<'a> BrokerRow<'a> {
    fn of(broker: &'a Broker) -> Self {
        let sample = &broker.sample;
        Self {
            id: sample.id,
            listeners: &sample.listeners,
            version: &sample.version,
            start_time_ms: sample.start_time_ms,
            memory_bytes: sample.memory_bytes,
            cpu_cores: broker.cpu_cores,
            connections: sample.connections,
            disk_free_bytes: sample.disk_free_bytes,
            disk_total_bytes: sample.disk_total_bytes,
        }
    }
}

impl Totals {
    fn of(cluster: &Cluster) -> Self {
        let totals = &cluster.totals;
        Self {
            records_in_per_s: cluster.rate(totals.records_in_per_s).value(),
            bytes_in_per_s: cluster.rate(totals.bytes_in_per_s).value(),
            records_out_per_s: cluster.rate(cluster.records_out_per_s).value(),
            bytes_out_per_s: cluster.rate(cluster.bytes_out_per_s).value(),
            topics: totals.topics,
            partitions: totals.partitions,
            groups: totals.groups,
            size_bytes: totals.size_bytes,
        }
    }
}

impl<'a> GroupRow<'a> {
    fn of(cluster: &Cluster, group: &'a Group) -> Self {
        Self {
            group: &group.name,
            state: state_name(group.state),
            members: group.members.len(),
            partitions: group.sums.partitions,
            lag: whole(lag(group)),
            lag_is_partial: matches!(lag(group), Figure::About(_)),
            time_lag_ms: group.sums.time_lag_ms.and_then(whole),
            trend: cluster.trend(group).map(|trend| match trend.direction {
                Direction::Rising => "rising",
                Direction::Steady => "steady",
                Direction::Falling => "falling",
            }),
        }
    }
}

impl<'a> TopicRow<'a> {
    fn of(cluster: &Cluster, topic: &'a Topic) -> Self {
        let sums = &topic.sums;
        Self {
            name: &topic.name,
            id: &topic.id,
            partitions: topic.partition_count,
            unserved_partitions: sums.failed,
            records_in_per_s: cluster.rate(sums.records_in_per_s).value(),
            bytes_in_per_s: cluster.rate(sums.bytes_in_per_s).value(),
            bytes_out_per_s: cluster.rate(topic.bytes_out_per_s).value(),
            records: whole(topic.records()),
            records_estimated: matches!(topic.records(), Figure::About(_)),
            size_bytes: whole(topic.size_bytes()),
            skew: sums.skew,
            groups: topic.readers.iter().map(|reader| reader.group.as_str()).collect(),
            worst_lag: topic.worst_lag().and_then(whole),
        }
    }
}

/// Counts are whole; they went through `f64` only to be summed and drawn.
fn whole(figure: Figure) -> Option<i64> {
    figure.value().map(|value| value as i64)
}

fn lag(group: &Group) -> Figure {
    group.sums.lag.unwrap_or_default()
}

fn state_name(state: GroupState) -> &'static str {
    match state {
        GroupState::Unspecified => "unknown",
        GroupState::Empty => "empty",
        GroupState::PreparingRebalance => "preparing_rebalance",
        GroupState::CompletingRebalance => "completing_rebalance",
        GroupState::Stable => "stable",
        GroupState::Assigning => "assigning",
        GroupState::Reconciling => "reconciling",
        GroupState::Dead => "dead",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::fixture;

    #[test]
    fn the_data_behind_a_busy_overview() {
        let state = fixture::heard(fixture::busy(), Instant::now());
        let json = serde_json::to_value(Overview::of(&state.data)).unwrap();
        let groups: Vec<_> = json["groups"].as_array().unwrap().iter().map(|group| &group["group"]).collect();
        assert_eq!(groups[..2], ["night-report", "billing"]);
        assert_eq!(json["groups"][1]["lag"], 3_708_000);
        assert_eq!(json["groups"][1]["trend"], "rising");
        assert_eq!(json["groups"][5]["group"], "just-joined");
        assert_eq!(json["groups"][5]["lag"], serde_json::Value::Null, "unknown is null, not 0");
        assert_eq!(json["topics"].as_array().unwrap().len(), 6, "without the broker's own");
        assert_eq!(json["events"][0]["message"], "group fraud-detector: 2 members");
    }
}

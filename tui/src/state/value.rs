//! What stands in a table's cell: typed, so that it can be sorted and written.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use runnel_proto::v1::{GroupPartition, GroupState, PartitionSample};

use super::cluster::Cluster;
use super::figure::Figure;
use super::group::{self, Group};
use super::list::Column;
use super::series::{Direction, Series, Trend};
use super::topic::Topic;

/// What stands in a cell; the view knows how to write it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// There is nothing to tell.
    Nothing,
    /// From the broker, as it came: escaped when drawn.
    Text(&'a str),
    /// The same, of something that is in trouble.
    Troubled(&'a str),
    /// So many partitions are not served, of so many.
    NotServed {
        failed: usize,
        of: u32,
    },
    /// In full, with separators: offsets.
    Offset(Option<i64>),
    /// Shortened: records.
    Count(Figure),
    PerSecond(Figure),
    Bytes(Figure),
    BytesPerSecond(Figure),
    DurationMs(Figure),
    Ratio(f64),
    Percent(Figure),
    State(GroupState),
    History(&'a Series),
    Trend(&'a Series, Option<Trend>),
    /// Seconds until the lag is gone, at the present pace.
    Eta(Eta),
}

/// What a cell is sorted by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SortKey<'a> {
    Number(f64),
    Text(&'a str),
    /// What isn't known comes last, whichever the direction.
    Last,
}

impl SortKey<'_> {
    /// The order of two cells of one column.
    pub(super) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let ascending = match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => return (*a == SortKey::Last).cmp(&(*b == SortKey::Last)),
        };
        if descending { ascending.reverse() } else { ascending }
    }
}

/// When a lag will be gone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Eta {
    /// There is no lag.
    Done,
    /// There is always some, and never for long: a reader at work.
    KeepingUp,
    /// In so many seconds.
    Seconds(f64),
    /// It doesn't shrink.
    Never,
    /// It grows.
    Growing,
    Unknown,
}

impl<'a> Value<'a> {
    /// What it is sorted by.
    pub(super) fn sort_key(&self) -> SortKey<'a> {
        match self {
            Self::Nothing
            | Self::Offset(None)
            | Self::Eta(Eta::Unknown)
            | Self::Trend(_, None)
            | Self::Text("") => SortKey::Last,
            Self::Text(text) | Self::Troubled(text) => SortKey::Text(text),
            other if other.figure() == Some(Figure::Unknown) => SortKey::Last,
            other => SortKey::Number(other.number()),
        }
    }

    fn figure(&self) -> Option<Figure> {
        match *self {
            Self::Count(figure)
            | Self::PerSecond(figure)
            | Self::Bytes(figure)
            | Self::BytesPerSecond(figure)
            | Self::DurationMs(figure)
            | Self::Percent(figure) => Some(figure),
            _ => None,
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Offset(offset) => offset.unwrap_or(-1) as f64,
            Self::Ratio(ratio) => *ratio,
            Self::NotServed { failed, .. } => *failed as f64,
            Self::State(state) => f64::from(*state as i32),
            Self::History(series) => series.last(1).next().unwrap_or(-1.0),
            Self::Trend(_, trend) => trend.map_or(f64::NEG_INFINITY, |trend| trend.slope_per_s),
            Self::Eta(Eta::Done | Eta::KeepingUp) => 0.0,
            Self::Eta(Eta::Seconds(seconds)) => *seconds,
            Self::Eta(_) => f64::INFINITY,
            other => other.figure().and_then(Figure::value).unwrap_or(-1.0),
        }
    }
}

pub(super) fn of_topic<'a>(cluster: &'a Cluster, topic: &'a Topic, column: Column) -> Value<'a> {
    let sums = &topic.sums;
    match column {
        Column::Topic if sums.failed > 0 => Value::Troubled(&topic.name),
        Column::Topic => Value::Text(&topic.name),
        Column::Partitions => Value::Count(Figure::Exact(f64::from(topic.partition_count))),
        Column::RecordsIn => Value::PerSecond(cluster.rate(sums.records_in_per_s)),
        Column::RateHistory => Value::History(&topic.records_in),
        Column::Share if cluster.totals.records_in_per_s > 0.0 => {
            let share = sums.records_in_per_s / cluster.totals.records_in_per_s;
            Value::Percent(if topic.internal { Figure::Unknown } else { cluster.rate(share) })
        }
        Column::Skew => sums.skew.filter(|_| topic.partition_count > 1).map_or(Value::Nothing, Value::Ratio),
        Column::BytesIn => Value::BytesPerSecond(cluster.rate(sums.bytes_in_per_s)),
        Column::BytesOut => Value::BytesPerSecond(cluster.rate(topic.bytes_out_per_s)),
        Column::Records => Value::Count(topic.records()),
        Column::Size => Value::Bytes(topic.size_bytes()),
        Column::Groups => Value::Count(Figure::Exact(topic.readers.len() as f64)),
        Column::WorstLag => topic.worst_lag().map_or(Value::Nothing, Value::Count),
        Column::Problem if sums.failed > 0 => {
            Value::NotServed { failed: sums.failed, of: topic.partition_count }
        }
        _ => Value::Nothing,
    }
}

pub(super) fn of_partition<'a>(
    cluster: &'a Cluster,
    topic: &'a Topic,
    partition: &'a PartitionSample,
    column: Column,
) -> Value<'a> {
    match column {
        Column::Partition => Value::Offset(Some(i64::from(partition.partition))),
        Column::Problem => {
            partition.error.as_ref().map_or(Value::Nothing, |error| Value::Text(&error.message))
        }
        Column::LagOf(place) => {
            let rows = reader_rows(cluster, topic, place);
            of_lag(rows.and_then(|rows| rows.get(&partition.partition)))
        }
        // A partition that isn't served has no figures worth showing.
        _ if partition.error.is_some() => Value::Offset(None),
        Column::StartOffset => Value::Offset(Some(partition.log_start_offset)),
        Column::HighWatermark => Value::Offset(Some(partition.high_watermark)),
        Column::EndOffset => Value::Offset(Some(partition.log_end_offset)),
        Column::RecordsIn => Value::PerSecond(cluster.rate(partition.records_in_per_s)),
        Column::BytesIn => Value::BytesPerSecond(cluster.rate(partition.bytes_in_per_s)),
        Column::BytesOut => Value::BytesPerSecond(cluster.rate(partition.bytes_out_per_s)),
        Column::Size => Value::Bytes(Figure::Exact(partition.size_bytes as f64)),
        Column::Segments => Value::Count(Figure::Exact(f64::from(partition.segments))),
        _ => Value::Nothing,
    }
}

/// The rows of a topic's reader, by partition.
pub(super) fn reader_rows<'a>(
    cluster: &'a Cluster,
    topic: &Topic,
    place: usize,
) -> Option<&'a BTreeMap<i32, GroupPartition>> {
    cluster.groups.get(&topic.readers.get(place)?.group)?.topics.get(&topic.name)
}

/// The lag in one of them.
pub(super) fn of_lag<'a>(row: Option<&GroupPartition>) -> Value<'a> {
    row.map_or(Value::Nothing, |row| Value::Count(Figure::known(row.lag.map(|lag| lag as f64))))
}

pub(super) fn of_group<'a>(cluster: &'a Cluster, group: &'a Group, column: Column) -> Value<'a> {
    match column {
        Column::Group => Value::Text(&group.name),
        Column::State | Column::StateSign => Value::State(group.state),
        Column::Members => Value::Count(Figure::Exact(group.members.len() as f64)),
        Column::Partitions => Value::Count(Figure::Exact(group.sums.partitions as f64)),
        Column::Assignor => Value::Text(&group.protocol),
        Column::Lag => group.sums.lag.map_or(Value::Nothing, Value::Count),
        Column::TimeLag => group.sums.time_lag_ms.map_or(Value::Nothing, Value::DurationMs),
        Column::Trend => Value::Trend(&group.lags, cluster.trend(group)),
        Column::Eta => cluster.eta(group).map_or(Value::Nothing, Value::Eta),
        _ => Value::Nothing,
    }
}

/// As the group's own row, but the lags are those on this topic.
pub(super) fn of_reader<'a>(
    cluster: &'a Cluster,
    topic: &'a Topic,
    group: &'a Group,
    column: Column,
) -> Value<'a> {
    match (column, topic.reader(&group.name)) {
        (Column::Lag, Some(reader)) => Value::Count(reader.lag),
        (Column::TimeLag, Some(reader)) => Value::DurationMs(reader.time_lag_ms),
        _ => of_group(cluster, group, column),
    }
}

pub(super) fn of_member<'a>(group: &'a Group, member_id: &str, column: Column) -> Option<Value<'a>> {
    let member = group.member(member_id)?;
    let owned = || group.partitions().filter(|partition| partition.member_id == member.member_id);
    Some(match column {
        Column::Client => Value::Text(member.instance_id.as_deref().unwrap_or(&member.client_id)),
        Column::Host => Value::Text(&member.client_host),
        Column::MemberId => Value::Text(&member.member_id),
        Column::Partitions => {
            let count: usize = member.assignment.iter().map(|topic| topic.partitions.len()).sum();
            Value::Count(Figure::Exact(count as f64))
        }
        Column::Lag => Value::Count(group::lag(owned())),
        Column::Topic => member.assignment.first().map_or(Value::Nothing, |topic| Value::Text(&topic.topic)),
        _ => Value::Nothing,
    })
}

pub(super) fn of_assignment<'a>(
    cluster: &'a Cluster,
    group: &'a Group,
    partition: &'a GroupPartition,
    column: Column,
) -> Value<'a> {
    match column {
        Column::Topic => Value::Text(&partition.topic),
        Column::Partition => Value::Offset(Some(i64::from(partition.partition))),
        Column::Committed => Value::Offset(partition.committed_offset),
        Column::EndOffset => Value::Offset(partition.end_offset),
        Column::Lag => Value::Count(Figure::known(partition.lag.map(|lag| lag as f64))),
        Column::TimeLag => {
            Value::DurationMs(Figure::known(partition.time_lag_ms.map(|age_ms| age_ms as f64)))
        }
        Column::Commit if partition.commit_time_ms > 0 => {
            let age_ms = cluster.time_ms.saturating_sub(partition.commit_time_ms).max(0);
            Value::DurationMs(Figure::Exact(age_ms as f64))
        }
        Column::Owner => group.member(&partition.member_id).map_or(Value::Nothing, |member| {
            Value::Text(member.instance_id.as_deref().unwrap_or(&member.client_id))
        }),
        Column::Metadata => Value::Text(&partition.metadata),
        _ => Value::Nothing,
    }
}

/// A reader that is never further behind keeps up: it reads and commits in steps.
const KEEPS_UP_MS: f64 = 10_000.0;

/// When a lag will be gone, told from it, its age and where it goes.
pub(super) fn eta(lag: Figure, time_lag_ms: Option<Figure>, trend: Option<Trend>) -> Eta {
    let is_fresh = time_lag_ms.and_then(Figure::value).is_some_and(|age_ms| age_ms < KEEPS_UP_MS);
    match (lag.value(), trend) {
        (Some(lag), _) if lag <= 0.0 => Eta::Done,
        (Some(_), Some(trend)) if is_fresh && trend.direction != Direction::Rising => Eta::KeepingUp,
        (Some(_), Some(trend)) if trend.direction == Direction::Rising => Eta::Growing,
        (Some(lag), Some(trend)) => trend.seconds_to_zero(lag).map_or(Eta::Never, Eta::Seconds),
        _ => Eta::Unknown,
    }
}

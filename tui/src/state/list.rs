//! Lists: which items a table has, which columns, and what stands in a cell.

use super::cluster::Cluster;
use super::filter::Filter;
use super::value::{self, Value};

/// What a table lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Topics,
    /// The partitions of the topic with this id.
    Partitions(String),
    /// The groups on the topic with this id.
    Readers(String),
    Groups,
    /// The members of this group.
    Members(String),
    /// The partitions of this group.
    Assignments(String),
}

/// One item of a list: what a selection follows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Item {
    /// A topic, by id.
    Topic(String),
    Partition(i32),
    Group(String),
    /// A member, by id.
    Member(String),
    /// A group's partition.
    Assignment(String, i32),
}

/// A column of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    Topic,
    Group,
    Partition,
    Partitions,
    RecordsIn,
    RateHistory,
    Share,
    Skew,
    BytesIn,
    BytesOut,
    Size,
    Records,
    Groups,
    WorstLag,
    StartOffset,
    EndOffset,
    HighWatermark,
    Segments,
    /// The lag of the topic's reader at this place.
    LagOf(usize),
    State,
    /// The state's sign alone.
    StateSign,
    Members,
    Assignor,
    Lag,
    TimeLag,
    Trend,
    Eta,
    Committed,
    Commit,
    Owner,
    Metadata,
    MemberId,
    Client,
    Host,
    Problem,
}

impl List {
    /// Its columns, in their order on the screen. Narrow screens leave some out.
    pub(crate) fn columns(&self, cluster: &Cluster) -> Vec<Column> {
        use Column::*;
        let mut columns = match self {
            Self::Topics => vec![
                Topic,
                Partitions,
                RecordsIn,
                RateHistory,
                Share,
                Skew,
                BytesIn,
                BytesOut,
                Records,
                Size,
                Groups,
                WorstLag,
            ],
            Self::Partitions(id) => {
                let readers = cluster.topics.get(id).map_or(0, |topic| topic.readers.len());
                let offsets = [Partition, StartOffset, HighWatermark, EndOffset];
                let sizes = [RecordsIn, BytesIn, BytesOut, Size, Segments];
                offsets.into_iter().chain(sizes).chain((0..readers).map(LagOf)).collect()
            }
            Self::Readers(_) => vec![Group, State, Members, Lag, TimeLag, Trend, Eta],
            Self::Groups => vec![Group, State, Members, Partitions, Assignor, Lag, TimeLag, Trend, Eta],
            Self::Members(_) => vec![Client, Host, MemberId, Partitions, Lag, Topic],
            Self::Assignments(_) => {
                vec![Topic, Partition, Committed, EndOffset, Lag, TimeLag, Commit, Owner, Metadata]
            }
        };
        // Trouble gets a column where there is some.
        let troubled = match self {
            Self::Topics => cluster.topics.values().any(|topic| topic.sums.failed > 0),
            Self::Partitions(id) => cluster.topics.get(id).is_some_and(|topic| topic.sums.failed > 0),
            _ => false,
        };
        columns.extend(troubled.then_some(Problem));
        columns
    }

    /// How it is sorted at first: the column, and whether the largest comes first.
    pub(crate) fn default_sort(&self) -> (Column, bool) {
        match self {
            Self::Topics => (Column::RecordsIn, true),
            Self::Partitions(_) => (Column::Partition, false),
            Self::Readers(_) | Self::Groups | Self::Assignments(_) => (Column::Lag, true),
            Self::Members(_) => (Column::Client, false),
        }
    }

    /// Calls `each` with every item that passes the filter, its name where the items' own order is not that of names, and
    /// what stands in its cell of one column. Returns how many items there are without the filter.
    ///
    /// One pass without look-ups by name: with 100,000 items that is the difference between smooth and not.
    pub(super) fn for_each<'a>(
        &'a self,
        cluster: &'a Cluster,
        filter: &Filter,
        internal: bool,
        column: Column,
        mut each: impl FnMut(Item, Option<&'a str>, Value<'a>),
    ) -> usize {
        let matches = filter.matcher();
        let topic = |id| cluster.topics.get(id);
        let group = |name| cluster.groups.get(name);
        match self {
            Self::Topics => {
                let shown = cluster.topics.values().filter(|topic| internal || !topic.internal);
                for topic in shown.clone().filter(|topic| matches(&topic.name)) {
                    let value = value::of_topic(cluster, topic, column);
                    each(Item::Topic(topic.id.clone()), Some(&topic.name), value);
                }
                shown.count()
            }
            Self::Partitions(id) => topic(id).map_or(0, |topic| {
                for (number, partition) in &topic.partitions {
                    if filter.is_empty() || matches(&number.to_string()) {
                        each(
                            Item::Partition(*number),
                            None,
                            value::of_partition(cluster, topic, partition, column),
                        );
                    }
                }
                topic.partitions.len()
            }),
            Self::Readers(id) => topic(id).map_or(0, |topic| {
                for reader in topic.readers.iter().filter(|reader| matches(&reader.group)) {
                    if let Some(group) = group(&reader.group) {
                        let value = value::of_reader(cluster, topic, group, column);
                        each(Item::Group(reader.group.clone()), None, value);
                    }
                }
                topic.readers.len()
            }),
            Self::Groups => {
                for group in cluster.groups.values().filter(|group| matches(&group.name)) {
                    each(Item::Group(group.name.clone()), None, value::of_group(cluster, group, column));
                }
                cluster.groups.len()
            }
            Self::Members(name) => group(name).map_or(0, |group| {
                for member in group.members.iter().filter(|member| matches(&member.client_id)) {
                    let id = &member.member_id;
                    each(
                        Item::Member(id.clone()),
                        Some(member.instance_id.as_deref().unwrap_or(&member.client_id)),
                        value::of_member(group, id, column).unwrap_or(Value::Nothing),
                    );
                }
                group.members.len()
            }),
            Self::Assignments(name) => group(name).map_or(0, |group| {
                for row in group.partitions().filter(|row| matches(&row.topic)) {
                    let value = value::of_assignment(cluster, group, row, column);
                    each(Item::Assignment(row.topic.clone(), row.partition), None, value);
                }
                group.sums.partitions
            }),
        }
    }

    /// What stands in a cell. Nothing for an item that is gone.
    pub(crate) fn value<'a>(&'a self, cluster: &'a Cluster, item: &'a Item, column: Column) -> Value<'a> {
        let value = match (self, item) {
            (_, Item::Topic(id)) => {
                cluster.topics.get(id).map(|topic| value::of_topic(cluster, topic, column))
            }
            (Self::Partitions(id), Item::Partition(number)) => cluster.topics.get(id).and_then(|topic| {
                Some(value::of_partition(cluster, topic, topic.partitions.get(number)?, column))
            }),
            (Self::Readers(id), Item::Group(name)) => cluster
                .groups
                .get(name)
                .and_then(|group| Some(value::of_reader(cluster, cluster.topics.get(id)?, group, column))),
            (_, Item::Group(name)) => {
                cluster.groups.get(name).map(|group| value::of_group(cluster, group, column))
            }
            (Self::Members(name), Item::Member(id)) => {
                cluster.groups.get(name).and_then(|group| value::of_member(group, id, column))
            }
            (Self::Assignments(name), Item::Assignment(topic, number)) => {
                cluster.groups.get(name).and_then(|group| {
                    Some(value::of_assignment(cluster, group, group.partition(topic, *number)?, column))
                })
            }
            _ => None,
        };
        value.unwrap_or(Value::Nothing)
    }
}

impl Column {
    /// Whether it is a picture, which has no order.
    pub(crate) fn is_picture(self) -> bool {
        self == Self::RateHistory
    }

    /// Whether it holds text, which people expect from A to Z.
    pub(crate) fn is_text(self) -> bool {
        use Column::*;
        matches!(
            self,
            Topic | Group | Assignor | Owner | Metadata | MemberId | Client | Host | Problem | Partition
        )
    }
}

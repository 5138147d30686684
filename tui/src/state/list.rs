//! Lists: which items a table has, which columns, and what stands in a cell.

use super::cluster::Cluster;
use super::group::Group;
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

    /// Calls `each` with every item and the text that filters look at.
    pub(crate) fn for_each_item(&self, cluster: &Cluster, internal: bool, mut each: impl FnMut(Item, &str)) {
        match self {
            Self::Topics => {
                let shown = cluster.topics.values().filter(|topic| internal || !topic.internal);
                shown.for_each(|topic| each(Item::Topic(topic.id.clone()), &topic.name));
            }
            Self::Partitions(id) => {
                let partitions = cluster.topics.get(id).into_iter().flat_map(|topic| topic.partitions.keys());
                let mut text = String::new();
                for partition in partitions {
                    text.clear();
                    let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{partition}"));
                    each(Item::Partition(*partition), &text);
                }
            }
            Self::Readers(id) => {
                let readers = cluster.topics.get(id).into_iter().flat_map(|topic| &topic.readers);
                readers.for_each(|reader| each(Item::Group(reader.group.clone()), &reader.group));
            }
            Self::Groups => {
                cluster.groups.keys().for_each(|name| each(Item::Group(name.clone()), name));
            }
            Self::Members(name) => {
                let members = cluster.groups.get(name).into_iter().flat_map(|group| &group.members);
                members.for_each(|member| each(Item::Member(member.member_id.clone()), &member.client_id));
            }
            Self::Assignments(name) => {
                let partitions = cluster.groups.get(name).into_iter().flat_map(Group::partitions);
                partitions.for_each(|partition| {
                    each(Item::Assignment(partition.topic.clone(), partition.partition), &partition.topic);
                });
            }
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
    /// Whether it holds text, which people expect from A to Z.
    pub(crate) fn is_text(self) -> bool {
        use Column::*;
        matches!(
            self,
            Topic | Group | Assignor | Owner | Metadata | MemberId | Client | Host | Problem | Partition
        )
    }
}

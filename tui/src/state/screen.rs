//! Screens: what each shows, and what its keys reach.

use super::cluster::Cluster;
use super::list::{Column, Item, List};
use super::table::Table;

/// The boxes of the overview, in the order of their digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pane {
    In,
    Out,
    Groups,
    Topics,
    Events,
}

impl Pane {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::In, Self::Out, Self::Groups, Self::Topics, Self::Events];

    /// Its digit.
    pub(crate) fn digit(self) -> usize {
        self as usize + 1
    }
}

/// What fills the terminal.
#[derive(Clone, Debug)]
pub(crate) enum Screen {
    Overview {
        focus: Pane,
        groups: Table,
        topics: Table,
        /// Events scrolled up.
        events_back: usize,
    },
    Topics(Table),
    Topic {
        id: String,
        name: String,
        tabs: Tabs,
    },
    Groups(Table),
    Group {
        name: String,
        tabs: Tabs,
    },
}

/// Two tables on one screen, of which one shows.
#[derive(Clone, Debug)]
pub(crate) struct Tabs {
    /// Which shows.
    pub(crate) active: usize,
    pub(crate) tables: [Table; 2],
}

impl Tabs {
    fn new(first: List, second: List) -> Self {
        Self { active: 0, tables: [Table::new(first), Table::new(second)] }
    }

    /// The table that shows.
    pub(crate) fn table(&mut self) -> &mut Table {
        &mut self.tables[self.active]
    }
}

impl Screen {
    /// The first screen.
    pub(crate) fn overview() -> Self {
        Self::Overview {
            focus: Pane::Groups,
            groups: Table::new(List::Groups),
            topics: Table::new(List::Topics),
            events_back: 0,
        }
    }

    /// All topics.
    pub(crate) fn topics() -> Self {
        Self::Topics(Table::new(List::Topics))
    }

    /// All groups.
    pub(crate) fn groups() -> Self {
        Self::Groups(Table::new(List::Groups))
    }

    /// The table that the keys reach, if one does.
    pub(crate) fn table(&mut self) -> Option<&mut Table> {
        match self {
            Self::Overview { focus: Pane::Groups, groups, .. } => Some(groups),
            Self::Overview { focus: Pane::Topics, topics, .. } => Some(topics),
            Self::Overview { .. } => None,
            Self::Topics(table) | Self::Groups(table) => Some(table),
            Self::Topic { tabs, .. } | Self::Group { tabs, .. } => Some(tabs.table()),
        }
    }

    /// Every table that shows.
    pub(crate) fn visible_tables(&mut self) -> Vec<&mut Table> {
        match self {
            Self::Overview { groups, topics, .. } => vec![groups, topics],
            Self::Topics(table) | Self::Groups(table) => vec![table],
            // A tall screen has room for both.
            Self::Topic { tabs, .. } | Self::Group { tabs, .. } => tabs.tables.iter_mut().collect(),
        }
    }

    /// Where Enter leads.
    pub(crate) fn open(&mut self, cluster: &Cluster) -> Option<Self> {
        if let Self::Overview { focus, .. } = self {
            let by = |sort| Some(Self::Topics(Table::new(List::Topics).sorted_by(sort, true)));
            match focus {
                Pane::In => return by(Column::BytesIn),
                Pane::Out => return by(Column::BytesOut),
                Pane::Groups | Pane::Topics | Pane::Events => {}
            }
        }
        match self.table()?.selected()? {
            Item::Topic(id) => Some(Self::topic(cluster, id)),
            Item::Group(name) => Some(Self::group(name)),
            Item::Assignment(topic, _) => Some(Self::topic(cluster, &cluster.topic_by_name(topic)?.id)),
            Item::Partition(_) | Item::Member(_) => None,
        }
    }

    /// Goes to the next box or tab; false when there is only one.
    pub(crate) fn next_pane(&mut self, back: bool) -> bool {
        match self {
            Self::Overview { focus, .. } => {
                let count = Pane::ALL.len();
                *focus = Pane::ALL[(*focus as usize + if back { count - 1 } else { 1 }) % count];
                true
            }
            Self::Topic { tabs, .. } | Self::Group { tabs, .. } => {
                tabs.active = 1 - tabs.active;
                true
            }
            Self::Topics(_) | Self::Groups(_) => false,
        }
    }

    /// Goes to the box or tab of that digit, if there is one.
    pub(crate) fn go_to_pane(&mut self, digit: usize) {
        match self {
            Self::Overview { focus, .. } => {
                if let Some(pane) = Pane::ALL.into_iter().find(|pane| pane.digit() == digit) {
                    *focus = pane;
                }
            }
            Self::Topic { tabs, .. } | Self::Group { tabs, .. } => {
                if (1..=tabs.tables.len()).contains(&digit) {
                    tabs.active = digit - 1;
                }
            }
            Self::Topics(_) | Self::Groups(_) => {}
        }
    }

    /// Follows a topic that was created again under its name.
    pub(crate) fn follow(&mut self, cluster: &Cluster) {
        if let Self::Topic { id, name, tabs } = self
            && !cluster.topics.contains_key(id)
            && let Some(topic) = cluster.topic_by_name(name)
        {
            *id = topic.id.clone();
            tabs.tables[0].list = List::Partitions(id.clone());
            tabs.tables[1].list = List::Readers(id.clone());
        }
    }

    fn topic(cluster: &Cluster, id: &str) -> Self {
        let name = cluster.topics.get(id).map_or_else(String::new, |topic| topic.name.clone());
        let tabs = Tabs::new(List::Partitions(id.to_owned()), List::Readers(id.to_owned()));
        Self::Topic { id: id.to_owned(), name, tabs }
    }

    fn group(name: &str) -> Self {
        let tabs = Tabs::new(List::Assignments(name.to_owned()), List::Members(name.to_owned()));
        Self::Group { name: name.to_owned(), tabs }
    }
}

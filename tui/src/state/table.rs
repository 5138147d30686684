//! A table's own state: order, filter, selection and scrolling. One for each list on the screen.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::filter::Filter;
use super::list::{Column, Item, List};

/// How the cursor moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    Up,
    Down,
    HalfPageUp,
    HalfPageDown,
    PageUp,
    PageDown,
    First,
    Last,
}

/// One table. The order holds still while the cursor moves, and the selection follows the item, not the row.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) list: List,
    pub(crate) sort: Column,
    pub(crate) descending: bool,
    pub(crate) filter: Filter,
    /// The items that pass the filter, in order.
    pub(crate) items: Vec<Item>,
    /// How many items there are without the filter.
    pub(crate) total: usize,
    /// The selected row.
    pub(crate) cursor: usize,
    /// The first row on the screen.
    pub(crate) top: usize,
    /// Rows that fit on the screen; the view tells.
    pub(crate) height: usize,
    /// The columns that fit on the screen; the view tells.
    pub(crate) columns: Vec<Column>,
    /// None: the cursor stays at the top, whatever stands there.
    pinned: Option<Item>,
    moved_at: Option<Instant>,
}

impl Table {
    /// For so long after a key the order stays as it is.
    pub(crate) const REST: Duration = Duration::from_secs(2);

    /// A table of a list, in the list's default order, empty until the first refresh.
    pub(crate) fn new(list: List) -> Self {
        let (sort, descending) = list.default_sort();
        Self {
            list,
            sort,
            descending,
            filter: Filter::default(),
            items: Vec::new(),
            total: 0,
            cursor: 0,
            top: 0,
            height: 1,
            columns: Vec::new(),
            pinned: None,
            moved_at: None,
        }
    }

    /// The same with another order.
    pub(crate) fn sorted_by(mut self, sort: Column, descending: bool) -> Self {
        (self.sort, self.descending) = (sort, descending);
        self
    }

    /// The selected item.
    pub(crate) fn selected(&self) -> Option<&Item> {
        self.items.get(self.cursor)
    }

    /// Until when the order is held, if it is.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        self.pinned.as_ref()?;
        self.moved_at.map(|moved_at| moved_at + Self::REST)
    }

    /// Brings the rows up to date with the cluster.
    pub(crate) fn refresh(&mut self, cluster: &Cluster, internal: bool, now: Instant) {
        if self.held_until().is_some_and(|until| now < until) {
            self.refresh_in_place(cluster, internal);
        } else {
            self.refresh_order(cluster, internal);
        }
        self.find_cursor();
    }

    /// Lets the next refresh sort: the user asked for it.
    pub(crate) fn release(&mut self) {
        self.moved_at = None;
    }

    /// Moves the cursor.
    pub(crate) fn step(&mut self, motion: Motion, now: Instant) {
        let last = self.items.len().saturating_sub(1);
        let page = self.height.max(1);
        let half = (page / 2).max(1);
        self.cursor = match motion {
            Motion::Up => self.cursor.saturating_sub(1),
            Motion::Down => (self.cursor + 1).min(last),
            Motion::HalfPageUp => self.cursor.saturating_sub(half),
            Motion::HalfPageDown => (self.cursor + half).min(last),
            Motion::PageUp => self.cursor.saturating_sub(page),
            Motion::PageDown => (self.cursor + page).min(last),
            Motion::First => 0,
            Motion::Last => last,
        };
        // From the top row on, the table is live again: there the cursor marks the place, not the item.
        self.pinned = if self.cursor == 0 { None } else { self.selected().cloned() };
        self.moved_at = Some(now);
        self.scroll();
    }

    /// Sorts by the next of the columns on the screen.
    pub(crate) fn sort_by_next(&mut self) {
        let sortable: Vec<Column> =
            self.columns.iter().copied().filter(|column| !column.is_picture()).collect();
        let place = sortable.iter().position(|&column| column == self.sort);
        let next = place.map_or(0, |place| (place + 1) % sortable.len());
        if let Some(&column) = sortable.get(next) {
            (self.sort, self.descending) = (column, !column.is_text());
        }
    }

    /// Tells what fits on the screen, and keeps the cursor there.
    pub(crate) fn set_size(&mut self, height: usize, columns: Vec<Column>) {
        (self.height, self.columns) = (height, columns);
        self.scroll();
    }

    fn refresh_order(&mut self, cluster: &Cluster, internal: bool) {
        let mut items = Vec::with_capacity(self.items.len());
        let mut order = Vec::with_capacity(self.items.len());
        self.total = self.list.for_each(cluster, &self.filter, internal, self.sort, |item, name, value| {
            order.push((value.sort_key(), name, items.len()));
            items.push(Some(item));
        });
        // Equal ones stand by name, else in the items' own order, so that nothing jumps.
        order.sort_unstable_by(|(a, a_name, a_place), (b, b_name, b_place)| {
            a.compare(b, self.descending).then_with(|| (a_name, a_place).cmp(&(b_name, b_place)))
        });
        self.items = order.into_iter().filter_map(|(.., place)| items[place].take()).collect();
    }

    /// Keeps the order, drops what is gone and adds what is new at the end.
    fn refresh_in_place(&mut self, cluster: &Cluster, internal: bool) {
        let mut found = HashSet::with_capacity(self.items.len());
        let mut fresh = Vec::new();
        let shown: HashSet<&Item> = self.items.iter().collect();
        self.total = self.list.for_each(cluster, &self.filter, internal, self.sort, |item, _, _| {
            if !shown.contains(&item) {
                fresh.push(item);
            } else {
                found.insert(item);
            }
        });
        if found.len() < self.items.len() {
            self.items.retain(|item| found.contains(item));
        }
        self.items.extend(fresh);
    }

    /// Puts the cursor back on its item, at the same height of the screen, or where the item was.
    fn find_cursor(&mut self) {
        let row = self.cursor.saturating_sub(self.top);
        match &self.pinned {
            None => self.cursor = 0,
            Some(item) if self.items.get(self.cursor) == Some(item) => {}
            Some(item) => match self.items.iter().position(|other| other == item) {
                Some(place) => (self.cursor, self.top) = (place, place.saturating_sub(row)),
                None => {
                    self.cursor = self.cursor.min(self.items.len().saturating_sub(1));
                    self.pinned = self.selected().cloned();
                }
            },
        }
        self.scroll();
    }

    fn scroll(&mut self) {
        let height = self.height.max(1);
        let lowest_top = self.items.len().saturating_sub(height);
        self.top = self.top.min(self.cursor).max((self.cursor + 1).saturating_sub(height)).min(lowest_top);
    }
}

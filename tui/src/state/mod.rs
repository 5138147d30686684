//! What is known and what is on the screen. Pure: messages, intents and `now` go in; effects come out.

mod cluster;
mod figure;
mod filter;
mod group;
mod link;
mod list;
mod screen;
mod series;
mod table;
#[cfg(test)]
mod tests;
mod topic;
mod value;

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

pub(crate) use cluster::{Broker, Cluster};
pub(crate) use figure::Figure;
pub(crate) use group::{Group, stuck_for_ms};
pub(crate) use link::{Command, Link, Message, backoff};
#[cfg(test)]
pub(crate) use list::Item;
pub(crate) use list::{Column, List};
pub(crate) use screen::{Pane, Screen, Tabs};
pub(crate) use series::{Direction, Series};
pub(crate) use table::{Motion, Table};
pub(crate) use topic::Topic;
pub(crate) use value::{Eta, Value};

use crate::input::{Intent, Mode, Typing};

/// Screens that a key leads to from anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Topics,
    Groups,
}

/// What the loop has to do after an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Quit,
    Suspend,
    Tell(Command),
}

/// Everything that a frame is drawn from.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) data: Data,
    pub(crate) ui: Ui,
}

/// What is known, and how well.
#[derive(Debug)]
pub(crate) struct Data {
    /// Kept up to date, shown or not.
    pub(crate) live: Cluster,
    /// What is shown instead while the display is frozen, and since when.
    pub(crate) frozen: Option<(Box<Cluster>, Instant)>,
    pub(crate) link: Link,
    /// When the last snapshot was taken before the broker was lost, while it is.
    lost_ms: Option<i64>,
    /// When the newest snapshot came.
    pub(crate) heard_at: Option<Instant>,
    /// How often snapshots are wanted.
    pub(crate) interval: Duration,
    /// The broker's own topics are shown, too.
    pub(crate) internal: bool,
    /// In which times of day are told.
    pub(crate) time_zone: TimeZone,
    /// Where the broker is, for the header.
    pub(crate) address_label: String,
}

/// What the user looks at.
#[derive(Debug)]
pub(crate) struct Ui {
    /// The way here: never empty, the last one shows.
    pub(crate) screens: Vec<Screen>,
    /// A filter is being typed.
    pub(crate) typing: bool,
    /// The help is open, scrolled down by so many lines.
    pub(crate) help: Option<usize>,
}

impl Data {
    /// How often snapshots may come.
    const INTERVALS_MS: [u64; 6] = [200, 500, 1_000, 2_000, 5_000, 10_000];

    /// What the screens show.
    pub(crate) fn shown(&self) -> &Cluster {
        self.frozen.as_ref().map_or(&self.live, |(cluster, _)| cluster)
    }

    /// The age of what is known, when it is older than it should be.
    pub(crate) fn stale_for(&self, now: Instant) -> Option<Duration> {
        let age = now.saturating_duration_since(self.heard_at?);
        let late = !matches!(self.link, Link::Live) || age > self.interval * 3 + Duration::from_secs(1);
        late.then_some(age)
    }

    fn next_interval(&self, longer: bool) -> Option<Duration> {
        let mut steps = Self::INTERVALS_MS.into_iter().map(Duration::from_millis);
        if longer {
            steps.find(|step| *step > self.interval)
        } else {
            steps.rfind(|step| *step < self.interval)
        }
    }
}

impl Ui {
    /// What keys mean now.
    pub(crate) fn mode(&self) -> Mode {
        match (self.help, self.typing) {
            (Some(_), _) => Mode::Help,
            (None, true) => Mode::Typing,
            (None, false) => Mode::Normal,
        }
    }

    /// The screen that shows.
    pub(crate) fn screen(&mut self) -> &mut Screen {
        self.screens.last_mut().expect("the overview is never left")
    }
}

impl State {
    /// Nothing known yet, the overview in front.
    pub(crate) fn new(address_label: String, interval: Duration) -> Self {
        let data = Data {
            live: Cluster::default(),
            frozen: None,
            link: Link::Connecting { attempt: 1, cause: None },
            lost_ms: None,
            heard_at: None,
            interval,
            internal: false,
            time_zone: TimeZone::UTC,
            address_label,
        };
        Self { data, ui: Ui { screens: vec![Screen::overview()], typing: false, help: None } }
    }

    /// Takes over what the feed tells.
    pub(crate) fn receive(&mut self, message: Message, now: Instant) {
        let data = &mut self.data;
        match message {
            Message::Connecting { attempt } => {
                data.link = Link::Connecting { attempt, cause: data.link.trouble().map(str::to_owned) };
            }
            Message::Opened { interval } => data.live.stream_opened(interval),
            Message::Snapshot(snapshot) => {
                data.live.apply(*snapshot);
                if let Some(lost_ms) = data.lost_ms.take() {
                    let away_ms = data.live.time_ms.saturating_sub(lost_ms).max(0);
                    data.live.note(format!("the broker answers again, after {} s", away_ms / 1000));
                }
                data.link = Link::Live;
                data.heard_at = Some(now);
                self.refresh(now);
            }
            Message::Lost { cause, attempt, retry_in } => {
                if data.live.is_known() && data.lost_ms.is_none() {
                    data.lost_ms = Some(data.live.time_ms);
                    data.live.note(format!("the broker does not answer: {cause}"));
                }
                data.link = Link::Lost { cause, attempt, retry_at: now + retry_in };
            }
        }
    }

    /// Does what the user wants, as far as it is a matter of the screen; the rest is told.
    pub(crate) fn perform(&mut self, intent: Intent, now: Instant) -> Option<Effect> {
        match intent {
            Intent::Quit => return Some(Effect::Quit),
            Intent::Suspend => return Some(Effect::Suspend),
            Intent::Reconnect => return Some(Effect::Tell(Command::Reconnect)),
            Intent::LongerInterval | Intent::ShorterInterval => {
                self.data.interval = self.data.next_interval(intent == Intent::LongerInterval)?;
                return Some(Effect::Tell(Command::Interval(self.data.interval)));
            }
            Intent::Back if self.ui.screens.len() == 1 => return Some(Effect::Quit),
            Intent::Back => drop(self.ui.screens.pop()),
            Intent::Escape => self.escape(),
            Intent::Open => {
                if let Some(next) = self.ui.screen().open(self.data.shown()) {
                    self.ui.screens.push(next);
                }
            }
            Intent::Move(motion) => {
                // Nothing but the cursor changes: no table has to be made anew.
                self.step(motion, now);
                return None;
            }
            Intent::GoTo(place) => self.go_to(place),
            Intent::NextPane | Intent::PreviousPane => self.next_pane(intent == Intent::PreviousPane),
            Intent::Pane(digit) => self.ui.screen().go_to_pane(digit),
            Intent::SortNext => self.sort(Table::sort_by_next),
            Intent::SortReverse => self.sort(|table| table.descending = !table.descending),
            Intent::Filter(typing) => self.type_filter(typing),
            Intent::Freeze => {
                self.data.frozen = match self.data.frozen.take() {
                    Some(_) => None,
                    None => Some((Box::new(self.data.live.clone()), now)),
                };
            }
            Intent::ToggleInternal => self.data.internal = !self.data.internal,
            Intent::Help => self.ui.help = if self.ui.help.is_some() { None } else { Some(0) },
        }
        self.refresh(now);
        None
    }

    /// Brings the tables on the screen up to date.
    fn refresh(&mut self, now: Instant) {
        let (cluster, internal) = (self.data.shown(), self.data.internal);
        let screen = self.ui.screens.last_mut().expect("the overview is never left");
        screen.follow(cluster);
        for table in screen.visible_tables() {
            table.refresh(cluster, internal, now);
        }
    }

    /// Drops the filter first, then the screen.
    fn escape(&mut self) {
        if let Some(table) = self.ui.screen().table()
            && !table.filter.text().is_empty()
        {
            table.filter.clear();
        } else if self.ui.screens.len() > 1 {
            self.ui.screens.pop();
        }
    }

    fn step(&mut self, motion: Motion, now: Instant) {
        if let Some(line) = &mut self.ui.help {
            *line = scrolled(*line, motion, usize::MAX);
            return;
        }
        let events = self.data.shown().events.len();
        match self.ui.screen() {
            // The newest event is on top: down is back in time.
            Screen::Overview { focus: Pane::Events, events_back, .. } => {
                *events_back = scrolled(*events_back, motion, events.saturating_sub(1));
            }
            screen => {
                if let Some(table) = screen.table() {
                    table.step(motion, now);
                }
            }
        }
    }

    fn go_to(&mut self, place: Place) {
        self.ui.screens.truncate(1);
        match place {
            Place::Overview => {}
            Place::Topics => self.ui.screens.push(Screen::topics()),
            Place::Groups => self.ui.screens.push(Screen::groups()),
        }
    }

    /// On a screen with one table the next pane is the next screen.
    fn next_pane(&mut self, back: bool) {
        if !self.ui.screen().next_pane(back) {
            let next = match (self.ui.screen(), back) {
                (Screen::Topics(_), false) | (Screen::Overview { .. }, true) => Place::Groups,
                (Screen::Groups(_), true) => Place::Topics,
                _ => Place::Overview,
            };
            self.go_to(next);
        }
    }

    fn sort(&mut self, change: impl FnOnce(&mut Table)) {
        if let Some(table) = self.ui.screen().table() {
            change(table);
            table.release();
        }
    }

    fn type_filter(&mut self, typing: Typing) {
        let Some(table) = self.ui.screen().table() else { return };
        let filter = &mut table.filter;
        match typing {
            Typing::Begin => {}
            Typing::Character(character) => filter.push(character),
            Typing::Delete => filter.pop(),
            Typing::DeleteWord => filter.pop_word(),
            Typing::Clear | Typing::Cancel => filter.clear(),
            Typing::Accept => {}
        }
        table.release();
        self.ui.typing = !matches!(typing, Typing::Accept | Typing::Cancel);
    }
}

fn scrolled(line: usize, motion: Motion, last: usize) -> usize {
    const PAGE: usize = 10;
    let to = match motion {
        Motion::Up => line.saturating_sub(1),
        Motion::Down => line.saturating_add(1),
        Motion::HalfPageUp | Motion::PageUp => line.saturating_sub(PAGE),
        Motion::HalfPageDown | Motion::PageDown => line.saturating_add(PAGE),
        Motion::First => 0,
        Motion::Last => last,
    };
    to.min(last)
}

//! The last lines: what is wrong, and which keys do what here.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::text::{fit, width_of};
use super::{Context, format};
use crate::state::{Link, Pane, Screen, Ui};

/// What must not be missed: a lost broker, and partitions that are not served. Nothing while all is well.
pub(super) fn warnings(context: &Context<'_>, width: usize) -> Vec<Line<'static>> {
    let mut lines = lost(context, width);
    lines.extend(not_served(context, width));
    lines
}

/// Partitions that are not served: how many, and what is wrong with the first.
fn not_served(context: &Context<'_>, width: usize) -> Option<Line<'static>> {
    let troubled = context.cluster.troubled();
    let first = troubled.first()?;
    let (partition, message) = first.failure()?;
    let count: usize = troubled.iter().map(|topic| topic.sums.failed).sum();
    let partitions = if count == 1 { "partition" } else { "partitions" };
    let badge = format!(" ✕ {} {partitions} not served ", format::grouped(count as i64));
    let place = format!(" {}/{partition}: ", fit(&first.name, 30));
    let room = width.saturating_sub(width_of(&badge) + width_of(&place) + 1);
    Some(Line::from(vec![
        Span::styled(badge, context.theme.badge),
        Span::styled(place, context.theme.bad),
        Span::styled(fit(message, room).into_owned(), context.theme.warn),
    ]))
}

/// The lost broker: attempt, what comes next, cause; on a narrow screen the cause takes a line of its own.
fn lost(context: &Context<'_>, width: usize) -> Vec<Line<'static>> {
    let (Some(cause), Some(attempt)) = (context.data.link.trouble(), attempt(context)) else {
        return Vec::new();
    };
    let theme = context.theme;
    let mut line = Line::from(vec![
        Span::styled(" ✕ no broker ", theme.badge),
        Span::styled(format!(" {attempt}, "), theme.warn),
        Span::styled("r", theme.accent),
        Span::styled(" now", theme.warn),
    ]);
    let room = width.saturating_sub(line.width() + 3);
    if width_of(cause) > room {
        return vec![line, Line::styled(format!("   {}", fit(cause, width.saturating_sub(4))), theme.warn)];
    }
    line.push_span(Span::styled(format!(": {}", fit(cause, room)), theme.warn));
    vec![line]
}

/// `attempt 3, next try in 2 s`; None while connected.
pub(super) fn attempt(context: &Context<'_>) -> Option<String> {
    match &context.data.link {
        Link::Live => None,
        Link::Connecting { attempt, .. } => Some(format!("attempt {attempt}, trying now")),
        Link::Lost { attempt, retry_at, .. } => {
            let wait = retry_at.saturating_duration_since(context.now) + Duration::from_millis(999);
            Some(format!("attempt {attempt}, next try in {} s", wait.as_secs()))
        }
    }
}

/// The keys, or the filter while it is typed.
pub(super) fn draw(context: &Context<'_>, buffer: &mut Buffer, area: Rect, ui: &mut Ui) {
    let line = if ui.typing { typing(context, ui) } else { keys(context, ui, usize::from(area.width)) };
    buffer.set_line(area.x, area.y, &line, area.width);
}

fn typing(context: &Context<'_>, ui: &mut Ui) -> Line<'static> {
    let mut line = Line::default();
    if let Some(table) = ui.screen().table() {
        line.push_span(Span::styled(" /", context.theme.accent));
        line.push_span(Span::raw(fit(table.filter.text(), 60).into_owned()));
        line.push_span(Span::styled("▏", context.theme.accent));
        let counts = format!(
            " {} of {}",
            format::grouped(table.items.len() as i64),
            format::grouped(table.total as i64)
        );
        line.push_span(Span::styled(counts, context.theme.muted));
        line.push_span(Span::styled("   ! inverts   ↵ keep   esc clear", context.theme.muted));
    }
    line
}

/// Keys in their order, of which a narrow screen shows the most important.
fn keys(context: &Context<'_>, ui: &mut Ui, width: usize) -> Line<'static> {
    let deep = ui.screens.len() > 1;
    let has_table = ui.screen().table().is_some();
    let open = match ui.screen() {
        Screen::Overview { focus: Pane::Events, .. } => Some(("j k", "scroll")),
        Screen::Overview { .. } | Screen::Topics(_) | Screen::Groups(_) => Some(("↵", "open")),
        Screen::Group { tabs, .. } if tabs.active == 0 => Some(("↵", "topic")),
        Screen::Topic { tabs, .. } if tabs.active == 1 => Some(("↵", "group")),
        Screen::Topic { .. } | Screen::Group { .. } => None,
    };
    // The number tells which go first when there is no room.
    let mut keys: Vec<(u8, &str, &str)> = Vec::new();
    if !context.cluster.is_known() {
        return write(context, vec![(0, "r", "try now"), (0, "?", "help"), (0, "q", "quit")]);
    }
    keys.extend(open.map(|(key, action)| (0, key, action)));
    keys.extend(deep.then_some((0, "esc", "back")));
    keys.push((2, "tab", "next"));
    keys.extend(has_table.then_some((1, "/", "filter")));
    keys.extend(has_table.then_some((2, "s", "sort")));
    keys.push((1, "f", if context.data.frozen.is_some() { "thaw" } else { "freeze" }));
    keys.extend(deep.then_some((3, "o", "overview")));
    keys.extend([(1, "t", "topics"), (1, "c", "groups"), (0, "?", "help")]);
    keys.push((0, "q", if deep { "back" } else { "quit" }));
    let taken = |(_, key, action): &(u8, &str, &str)| width_of(key) + width_of(action) + 3;
    while keys.iter().map(taken).sum::<usize>() > width && keys.len() > 1 {
        let rank = keys.iter().map(|key| key.0).max();
        let last = keys.iter().rposition(|key| Some(key.0) == rank).unwrap_or(0);
        keys.remove(last);
    }
    write(context, keys)
}

fn write(context: &Context<'_>, keys: Vec<(u8, &str, &str)>) -> Line<'static> {
    let mut line = Line::default();
    for (_, key, action) in keys {
        line.push_span(Span::styled(format!(" {key}"), context.theme.accent));
        line.push_span(Span::styled(format!(" {action} "), context.theme.muted));
    }
    line
}

//! The last lines: what is wrong, and which keys do what here.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::text::fit;
use super::{Context, format};
use crate::state::{Link, Pane, Screen, Ui};

/// The line about a lost broker: cause, attempt, what comes next. None while all is well.
pub(super) fn banner(context: &Context<'_>) -> Option<Line<'static>> {
    let (cause, attempt, next) = match &context.data.link {
        Link::Live => return None,
        Link::Connecting { cause, attempt } => (cause.as_deref()?, *attempt, "trying now".to_owned()),
        Link::Lost { cause, attempt, retry_at } => {
            let wait = retry_at.saturating_duration_since(context.now) + Duration::from_millis(999);
            (cause.as_str(), *attempt, format!("next try in {} s", wait.as_secs()))
        }
    };
    let theme = context.theme;
    Some(Line::from(vec![
        Span::styled(" ✕ no broker ", theme.badge),
        Span::styled(format!(" attempt {attempt}, {next}, "), theme.warn),
        Span::styled("r", theme.accent),
        Span::styled(" now: ", theme.warn),
        Span::styled(fit(cause, 400).into_owned(), theme.warn),
    ]))
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

fn keys(context: &Context<'_>, ui: &mut Ui, width: usize) -> Line<'static> {
    let deep = ui.screens.len() > 1;
    let has_table = ui.screen().table().is_some();
    let mut keys: Vec<(&str, &str)> = Vec::new();
    match ui.screen() {
        Screen::Overview { focus: Pane::Events, .. } => keys.push(("j k", "scroll")),
        Screen::Overview { .. } | Screen::Topics(_) | Screen::Groups(_) => keys.push(("↵", "open")),
        Screen::Group { tabs, .. } if tabs.active == 0 => keys.push(("↵", "topic")),
        Screen::Topic { tabs, .. } if tabs.active == 1 => keys.push(("↵", "group")),
        Screen::Topic { .. } | Screen::Group { .. } => {}
    }
    if deep {
        keys.push(("esc", "back"));
    }
    keys.push(("tab", "next"));
    if has_table {
        keys.extend([("/", "filter"), ("s S", "sort")]);
    }
    keys.push(("f", if context.data.frozen.is_some() { "thaw" } else { "freeze" }));
    keys.extend([
        ("o", "overview"),
        ("t", "topics"),
        ("c", "groups"),
        ("?", "help"),
        ("q", if deep { "back" } else { "quit" }),
    ]);
    let mut line = Line::default();
    for (key, action) in keys {
        if line.width() + key.chars().count() + action.len() + 3 > width {
            continue;
        }
        line.push_span(Span::styled(format!(" {key}"), context.theme.accent));
        line.push_span(Span::styled(format!(" {action} "), context.theme.muted));
    }
    line
}

//! Boxes: what all of them look like, and the screens that are one box.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Padding, Paragraph, Widget, Wrap};

use super::text::fit;
use super::{Context, format, table};
use crate::state::{Link, Table};

/// Draws a box with a title at the left and one at the right; returns its inside.
pub(super) fn boxed(
    context: &Context<'_>,
    buffer: &mut Buffer,
    area: Rect,
    title: Line<'_>,
    note: Line<'_>,
    focused: bool,
) -> Rect {
    let style = if focused { context.theme.border_focused } else { context.theme.border };
    let room = usize::from(area.width).saturating_sub(4);
    let mut block = Block::bordered().border_type(BorderType::Rounded).border_style(style);
    let title_width = title.width();
    block = block.title_top(title);
    if title_width + note.width() < room {
        block = block.title_top(note.right_aligned());
    }
    let inside = block.inner(area);
    block.render(area, buffer);
    inside
}

/// ` 3 groups `: the digit that leads there, and a name.
pub(super) fn title(context: &Context<'_>, digit: usize, name: &str) -> Line<'static> {
    Line::from(vec![
        Span::raw(" "),
        Span::styled(digit.to_string(), context.theme.accent),
        Span::raw(format!(" {name} ")),
    ])
}

/// ` 12 of 412 · /ord `: how much of a table shows.
pub(super) fn note(context: &Context<'_>, table: &Table) -> Line<'static> {
    let count = |number: usize| format::grouped(number as i64);
    if table.filter.is_empty() {
        return Line::styled(format!(" {} ", count(table.total)), context.theme.muted);
    }
    Line::from(vec![
        Span::styled(format!(" /{} ", fit(table.filter.text(), 24)), context.theme.accent),
        Span::styled(format!("{} of {} ", count(table.items.len()), count(table.total)), context.theme.muted),
    ])
}

/// A screen that is one table.
pub(super) fn list(context: &Context<'_>, buffer: &mut Buffer, area: Rect, name: &str, list: &mut Table) {
    let note = note(context, list);
    let inside = boxed(context, buffer, area, Line::from(format!(" {name} ")), note, true);
    let columns = list.list.columns(context.cluster);
    table::draw(context, buffer, inside, list, &columns, true);
}

/// What shows before the first snapshot.
pub(super) fn waiting(context: &Context<'_>, buffer: &mut Buffer, area: Rect) {
    let what = match &context.data.link {
        Link::Live => "Connected; waiting for the first snapshot",
        Link::Connecting { .. } => "Connecting",
        Link::Lost { .. } => "No broker answers",
    };
    let mut lines = vec![
        Line::styled("≈ runnel", context.theme.accent),
        Line::default(),
        Line::from(format!("{what} at {}", context.data.address_label)),
    ];
    if let Some(cause) = context.data.link.trouble() {
        lines.push(Line::default());
        lines.push(Line::styled(fit(cause, 400).into_owned(), context.theme.warn));
    }
    let height = lines.len() as u16 + 2;
    let blank = area.height.saturating_sub(height) / 2;
    let paragraph = Paragraph::new(lines)
        .alignment(Alignment::Center)
        .wrap(Wrap { trim: true })
        .block(Block::new().padding(Padding::new(2, 2, blank, 0)));
    paragraph.render(area, buffer);
}

/// ` topic orders ─ 1 partitions  2 groups `: what the screen is about, and its tabs.
pub(super) fn tabs(
    context: &Context<'_>,
    kind: &'static str,
    name: &str,
    tabs: [&'static str; 2],
    active: usize,
) -> Line<'static> {
    let theme = context.theme;
    let mut line = Line::from(vec![
        Span::styled(format!(" {kind} "), theme.muted),
        Span::styled(fit(name, 48).into_owned(), theme.accent),
        Span::raw("  "),
    ]);
    for (place, tab) in tabs.into_iter().enumerate() {
        let (open, close) = if place == active { ("[", "]") } else { (" ", " ") };
        let style = if place == active { ratatui::style::Style::new().bold() } else { theme.muted };
        line.push_span(Span::styled(open, theme.muted));
        line.push_span(Span::styled((place + 1).to_string(), theme.accent));
        line.push_span(Span::styled(format!(" {tab}"), style));
        line.push_span(Span::styled(close, theme.muted));
    }
    line.push_span(Span::raw(" "));
    line
}

/// ` in 310k/s  size 3.4 GiB`: names and values on one line.
pub(super) fn facts(context: &Context<'_>, facts: &[(&'static str, String)]) -> Line<'static> {
    let mut line = Line::default();
    for (name, value) in facts {
        if name.is_empty() {
            line.push_span(Span::raw(format!(" {value} ")));
        } else {
            line.push_span(Span::styled(format!(" {name} "), context.theme.muted));
            line.push_span(Span::raw(format!("{value} ")));
        }
    }
    line
}

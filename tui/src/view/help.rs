//! The help: what this screen shows, and every key.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

use super::Context;
use super::frame::boxed;
use crate::state::Screen;

/// The keys that work everywhere.
const KEYS: [(&str, &str); 19] = [
    ("j k ↓ ↑", "one row down, up; g G the first, the last"),
    ("ctrl-d ctrl-u", "half a page down, up; pgdn pgup a whole one"),
    ("enter l →", "into the selected row"),
    ("esc h ←", "drop the filter, or one screen back"),
    ("q", "one screen back; from the overview: leave (ctrl-c too)"),
    ("o t c", "overview, topics, consumer groups"),
    ("tab 1 2 …", "next box or tab, or the one with this digit: ¹ ² …"),
    ("s S", "sort by the next column; turn the order"),
    ("/", "filter; a leading ! inverts, capitals mind the case"),
    ("i", "show or hide the broker's own topics"),
    ("f", "freeze the display; sampling goes on"),
    ("+ -", "longer, shorter interval (200 ms to 10 s)"),
    ("r", "reconnect now"),
    ("ctrl-z", "to the shell; fg comes back"),
    ("●  ○  ◐  ◑  ✕", "a group: stable, empty, preparing or completing a"),
    ("", "rebalance, dead; ✕ at a topic: partitions not served"),
    ("↑  →  ↓", "its lag rises, stays, falls"),
    ("✓  ~5m  ∞", "ETA: keeps up; gone in so long; it isn't shrinking"),
    ("?  ~  –", "in a cell: unknown, estimated, nothing to tell"),
];

/// Draws the help over the body. Keeps the scroll within what there is.
pub(super) fn draw(
    context: &Context<'_>,
    buffer: &mut Buffer,
    body: Rect,
    screen: &Screen,
    line: &mut usize,
) {
    let mut lines: Vec<Line<'_>> = about(screen).iter().map(|text| Line::from(format!(" {text}"))).collect();
    lines.push(Line::default());
    lines.extend(KEYS.iter().map(|(keys, action)| {
        Line::from(vec![Span::styled(format!(" {keys:<15}"), context.theme.accent), Span::raw(*action)])
    }));
    let width = body.width.min(72);
    let height = body.height.min(lines.len() as u16 + 2);
    let area =
        Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    Clear.render(area, buffer);
    let scrolls = lines.len() + 2 > usize::from(height);
    let note = if scrolls { " j k scroll, esc closes " } else { " esc closes " };
    let note = Line::styled(note, context.theme.muted);
    let inside = boxed(context, buffer, area, Line::styled(" help ", context.theme.text), note, true);
    *line = (*line).min(lines.len().saturating_sub(usize::from(inside.height)));
    for (y, text) in (inside.y..inside.bottom()).zip(lines.iter().skip(*line)) {
        buffer.set_line(inside.x, y, text, inside.width);
    }
}

fn about(screen: &Screen) -> &'static [&'static str] {
    match screen {
        Screen::Overview { .. } => &[
            "Overview: records a second, groups by lag, topics by rate. Skew is",
            "the fastest partition over the mean, in colour from 2× on; time lag",
            "is coloured from a minute and from ten on. Out is a mean of a few s.",
        ],
        Screen::Topics(_) => &[
            "Topics: sums over their partitions. Records are told by offsets, so",
            "gaps that compaction leaves count. Lag: of the worst group there.",
        ],
        Screen::Topic { .. } => &[
            "Topic: the strips show every partition by rate and by lag; colour",
            "marks what stands out, ! what isn't served. Tab 2: its groups.",
        ],
        Screen::Groups(_) => &[
            "Consumer groups: lag in records, and in time: the age of the oldest",
            "record not yet committed. Arrows show where the lag goes.",
        ],
        Screen::Group { .. } => &[
            "Group: current is the committed offset; commit is how long ago that",
            "was. Owner is the member that reads a partition now.",
        ],
    }
}

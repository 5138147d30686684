//! Boxes: what all of them look like, and the screens that are one box.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Padding, Paragraph, Widget, Wrap};

use super::text::{fit, width_of};
use super::{Context, chart, footer, format, table};
use crate::state::{Link, Series, Table, Tabs};

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

/// ` ³groups `: the digit that leads there, raised so that it is not taken for a count, and a name.
pub(super) fn title(context: &Context<'_>, digit: usize, name: &str) -> Line<'static> {
    Line::from(vec![
        Span::raw(" "),
        Span::styled(raised(digit), context.theme.accent),
        Span::styled(format!("{name} "), context.theme.text),
    ])
}

/// The key of a box or tab.
pub(super) fn raised(digit: usize) -> &'static str {
    ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"].get(digit).copied().unwrap_or("")
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
    let inside =
        boxed(context, buffer, area, Line::styled(format!(" {name} "), context.theme.text), note, true);
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
        lines.push(Line::default());
        lines.push(Line::from(vec![
            Span::styled(format!("{}; ", footer::attempt(context).unwrap_or_default()), context.theme.muted),
            Span::styled("r", context.theme.accent),
            Span::styled(" tries now, ", context.theme.muted),
            Span::styled("q", context.theme.accent),
            Span::styled(" leaves", context.theme.muted),
        ]));
    }
    let height = lines.len() as u16 + 2;
    let blank = area.height.saturating_sub(height) / 2;
    let paragraph = Paragraph::new(lines)
        .alignment(Alignment::Center)
        .wrap(Wrap { trim: true })
        .block(Block::new().padding(Padding::new(2, 2, blank, 0)));
    paragraph.render(area, buffer);
}

/// What a screen about one thing shows: two tables, of which a small screen has room for one.
pub(super) struct Tab {
    pub(super) name: &'static str,
    /// How many rows there are without a filter.
    pub(super) count: usize,
}

/// ` topic orders  [¹partitions 8]  ²groups 2 `: what the screen is about, and its tabs. A long name is cut, so that the
/// tabs and `after` fit into `width`.
pub(super) fn tabs(
    context: &Context<'_>,
    (kind, name): (&'static str, &str),
    tabs: &[Tab; 2],
    active: usize,
    after: Option<Span<'static>>,
    width: u16,
) -> Line<'static> {
    let theme = context.theme;
    let mut spans = Vec::new();
    for (place, tab) in tabs.iter().enumerate() {
        let (open, close) = if place == active { ("[", "]") } else { (" ", " ") };
        let style = if place == active { theme.text.bold() } else { theme.muted };
        spans.push(Span::styled(open, theme.muted));
        spans.push(Span::styled(raised(place + 1), theme.accent));
        spans.push(Span::styled(tab.name, style));
        spans.push(Span::styled(format!(" {}{close}", format::grouped(tab.count as i64)), theme.muted));
    }
    spans.push(Span::raw(" "));
    spans.extend(after);
    let taken = kind.len() + 4 + spans.iter().map(Span::width).sum::<usize>();
    let room = usize::from(width).saturating_sub(taken + 4).clamp(6, 48);
    let mut line = Line::from(vec![
        Span::styled(format!(" {kind} "), theme.muted),
        Span::styled(fit(if name.is_empty() { "–" } else { name }, room).into_owned(), theme.accent),
        Span::raw("  "),
    ]);
    line.extend(spans);
    line
}

/// Draws the table of the active tab; on a tall screen both, one below the other.
pub(super) fn tables(
    context: &Context<'_>,
    buffer: &mut Buffer,
    rest: Rect,
    tabs: &mut Tabs,
    names: &[Tab; 2],
) {
    const TALL: u16 = 20;
    let active = tabs.active;
    if rest.height < TALL {
        let table = tabs.table();
        let columns = table.list.columns(context.cluster);
        return table::draw(context, buffer, rest, table, &columns, true);
    }
    // A line of titles each, and a line between them.
    let wanted = |table: &Table| (table.items.len().clamp(1, usize::from(rest.height)) + 1) as u16;
    let room = rest.height - 2;
    let lower = wanted(&tabs.tables[1]).min(room / 2);
    let upper = wanted(&tabs.tables[0]).clamp(3, room - lower);
    let parts =
        [Rect { height: upper, ..rest }, Rect { y: rest.y + upper + 2, height: room - upper, ..rest }];
    let title = Line::from(vec![
        Span::styled("─ ", context.theme.border),
        Span::styled(raised(2), context.theme.accent),
        Span::styled(
            names[1].name,
            if active == 1 { context.theme.text.bold() } else { context.theme.muted },
        ),
        Span::styled(format!(" {}", "─".repeat(usize::from(rest.width))), context.theme.border),
    ]);
    buffer.set_line(rest.x, rest.y + upper + 1, &title, rest.width);
    for (place, (table, part)) in tabs.tables.iter_mut().zip(parts).enumerate() {
        let columns = table.list.columns(context.cluster);
        table::draw(context, buffer, part, table, &columns, place == active);
    }
}

/// Puts a line at the top of what is left, unless too little is left.
pub(super) fn put(buffer: &mut Buffer, rest: &mut Rect, line: Line<'_>) {
    if rest.height > 4 {
        buffer.set_line(rest.x, rest.y, &line, rest.width);
        *rest = Rect { y: rest.y + 1, height: rest.height - 1, ..*rest };
    }
}

/// What a screen tells about its one topic or group: facts, and with room for it a history.
pub(super) struct Card<'a> {
    /// What the history is of.
    pub(super) name: &'a str,
    pub(super) series: &'a Series,
    pub(super) ramp: &'a [Style],
    /// Names and values, the most important first.
    pub(super) facts: &'a [(&'static str, String)],
}

impl Card<'_> {
    /// The least rows and columns of a history, and the most.
    const SMALLEST: (u16, u16) = (5, 60);
    const LARGEST: (u16, u16) = (12, 120);
    /// What a column of facts takes.
    const FACTS: u16 = 30;

    /// Draws it at the top of what is left: on a tall screen a chart with the facts beside it, else a line of facts.
    pub(super) fn draw(&self, context: &Context<'_>, buffer: &mut Buffer, rest: &mut Rect) {
        if rest.height < 24 || rest.width < Self::SMALLEST.1 + Self::FACTS {
            return put(buffer, rest, self.line(context, usize::from(rest.width)));
        }
        let height = (rest.height / 5).clamp(Self::SMALLEST.0, Self::LARGEST.0);
        let facts = self.facts.len().div_ceil(usize::from(height) + 1) as u16 * Self::FACTS;
        let width = rest.width.saturating_sub(facts + 6).clamp(Self::SMALLEST.1, Self::LARGEST.1);
        let area = Rect { x: rest.x + 1, y: rest.y, width, height };
        chart::area(buffer, area, self.series, self.ramp);
        let peak = self.series.peak(usize::from(width) * 2);
        let caption = format!("{}, peak {}", self.name, peak.map_or("?".to_owned(), format::rate));
        buffer.set_stringn(area.x, area.bottom(), caption, usize::from(width), context.theme.muted);
        // Facts in columns beside the chart.
        let rows = usize::from(height) + 1;
        let mut x = area.right() + 3;
        for column in self.facts.chunks(rows) {
            let names = column.iter().map(|(name, _)| width_of(name)).max().unwrap_or(0);
            let values = column.iter().map(|(_, value)| width_of(value)).max().unwrap_or(0);
            if usize::from(rest.right().saturating_sub(x)) <= names + 2 + values {
                break;
            }
            for (y, (name, value)) in (rest.y..).zip(column) {
                buffer.set_string(x, y, name, context.theme.muted);
                buffer.set_string(x + names as u16 + 2, y, value, Style::new());
            }
            x += (names + 2 + values).max(24) as u16 + 3;
        }
        let used = height + 2;
        *rest = Rect { y: rest.y + used, height: rest.height - used, ..*rest };
    }

    fn line(&self, context: &Context<'_>, width: usize) -> Line<'static> {
        let mut line = Line::default();
        for (name, value) in self.facts {
            if line.width() + width_of(name) + width_of(value) + 3 <= width {
                line.push_span(Span::styled(format!(" {name} "), context.theme.muted));
                line.push_span(Span::raw(format!("{value} ")));
            }
        }
        line
    }
}

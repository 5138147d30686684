//! The one table of all screens. Draws the rows that show, however many there are.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use runnel_proto::v1::GroupState;

use super::columns::{Spec, fitting};
use super::text::{fit, width_of};
use super::{Context, chart, format};
use crate::state::{Column, Direction, Eta, Figure, List, Table, Value};

/// Draws the table into the inside of a box: a line of titles, then rows. Tells the table what fits.
pub(super) fn draw(
    context: &Context<'_>,
    buffer: &mut Buffer,
    area: Rect,
    table: &mut Table,
    columns: &[Column],
    focused: bool,
) {
    if area.height < 2 || area.width < 4 {
        return;
    }
    // A blank at each side keeps text off the border.
    let inside = Rect { x: area.x + 1, width: area.width - 2, ..area };
    let (specs, gap) = fitting(&table.list, context.cluster, columns, usize::from(inside.width));
    table.set_size(usize::from(area.height) - 1, specs.iter().map(|spec| spec.column).collect());
    titles(context, buffer, inside, table, &specs, gap);
    let shown = table.items.iter().enumerate().skip(table.top).take(table.height);
    for (y, (place, item)) in (inside.y + 1..).zip(shown) {
        let mut line = Line::default();
        for (number, spec) in specs.iter().enumerate() {
            if number > 0 {
                line.push_span(" ".repeat(gap));
            }
            let value = table.list.value(context.cluster, item, spec.column);
            cell(context, &mut line, spec, &value);
        }
        buffer.set_line(inside.x, y, &line, inside.width);
        if focused && place == table.cursor {
            let style = if context.stale { Style::new().reversed() } else { context.theme.selected };
            buffer.set_style(Rect { y, height: 1, ..area }, style);
        }
    }
    if table.items.is_empty() {
        empty(context, buffer, inside, table);
    }
    scrollbar(context, buffer, area, table);
}

fn titles(context: &Context<'_>, buffer: &mut Buffer, area: Rect, table: &Table, specs: &[Spec], gap: usize) {
    let mut line = Line::default();
    for (number, spec) in specs.iter().enumerate() {
        if number > 0 {
            line.push_span(" ".repeat(gap));
        }
        let sorted = spec.column == table.sort;
        let (style, arrow) = match (sorted, table.descending) {
            (true, true) => (context.theme.accent, "▾"),
            (true, false) => (context.theme.accent, "▴"),
            (false, _) => (context.theme.muted, ""),
        };
        let room = spec.width.saturating_sub(width_of(arrow));
        let title =
            if width_of(&spec.title) > room && !spec.short.is_empty() { spec.short } else { &spec.title };
        // Of a group's lag it is the group's name that may be cut.
        let title = match (spec.column, title.strip_suffix(" lag")) {
            (Column::LagOf(_), Some(name)) => format!("{} lag{arrow}", fit(name, room.saturating_sub(4))),
            _ => format!("{}{arrow}", fit(title, room)),
        };
        pad(&mut line, spec, &[Span::styled(title, style)]);
    }
    buffer.set_line(area.x, area.y, &line, area.width);
}

/// Says why there are no rows, and how to get some.
fn empty(context: &Context<'_>, buffer: &mut Buffer, area: Rect, table: &Table) {
    let lines = if table.total > 0 {
        let filter = fit(table.filter.text(), 20);
        [
            format!("none of {} matches {filter}", format::grouped(table.total as i64)),
            "esc clears the filter".into(),
        ]
    } else {
        let (what, how) = match table.list {
            List::Topics => ("none yet; the first record makes one:", "runnel produce TOPIC < FILE"),
            List::Groups => ("none yet; the first reader makes one:", "runnel consume -g GROUP TOPIC"),
            List::Readers(_) => ("no group reads this topic", ""),
            List::Members(_) => ("no members: nobody reads for this group", ""),
            List::Partitions(_) => ("no partitions are known yet", ""),
            List::Assignments(_) => ("nothing was committed yet, and nobody owns a partition", ""),
        };
        [what.to_owned(), how.to_owned()]
    };
    let styles = [context.theme.muted, context.theme.accent];
    for ((y, line), style) in (area.y + 1..area.bottom()).zip(lines).zip(styles) {
        buffer.set_stringn(area.x, y, line, usize::from(area.width), style);
    }
}

/// A thumb on the box's right border, when not all rows fit.
fn scrollbar(context: &Context<'_>, buffer: &mut Buffer, area: Rect, table: &Table) {
    let (rows, height) = (table.items.len(), table.height);
    if rows <= height || height < 2 {
        return;
    }
    let thumb = (height * height / rows).max(1);
    let first = table.top * (height - thumb) / (rows - height);
    for y in first..first + thumb {
        let position = (area.right(), area.y + 1 + y as u16);
        if let Some(cell) = buffer.cell_mut(position) {
            cell.set_char('┃').set_style(context.theme.muted);
        }
    }
}

fn cell(context: &Context<'_>, line: &mut Line<'_>, spec: &Spec, value: &Value<'_>) {
    let theme = context.theme;
    let quiet_zero =
        |figure: Figure| if figure.value() == Some(0.0) { theme.muted } else { known(context, figure) };
    let (text, style): (Cow<'_, str>, Style) = match value {
        Value::Nothing => ("–".into(), theme.muted),
        Value::Text("") => ("–".into(), theme.muted),
        Value::Text(text) if spec.column == Column::Problem => (fit(text, spec.width), theme.bad),
        Value::Text(text) => (fit(text, spec.width), Style::new()),
        Value::Troubled(text) => (format!("✕ {}", fit(text, spec.width.saturating_sub(2))).into(), theme.bad),
        Value::NotServed { failed, of } => {
            let long = format!("{failed} of {of} not served");
            let text = if width_of(&long) > spec.width { format!("{failed}/{of} out") } else { long };
            (text.into(), theme.bad)
        }
        Value::Offset(None) => ("?".into(), theme.muted),
        Value::Offset(Some(offset)) => {
            // An offset that doesn't fit is shortened, never cut: half a number is a wrong number.
            let full = format::grouped(*offset);
            let text = if full.len() > spec.width { format::count(*offset as f64) } else { full };
            (text.into(), Style::new())
        }
        Value::Count(figure) => (format::figure(*figure, format::count).into(), quiet_zero(*figure)),
        Value::PerSecond(figure) => (format::figure(*figure, format::rate).into(), quiet_zero(*figure)),
        Value::Bytes(figure) | Value::BytesPerSecond(figure) => {
            (format::figure(*figure, format::bytes).into(), quiet_zero(*figure))
        }
        Value::DurationMs(figure) => {
            (format::figure(*figure, format::duration_ms).into(), age(context, spec.column, *figure))
        }
        Value::Ratio(ratio) => {
            (format!("{ratio:.1}×").into(), if *ratio >= 2.0 { theme.warn } else { theme.muted })
        }
        Value::Percent(figure) => (format::figure(*figure, format::percent).into(), quiet_zero(*figure)),
        Value::State(state) => {
            let (sign, name) = state_sign(*state);
            let style = state_style(context, *state);
            let name = if spec.column == Column::StateSign { String::new() } else { format!(" {name}") };
            return pad(line, spec, &[Span::styled(sign, style), Span::raw(name)]);
        }
        Value::History(series) => (chart::spark(series, spec.width).into(), theme.inflow),
        Value::Trend(series, trend) => {
            let (arrow, style) = match trend.map(|trend| trend.direction) {
                Some(Direction::Rising) => ("↑", theme.warn),
                Some(Direction::Falling) => ("↓", theme.good),
                Some(Direction::Steady) => ("→", theme.muted),
                None => ("?", theme.muted),
            };
            let spark = chart::shape(series, spec.width.saturating_sub(2));
            return pad(
                line,
                spec,
                &[Span::styled(spark, style), Span::raw(" "), Span::styled(arrow, style)],
            );
        }
        Value::Eta(of) => {
            let style = match of {
                Eta::Done | Eta::KeepingUp => theme.good,
                Eta::Seconds(_) => Style::new(),
                Eta::Growing => theme.warn,
                Eta::Never | Eta::Unknown => theme.muted,
            };
            (eta(*of).into(), style)
        }
    };
    pad(line, spec, &[Span::styled(text, style)]);
}

/// When a lag is gone, in a few characters.
pub(super) fn eta(eta: Eta) -> String {
    match eta {
        Eta::Done | Eta::KeepingUp => "✓".to_owned(),
        Eta::Seconds(seconds) => format!("~{}", format::rough_duration_ms(seconds * 1000.0)),
        Eta::Growing | Eta::Never => "∞".to_owned(),
        Eta::Unknown => "?".to_owned(),
    }
}

/// Adds spans to a line, filled up with blanks to the column's width. What is too wide is cut.
fn pad(line: &mut Line<'_>, spec: &Spec, spans: &[Span<'_>]) {
    let used: usize = spans.iter().map(Span::width).sum();
    let blanks = " ".repeat(spec.width.saturating_sub(used));
    if !spec.left {
        line.push_span(blanks.clone());
    }
    let mut room = spec.width;
    for span in spans {
        let text = fit(&span.content, room).into_owned();
        room -= width_of(&text).min(room);
        line.push_span(Span::styled(text, span.style));
    }
    if spec.left {
        line.push_span(blanks);
    }
}

fn known(context: &Context<'_>, figure: Figure) -> Style {
    if figure == Figure::Unknown { context.theme.muted } else { Style::new() }
}

/// Lag by time is the figure that wakes people up: a minute is worth a look, ten are trouble.
fn age(context: &Context<'_>, column: Column, figure: Figure) -> Style {
    match figure.value() {
        Some(ms) if column == Column::TimeLag && ms >= 600_000.0 => context.theme.bad,
        Some(ms) if column == Column::TimeLag && ms >= 60_000.0 => context.theme.warn,
        Some(ms) if ms > 0.0 => Style::new(),
        _ => context.theme.muted,
    }
}

/// A sign and a word for a group's state.
pub(super) fn state_sign(state: GroupState) -> (&'static str, &'static str) {
    match state {
        GroupState::Stable => ("●", "stable"),
        GroupState::Empty => ("○", "empty"),
        GroupState::PreparingRebalance => ("◐", "preparing"),
        GroupState::CompletingRebalance => ("◑", "completing"),
        GroupState::Assigning => ("◐", "assigning"),
        GroupState::Reconciling => ("◑", "reconciling"),
        GroupState::Dead => ("✕", "dead"),
        GroupState::Unspecified => ("?", "unknown"),
    }
}

/// Its colour.
pub(super) fn state_style(context: &Context<'_>, state: GroupState) -> Style {
    match state {
        GroupState::Stable => context.theme.good,
        GroupState::PreparingRebalance
        | GroupState::CompletingRebalance
        | GroupState::Assigning
        | GroupState::Reconciling => context.theme.warn,
        GroupState::Dead => context.theme.bad,
        GroupState::Empty | GroupState::Unspecified => context.theme.muted,
    }
}

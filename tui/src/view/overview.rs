//! The first screen: throughput, the worst groups, the hottest topics, events, brokers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::frame::{boxed, note, title};
use super::text::{fit, width_of, wrapped};
use super::{Context, chart, format, table, throughput};
use crate::state::{Broker, Column, Pane, Table};

/// Where the boxes stand. Small screens leave some out.
#[derive(Debug, Default, PartialEq)]
struct Boxes {
    inflow: Option<Rect>,
    outflow: Option<Rect>,
    groups: Option<Rect>,
    topics: Option<Rect>,
    events: Option<Rect>,
    /// Throughput as one line, where there is no room for charts.
    line: Option<Rect>,
    /// One line a broker.
    brokers: Option<Rect>,
}

/// Draws the screen.
pub(super) fn draw(
    context: &Context<'_>,
    buffer: &mut Buffer,
    area: Rect,
    focus: Pane,
    groups: &mut Table,
    topics: &mut Table,
    events_back: usize,
) {
    let rows = Rows {
        brokers: context.cluster.brokers.len(),
        tables: groups.items.len().max(topics.items.len()),
        events: context.cluster.events.len(),
    };
    let boxes = lay_out(area, &rows);
    for (area, pane) in [(boxes.inflow, Pane::In), (boxes.outflow, Pane::Out)] {
        if let Some(area) = area {
            throughput::chart(context, buffer, area, focus, pane);
        }
    }
    if let Some(area) = boxes.line {
        buffer.set_line(area.x, area.y, &throughput::line(context, usize::from(area.width)), area.width);
    }
    if let Some(area) = boxes.groups {
        let columns =
            [Column::StateSign, Column::Group, Column::Lag, Column::TimeLag, Column::Trend, Column::Eta];
        let focused = focus == Pane::Groups;
        let title = title(context, Pane::Groups.digit(), "consumer groups");
        let inside = boxed(context, buffer, area, title, note(context, groups), focused);
        table::draw(context, buffer, inside, groups, &columns, focused);
    }
    if let Some(area) = boxes.topics {
        let columns = [Column::Topic, Column::RecordsIn, Column::RateHistory, Column::Share, Column::Skew];
        let focused = focus == Pane::Topics;
        let title = title(context, Pane::Topics.digit(), "topics");
        let inside = boxed(context, buffer, area, title, note(context, topics), focused);
        table::draw(context, buffer, inside, topics, &columns, focused);
    }
    if let Some(area) = boxes.events {
        events(context, buffer, area, focus == Pane::Events, events_back);
    }
    if let Some(area) = boxes.brokers {
        brokers(context, buffer, area);
    }
}

/// One line a broker, as many as there is room for.
pub(super) fn brokers(context: &Context<'_>, buffer: &mut Buffer, area: Rect) {
    for (y, broker) in (area.y..area.bottom()).zip(&context.cluster.brokers) {
        let line = broker_line(context, broker, usize::from(area.width));
        buffer.set_line(area.x, y, &line, area.width);
    }
}

/// How much there is to show.
struct Rows {
    brokers: usize,
    /// Of the longer of the two tables.
    tables: usize,
    events: usize,
}

/// Splits the screen. Groups go last, then topics, then throughput, then brokers, then events. What the tables don't
/// need goes to the charts, then to the events.
fn lay_out(area: Rect, rows: &Rows) -> Boxes {
    let tables = rows.tables.min(usize::from(area.height)) as u16 + 3;
    let mut boxes = Boxes::default();
    let wide = area.width >= 76;
    let mut rest = area;
    if rest.height >= 14 {
        let lines = rows.brokers.clamp(1, usize::from(area.height / 10)) as u16;
        boxes.brokers = Some(bottom(&mut rest, lines));
    }
    if rest.height >= 18 {
        let height = (area.height / 5).clamp(4, 10);
        let charts = area.height * 2 / 5;
        let spare = rest.height.saturating_sub(height + charts + tables);
        let wanted = (rows.events.min(usize::from(area.height)) as u16 + 2).max(height);
        boxes.events = Some(bottom(&mut rest, (height + spare).min(wanted)));
    }
    if wide && rest.height >= 8 {
        let height = (area.height * 3 / 11).clamp(3, 14).min(rest.height / 2);
        let spare = rest.height.saturating_sub(height + tables);
        let height = (height + spare).min(area.height * 2 / 5).max(height);
        let (left, right) = halves(top(&mut rest, height), 50);
        (boxes.inflow, boxes.outflow) = (Some(left), Some(right));
    } else if !wide && rest.height >= 14 {
        let (left, right) = halves(top(&mut rest, 4), 50);
        (boxes.inflow, boxes.outflow) = (Some(left), Some(right));
    }
    if boxes.inflow.is_none() {
        boxes.line = Some(top(&mut rest, 1));
    }
    if wide {
        let (left, right) = halves(rest, 60);
        (boxes.groups, boxes.topics) = (Some(left), Some(right));
    } else if rest.height >= 10 {
        let height = rest.height.div_ceil(2);
        boxes.groups = Some(top(&mut rest, height));
        boxes.topics = Some(rest);
    } else {
        boxes.groups = Some(rest);
    }
    boxes
}

fn top(rest: &mut Rect, height: u16) -> Rect {
    let part = Rect { height, ..*rest };
    *rest = Rect { y: rest.y + height, height: rest.height - height, ..*rest };
    part
}

fn bottom(rest: &mut Rect, height: u16) -> Rect {
    rest.height -= height;
    Rect { y: rest.bottom(), height, ..*rest }
}

fn halves(area: Rect, percent: u16) -> (Rect, Rect) {
    let width = (u32::from(area.width) * u32::from(percent) / 100) as u16;
    (Rect { width, ..area }, Rect { x: area.x + width, width: area.width - width, ..area })
}

fn events(context: &Context<'_>, buffer: &mut Buffer, area: Rect, focused: bool, back: usize) {
    let events = &context.cluster.events;
    let note = Line::styled(format!(" {} ", events.len()), context.theme.muted);
    let title = title(context, Pane::Events.digit(), "events");
    let inside = boxed(context, buffer, area, title, note, focused);
    let mut rows = inside.y..inside.bottom();
    for event in events.iter().rev().skip(back) {
        let age = format::age_ms(context.cluster.time_ms.saturating_sub(event.time_ms));
        let clock = if inside.width < CLOCK_WIDTH { String::new() } else { clock(context, event.time_ms) };
        let mut before = Span::styled(format!("{age:>5}  {clock}"), context.theme.muted);
        let indent = width_of(&before.content);
        // What doesn't fit goes on below.
        for part in wrapped(&event.message, usize::from(inside.width).saturating_sub(indent + 1)) {
            let Some(y) = rows.next() else { return };
            buffer.set_line(inside.x, y, &Line::from(vec![before, Span::raw(part)]), inside.width);
            before = Span::raw(" ".repeat(indent));
        }
    }
    if events.is_empty() {
        buffer.set_stringn(
            inside.x + 1,
            inside.y,
            "none yet",
            usize::from(inside.width),
            context.theme.muted,
        );
    }
}

/// From so many columns on the time of day is told, too.
const CLOCK_WIDTH: u16 = 100;

/// `13:37:05  `
fn clock(context: &Context<'_>, time_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(time_ms);
    time.map_or_else(
        |_| String::new(),
        |time| format!("{}  ", time.to_zoned(context.data.time_zone.clone()).strftime("%H:%M:%S")),
    )
}

/// `broker 1  mem 18 MiB  cpu 12%  disk ▰▰▰▱ 71% of 1.8 TiB  12 connections  up 3h05m  0.1.0`, as far as it fits.
fn broker_line(context: &Context<'_>, broker: &Broker, width: usize) -> Line<'static> {
    let theme = context.theme;
    let sample = &broker.sample;
    let cpu = broker.cpu_cores.map_or("?".to_owned(), format::percent);
    let mut line = Line::from(vec![Span::styled(format!(" broker {}", sample.id), theme.muted)]);
    let mut add = |name: &str, value: String, after: &str, style: Style| {
        let wanted = 3 + name.len() + value.chars().count() + after.len();
        if line.width() + wanted <= width {
            line.push_span(Span::styled(format!("  {name}"), theme.muted));
            line.push_span(Span::styled(format!(" {value}"), style));
            line.push_span(Span::styled(after.to_owned(), theme.muted));
        }
    };
    add("mem", format::bytes(sample.memory_bytes as f64), "", Style::new());
    add("cpu", cpu, "", Style::new());
    if let (Some(free), Some(total)) = (sample.disk_free_bytes, sample.disk_total_bytes)
        && total > 0
    {
        let used = 1.0 - free as f64 / total as f64;
        let style = if used >= 0.95 {
            theme.bad
        } else if used >= 0.85 {
            theme.warn
        } else {
            Style::new()
        };
        let gauge = if width >= 100 { chart::gauge(used, 8) + " " } else { String::new() };
        let total = format!(" of {}", format::bytes(total as f64));
        add("disk", format!("{gauge}{}", format::percent(used)), &total, style);
    } else {
        add("disk", "?".to_owned(), "", theme.muted);
    }
    add("conns", format::count(f64::from(sample.connections)), "", Style::new());
    let up_ms = context.cluster.time_ms.saturating_sub(sample.start_time_ms);
    add("up", format::duration_ms(up_ms as f64), "", Style::new());
    add("version", fit(&sample.version, 20).into_owned(), "", Style::new());
    add("at", fit(&sample.listeners.join(" "), 80).into_owned(), "", Style::new());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_fold_by_priority() {
        let shown = |width, height| {
            let rows = Rows { brokers: 1, tables: 6, events: 3 };
            let boxes = lay_out(Rect::new(0, 1, width, height), &rows);
            [boxes.inflow, boxes.groups, boxes.topics, boxes.events, boxes.brokers].map(|area| area.is_some())
        };
        assert_eq!(shown(200, 58), [true, true, true, true, true]);
        assert_eq!(shown(80, 22), [true, true, true, true, true]);
        assert_eq!(shown(80, 16), [true, true, true, false, true]);
        assert_eq!(shown(80, 8), [true, true, true, false, false]);
        assert_eq!(shown(60, 22), [true, true, true, true, true].map(|_| true));
        assert_eq!(shown(40, 8), [false, true, false, false, false]);
    }

    #[test]
    fn boxes_cover_the_screen_once() {
        for (width, height) in [(200, 58), (120, 38), (80, 22), (60, 30), (40, 8), (76, 9), (75, 17)] {
            let area = Rect::new(0, 1, width, height);
            let boxes = lay_out(area, &Rows { brokers: 3, tables: 9, events: 40 });
            let all = [
                boxes.inflow,
                boxes.outflow,
                boxes.line,
                boxes.groups,
                boxes.topics,
                boxes.events,
                boxes.brokers,
            ];
            let covered: u32 = all.iter().flatten().map(|part| part.area()).sum();
            assert_eq!(covered, area.area(), "{width}×{height}");
            for part in all.iter().flatten() {
                assert_eq!(part.intersection(area), *part, "{width}×{height}");
            }
        }
    }
}

//! What is drawn: a file per screen, and the parts that they share. Nothing here changes what is known.

mod ansi;
mod chart;
mod columns;
mod footer;
mod format;
mod frame;
mod group;
mod header;
mod heat;
mod help;
mod overview;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod throughput;
mod topic;

use std::time::Instant;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::state::{Cluster, Data, Screen, State};

pub(crate) use ansi::as_colored_text;
pub(crate) use theme::Theme;

/// What every part of a frame may look at.
struct Context<'a> {
    data: &'a Data,
    /// What is shown: the present, or what was frozen.
    cluster: &'a Cluster,
    theme: &'a Theme,
    now: Instant,
    /// What is shown is out of date: it is drawn dimmed.
    stale: bool,
}

/// The smallest screen that a frame is drawn for.
pub(crate) const SMALLEST: (u16, u16) = (40, 10);

/// Draws a frame.
pub(crate) fn draw(frame: &mut Frame<'_>, state: &mut State, theme: &Theme, now: Instant) {
    let area = frame.area();
    render(frame.buffer_mut(), area, state, theme, now);
}

/// Draws a frame into a buffer.
pub(crate) fn render(buffer: &mut Buffer, area: Rect, state: &mut State, theme: &Theme, now: Instant) {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return too_small(buffer, area);
    }
    let State { data, ui } = state;
    // What was frozen on purpose is not called stale.
    let stale = data.frozen.is_none() && data.stale_for(now).is_some();
    let context = Context { data, cluster: data.shown(), theme, now, stale };
    // Before the first snapshot the body tells the same, with more room.
    let warnings = match context.cluster.is_known() {
        true => footer::warnings(&context, usize::from(area.width)),
        false => Vec::new(),
    };
    let overview = matches!(ui.screen(), Screen::Overview { .. });
    // The overview places its own.
    let brokers = if overview || area.height < 30 { 0 } else { context.cluster.brokers.len().min(3) as u16 };
    let [head, body, broker_lines, warning, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(brokers),
        Constraint::Length(warnings.len() as u16),
        Constraint::Length(1),
    ])
    .areas(area);
    header::draw(&context, buffer, head);
    if context.cluster.is_known() {
        screen(&context, buffer, body, ui.screen());
        overview::brokers(&context, buffer, broker_lines);
        if stale {
            buffer.set_style(body, theme.stale);
            buffer.set_style(broker_lines, theme.stale);
        }
    } else {
        frame::waiting(&context, buffer, body);
    }
    for (y, line) in (warning.y..warning.bottom()).zip(&warnings) {
        buffer.set_line(warning.x, y, line, warning.width);
    }
    footer::draw(&context, buffer, foot, ui);
    if let Some(line) = &mut ui.help {
        let shown = ui.screens.last().expect("the overview is never left");
        help::draw(&context, buffer, body, shown, line);
    }
}

/// A drawn buffer as lines of text, without blanks at their ends.
pub(crate) fn as_text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(buffer.area.width).max(1)) {
        let mut line = String::new();
        // A wide character covers the cell after it.
        let mut covered = 0;
        for cell in row {
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = text::width_of(cell.symbol());
            }
            covered = covered.saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn screen(context: &Context<'_>, buffer: &mut Buffer, area: Rect, screen: &mut Screen) {
    match screen {
        Screen::Overview { focus, groups, topics, events_back } => {
            overview::draw(context, buffer, area, *focus, groups, topics, *events_back);
        }
        Screen::Topics(list) => frame::list(context, buffer, area, "topics", list),
        Screen::Groups(list) => frame::list(context, buffer, area, "consumer groups", list),
        Screen::Topic { id, name, tabs } => topic::draw(context, buffer, area, id, name, tabs),
        Screen::Group { name, tabs } => group::draw(context, buffer, area, name, tabs),
    }
}

fn too_small(buffer: &mut Buffer, area: Rect) {
    let lines = [
        "runnel needs more room".to_owned(),
        format!("at least {}×{}", SMALLEST.0, SMALLEST.1),
        format!("this is {}×{}", area.width, area.height),
    ];
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        buffer.set_stringn(area.x, y, line, usize::from(area.width), ratatui::style::Style::new());
    }
}

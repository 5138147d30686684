//! One consumer group: its state and lag, and the table of partitions or members.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::frame::{boxed, facts, note, tabs as tab_title};
use super::text::fit;
use super::{Context, chart, format, table};
use crate::state::{Group, Tabs, stuck_for_ms};

/// Draws the screen.
pub(super) fn draw(context: &Context<'_>, buffer: &mut Buffer, area: Rect, name: &str, tabs: &mut Tabs) {
    let title = tab_title(context, "group", name, ["partitions", "members"], tabs.active);
    let note = note(context, tabs.table());
    let mut inside = boxed(context, buffer, area, title, note, true);
    let Some(group) = context.cluster.groups.get(name) else {
        let text = "This group is gone: it was deleted, or its offsets expired. Esc leads back.";
        buffer.set_stringn(inside.x + 1, inside.y, text, usize::from(inside.width), context.theme.warn);
        return;
    };
    let width = usize::from(inside.width);
    let mut put = |line: Line<'_>| {
        if inside.height > 4 {
            buffer.set_line(inside.x, inside.y, &line, inside.width);
            inside = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
        }
    };
    put(sums(context, group));
    put(lag(context, group, width));
    if let Some(stuck) = stuck(context, group) {
        put(Line::styled(format!(" ! {}", fit(&stuck, width - 3)), context.theme.warn));
    }
    let active = tabs.table();
    let columns = active.list.columns(context.cluster);
    table::draw(context, buffer, inside, active, &columns, true);
}

fn sums(context: &Context<'_>, group: &Group) -> Line<'static> {
    let (sign, word) = table::state_sign(group.state);
    let mut line = Line::from(vec![
        Span::raw(" "),
        Span::styled(sign, table::state_style(context, group.state)),
        Span::raw(format!(" {word} ")),
    ]);
    let or_none = |text: &str| if text.is_empty() { "–".to_owned() } else { fit(text, 24).into_owned() };
    line.extend(facts(
        context,
        &[
            ("members", format::count(group.members.len() as f64)),
            ("partitions", format::count(group.sums.partitions as f64)),
            ("generation", group.generation.to_string()),
            ("assignor", or_none(&group.protocol)),
            ("type", or_none(&group.protocol_type)),
        ],
    ));
    line
}

/// The lag now, where it goes, and its history as far as it fits.
fn lag(context: &Context<'_>, group: &Group, width: usize) -> Line<'static> {
    let lag = group.sums.lag.map_or("–".to_owned(), |lag| format::figure(lag, format::count));
    let time_lag =
        group.sums.time_lag_ms.map_or("–".to_owned(), |age| format::figure(age, format::duration_ms));
    let mut known = vec![("lag", lag), ("time lag", time_lag)];
    if let Some(trend) = context.cluster.trend(group) {
        let sign = if trend.slope_per_s < 0.0 { "-" } else { "+" };
        let slope = format::rate(trend.slope_per_s.abs());
        known.push(("change", if slope == "0" { "0/s".to_owned() } else { format!("~{sign}{slope}/s") }));
        let left = group.sums.lag.and_then(|lag| trend.seconds_to_zero(lag.value()?));
        if let Some(seconds) = left {
            known.push(("gone in", format!("~{}", format::duration_ms(seconds * 1000.0))));
        }
    }
    let mut line = facts(context, &known);
    let room = width.saturating_sub(line.width() + 2).min(60);
    line.push_span(Span::styled(format!(" {}", chart::spark(&group.lags, room)), context.theme.inflow));
    line
}

/// Partitions that lag and get no commit.
fn stuck(context: &Context<'_>, group: &Group) -> Option<String> {
    let time_ms = context.cluster.time_ms;
    let mut stuck = group.partitions().filter_map(|row| Some((stuck_for_ms(row, time_ms)?, row)));
    let first = stuck.next()?;
    let (count, (for_ms, row)) = stuck
        .fold((1, first), |(count, worst), next| (count + 1, if next.0 > worst.0 { next } else { worst }));
    let since = format::duration_ms(for_ms as f64);
    Some(match count {
        1 => format!("{}-{} lags and got no commit for {since}", row.topic, row.partition),
        _ => format!("{count} partitions lag without commits; {}-{} for {since}", row.topic, row.partition),
    })
}

//! One consumer group: its state and lag, and the table of partitions or members.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::frame::{Card, Tab, boxed, note, put, tables, tabs as tab_title};
use super::text::fit;
use super::{Context, format, table};
use crate::state::{Direction, Eta, Group, Tabs, stuck_for_ms};

/// Draws the screen.
pub(super) fn draw(context: &Context<'_>, buffer: &mut Buffer, area: Rect, name: &str, tabs: &mut Tabs) {
    let group = context.cluster.groups.get(name);
    let (partitions, members) = group.map_or((0, 0), |group| (group.sums.partitions, group.members.len()));
    let names = [Tab { name: "partitions", count: partitions }, Tab { name: "members", count: members }];
    let state = group.map(|group| {
        let (sign, word) = table::state_sign(group.state);
        Span::styled(format!(" {sign} {word} "), table::state_style(context, group.state))
    });
    let title = tab_title(context, ("group", name), &names, tabs.active, state, area.width);
    let note = note(context, tabs.table());
    let Some(group) = group else {
        let rest = boxed(context, buffer, area, title, note, true);
        let text = "This group is gone: it was deleted, or its offsets expired. Esc leads back.";
        buffer.set_stringn(rest.x + 1, rest.y, text, usize::from(rest.width) - 1, context.theme.warn);
        return;
    };
    let mut rest = boxed(context, buffer, area, title, note, true);
    let facts = facts(context, group);
    let ramp = [match context.cluster.trend(group).map(|trend| trend.direction) {
        Some(Direction::Rising) => context.theme.warn,
        Some(Direction::Falling) => context.theme.good,
        _ => context.theme.muted,
    }];
    Card { name: "lag", series: &group.lags, ramp: &ramp, facts: &facts }.draw(context, buffer, &mut rest);
    if let Some(stuck) = stuck(context, group) {
        let text = format!(" ! {}", fit(&stuck, usize::from(rest.width) - 3));
        put(buffer, &mut rest, Line::styled(text, context.theme.warn));
    }
    tables(context, buffer, rest, tabs, &names);
}

fn facts(context: &Context<'_>, group: &Group) -> Vec<(&'static str, String)> {
    let or_none = |text: &str| if text.is_empty() { "–".to_owned() } else { fit(text, 24).into_owned() };
    let trend = context.cluster.trend(group);
    let change = trend.map_or("?".to_owned(), |trend| match trend.direction {
        Direction::Steady => "→ steady".to_owned(),
        Direction::Rising => format!("↑ ~{}/s", format::rate(trend.slope_per_s)),
        Direction::Falling => format!("↓ ~{}/s", format::rate(-trend.slope_per_s)),
    });
    let eta = context.cluster.eta(group).map_or("–".to_owned(), |eta| match eta {
        Eta::Done => "✓ nothing to read".to_owned(),
        Eta::KeepingUp => "✓ keeping up".to_owned(),
        Eta::Never => "∞ not shrinking".to_owned(),
        Eta::Growing => "∞ growing".to_owned(),
        eta => table::eta(eta),
    });
    vec![
        ("lag", group.sums.lag.map_or("–".to_owned(), |lag| format::figure(lag, format::count))),
        (
            "time lag",
            group.sums.time_lag_ms.map_or("–".to_owned(), |age| format::figure(age, format::duration_ms)),
        ),
        ("change", change),
        ("ETA", eta),
        ("members", format::count(group.members.len() as f64)),
        ("partitions", format::count(group.sums.partitions as f64)),
        epoch(group),
        ("assignor", or_none(&group.protocol)),
        ("type", or_none(&group.protocol_type)),
    ]
}

/// The generation, or the epoch where the broker assigns, with that of the assignment while it is not done.
fn epoch(group: &Group) -> (&'static str, String) {
    match group.assignment_epoch {
        None => ("generation", group.generation.to_string()),
        Some(assigned) if assigned == group.generation => ("epoch", assigned.to_string()),
        Some(assigned) => ("epoch", format!("{}, assigned {assigned}", group.generation)),
    }
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

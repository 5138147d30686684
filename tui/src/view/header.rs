//! The first line: where we are, whether it is live, how much there is.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::text::fit;
use super::{Context, format};
use crate::state::Link;

/// Draws the line.
pub(super) fn draw(context: &Context<'_>, buffer: &mut Buffer, area: Rect) {
    let theme = context.theme;
    let width = usize::from(area.width);
    let state = state(context);
    let room = width.saturating_sub(state.iter().map(Span::width).sum::<usize>() + 13).min(width / 3);
    let mut left = Line::from(vec![
        Span::styled(" ≈ runnel", theme.accent),
        Span::raw("  "),
        Span::raw(fit(&context.data.address_label, room).into_owned()),
        Span::raw("  "),
    ]);
    left.extend(state);
    let right = sums(context, width.saturating_sub(left.width() + 3));
    let x = area.right().saturating_sub(right.width() as u16 + 1);
    buffer.set_line(x, area.y, &right, area.width);
    buffer.set_line(area.x, area.y, &left, area.width);
}

/// Live, frozen, lost: a sign and a word each.
fn state(context: &Context<'_>) -> Vec<Span<'static>> {
    let theme = context.theme;
    let age = |age: Duration| format::seconds(age.as_secs());
    let mut spans = Vec::new();
    if let Some((_, since)) = context.data.frozen {
        let since = age(context.now.saturating_duration_since(since));
        spans.push(Span::styled(format!(" FROZEN {since} "), theme.badge));
        spans.push(Span::raw("  "));
    }
    match (&context.data.link, context.data.stale_for(context.now)) {
        (Link::Live, None) => {
            let word = if context.data.frozen.is_some() { "● sampling" } else { "● live" };
            spans.push(Span::styled(word, theme.good));
            let every = match context.data.interval {
                every if every < Duration::from_secs(1) => format::duration_ms(every.as_millis() as f64),
                every => format::seconds(every.as_secs()),
            };
            spans.push(Span::styled(format!(" every {every}"), theme.muted));
        }
        (_, Some(stale)) => spans.push(Span::styled(format!("○ stale {}", age(stale)), theme.warn)),
        (Link::Lost { .. }, None) => spans.push(Span::styled("○ no broker", theme.warn)),
        (_, None) => spans.push(Span::styled("○ connecting", theme.muted)),
    }
    spans
}

/// As many sums as there is room for.
fn sums(context: &Context<'_>, room: usize) -> Line<'static> {
    let mut line = Line::default();
    if !context.cluster.is_known() {
        return line;
    }
    let totals = &context.cluster.totals;
    let many = |count: u32, one: &'static str, many: &'static str| {
        (format::count(f64::from(count)), if count == 1 { one } else { many })
    };
    for (value, name) in [
        many(totals.topics, "topic", "topics"),
        many(totals.partitions, "partition", "partitions"),
        totals.groups.map_or_else(|| ("?".to_owned(), "groups"), |count| many(count, "group", "groups")),
        (format::bytes(totals.size_bytes as f64), "stored"),
    ] {
        let gap = if line.spans.is_empty() { "" } else { "  " };
        if line.width() + gap.len() + value.len() + 1 + name.len() > room {
            break;
        }
        line.push_span(Span::raw(format!("{gap}{value} ")));
        line.push_span(Span::styled(name, context.theme.muted));
    }
    line
}

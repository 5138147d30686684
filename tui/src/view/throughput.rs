//! Throughput: records and bytes a second, in and out, with their history.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::chart::area as area_chart;
use super::frame::{boxed, raised};
use super::{Context, format};
use crate::state::{Figure, Pane, Series};

/// Draws one box: the rate now, and its history.
pub(super) fn chart(context: &Context<'_>, buffer: &mut Buffer, area: Rect, focus: Pane, pane: Pane) {
    let flow = flow(context, pane);
    let digit = Span::styled(format!(" {}", raised(pane.digit())), context.theme.accent);
    let mut title = Line::from(digit);
    let spans = flow.title(usize::from(area.width).saturating_sub(7));
    title.extend(spans);
    let samples = usize::from(area.width.saturating_sub(4)) * 2;
    let note = flow.series.peak(samples).filter(|peak| *peak > 0.0).map_or_else(Line::default, |peak| {
        Line::styled(format!(" peak {} ", format::rate(peak)), context.theme.muted)
    });
    let inside = boxed(context, buffer, area, title, note, focus == pane);
    age_label(context, buffer, area, samples);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    area_chart(buffer, inside, flow.series, flow.ramp);
}

/// Both on one line, for a screen without room for boxes.
pub(super) fn line(context: &Context<'_>, width: usize) -> Line<'static> {
    let mut line = Line::raw(" ");
    line.extend(flow(context, Pane::In).title(width / 2));
    line.extend(flow(context, Pane::Out).title(width / 2));
    line
}

/// ` 29s ago ` on the lower border, below the oldest sample that shows.
fn age_label(context: &Context<'_>, buffer: &mut Buffer, area: Rect, samples: usize) {
    let times_ms = &context.cluster.times_ms;
    let Some(oldest_ms) = times_ms.last(samples).next() else { return };
    let ago_ms = context.cluster.time_ms as f64 - oldest_ms;
    if ago_ms < 1000.0 {
        return;
    }
    let label = format!(" {} ago ", format::seconds((ago_ms / 1000.0).round() as u64));
    let missing = samples.saturating_sub(times_ms.len()) / 2;
    let last = usize::from(area.width).saturating_sub(label.len() + 2);
    let x = area.x + (2 + missing).min(last) as u16;
    buffer.set_stringn(x, area.bottom() - 1, label, usize::from(area.right() - x), context.theme.muted);
}

/// What comes in, or goes out.
struct Flow<'a> {
    name: &'static str,
    records: String,
    bytes: String,
    series: &'a Series,
    style: Style,
    ramp: &'a [Style],
    text: Style,
    quiet: Style,
}

fn flow<'a>(context: &Context<'a>, pane: Pane) -> Flow<'a> {
    let (cluster, totals, theme) = (context.cluster, &context.cluster.totals, context.theme);
    let bytes = |per_s| format::figure(cluster.rate(per_s), format::bytes) + "/s";
    let (text, quiet) = (theme.text, theme.muted);
    if pane == Pane::In {
        let records = format::figure(cluster.rate(totals.records_in_per_s), format::rate) + " rec/s";
        let (series, style, ramp) = (&cluster.records_in, theme.inflow, &theme.inflow_ramp);
        return Flow {
            name: "in",
            records,
            bytes: bytes(totals.bytes_in_per_s),
            series,
            style,
            ramp,
            text,
            quiet,
        };
    }
    // Records read are told from offsets: gaps count, so it is an estimate, unless there are none.
    let records = cluster.rate(cluster.records_out_per_s);
    let records = if records == Figure::Exact(0.0) { records } else { records.estimated() };
    let records = format::figure(records, format::rate) + " rec/s";
    let (series, style, ramp) = (&cluster.records_out, theme.outflow, &theme.outflow_ramp);
    Flow { name: "out", records, bytes: bytes(cluster.bytes_out_per_s), series, style, ramp, text, quiet }
}

impl Flow<'_> {
    /// `in 1.2M rec/s 234 MiB/s `, as far as it fits.
    fn title(&self, room: usize) -> Vec<Span<'static>> {
        let mut title = vec![
            Span::styled(format!("{} ", self.name), self.text),
            Span::styled(format!("{} ", self.records), self.style.bold()),
        ];
        if self.name.len() + self.records.len() + self.bytes.len() + 3 <= room {
            title.push(Span::styled(format!("{} ", self.bytes), self.quiet));
        }
        title
    }
}

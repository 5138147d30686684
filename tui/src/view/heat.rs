//! The heat strip: all partitions of a topic on one line, each a bar whose height and colour tell how much it gets.

use ratatui::text::{Line, Span};

use super::{Context, chart, format};
use crate::state::Topic;

/// The strip of a topic, over `width` columns. Where partitions outnumber columns, each shows the hottest of its share.
pub(super) fn strip(context: &Context<'_>, topic: &Topic, width: usize) -> Line<'static> {
    let count = topic.partitions.len();
    let peak = topic.partitions.values().map(|partition| partition.records_in_per_s).fold(0.0, f64::max);
    let columns = count.min(width.saturating_sub(26)).max(1);
    let mut cells: Vec<(f64, bool)> = vec![(0.0, false); columns];
    for (place, partition) in topic.partitions.values().enumerate() {
        let (heat, failed) = &mut cells[place * columns / count.max(1)];
        *heat = partition.records_in_per_s.max(*heat);
        *failed |= partition.error.is_some();
    }
    let mut line = Line::from(Span::styled(" heat ", context.theme.muted));
    for (heat, failed) in cells.into_iter().take(count) {
        let share = if peak > 0.0 { heat / peak } else { 0.0 };
        line.push_span(if failed {
            Span::styled("!", context.theme.bad)
        } else {
            let step = (share * (context.theme.heat.len() - 1) as f64).round() as usize;
            Span::styled(chart::bar(share).to_string(), context.theme.heat[step])
        });
    }
    let most = format::figure(context.cluster.rate(peak), format::rate);
    line.push_span(Span::styled(format!("  hottest {most}/s"), context.theme.muted));
    line
}

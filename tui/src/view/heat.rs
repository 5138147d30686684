//! Heat strips: all partitions of a topic on one line, each a bar. Its height tells how much it has, its colour by how
//! much it stands out.

use ratatui::text::{Line, Span};

use super::{Context, chart, format};
use crate::state::Topic;

/// Records a second of every partition.
pub(super) fn rates(context: &Context<'_>, topic: &Topic, width: usize) -> Line<'static> {
    let mut strip = Strip::new(topic, width);
    for partition in topic.partitions.values() {
        strip.add(partition.partition, partition.records_in_per_s, partition.error.is_some());
    }
    let peak = format::figure(context.cluster.rate(strip.peak()), format::rate);
    strip.draw(context, "rate", format!("hottest {peak}/s"))
}

/// The worst lag of any group in every partition; None without groups.
pub(super) fn lags(context: &Context<'_>, topic: &Topic, width: usize) -> Option<Line<'static>> {
    if topic.readers.is_empty() {
        return None;
    }
    let mut strip = Strip::new(topic, width);
    let groups = topic.readers.iter().filter_map(|reader| context.cluster.groups.get(&reader.group));
    for partition in groups.filter_map(|group| group.topics.get(&topic.name)).flat_map(|rows| rows.values()) {
        strip.add(partition.partition, partition.lag.unwrap_or(0) as f64, false);
    }
    let peak = format::count(strip.peak());
    Some(strip.draw(context, "lag", format!("largest {peak}")))
}

/// One cell a partition; where partitions outnumber cells, each shows the hottest of its share.
struct Strip {
    partitions: usize,
    cells: Vec<(f64, bool)>,
}

impl Strip {
    fn new(topic: &Topic, width: usize) -> Self {
        // The label before and the words behind take their part.
        let cells = topic.partitions.len().clamp(1, width.saturating_sub(26).max(1));
        Self { partitions: topic.partitions.len(), cells: vec![(0.0, false); cells] }
    }

    fn add(&mut self, partition: i32, heat: f64, failed: bool) {
        let last = self.cells.len() - 1;
        let place =
            usize::try_from(partition).unwrap_or(0).saturating_mul(self.cells.len()) / self.partitions.max(1);
        let cell = &mut self.cells[place.min(last)];
        *cell = (cell.0.max(heat), cell.1 || failed);
    }

    fn peak(&self) -> f64 {
        self.cells.iter().map(|cell| cell.0).fold(0.0, f64::max)
    }

    fn draw(&self, context: &Context<'_>, label: &str, words: String) -> Line<'static> {
        let theme = context.theme;
        let peak = self.peak();
        let mean = self.cells.iter().map(|cell| cell.0).sum::<f64>() / self.cells.len() as f64;
        let mut line = Line::from(Span::styled(format!(" {label:<5}"), theme.muted));
        for (heat, failed) in &self.cells {
            let share = if peak > 0.0 { heat / peak } else { 0.0 };
            // Colour is for what stands out: partitions that all do the same are all calm.
            let step = [0.3, 1.25, 1.5, 2.0].iter().take_while(|step| *heat > mean * **step).count();
            line.push_span(match failed {
                true => Span::styled("!", theme.bad),
                false => Span::styled(chart::bar(share).to_string(), theme.heat[step]),
            });
        }
        line.push_span(Span::styled(format!("  {words}"), theme.muted));
        line
    }
}

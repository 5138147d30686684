//! Rows as a table in Markdown, each printed as soon as it is there.

use std::fmt::{self, Display};

use super::row::Row;
use crate::measure::figures::{Unit, median, rounded, spread};

/// What stands above the rows.
pub const HEAD: &str = "\
| what | of | measured | to its base | to the ceiling | processor time | most memory |
|---|---|---|---|---|---|---|
";

const NOTHING: &str = "–";
/// A curve has bent where it is that many times worse than it was at best before.
const BENT: f64 = 1.3;

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, line) in self.lines.iter().enumerate() {
            let what = if place == 0 { &*self.what } else { "" };
            let base = if self.base.as_ref() == Some(&line.name) { " (base)" } else { "" };
            let figures = match (&line.failed, spread(&line.figures, self.unit)) {
                (Some(error), _) => format!("**failed**: {}", cell(error)),
                (None, figures) => figures.unwrap_or_else(|| NOTHING.to_owned()),
            };
            writeln!(
                f,
                "| {what} | {}{base} | {figures} | {} | {} | {} | {} |",
                line.name,
                cell_of(self.to_base(line), Unit::Times),
                cell_of(self.to_ceiling(line), Unit::Times),
                cell_of(median(&line.processor), self.processor_unit),
                cell_of(median(&line.memory_mb), Unit::Mb),
            )?;
        }
        Ok(())
    }
}

impl Row {
    /// The first line of a curve whose figures are far worse than the best before it.
    pub fn bends_at(&self) -> Option<&str> {
        if !self.is_curve {
            return None;
        }
        let mut best = f64::INFINITY;
        for line in &self.lines {
            let Some(median) = median(&line.figures) else { continue };
            let cost = if self.unit.is_rate() { 1.0 / median } else { median };
            if cost > best * BENT {
                return Some(&line.name);
            }
            best = best.min(cost);
        }
        None
    }

    /// What is measured.
    pub fn what(&self) -> &str {
        &self.what
    }
}

fn cell_of(figure: Option<f64>, unit: Unit) -> String {
    figure.map_or_else(|| NOTHING.to_owned(), |figure| format!("{}{}", rounded(figure), unit.name()))
}

/// Text of others on one line of one cell.
fn cell(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_ratios_and_what_failed() {
        let mut row = Row::new("produce", Unit::MbPerS, ["Runnel", "Kafka", "nothing", "broken"]);
        row = row.against("Kafka").below("nothing").processor_in(Unit::SPerGb);
        let taken = super::super::row::Taken { processor: 0.5, memory_mb: 20.0 };
        row.lines[0].keep(600.0, Some(taken));
        row.lines[0].keep(500.0, Some(taken));
        row.lines[1].keep(300.0, None);
        row.lines[1].keep(500.0, None);
        row.lines[2].keep(1200.0, None);
        row.lines[2].keep(1000.0, None);
        row.lines[3].failed = Some("a\n| b".to_owned());
        let expected = "\
| produce | Runnel | 550 MB/s (500–600) | 1.38× | 0.500× | 0.500 s/GB | 20.0 MB |
|  | Kafka (base) | 400 MB/s (300–500) | 1.00× | 0.364× | – | – |
|  | nothing | 1100 MB/s (1000–1200) | 2.75× | 1.00× | – | – |
|  | broken | **failed**: a \\| b | – | – | – | – |
";
        assert_eq!(row.to_string(), expected);
        assert!(row.has_failed());
        assert_eq!(row.bends_at(), None);
    }

    #[test]
    fn a_curve_bends_where_it_leaves_its_best() {
        let mut curve = Row::curve("produce", Unit::MbPerS, "partitions", &[1, 10, 1000]);
        for (line, figure) in curve.lines.iter_mut().zip([80.0, 100.0, 70.0]) {
            line.keep(figure, None);
        }
        assert_eq!(curve.bends_at(), Some("1,000 partitions"));
        curve.unit = Unit::Ms;
        assert_eq!(curve.bends_at(), None, "it is 1.25 times worse at most");
    }
}

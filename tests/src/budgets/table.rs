//! All rows as a table in Markdown.

use std::fmt;

use super::row::{Budget, Row, Verdict};
use crate::measure::figures::{self, Unit};

const NOT_MEASURED: &str = "not measured";

/// The rows, measured or not. Written as a table: medians, and from the least to the most in brackets.
#[derive(Debug, Clone)]
pub struct Table(Vec<Row>);

impl Table {
    /// What the rows with this verdict are called.
    pub fn rows_with(&self, verdict: Verdict) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |row| row.verdict() == verdict).map(|row| row.what.as_str())
    }
}

impl FromIterator<Row> for Table {
    fn from_iter<T: IntoIterator<Item = Row>>(rows: T) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | Runnel | beside it | ratio | budget | verdict |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for row in &self.0 {
            let unit = row.unit;
            let beside = match row.peer {
                Some(peer) => format!("{peer}: {}", spread(&row.beside, unit)),
                None => "–".to_owned(),
            };
            let ratio =
                if row.peer.is_some() { spread(&row.ratios(), Unit::Times) } else { "–".to_owned() };
            let budget = match row.budget {
                Budget::AtMost(limit) => format!("≤ {limit}{}", unit.name()),
                Budget::TimesPeer(limit) => format!("≤ {}×", (limit * 1e3).round() / 1e3),
            };
            let verdict = match row.verdict() {
                Verdict::Met => "met",
                Verdict::Missed => "**missed**",
                Verdict::NotMeasured => NOT_MEASURED,
            };
            let figures = spread(&row.figures, unit);
            writeln!(f, "| {} | {figures} | {beside} | {ratio} | {budget} | {verdict} |", row.what)?;
        }
        Ok(())
    }
}

fn spread(figures: &[f64], unit: Unit) -> String {
    figures::spread(figures, unit).unwrap_or_else(|| NOT_MEASURED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_what_was_left_out() {
        let half = Row::new("a", Unit::S, Budget::TimesPeer(0.5)).beside("kcat");
        let limit = Row::new("b", Unit::Ms, Budget::AtMost(50.0));
        let table: Table = [
            Row { figures: vec![1.0, 3.0, 2.0], beside: vec![10.0, 10.0, 200.0], ..half.clone() },
            Row { figures: vec![1.0], ..half },
            Row { figures: vec![123.4], ..limit.clone() },
            limit,
        ]
        .into_iter()
        .collect();
        let expected = "\
| what | Runnel | beside it | ratio | budget | verdict |
|---|---|---|---|---|---|
| a | 2.00 s (1.00–3.00) | kcat: 10.0 s (10.0–200) | 0.100× (0.0100–0.300) | ≤ 0.5× | met |
| a | 1.00 s (1.00–1.00) | kcat: not measured | not measured | ≤ 0.5× | not measured |
| b | 123 ms (123–123) | – | – | ≤ 50 ms | **missed** |
| b | not measured | – | – | ≤ 50 ms | not measured |
";
        assert_eq!(table.to_string(), expected);
        assert_eq!(table.rows_with(Verdict::NotMeasured).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(table.rows_with(Verdict::Missed).collect::<Vec<_>>(), ["b"]);
    }
}

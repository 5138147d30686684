//! One row: figures of several rounds, what is measured beside them, and the budget that they keep or miss.

use crate::measure::figures::{Unit, median, ratios};

/// How large the median may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Budget {
    /// So much, in the row's unit.
    AtMost(f64),
    /// So many times what is measured beside it in the same round.
    TimesPeer(f64),
}

/// Whether a budget is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Met,
    /// It is not.
    Missed,
    /// Nobody looked: the row, or what it is held against, was left out.
    NotMeasured,
}

/// A row of the table.
#[derive(Debug, Clone)]
pub struct Row {
    pub(super) what: String,
    pub(super) unit: Unit,
    pub(super) budget: Budget,
    /// What is measured beside it, if anything.
    pub(super) peer: Option<&'static str>,
    /// Runnel's figures, one a round.
    pub(super) figures: Vec<f64>,
    /// The peer's, of the same rounds.
    pub(super) beside: Vec<f64>,
}

impl Row {
    pub(super) fn new(what: impl Into<String>, unit: Unit, budget: Budget) -> Self {
        Self { what: what.into(), unit, budget, peer: None, figures: Vec::new(), beside: Vec::new() }
    }

    pub(super) fn beside(self, peer: &'static str) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// The figures, each divided by the peer's of the same round.
    pub(super) fn ratios(&self) -> Vec<f64> {
        ratios(&self.figures, &self.beside)
    }

    /// Whether its budget is kept, by the median of all rounds.
    pub fn verdict(&self) -> Verdict {
        let (median, limit) = match self.budget {
            Budget::AtMost(limit) => (median(&self.figures), limit),
            Budget::TimesPeer(limit) => (median(&self.ratios()), limit),
        };
        match median {
            None => Verdict::NotMeasured,
            Some(median) if median <= limit => Verdict::Met,
            Some(_) => Verdict::Missed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(budget: Budget, figures: &[f64], beside: &[f64]) -> Row {
        let row = Row::new("a row", Unit::S, budget).beside("a peer");
        Row { figures: figures.to_vec(), beside: beside.to_vec(), ..row }
    }

    #[test]
    fn a_budget_in_units_needs_no_peer() {
        assert_eq!(row(Budget::AtMost(2.0), &[9.0, 2.0, 1.0], &[]).verdict(), Verdict::Met);
        assert_eq!(row(Budget::AtMost(2.0), &[9.0, 2.1, 1.0], &[]).verdict(), Verdict::Missed);
        assert_eq!(row(Budget::AtMost(2.0), &[], &[]).verdict(), Verdict::NotMeasured);
    }

    #[test]
    fn a_budget_in_times_holds_the_same_rounds_together() {
        // Medians alone would say 2 / 2; round by round it is half.
        let kept = row(Budget::TimesPeer(0.5), &[1.0, 2.0, 8.0], &[2.0, 4.0, 1.0]);
        assert_eq!(kept.ratios(), [0.5, 0.5, 8.0]);
        assert_eq!(kept.verdict(), Verdict::Met);
        assert_eq!(row(Budget::TimesPeer(0.4), &[1.0], &[2.0]).verdict(), Verdict::Missed);
        assert_eq!(row(Budget::TimesPeer(0.5), &[1.0], &[]).verdict(), Verdict::NotMeasured);
    }
}

//! One row: the same measured of several, round by round, and what each takes of the machine meanwhile.

use crate::measure::figures::{Unit, grouped, median};

/// A row of the table.
#[derive(Debug, Clone)]
pub struct Row {
    pub(super) what: String,
    pub(super) unit: Unit,
    /// What processor time is told in.
    pub(super) processor_unit: Unit,
    /// The line that all are held against.
    pub(super) base: Option<String>,
    /// The line that has the same client and keeps nothing.
    pub(super) ceiling: Option<String>,
    pub(super) lines: Vec<Line>,
    /// Whether something grows from line to line.
    pub(super) is_curve: bool,
}

/// One of those that are measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) name: String,
    /// One a round.
    pub(super) figures: Vec<f64>,
    /// Of the same rounds, if it is told.
    pub(super) processor: Vec<f64>,
    /// The most of the same rounds, in megabytes, if it is told.
    pub(super) memory_mb: Vec<f64>,
    /// Why there are no figures, or no more.
    pub(super) failed: Option<String>,
}

/// What a broker took of the machine while something was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// In the row's unit for it.
    pub(super) processor: f64,
    pub(super) memory_mb: f64,
}

impl Row {
    /// A row of which nothing is measured yet; processor time is told as a share of one processor.
    pub(super) fn new<N: Into<String>>(
        what: impl Into<String>,
        unit: Unit,
        lines: impl IntoIterator<Item = N>,
    ) -> Self {
        let lines = lines.into_iter().map(|name| Line { name: name.into(), ..Default::default() });
        Self {
            what: what.into(),
            unit,
            processor_unit: Unit::Percent,
            base: None,
            ceiling: None,
            lines: lines.collect(),
            is_curve: false,
        }
    }

    /// A row of the same lines for something else.
    pub(super) fn like(&self, what: String, unit: Unit) -> Self {
        Self { what, unit, base: None, ..self.clone() }
    }

    /// Of a curve: what grows, and to which numbers. All are held against the first.
    pub(super) fn curve(what: impl Into<String>, unit: Unit, grows: &str, numbers: &[u32]) -> Self {
        let row = Self::new(what, unit, numbers.iter().map(|number| format!("{} {grows}", grouped(*number))));
        let first = row.lines.first().map(|line| line.name.clone());
        Self { base: first, is_curve: true, ..row }
    }

    pub(super) fn against(self, base: &str) -> Self {
        Self { base: Some(base.to_owned()), ..self }
    }

    pub(super) fn below(self, ceiling: &str) -> Self {
        Self { ceiling: Some(ceiling.to_owned()), ..self }
    }

    pub(super) fn processor_in(self, processor_unit: Unit) -> Self {
        Self { processor_unit, ..self }
    }

    /// Whether anything of it failed.
    pub fn has_failed(&self) -> bool {
        self.lines.iter().any(|line| line.failed.is_some())
    }

    /// A line's median by that of the line that all are held against.
    pub(super) fn to_base(&self, line: &Line) -> Option<f64> {
        self.to(self.base.as_ref()?, line)
    }

    /// A line's median by that of the line that keeps nothing.
    pub(super) fn to_ceiling(&self, line: &Line) -> Option<f64> {
        self.to(self.ceiling.as_ref()?, line)
    }

    fn to(&self, name: &str, line: &Line) -> Option<f64> {
        let other = self.lines.iter().find(|other| other.name == name)?;
        Some(median(&line.figures)? / median(&other.figures)?)
    }
}

impl Line {
    pub(super) fn keep(&mut self, figure: f64, taken: Option<Taken>) {
        self.figures.push(figure);
        if let Some(taken) = taken {
            self.processor.push(taken.processor);
            self.memory_mb.push(taken.memory_mb);
        }
    }
}

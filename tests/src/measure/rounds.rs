//! Rounds of measurements, in each of which everything is measured once.

use std::io::{self, Write};

/// One round of measurements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) number: u32,
}

impl Round {
    /// Keeps a figure, unless this round only warms up.
    pub(crate) fn keep(self, figures: &mut Vec<f64>, figure: f64) {
        if self.counts() {
            figures.push(figure);
        }
    }

    /// Whether it does not only warm up.
    pub(crate) fn counts(self) -> bool {
        self.number > 0
    }
}

/// So many rounds, each told on stderr; before them, if it is cold, one that warms up: its figures don't count.
pub(crate) fn rounds(part: &str, cold: bool, last: u32) -> impl Iterator<Item = Round> + use<> {
    let part = part.to_owned();
    (u32::from(!cold)..=last).map(move |number| {
        match number {
            0 => tell(&format!("{part}: warming up")),
            _ => tell(&format!("{part}: round {number} of {last}")),
        }
        Round { number }
    })
}

/// A line on stderr.
pub(crate) fn tell(line: &str) {
    // Whoever closed stderr does not want to know.
    let _ = writeln!(io::stderr(), "{line}");
}

//! Figures of several rounds, and how they are told.

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
    /// Megabytes, of 1,000,000 bytes.
    Mb,
    /// Megabytes a second.
    MbPerS,
    /// So many a second.
    PerS,
    /// Seconds of processor time for a gigabyte.
    SPerGb,
    /// Of one processor.
    Percent,
    /// Times what it is held against.
    Times,
}

impl Unit {
    /// Whether more is better.
    pub(crate) fn is_rate(self) -> bool {
        matches!(self, Self::MbPerS | Self::PerS)
    }

    /// How it is written behind a figure.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ms => " ms",
            Self::S => " s",
            Self::Mb => " MB",
            Self::MbPerS => " MB/s",
            Self::PerS => "/s",
            Self::SPerGb => " s/GB",
            Self::Percent => " %",
            Self::Times => "×",
        }
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 0 => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        _ => Some(sorted[middle]),
    }
}

/// The median, and from the least to the most; `None` without figures.
pub(crate) fn spread(figures: &[f64], unit: Unit) -> Option<String> {
    let least = figures.iter().copied().min_by(f64::total_cmp)?;
    let most = figures.iter().copied().max_by(f64::total_cmp)?;
    let median = median(figures)?;
    Some(format!("{}{} ({}–{})", rounded(median), unit.name(), rounded(least), rounded(most)))
}

/// Each figure by the one of the same round.
pub(crate) fn ratios(figures: &[f64], by: &[f64]) -> Vec<f64> {
    figures.iter().zip(by).map(|(figure, by)| figure / by).collect()
}

/// About three digits that mean something.
pub(crate) fn rounded(figure: f64) -> String {
    let decimals = match figure {
        ..0.1 => 4,
        0.1..1.0 => 3,
        1.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{figure:.decimals$}")
}

/// With commas between thousands.
pub(crate) fn grouped(count: u32) -> String {
    match count {
        1000.. => format!("{},{:03}", grouped(count / 1000), count % 1000),
        _ => count.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_spread_tells_the_median_and_both_ends() {
        assert_eq!(spread(&[], Unit::S), None);
        assert_eq!(spread(&[10.0, 0.05, 200.0], Unit::S).as_deref(), Some("10.0 s (0.0500–200)"));
    }

    #[test]
    fn thousands_are_parted() {
        assert_eq!([7, 1000, 5_000_000].map(grouped), ["7", "1,000", "5,000,000"]);
    }
}

//! Figures that know how sure they are.

use std::cmp::Ordering;

/// A number on the screen. What is not known is never drawn as 0, and what is estimated says so.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Figure {
    /// Drawn as `?`.
    #[default]
    Unknown,
    /// Drawn with `~` before it: an estimate, or a sum with unknown parts.
    About(f64),
    /// Drawn as it is.
    Exact(f64),
}

impl Figure {
    /// The number, sure or not.
    pub(crate) fn value(self) -> Option<f64> {
        match self {
            Self::Unknown => None,
            Self::About(value) | Self::Exact(value) => Some(value),
        }
    }

    /// By number; the unknown comes before all numbers.
    pub(crate) fn compare(self, other: Self) -> Ordering {
        match (self.value(), other.value()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    }

    /// The same number, as an estimate.
    pub(crate) fn estimated(self) -> Self {
        match self {
            Self::Exact(value) => Self::About(value),
            other => other,
        }
    }

    /// Exact when known, else unknown.
    pub(crate) fn known(value: Option<f64>) -> Self {
        value.map_or(Self::Unknown, Self::Exact)
    }

    /// The sum of what is known; an estimate when a part is unknown. The sum of nothing is 0.
    pub(crate) fn sum(parts: impl Iterator<Item = Option<f64>>) -> Self {
        Self::fold(parts, |sum, part| sum + part).unwrap_or(Self::Exact(0.0))
    }

    /// The largest of what is known; an estimate when a part is unknown. None of nothing.
    pub(crate) fn max(parts: impl Iterator<Item = Option<f64>>) -> Option<Self> {
        Self::fold(parts, f64::max)
    }

    fn fold(parts: impl Iterator<Item = Option<f64>>, join: impl Fn(f64, f64) -> f64) -> Option<Self> {
        let (mut known, mut unknown): (Option<f64>, bool) = (None, false);
        for part in parts {
            match part {
                Some(part) => known = Some(known.map_or(part, |so_far| join(so_far, part))),
                None => unknown = true,
            }
        }
        match (known, unknown) {
            (None, false) => None,
            (None, true) => Some(Self::Unknown),
            (Some(value), true) => Some(Self::About(value)),
            (Some(value), false) => Some(Self::Exact(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_say_how_sure_they_are() {
        assert_eq!(Figure::sum([Some(1.0), Some(2.0)].into_iter()), Figure::Exact(3.0));
        assert_eq!(Figure::sum([Some(1.0), None].into_iter()), Figure::About(1.0));
        assert_eq!(Figure::sum([None, None].into_iter()), Figure::Unknown);
        assert_eq!(Figure::sum([].into_iter()), Figure::Exact(0.0));
        assert_eq!(Figure::max([Some(1.0), Some(4.0), None].into_iter()), Some(Figure::About(4.0)));
        assert_eq!(Figure::max([].into_iter()), None);
    }
}

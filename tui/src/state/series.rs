//! Histories: rings of samples, and what can be read from them.

use std::collections::VecDeque;

/// The newest samples of one figure, one a snapshot, oldest first. `NaN` stands for "not known then".
///
/// All series of a cluster get a sample at the same moments, so that samples counted from the newest belong together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    samples: VecDeque<f64>,
    capacity: usize,
}

impl Series {
    /// An empty ring for so many samples.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { samples: VecDeque::new(), capacity }
    }

    /// Adds the newest sample; the oldest goes when the ring is full.
    pub(crate) fn push(&mut self, sample: f64) {
        if self.samples.len() == self.capacity {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// Forgets everything: what follows is another story.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
    }

    /// How many samples there are.
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    /// The newest samples, at most `count`, oldest first.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = f64> + '_ {
        self.samples.iter().skip(self.samples.len().saturating_sub(count)).copied()
    }

    /// The largest known sample among the newest `count`.
    pub(crate) fn peak(&self, count: usize) -> Option<f64> {
        self.last(count).filter(|sample| !sample.is_nan()).reduce(f64::max)
    }
}

/// Where a lag is heading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Direction {
    Rising,
    Steady,
    Falling,
}

/// How a lag changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trend {
    /// Where it goes.
    pub(crate) direction: Direction,
    /// Records a second; negative when it shrinks.
    pub(crate) slope_per_s: f64,
}

impl Trend {
    /// Samples that a trend looks back on: enough to see through the saw-tooth of a consumer that commits every 5 s.
    const WINDOW: usize = 30;
    /// So few are enough where they lie on a line: a lag that has turned is not told by what it did before.
    const TURN: usize = 12;
    /// The share of the ups and downs that a line must explain to count as a turn.
    const TURN_TOLD: f64 = 0.8;
    /// The share of a lag's ups and downs that a line must explain to count as its direction.
    const LEAST_TOLD: f64 = 0.3;

    /// Where the newest samples lead. `times_ms` has the moments of the samples of `lags`, matched from the newest
    /// backwards. None with fewer than three known samples.
    pub(crate) fn of(lags: &Series, times_ms: &Series) -> Option<Self> {
        let whole = Self::fit(lags, times_ms, Self::WINDOW, Self::LEAST_TOLD)?;
        let turn = Self::fit(lags, times_ms, Self::TURN, Self::TURN_TOLD);
        Some(turn.filter(|turn| turn.direction != Direction::Steady).unwrap_or(whole))
    }

    /// Fits a line (least squares) through the newest samples, at most `window`; it must explain the share `told` of
    /// their ups and downs to be more than noise.
    fn fit(lags: &Series, times_ms: &Series, window: usize, least_told: f64) -> Option<Self> {
        let count = window.min(lags.len()).min(times_ms.len());
        let points: Vec<(f64, f64)> = times_ms
            .last(count)
            .zip(lags.last(count))
            .filter(|(_, lag)| !lag.is_nan())
            .map(|(time_ms, lag)| (time_ms / 1000.0, lag))
            .collect();
        if points.len() < 3 {
            return None;
        }
        let many = points.len() as f64;
        let mean_time = points.iter().map(|point| point.0).sum::<f64>() / many;
        let mean_lag = points.iter().map(|point| point.1).sum::<f64>() / many;
        let sum = |product: fn(f64, f64) -> f64| -> f64 {
            points.iter().map(|(time, lag)| product(time - mean_time, lag - mean_lag)).sum()
        };
        let (spread, scatter) = (sum(|time, _| time * time), sum(|_, lag| lag * lag));
        if spread <= 0.0 {
            return None;
        }
        let slope_per_s = sum(|time, lag| time * lag) / spread;
        let change = slope_per_s * (points[points.len() - 1].0 - points[0].0);
        // A lag that goes up and down with every commit has a slope, too, but the line tells little of it. And a change
        // of less than 2 % over the window is noise to the eye.
        let told = slope_per_s * slope_per_s * spread;
        let noise = told < least_told * scatter || change.abs() < 1.0 || change.abs() < 0.02 * mean_lag;
        let direction = match (noise, change > 0.0) {
            (true, _) => Direction::Steady,
            (false, true) => Direction::Rising,
            (false, false) => Direction::Falling,
        };
        Some(Self { direction, slope_per_s })
    }

    /// Seconds until a lag is gone at this pace; None when it does not shrink.
    pub(crate) fn seconds_to_zero(self, lag: f64) -> Option<f64> {
        (self.direction == Direction::Falling).then(|| lag / -self.slope_per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(samples: &[f64]) -> Series {
        let mut series = Series::new(120);
        samples.iter().for_each(|&sample| series.push(sample));
        series
    }

    #[test]
    fn a_full_ring_drops_the_oldest() {
        let mut ring = Series::new(3);
        (0..5).for_each(|sample| ring.push(f64::from(sample)));
        assert_eq!(ring.last(10).collect::<Vec<_>>(), [2.0, 3.0, 4.0]);
        assert_eq!(ring.last(2).collect::<Vec<_>>(), [3.0, 4.0]);
        assert_eq!(ring.peak(10), Some(4.0));
    }

    #[test]
    fn trends_follow_the_line_and_need_three_points() {
        let times = series(&[0.0, 1000.0, 2000.0, 3000.0]);
        let rising = Trend::of(&series(&[0.0, 10.0, 20.0, 30.0]), &times).unwrap();
        assert_eq!(rising.direction, Direction::Rising);
        assert!((rising.slope_per_s - 10.0).abs() < 1e-9);
        assert_eq!(rising.seconds_to_zero(30.0), None);

        let falling = Trend::of(&series(&[40.0, 30.0, 20.0, 10.0]), &times).unwrap();
        assert_eq!(falling.direction, Direction::Falling);
        assert_eq!(falling.seconds_to_zero(10.0), Some(1.0));

        let steady = Trend::of(&series(&[1000.0, 1001.0, 999.0, 1000.0]), &times).unwrap();
        assert_eq!(steady.direction, Direction::Steady);

        // A consumer that keeps up and commits every 5 s: its lag is a saw, which happens to end low.
        let times = series(&(0..30).map(|second| f64::from(second) * 1000.0).collect::<Vec<_>>());
        let saw: Vec<f64> = (0..30).map(|second| f64::from((second + 1) % 5) * 20_000.0).collect();
        assert_eq!(Trend::of(&series(&saw), &times).unwrap().direction, Direction::Steady);
        let rising_saw: Vec<f64> =
            (0..).zip(&saw).map(|(second, lag)| lag + f64::from(second) * 5_000.0).collect();
        assert_eq!(Trend::of(&series(&rising_saw), &times).unwrap().direction, Direction::Rising);

        // What has risen and now falls steadily falls, whatever it did before.
        let turned: Vec<f64> =
            (0..30)
                .map(|second| {
                    if second < 18 { 300.0 + f64::from(second) * 5.0 } else { 390.0 - f64::from(second - 18) }
                })
                .map(|thousands| thousands * 1000.0)
                .collect();
        assert_eq!(Trend::of(&series(&turned), &times).unwrap().direction, Direction::Falling);

        assert_eq!(Trend::of(&series(&[1.0, 2.0]), &times), None);
        assert_eq!(Trend::of(&series(&[f64::NAN, f64::NAN, 1.0, 2.0]), &times), None);
    }

    #[test]
    fn a_younger_series_is_matched_from_the_newest_sample() {
        let times = series(&[0.0, 10_000.0, 11_000.0, 12_000.0]);
        let trend = Trend::of(&series(&[5.0, 6.0, 7.0]), &times).unwrap();
        assert!((trend.slope_per_s - 1.0).abs() < 1e-9);
    }
}

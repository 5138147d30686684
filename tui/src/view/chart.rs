//! Histories as pictures: braille areas, and sparklines of one row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::state::Series;

/// The dots of a braille cell from the bottom up, for its left and its right half (Unicode 2800).
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
/// Eighths of a cell from the bottom up; the last one is left out, so that rows of bars don't grow together.
const BARS: [char; 7] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];

/// How many samples a narrow sparkline looks back on.
const LOOK_BACK: usize = 40;

/// Fills the area with the newest samples, two a column, the newest at the right. The highest touches the top. Samples
/// of 0 draw the base line; unknown ones stay empty. `ramp` colours it from the bottom up.
pub(super) fn area(buffer: &mut Buffer, area: Rect, series: &Series, ramp: &[Style]) {
    let columns = usize::from(area.width) * 2;
    let levels = usize::from(area.height) * 4;
    let peak = series.peak(columns).unwrap_or(0.0);
    let missing = columns - columns.min(series.len());
    let mut heights = vec![0; missing];
    heights.extend(series.last(columns).map(|sample| height(sample, peak, levels)));
    for x in 0..area.width {
        for row in 0..area.height {
            let floor = usize::from(area.height - 1 - row) * 4;
            let mut dots = 0;
            for (half, pattern) in DOTS.iter().enumerate() {
                let filled = heights[usize::from(x) * 2 + half].saturating_sub(floor).min(4);
                dots |= pattern[..filled].iter().sum::<u32>();
            }
            if dots != 0
                && let Some(symbol) = char::from_u32(0x2800 + dots)
            {
                let step = usize::from(area.height - 1 - row) * ramp.len() / usize::from(area.height);
                let style = ramp.get(step).copied().unwrap_or_default();
                buffer[(area.x + x, area.y + row)].set_char(symbol).set_style(style);
            }
        }
    }
}

/// The newest samples as a row of bars, from 0 to the highest; blank where nothing is known.
pub(super) fn spark(series: &Series, width: usize) -> String {
    let samples = condensed(series, width);
    let peak = samples.iter().copied().fold(0.0, f64::max);
    bars(&samples, width, 0.0, peak)
}

/// As [`spark`], but from the lowest to the highest: what matters is where it goes. A change of less than a tenth stays
/// small, and what is always 0 stays at the bottom.
pub(super) fn shape(series: &Series, width: usize) -> String {
    let samples = condensed(series, width);
    // `max` and `min` pass over what isn't a number.
    let high = samples.iter().copied().fold(0.0, f64::max);
    let low = samples.iter().copied().fold(high, f64::min);
    let span = (high - low).max(high / 10.0);
    bars(&samples, width, ((high + low - span) / 2.0).max(0.0), span)
}

/// At most `width` samples. A narrow picture still looks back on [`LOOK_BACK`] of them: each of its columns is a mean.
fn condensed(series: &Series, width: usize) -> Vec<f64> {
    let each = LOOK_BACK.div_ceil(width.max(1));
    let samples: Vec<f64> = series.last(width * each).collect();
    let mean = |part: &[f64]| {
        let known = part.iter().filter(|sample| !sample.is_nan());
        known.clone().sum::<f64>() / known.count() as f64
    };
    // From the newest backwards, so that it is the oldest part that may be short.
    let mut means: Vec<f64> = samples.rchunks(each).map(mean).collect();
    means.reverse();
    means
}

fn bars(samples: &[f64], width: usize, floor: f64, span: f64) -> String {
    let mut text = " ".repeat(width.saturating_sub(samples.len()));
    text.extend(samples.iter().map(|sample| match height(sample - floor, span, BARS.len()) {
        0 => ' ',
        height => BARS[height - 1],
    }));
    text
}

/// The bar for a share of the whole, from 0 to 1.
pub(super) fn bar(share: f64) -> char {
    let last = BARS.len() - 1;
    BARS[((share.clamp(0.0, 1.0) * last as f64).ceil() as usize).min(last)]
}

/// A gauge of so many cells: `▰▰▰▱▱`.
pub(super) fn gauge(share: f64, width: usize) -> String {
    let filled = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    "▰".repeat(filled) + &"▱".repeat(width - filled)
}

/// From 1 for 0 to `levels` for the peak; 0 for unknown. What is more than nothing is drawn higher than nothing.
fn height(sample: f64, peak: f64, levels: usize) -> usize {
    if sample.is_nan() {
        0
    } else if sample <= 0.0 || peak <= 0.0 {
        1
    } else {
        1 + ((sample / peak * (levels - 1) as f64).ceil() as usize).clamp(1, levels - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(samples: &[f64]) -> Series {
        let mut series = Series::new(100);
        samples.iter().for_each(|&sample| series.push(sample));
        series
    }

    #[test]
    fn sparks_tell_nothing_from_zero_from_little() {
        let mut samples = vec![f64::NAN, 0.0, 1.0, 500.0, 1000.0];
        samples.resize(LOOK_BACK, f64::NAN);
        assert_eq!(spark(&series(&samples), LOOK_BACK).trim_end(), " ▁▂▄▇");
        assert_eq!(spark(&series(&[0.0; 2]), LOOK_BACK).trim_start(), "▁▁");
        assert_eq!(spark(&series(&[]), 3), "   ");
    }

    #[test]
    fn narrow_sparks_show_means() {
        let samples: Vec<f64> =
            (0..LOOK_BACK).map(|sample| if sample < LOOK_BACK / 2 { 0.0 } else { 6.0 }).collect();
        assert_eq!(spark(&series(&samples), 4), "▁▁▇▇");
        assert_eq!(spark(&series(&samples[..LOOK_BACK / 4]), 4), "   ▁");
    }

    #[test]
    fn shapes_show_where_it_goes_but_not_noise() {
        let shape = |samples: &[f64]| shape(&series(samples), LOOK_BACK).trim_start().to_owned();
        assert_eq!(shape(&[0.0, 0.0, 0.0]), "▁▁▁");
        assert_eq!(shape(&[500.0, 500.0]), "▄▄");
        assert_eq!(shape(&[1000.0, 1001.0, 999.0]), "▄▅▄");
        assert_eq!(shape(&[1000.0, 1200.0, 1400.0, 1600.0]), "▁▃▅▇");
        assert_eq!(shape(&[90.0, 60.0, 30.0, 0.0]), "▇▅▃▁");
    }

    #[test]
    fn areas_fill_from_the_bottom() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 2));
        area(&mut buffer, Rect::new(0, 0, 2, 2), &series(&[0.0, 8.0, f64::NAN, 4.0]), &[Style::new()]);
        let rows: Vec<String> = (0..2).map(|y| (0..2).map(|x| buffer[(x, y)].symbol()).collect()).collect();
        assert_eq!(rows, ["⢸⢀", "⣸⢸"]);
    }

    #[test]
    fn gauges_fill_to_the_share() {
        assert_eq!(gauge(0.0, 4), "▱▱▱▱");
        assert_eq!(gauge(0.5, 4), "▰▰▱▱");
        assert_eq!(gauge(7.0, 4), "▰▰▰▰");
    }
}

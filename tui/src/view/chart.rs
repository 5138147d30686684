//! Histories as pictures: braille areas, and sparklines of one row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::state::Series;

/// The dots of a braille cell from the bottom up, for its left and its right half (Unicode 2800).
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
/// Eighths of a cell from the bottom up.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Fills the area with the newest samples, two a column, the newest at the right. The highest touches the top. Samples
/// of 0 draw the base line; unknown ones stay empty.
pub(super) fn area(buffer: &mut Buffer, area: Rect, series: &Series, style: Style) {
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
                buffer[(area.x + x, area.y + row)].set_char(symbol).set_style(style);
            }
        }
    }
}

/// One character a sample, the newest at the right; blank where nothing is known.
pub(super) fn spark(series: &Series, width: usize) -> String {
    let peak = series.peak(width).unwrap_or(0.0);
    let mut text = " ".repeat(width.saturating_sub(series.len()));
    text.extend(series.last(width).map(|sample| match height(sample, peak, BARS.len()) {
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
        1 + ((sample / peak * (levels - 1) as f64).ceil() as usize).min(levels - 1)
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
        assert_eq!(spark(&series(&[f64::NAN, 0.0, 1.0, 500.0, 1000.0]), 6), "  ▁▂▅█");
        assert_eq!(spark(&series(&[0.0, 0.0]), 2), "▁▁");
        assert_eq!(spark(&series(&[]), 3), "   ");
    }

    #[test]
    fn areas_fill_from_the_bottom() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 2));
        area(&mut buffer, Rect::new(0, 0, 2, 2), &series(&[0.0, 8.0, f64::NAN, 4.0]), Style::new());
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

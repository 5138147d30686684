//! Numbers as people read them: three or four characters and a unit.

use crate::state::Figure;

/// A figure in a form of its own: `?` when unknown, `~` before an estimate.
pub(super) fn figure(figure: Figure, write: impl Fn(f64) -> String) -> String {
    match figure {
        Figure::Exact(value) if value.is_finite() => write(value),
        Figure::About(value) if value.is_finite() => format!("~{}", write(value)),
        _ => "?".to_owned(),
    }
}

/// `0`, `9,999`, `12.3k`, `1.23M`: at most five characters.
pub(super) fn count(value: f64) -> String {
    if value < 0.0 {
        return format!("-{}", count(-value));
    }
    if value < 9_999.5 {
        return grouped(value.round() as i64);
    }
    let mut scaled = value;
    for unit in ["k", "M", "G", "T", "P", "E"] {
        scaled /= 1000.0;
        // What would round to 1000 belongs to the next unit.
        if scaled < 999.5 {
            return format!("{}{unit}", three_digits(scaled));
        }
    }
    ">999E".to_owned()
}

/// As [`count`], but small rates keep a decimal and nothing that moves is written as 0.
pub(super) fn rate(per_s: f64) -> String {
    match per_s {
        per_s if per_s <= 0.0 => "0".to_owned(),
        per_s if per_s < 0.1 => "<0.1".to_owned(),
        per_s if per_s < 9.95 => format!("{per_s:.1}"),
        per_s => count(per_s),
    }
}

/// `512 B`, `3.4 GiB`: at most eight characters.
pub(super) fn bytes(value: f64) -> String {
    // Not `max`: of -0 and 0 it may give either.
    let mut scaled = if value > 0.0 { value } else { 0.0 };
    if scaled < 999.5 {
        // A rate may be a fraction of a byte a second.
        let shown = if scaled > 0.0 && scaled < 1.0 { 1.0 } else { scaled.round() };
        return format!("{shown} B");
    }
    for unit in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        scaled /= 1024.0;
        if scaled < 9.95 {
            return format!("{scaled:.1} {unit}");
        }
        if scaled < 999.5 {
            return format!("{scaled:.0} {unit}");
        }
    }
    ">999 EiB".to_owned()
}

/// `850ms`, `3.4s`, `34s`, `8m12s`, `3h05m`, `12d04h`, `340d`: at most six characters.
pub(super) fn duration_ms(value: f64) -> String {
    let ms = value.max(0.0).round();
    if ms == 0.0 {
        return "0s".to_owned();
    }
    if ms < 1000.0 {
        return format!("{ms}ms");
    }
    if ms < 9_950.0 {
        return format!("{:.1}s", ms / 1000.0);
    }
    // `as` keeps what is too large at the largest.
    seconds((ms / 1000.0).round() as u64)
}

/// As [`duration_ms`], for whole seconds.
pub(super) fn seconds(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        86_400..8_640_000 => format!("{days}d{:02}h", hours % 24),
        _ if days < 10_000 => format!("{days}d"),
        _ => format!("{}y", (days / 365).min(99_999)),
    }
}

/// As [`duration_ms`], without the second unit where it adds little: `8m12s`, `42m`, `3h05m`, `12d`: at most five
/// characters, so that a `~` has room.
pub(super) fn rough_duration_ms(value: f64) -> String {
    const MINUTE_MS: f64 = 60_000.0;
    let hours = value / MINUTE_MS / 60.0;
    match value / MINUTE_MS {
        minutes if minutes < 10.0 => duration_ms(value),
        minutes if minutes < 60.0 => format!("{:.0}m", minutes.floor()),
        _ if hours < 10.0 => duration_ms(value),
        _ if hours < 47.5 => format!("{hours:.0}h"),
        _ if hours < 24_000.0 => format!("{:.0}d", hours / 24.0),
        _ => duration_ms(value),
    }
}

/// One unit, for ages that needn't be exact: `now`, `34s`, `8m`, `3h`, `12d`.
pub(super) fn age_ms(value: i64) -> String {
    let seconds = value.max(0) / 1000;
    match seconds {
        0 => "now".to_owned(),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// In full: `1,234,567`.
pub(super) fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        text.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `43%`; what is there but rounds to nothing is `<1%`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.5 { "<1%".to_owned() } else { format!("{percent:.0}%") }
}

fn three_digits(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stay_short() {
        for (value, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (9_999.0, "9,999"),
            (9_999.6, "10.0k"),
            (12_345.0, "12.3k"),
            (999_499.0, "999k"),
            (999_999.0, "1.00M"),
            (1_234_567.0, "1.23M"),
            (i64::MAX as f64, "9.22E"),
            (-12_345.0, "-12.3k"),
            (f64::MAX, ">999E"),
        ] {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn what_moves_is_never_written_as_zero() {
        for (value, text) in
            [(0.0, "0"), (0.01, "<0.1"), (0.5, "0.5"), (9.96, "10"), (310.4, "310"), (310_000.0, "310k")]
        {
            assert_eq!(rate(value), text);
        }
        assert_eq!(bytes(0.3), "1 B");
        assert_eq!(percent(0.001), "<1%");
        assert_eq!(percent(0.0), "0%");
    }

    #[test]
    fn bytes_take_binary_units() {
        for (value, text) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (1000.0, "1.0 KiB"),
            (3.4 * 1024f64.powi(3), "3.4 GiB"),
            (1023.0 * 1024.0, "1.0 MiB"),
            (u64::MAX as f64, "16 EiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn durations_take_two_units() {
        for (ms, text) in [
            (0.0, "0s"),
            (850.0, "850ms"),
            (3_400.0, "3.4s"),
            (9_960.0, "10s"),
            (59_400.0, "59s"),
            (59_600.0, "1m00s"),
            (492_000.0, "8m12s"),
            (11_100_000.0, "3h05m"),
            (1_051_200_000.0, "12d04h"),
            (29_376_000_000.0, "340d"),
            (f64::MAX, "99999y"),
        ] {
            assert_eq!(duration_ms(ms), text);
        }
        for (minutes, text) in [(9.5, "9m30s"), (42.0, "42m"), (185.0, "3h05m"), (1440.0, "24h")] {
            assert_eq!(rough_duration_ms(minutes * 60_000.0), text);
        }
        assert_eq!(age_ms(-5), "now");
        assert_eq!(age_ms(61_000), "1m");
    }

    #[test]
    fn offsets_are_written_in_full() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(-1_234_567), "-1,234,567");
        assert_eq!(grouped(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn figures_say_how_sure_they_are() {
        assert_eq!(figure(Figure::Unknown, count), "?");
        assert_eq!(figure(Figure::About(5.0), count), "~5");
        assert_eq!(figure(Figure::Exact(5.0), count), "5");
        assert_eq!(figure(Figure::Exact(f64::NAN), count), "?");
    }
}

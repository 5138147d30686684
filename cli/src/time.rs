//! Points in time as people write them: `@2026-07-01`, `@-1h`, `--before @1719820800`.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, Zoned, civil::DateTime, tz::TimeZone};

/// A bare number below this is in seconds, from here on in milliseconds: the year 5138 or 1973.
const FIRST_MILLISECOND_NUMBER: i64 = 100_000_000_000;

/// What is accepted, for help texts and errors.
pub(crate) const TIME_FORMS: &str = "RFC 3339 (2026-07-01T12:00:00Z), a date (2026-07-01), Unix seconds or milliseconds, \
                                     `now`, or a time ago (-1h, -30m, -7d)";

/// The wall clock, in Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Reads a point in time and returns it in Unix milliseconds.
///
/// Dates and times without a zone are local. `now_ms` is what times ago count back from.
pub(crate) fn parse_time(text: &str, now_ms: i64) -> Result<i64, String> {
    parse_in_zone(text, now_ms, &TimeZone::system())
}

fn parse_in_zone(text: &str, now_ms: i64, zone: &TimeZone) -> Result<i64, String> {
    let refusal = || format!("{:?} is not a time; write {TIME_FORMS}", text);
    if text == "now" {
        return Ok(now_ms);
    }
    if let Some(ago) = text.strip_prefix('-') {
        let ago_ms = parse_span(ago).ok_or_else(refusal)?;
        return now_ms.checked_sub(ago_ms).ok_or_else(refusal);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return parse_epoch(text).ok_or_else(refusal);
    }
    parse_calendar(text, zone).ok_or_else(refusal)
}

fn parse_epoch(digits: &str) -> Option<i64> {
    let number: i64 = digits.parse().ok()?;
    let ms = if number < FIRST_MILLISECOND_NUMBER { number * 1000 } else { number };
    Timestamp::from_millisecond(ms).ok().map(Timestamp::as_millisecond)
}

fn parse_calendar(text: &str, zone: &TimeZone) -> Option<i64> {
    if text.ends_with(']') {
        return text.parse::<Zoned>().ok().map(|zoned| zoned.timestamp().as_millisecond());
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    let local: DateTime = text.parse().ok()?;
    local.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp().as_millisecond())
}

/// A length of time such as `90s`, `1h30m` or `7d`, in milliseconds; the units are `ms`, `s`, `m`, `h`, `d` and `w`.
fn parse_span(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total_ms: i64 = 0;
    while !rest.is_empty() {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits_end].parse().ok()?;
        let unit_end = rest[digits_end..]
            .find(|c: char| !c.is_ascii_alphabetic())
            .map_or(rest.len(), |at| digits_end + at);
        let unit_ms = match &rest[digits_end..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        total_ms = total_ms.checked_add(number.checked_mul(unit_ms)?)?;
        rest = &rest[unit_end..];
    }
    (!text.is_empty()).then_some(total_ms)
}

/// Reads a length of time such as `10s`, `500ms` or `1h30m` and returns it in milliseconds.
pub(crate) fn parse_duration_ms(text: &str) -> Result<u64, String> {
    parse_span(text).and_then(|ms| u64::try_from(ms).ok()).ok_or_else(|| {
        format!("{:?} is not a length of time; write it like 500ms, 10s, 5m, 1h30m or 7d", text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_782_907_200_000; // 2026-07-01T12:00:00Z

    fn parse(text: &str) -> Result<i64, String> {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        parse_in_zone(text, NOW_MS, &zone)
    }

    #[test]
    fn reads_every_form() {
        let cases = [
            ("now", NOW_MS),
            ("-1h", NOW_MS - 3_600_000),
            ("-30m", NOW_MS - 1_800_000),
            ("-7d", NOW_MS - 7 * 86_400_000),
            ("-1h30m", NOW_MS - 5_400_000),
            ("-250ms", NOW_MS - 250),
            ("0", 0),
            ("1782907200", NOW_MS),
            ("1782907200000", NOW_MS),
            ("2026-07-01T12:00:00Z", NOW_MS),
            ("2026-07-01T14:00:00+02:00", NOW_MS),
            ("2026-07-01T12:00:00.250Z", NOW_MS + 250),
            ("2026-07-01T14:00:00", NOW_MS),
            ("2026-07-01 14:00", NOW_MS),
            ("2026-07-01", NOW_MS - 14 * 3_600_000),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for text in [
            "",
            "-",
            "-1",
            "-h",
            "-1y",
            "1h",
            "-1h-",
            "2026-13-01",
            "2026-02-30",
            "yesterday",
            "1782907200000000000",
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("is not a time") && error.contains("-30m"), "{text}: {error}");
        }
        assert!(parse("-99999999999999999w").is_err());
    }

    #[test]
    fn reads_durations() {
        assert_eq!(parse_duration_ms("10s"), Ok(10_000));
        assert_eq!(parse_duration_ms("1h30m"), Ok(5_400_000));
        assert!(parse_duration_ms("10").is_err());
        assert!(parse_duration_ms("").is_err());
    }
}

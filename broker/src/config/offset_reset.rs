//! Where those begin to read who have not read before, as Kafka writes it (KIP-932, KIP-1106).

use std::str::FromStr;

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetReset {
    /// With the first record that there is.
    Earliest,
    /// With the next record that comes.
    Latest,
    /// With the first record that is no older than so many milliseconds.
    ByDuration(i64),
}

impl FromStr for OffsetReset {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            _ => {
                let duration = text.strip_prefix("by_duration:").and_then(duration_ms);
                duration.filter(|ms| *ms >= 0).map(Self::ByDuration).ok_or(())
            }
        }
    }
}

/// Reads `PnDTnHnMn.nS` (ISO 8601) as Java does: no part is needed but one, each may have a sign, and so may the whole.
fn duration_ms(text: &str) -> Option<i64> {
    let text = text.to_ascii_uppercase();
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let text = text.strip_prefix('P')?;
    let (days, time) = text.split_once('T').map_or((text, None), |(days, time)| (days, Some(time)));
    if time.is_some_and(str::is_empty) || (days.is_empty() && time.is_none()) {
        return None;
    }
    let mut total_ms: i64 = 0;
    for (mut rest, units) in [(days, &[('D', 86_400_000)][..]), (time.unwrap_or(""), &TIME_UNITS)] {
        for (unit, size_ms) in units {
            if let Some((number, others)) = rest.split_once(*unit) {
                total_ms = total_ms.checked_add(part_ms(number, *unit, *size_ms)?)?;
                rest = others;
            }
        }
        if !rest.is_empty() {
            return None;
        }
    }
    total_ms.checked_mul(sign)
}

const TIME_UNITS: [(char, i64); 3] = [('H', 3_600_000), ('M', 60_000), ('S', 1000)];

fn part_ms(number: &str, unit: char, size_ms: i64) -> Option<i64> {
    let (whole, fraction) = match number.split_once(['.', ',']) {
        Some(parts) if unit == 'S' => parts,
        Some(_) => return None,
        None => (number, ""),
    };
    if fraction.len() > 9 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let fraction_ms: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    whole.parse::<i64>().ok()?.checked_mul(size_ms)?.checked_add(sign * fraction_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_java_reads_them() {
        let cases = [
            ("PT1H", 3_600_000),
            ("pt1h30m", 5_400_000),
            ("P2D", 172_800_000),
            ("P1DT2H3M4.5S", 93_784_500),
            ("PT0.0019S", 1),
            ("PT-0.5S", -500),
            ("-PT1M", -60_000),
            ("PT2H-30M", 5_400_000),
            ("PT0S", 0),
        ];
        for (text, ms) in cases {
            assert_eq!(duration_ms(text), Some(ms), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "1H",
            "P1",
            "PT1",
            "PT1D",
            "P1H",
            "PT1M1H",
            "PT1.5H",
            "PT1.0000000000S",
            "PT.5S",
            "PTxS",
            "P1DT",
            "P1W",
            "PT99999999999999999999S",
            "P999999999999D",
            "--PT1S",
        ] {
            assert_eq!(duration_ms(text), None, "{text}");
        }
    }

    #[test]
    fn what_has_a_word_for_it_and_what_has_not() {
        assert_eq!("latest".parse(), Ok(OffsetReset::Latest));
        assert_eq!("by_duration:P1D".parse(), Ok(OffsetReset::ByDuration(86_400_000)));
        for text in
            ["Latest", "none", "", "by_duration", "by_duration:", "by_duration:-PT1S", "by_duration:1h"]
        {
            assert_eq!(text.parse::<OffsetReset>(), Err(()), "{text}");
        }
    }
}

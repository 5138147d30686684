//! The grammar of `consume -o`: where to start and, if said, where to stop.

use std::str::FromStr;

use crate::time::{now_ms, parse_time};

/// What `-o` takes, for its help text.
pub(super) const OFFSET_HELP: &str = "\
Where to start:
  beginning | end | stored     the first record; only new ones; the group's committed offset
  N | +N | -N                  offset N; N after the beginning; N before the end
  @TIME                        the first record at or after TIME: @2026-07-01, @-1h, @1782907200
Ranges stop before their second part: A:B, :B, @T1:T2, @-2h:-1h, 100:end. P=WHERE sets partition P
alone: -o 0=10,1=20.";

/// A place in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// The first record that still exists.
    Beginning,
    /// After the last record.
    End,
    /// The group's committed offset.
    Stored,
    /// An offset.
    Offset(i64),
    /// So many offsets after the beginning.
    AfterBeginning(i64),
    /// So many offsets before the end.
    BeforeEnd(i64),
    /// The first record at or after this time, in Unix milliseconds.
    Time(i64),
}

/// Where to start and stop; `None`: not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Range {
    pub(crate) start: Option<Position>,
    /// Exclusive.
    pub(crate) stop: Option<Position>,
}

/// One item of `-o`: a range for one partition, or for all that have none of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetItem {
    partition: Option<i32>,
    range: Range,
}

impl FromStr for OffsetItem {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_item(text, now_ms())
    }
}

/// All of `-o` together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OffsetPlan {
    items: Vec<OffsetItem>,
}

impl OffsetPlan {
    /// Puts the items together; each partition, and the rest, may be given one start and one stop.
    pub(crate) fn new(items: &[OffsetItem]) -> Result<Self, String> {
        let mut merged: Vec<OffsetItem> = Vec::new();
        for item in items {
            let Some(known) = merged.iter_mut().find(|known| known.partition == item.partition) else {
                merged.push(*item);
                continue;
            };
            known.range.start = only_one("start", known.range.start, item.range.start)?;
            known.range.stop = only_one("stop", known.range.stop, item.range.stop)?;
        }
        Ok(Self { items: merged })
    }

    /// What was said for a partition; its own range stands alone, the others' does not fill it up.
    pub(crate) fn range(&self, partition: i32) -> Range {
        let own = self.items.iter().find(|item| item.partition == Some(partition));
        let any = || self.items.iter().find(|item| item.partition.is_none());
        own.or_else(any).map(|item| item.range).unwrap_or_default()
    }

    /// The partitions with a range of their own.
    pub(crate) fn named_partitions(&self) -> impl Iterator<Item = i32> {
        self.items.iter().filter_map(|item| item.partition)
    }

    /// Whether any range starts at the group's committed offset because somebody said so.
    pub(crate) fn wants_stored(&self) -> bool {
        self.items.iter().any(|item| item.range.start == Some(Position::Stored))
    }
}

fn only_one(
    what: &str,
    first: Option<Position>,
    second: Option<Position>,
) -> Result<Option<Position>, String> {
    if first.is_some() && second.is_some() {
        return Err(format!("-o gives two places to {what} for the same partition"));
    }
    Ok(first.or(second))
}

fn parse_item(text: &str, now_ms: i64) -> Result<OffsetItem, String> {
    if let Some((left, right)) = text.split_once('=')
        && left.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(partition) = left.parse()
    {
        return Ok(OffsetItem { partition: Some(partition), range: parse_range(right, now_ms)? });
    }
    Ok(OffsetItem { partition: None, range: parse_range(text, now_ms)? })
}

fn parse_range(text: &str, now_ms: i64) -> Result<Range, String> {
    if let Some(time) = text.strip_prefix("s@") {
        return Ok(Range { start: Some(Position::Time(parse_time(time, now_ms)?)), stop: None });
    }
    if let Some(time) = text.strip_prefix("e@") {
        return Ok(Range { start: None, stop: Some(Position::Time(parse_time(time, now_ms)?)) });
    }
    // Times hold colons, too: the text as a whole comes first, then each colon in turn.
    let whole = parse_position(text, now_ms);
    if let Ok(start) = whole {
        return Ok(Range { start: Some(start), stop: None });
    }
    for (at, _) in text.match_indices(':') {
        if let Some(range) = parse_ends(&text[..at], &text[at + 1..], now_ms) {
            return check_order(range);
        }
    }
    Err(whole.expect_err("returned above"))
}

fn parse_ends(left: &str, right: &str, now_ms: i64) -> Option<Range> {
    let start = if left.is_empty() { None } else { Some(parse_position(left, now_ms).ok()?) };
    let stop = if right.is_empty() {
        None
    } else if left.starts_with('@') {
        Some(parse_second_time(right, now_ms)?)
    } else {
        Some(parse_position(right, now_ms).ok()?)
    };
    (start.is_some() || stop.is_some()).then_some(Range { start, stop })
}

/// After `@T1:` a time needs no second `@`.
fn parse_second_time(text: &str, now_ms: i64) -> Option<Position> {
    match parse_name(text) {
        Some(name) => Some(name),
        None => parse_time(text.strip_prefix('@').unwrap_or(text), now_ms).ok().map(Position::Time),
    }
}

fn check_order(range: Range) -> Result<Range, String> {
    match (range.start, range.stop) {
        (_, Some(Position::Stored)) => Err("a range can't stop at `stored`".to_owned()),
        (Some(Position::Offset(start)), Some(Position::Offset(stop))) if start > stop => {
            Err(format!("the range {start}:{stop} ends before it starts"))
        }
        (Some(Position::Time(start)), Some(Position::Time(stop))) if start > stop => {
            Err("the range of times ends before it starts".to_owned())
        }
        _ => Ok(range),
    }
}

fn parse_position(text: &str, now_ms: i64) -> Result<Position, String> {
    if let Some(time) = text.strip_prefix('@') {
        return parse_time(time, now_ms).map(Position::Time);
    }
    if let Some(name) = parse_name(text) {
        return Ok(name);
    }
    let (make, digits): (fn(i64) -> Position, &str) = match text.as_bytes().first() {
        Some(b'+') => (Position::AfterBeginning, &text[1..]),
        Some(b'-') => (Position::BeforeEnd, &text[1..]),
        _ => (Position::Offset, text),
    };
    let number = digits.parse::<i64>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    number.map(make).ok_or_else(|| {
        format!("{text:?} is no place in a topic; write beginning, end, stored, N, +N, -N, @TIME or A:B")
    })
}

fn parse_name(text: &str) -> Option<Position> {
    Some(match text {
        "beginning" | "earliest" | "oldest" | "start" => Position::Beginning,
        "end" | "latest" | "newest" => Position::End,
        "stored" => Position::Stored,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_MS: i64 = 1_782_907_200_000; // 2026-07-01T12:00:00Z
    const HOUR_MS: i64 = 3_600_000;

    fn range(text: &str) -> Result<Range, String> {
        parse_range(text, NOW_MS)
    }

    fn plan(texts: &[&str]) -> Result<OffsetPlan, String> {
        let items: Result<Vec<_>, _> = texts.iter().map(|text| parse_item(text, NOW_MS)).collect();
        OffsetPlan::new(&items?)
    }

    #[test]
    fn single_places() {
        use Position::*;
        let cases = [
            ("beginning", Beginning),
            ("earliest", Beginning),
            ("oldest", Beginning),
            ("start", Beginning),
            ("end", End),
            ("latest", End),
            ("newest", End),
            ("stored", Stored),
            ("0", Offset(0)),
            ("42", Offset(42)),
            ("+5", AfterBeginning(5)),
            ("-5", BeforeEnd(5)),
            ("@1782907200", Time(NOW_MS)),
            ("@1782907200000", Time(NOW_MS)),
            ("@-1h", Time(NOW_MS - HOUR_MS)),
            ("@2026-07-01T12:00:00Z", Time(NOW_MS)),
            ("s@-1h", Time(NOW_MS - HOUR_MS)),
        ];
        for (text, expected) in cases {
            assert_eq!(range(text), Ok(Range { start: Some(expected), stop: None }), "{text}");
        }
    }

    #[test]
    fn ranges() {
        use Position::*;
        let cases = [
            ("3:7", Some(Offset(3)), Some(Offset(7))),
            ("3:", Some(Offset(3)), None),
            (":end", None, Some(End)),
            (":7", None, Some(Offset(7))),
            ("-10:-5", Some(BeforeEnd(10)), Some(BeforeEnd(5))),
            ("+1:+3", Some(AfterBeginning(1)), Some(AfterBeginning(3))),
            ("stored:end", Some(Stored), Some(End)),
            ("5:@-1h", Some(Offset(5)), Some(Time(NOW_MS - HOUR_MS))),
            ("@-2h:-1h", Some(Time(NOW_MS - 2 * HOUR_MS)), Some(Time(NOW_MS - HOUR_MS))),
            ("@-2h:@-1h", Some(Time(NOW_MS - 2 * HOUR_MS)), Some(Time(NOW_MS - HOUR_MS))),
            (":@-1h", None, Some(Time(NOW_MS - HOUR_MS))),
            ("@-1h:end", Some(Time(NOW_MS - HOUR_MS)), Some(End)),
            ("@2026-07-01T11:00:00Z:2026-07-01T12:00:00Z", Some(Time(NOW_MS - HOUR_MS)), Some(Time(NOW_MS))),
            ("@1782903600:1782907200", Some(Time(NOW_MS - HOUR_MS)), Some(Time(NOW_MS))),
            ("e@-1h", None, Some(Time(NOW_MS - HOUR_MS))),
        ];
        for (text, start, stop) in cases {
            assert_eq!(range(text), Ok(Range { start, stop }), "{text}");
        }
    }

    #[test]
    fn refusals() {
        for text in [
            "",
            ":",
            "x",
            "--5",
            "+-5",
            "5x",
            "7:3",
            "@",
            "@x",
            "@-1h:-2h",
            "3:stored",
            "0x10",
            "+",
            "-",
            "99999999999999999999",
            "=5",
        ] {
            assert!(range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn partitions_have_ranges_of_their_own() {
        let plan = plan(&["0=10", "1=20:30", "end"]).expect("plan");
        assert_eq!(plan.range(0).start, Some(Position::Offset(10)));
        assert_eq!(plan.range(1).stop, Some(Position::Offset(30)));
        assert_eq!(plan.range(2).start, Some(Position::End));
        assert_eq!(plan.named_partitions().collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn start_and_stop_may_come_apart_but_not_twice() {
        let both = plan(&["s@-2h", "e@-1h"]).expect("plan").range(0);
        assert!(both.start.is_some() && both.stop.is_some());
        assert!(plan(&["5", "6"]).is_err());
        assert!(plan(&["0=5", "0=6"]).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-+@:=0-9a-zTZ.]{0,30}") {
            let _ = parse_item(&text, NOW_MS);
        }

        #[test]
        fn offset_ranges_are_read_back(start in 0..i64::MAX, length in 0..1000i64) {
            let stop = start.saturating_add(length);
            let expected = Range { start: Some(Position::Offset(start)), stop: Some(Position::Offset(stop)) };
            prop_assert_eq!(parse_range(&format!("{start}:{stop}"), NOW_MS), Ok(expected));
        }
    }
}

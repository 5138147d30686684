//! Brings what an internal log comes to up to date at the start: first the mirror's rows, then the rest of the log.

use std::ops::Range;

use super::store::Loaded;
use crate::types::{LogRecord, Offset};

/// Part of an internal log, as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Its records with their offsets, in order; offsets may be missing where the log was compacted.
    pub records: Vec<(Offset, LogRecord)>,
    /// Where the next stretch begins: after the last record, or after the gap behind it.
    pub next_offset: Offset,
}

/// Replays all of a log that ends when `read` makes no more progress, and tells its end.
///
/// `read` gives the stretch that begins at an offset; `replay` takes in a key and its value, `None` when it is gone; `mirror`
/// is told every stretch that was read, to hand it on to [`Mirror::record`](super::Mirror::record).
///
/// # Errors
/// Those of `read` and `replay`; what was replayed is then to be thrown away.
pub fn catch_up<E>(
    loaded: Loaded,
    mut read: impl FnMut(Offset) -> Result<Stretch, E>,
    mut replay: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
    mut mirror: impl FnMut(Range<Offset>, &[(Offset, LogRecord)]),
) -> Result<Offset, E> {
    let Loaded { resume, rows, .. } = loaded;
    for (key, value) in rows {
        replay(&key, Some(&value))?;
    }
    let mut offset = resume;
    loop {
        let stretch = read(offset)?;
        if stretch.next_offset <= offset {
            return Ok(offset);
        }
        for (_, LogRecord { key, value }) in &stretch.records {
            replay(key, value.as_deref())?;
        }
        mirror(offset..stretch.next_offset, &stretch.records);
        offset = stretch.next_offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::collections::BTreeMap;

    fn record(key: &str, value: Option<&str>) -> LogRecord {
        LogRecord {
            key: Bytes::copy_from_slice(key.as_bytes()),
            value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
        }
    }

    /// Two records a stretch, and a compacted gap at the offsets 3 to 9.
    fn read(offset: Offset) -> Result<Stretch, String> {
        let log = [
            (0, record("a", Some("1"))),
            (1, record("b", Some("1"))),
            (2, record("a", None)),
            (10, record("b", Some("2"))),
            (11, record("c", Some("1"))),
        ];
        let records: Vec<_> = log.into_iter().filter(|(at, _)| *at >= offset).take(2).collect();
        let next_offset = records.last().map_or(12, |(last, _)| last + 1);
        Ok(Stretch { records, next_offset })
    }

    #[test]
    fn rows_and_log_come_to_the_same_from_everywhere() {
        let rows = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(key, value)| (Bytes::from(*key), Bytes::from(*value))).collect()
        };
        for (resume, rows) in [
            (0, rows(&[])),
            (1, rows(&[("a", "1")])),
            (3, rows(&[("b", "1")])),
            (12, rows(&[("b", "2"), ("c", "1")])),
            (2, rows(&[("b", "2"), ("c", "1")])),
        ] {
            let mut state = BTreeMap::new();
            let mut mirrored = resume;
            let replay = |key: &[u8], value: Option<&[u8]>| {
                match value {
                    Some(value) => state.insert(key.to_vec(), value.to_vec()),
                    None => state.remove(key),
                };
                Ok(())
            };
            let mirror = |range: Range<Offset>, records: &[(Offset, LogRecord)]| {
                assert_eq!(range.start, mirrored, "stretches join on to each other");
                assert!(records.iter().all(|(offset, _)| range.contains(offset)));
                mirrored = range.end;
            };
            let loaded = Loaded { applied: 12, resume, rows };
            assert_eq!(catch_up(loaded, read, replay, mirror), Ok(12));
            assert_eq!(mirrored, 12);
            let expected = [("b", "2"), ("c", "1")].map(|(key, value)| (key.into(), value.into()));
            assert_eq!(state, BTreeMap::from(expected), "from {resume}");
        }
    }

    #[test]
    fn errors_come_through() {
        let loaded = Loaded::default();
        let refused = catch_up(loaded, |_| Err("disk"), |_, _| Ok(()), |_, _| ());
        assert_eq!(refused, Err("disk"));
    }
}

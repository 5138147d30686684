//! What can be wrong with a setting, and what its writer may have meant.

use std::fmt;

use super::key::Key;
use super::tables::{BROKER_KEYS, TOPIC_KEYS, find};
use crate::error::BrokerError;

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// No setting has this name; perhaps this one is meant.
    Unknown { key: String, meant: Option<&'static str> },
    /// Its value, or that it is set here at all.
    Refused { key: String, reason: String },
}

impl Problem {
    /// That none of `keys` has this name.
    pub(super) fn unknown(key: &str, keys: &'static [Key]) -> Self {
        Self::Unknown { key: key.to_owned(), meant: meant(key, keys) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { key, meant: Some(meant) } => {
                write!(f, "unknown setting {key:?}; did you mean {meant:?}?")
            }
            Self::Unknown { key, meant: None } => {
                write!(f, "unknown setting {key:?}; `runnel config get` lists them")
            }
            Self::Refused { key, reason } => write!(f, "setting {key:?}: {reason}"),
        }
    }
}

impl From<Problem> for BrokerError {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Unknown { key, meant: Some(meant) } => Self::InvalidConfig {
                key,
                reason: format!("there is no such setting; did you mean {meant:?}?"),
            },
            Problem::Unknown { key, meant: None } => Self::InvalidConfig {
                key,
                reason: "there is no such setting; `runnel config get` lists them".to_owned(),
            },
            Problem::Refused { key, reason } => Self::InvalidConfig { key, reason },
        }
    }
}

/// The setting that somebody who wrote `key` most likely means.
fn meant(key: &str, keys: &'static [Key]) -> Option<&'static str> {
    let named = |name: &str| find(keys, name).map(|key| key.name);
    the_other_of_twins(key)
        .and_then(named)
        .or_else(|| in_milliseconds(key).and_then(|name| named(&name)))
        .or_else(|| {
            let near = keys.iter().map(|known| (distance(key, known.name), known.name)).min()?;
            // Further off, a guess would only mislead.
            (near.0 <= (key.chars().count() / 3).clamp(1, 5)).then_some(near.1)
        })
}

/// A topic's name for a broker's setting, and the other way round.
fn the_other_of_twins(key: &str) -> Option<&'static str> {
    if let Some(topic) = find(&TOPIC_KEYS, key) {
        return topic.twin;
    }
    find(&BROKER_KEYS, key)?;
    TOPIC_KEYS.iter().find(|topic| topic.twin == Some(key)).map(|topic| topic.name)
}

/// Kafka has some times in hours and minutes, too.
fn in_milliseconds(key: &str) -> Option<String> {
    let (stem, unit) = key.rsplit_once('.')?;
    matches!(unit, "seconds" | "minutes" | "hours" | "days").then(|| format!("{stem}.ms"))
}

/// How many characters must be put in, left out or exchanged (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    // Names are short; whoever sends a long one meant no setting.
    for (i, from) in a.chars().take(100).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_the_nearest_setting() {
        let cases = [
            ("num.partition", "num.partitions"),
            ("num_partitions", "num.partitions"),
            ("auto.create.topic.enabled", "auto.create.topics.enable"),
            ("retention.ms", "log.retention.ms"),
            ("cleanup.policy", "log.cleanup.policy"),
            ("log.retention.hours", "log.retention.ms"),
            ("log.roll.hours", "log.roll.ms"),
            ("listener", "listeners"),
        ];
        for (written, meant) in cases {
            assert_eq!(super::meant(written, &BROKER_KEYS), Some(meant), "{written}");
        }
        assert_eq!(meant("retentoin.ms", &TOPIC_KEYS), Some("retention.ms"));
        assert_eq!(meant("message.max.bytes", &TOPIC_KEYS), Some("max.message.bytes"));
    }

    #[test]
    fn what_resembles_nothing_gets_no_guess() {
        for written in ["", "x", "color", "zookeeper.connect", &"ab".repeat(10_000)] {
            assert_eq!(meant(written, &BROKER_KEYS), None, "{written:.20}");
        }
        let problem = Problem::unknown("col\x1bor", &BROKER_KEYS);
        assert_eq!(problem.to_string(), r#"unknown setting "col\u{1b}or"; `runnel config get` lists them"#);
    }

    #[test]
    fn distances_are_counted() {
        let cases =
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ü", "u", 1)];
        for (a, b, count) in cases {
            assert_eq!(distance(a, b), count, "{a} {b}");
            assert_eq!(distance(b, a), count, "{b} {a}");
        }
    }
}

//! What administrative verbs are aimed at, and how it is written: `orders:3`, `--to @-1h`, `topic:orders`.

use std::str::FromStr;

use crate::time::{now_ms, parse_time};

/// `TOPIC` or `TOPIC:PARTITION`. Topic names have no colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicSpec {
    pub(crate) topic: String,
    /// All partitions when absent.
    pub(crate) partition: Option<i32>,
}

impl FromStr for TopicSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((topic, partition)) = text.split_once(':') else {
            return Ok(Self { topic: text.to_owned(), partition: None });
        };
        let partition = partition.parse().ok().filter(|&number: &i32| number >= 0);
        let partition = partition.ok_or("write TOPIC or TOPIC:PARTITION, such as orders:0")?;
        Ok(Self { topic: topic.to_owned(), partition: Some(partition) })
    }
}

/// Where `group reset` moves to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResetTarget {
    /// The first record that still exists.
    Earliest,
    /// After the last record.
    Latest,
    /// An offset.
    Offset(i64),
    /// The first record at or after this time, in Unix milliseconds.
    Time(i64),
    /// So many offsets on from where the group is, or back.
    Shift(i64),
}

impl FromStr for ResetTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORMS: &str =
            "write earliest, latest, an OFFSET, @TIME (such as @-1h), or +N or -N from where the group is";
        let number = || text.parse::<i64>().map_err(|_| FORMS.to_owned());
        match text {
            "earliest" | "beginning" | "oldest" | "start" => Ok(Self::Earliest),
            "latest" | "end" | "newest" => Ok(Self::Latest),
            _ if text.starts_with('@') => parse_time(&text[1..], now_ms()).map(Self::Time),
            _ if text.starts_with(['+', '-']) => number().map(Self::Shift),
            _ => number().map(Self::Offset),
        }
    }
}

/// The first record that `topic trim` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrimTarget {
    /// None: everything goes.
    Latest,
    /// The one with this offset.
    Offset(i64),
    /// The first at or after this time, in Unix milliseconds.
    Time(i64),
}

impl FromStr for TrimTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" | "end" | "newest" => Ok(Self::Latest),
            _ if text.starts_with('@') => parse_time(&text[1..], now_ms()).map(Self::Time),
            _ => match text.parse::<i64>() {
                Ok(offset) if offset >= 0 => Ok(Self::Offset(offset)),
                _ => Err("write an OFFSET, @TIME (such as @-7d), or `end` to keep nothing".to_owned()),
            },
        }
    }
}

/// Whose settings `config` is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResourceSpec {
    /// The broker's.
    Broker,
    /// A topic's.
    Topic(String),
    /// A group's.
    Group(String),
}

impl FromStr for ResourceSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "broker" => Ok(Self::Broker),
            Some(("topic", name)) if !name.is_empty() => Ok(Self::Topic(name.to_owned())),
            Some(("group", name)) if !name.is_empty() => Ok(Self::Group(name.to_owned())),
            _ => Err("write `broker`, topic:NAME or group:NAME, such as topic:orders".to_owned()),
        }
    }
}

impl std::fmt::Display for ResourceSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broker => f.write_str("broker"),
            Self::Topic(name) => write!(f, "topic:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_and_partitions() {
        let spec = |topic: &str, partition| Ok(TopicSpec { topic: topic.to_owned(), partition });
        assert_eq!("orders".parse(), spec("orders", None));
        assert_eq!("orders:12".parse(), spec("orders", Some(12)));
        for bad in ["orders:", "orders:x", "orders:-1", "a:b:1"] {
            assert!(bad.parse::<TopicSpec>().is_err(), "{bad}");
        }
    }

    #[test]
    fn reset_targets() {
        assert_eq!("earliest".parse(), Ok(ResetTarget::Earliest));
        assert_eq!("end".parse(), Ok(ResetTarget::Latest));
        assert_eq!("17".parse(), Ok(ResetTarget::Offset(17)));
        assert_eq!("+17".parse(), Ok(ResetTarget::Shift(17)));
        assert_eq!("-17".parse(), Ok(ResetTarget::Shift(-17)));
        assert_eq!("@1782907200".parse(), Ok(ResetTarget::Time(1_782_907_200_000)));
        for bad in ["", "+", "-", "1.5", "tomorrow", "@", "@soon"] {
            assert!(bad.parse::<ResetTarget>().is_err(), "{bad}");
        }
    }

    #[test]
    fn trim_targets() {
        assert_eq!("end".parse(), Ok(TrimTarget::Latest));
        assert_eq!("0".parse(), Ok(TrimTarget::Offset(0)));
        assert_eq!("@0".parse(), Ok(TrimTarget::Time(0)));
        for bad in ["", "-1", "earliest", "@x"] {
            assert!(bad.parse::<TrimTarget>().is_err(), "{bad}");
        }
    }

    #[test]
    fn resources() {
        assert_eq!("broker".parse(), Ok(ResourceSpec::Broker));
        assert_eq!("topic:a".parse(), Ok(ResourceSpec::Topic("a".into())));
        assert_eq!("group:a:b".parse(), Ok(ResourceSpec::Group("a:b".into())));
        for bad in ["", "topic", "topic:", "brokers", "group:"] {
            assert!(bad.parse::<ResourceSpec>().is_err(), "{bad}");
        }
    }
}

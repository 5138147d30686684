use std::ops::RangeInclusive;

use super::ApiKey;
use super::api::ROWS;

/// What is known of an API.
pub(super) struct Row {
    key: ApiKey,
    name: &'static str,
    low: i16,
    high: i16,
    flexible_since: Option<i16>,
}

pub(super) const fn row(
    key: ApiKey,
    name: &'static str,
    low: i16,
    high: i16,
    flexible_since: Option<i16>,
) -> Row {
    Row { key, name, low, high, flexible_since }
}

impl ApiKey {
    /// Every API, by key. Whether a broker serves it, is not said here.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.key)
    }

    pub fn from_code(key: i16) -> Option<Self> {
        ROWS.binary_search_by_key(&key, |row| row.key.code()).ok().map(|at| ROWS[at].key)
    }

    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Kafka's name, such as `OffsetCommit`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The versions that Kafka defines and holds for stable. Kafka's brokers announce `Produce` from 0, since librdkafka
    /// compresses for no others.
    pub fn versions(self) -> RangeInclusive<i16> {
        self.row().low..=self.row().high
    }

    /// The first version with compact lengths and tagged fields (KIP-482); `None` without any.
    pub fn flexible_since(self) -> Option<i16> {
        self.row().flexible_since
    }

    /// The version of the header before a request: 2 when flexible, else 1.
    pub fn request_header_version(self, version: i16) -> i16 {
        1 + i16::from(self.is_flexible(version))
    }

    /// The version of the header before a response: 1 when flexible, else 0. That of `ApiVersions` is always 0, for
    /// clients must understand it before they know which versions there are.
    pub fn response_header_version(self, version: i16) -> i16 {
        i16::from(self != Self::ApiVersions && self.is_flexible(version))
    }

    fn is_flexible(self, version: i16) -> bool {
        self.flexible_since().is_some_and(|since| version >= since)
    }

    fn row(self) -> &'static Row {
        let at = ROWS.binary_search_by_key(&self, |row| row.key).expect("every key has a row");
        &ROWS[at]
    }
}

//! Kafka's message definitions as they stand in `common/message/*.json`: JSON with `//` comments. Attributes that are
//! not known here are refused, since each may change what is on the wire.

use std::fmt;
use std::path::Path;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A range of versions, both ends included; empty where `low > high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub low: i16,
    pub high: i16,
}

impl Versions {
    pub const NONE: Self = Self { low: i16::MAX, high: i16::MIN };

    pub fn is_empty(self) -> bool {
        self.low > self.high
    }

    pub fn and(self, other: Self) -> Self {
        let both = Self { low: self.low.max(other.low), high: self.high.min(other.high) };
        if both.is_empty() { Self::NONE } else { both }
    }

    /// The smallest range that holds both.
    pub fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    pub fn contains(self, version: i16) -> bool {
        self.low <= version && version <= self.high
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::NONE);
        }
        if let Some(low) = text.strip_suffix('+') {
            return Some(Self { low: low.parse().ok()?, high: i16::MAX });
        }
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        Some(Self { low: low.parse().ok()?, high: high.parse().ok()? })
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { low, high: i16::MAX } => write!(f, "{low}+"),
            Self { low, high } if low == high => write!(f, "{low}"),
            Self { low, high } => write!(f, "{low}-{high}"),
        }
    }
}

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no range of versions")))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Request,
    Response,
    Header,
    Data,
}

/// One file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default)]
    pub api_key: Option<i16>,
    pub valid_versions: Versions,
    #[serde(default = "none")]
    pub flexible_versions: Versions,
    #[serde(default)]
    pub latest_version_unstable: bool,
    #[serde(default)]
    pub fields: Vec<Field>,
    #[serde(default)]
    pub common_structs: Vec<CommonStruct>,
    #[serde(default, rename = "listeners")]
    _listeners: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonStruct {
    pub name: String,
    pub fields: Vec<Field>,
    #[serde(rename = "versions")]
    _versions: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub versions: Versions,
    #[serde(default = "none")]
    pub nullable_versions: Versions,
    #[serde(default = "none")]
    pub tagged_versions: Versions,
    #[serde(default)]
    pub tag: Option<u32>,
    /// Instead of the message's.
    #[serde(default)]
    pub flexible_versions: Option<Versions>,
    #[serde(default, deserialize_with = "flag")]
    pub ignorable: bool,
    #[serde(default)]
    pub default: Option<Value>,
    #[serde(default)]
    pub fields: Vec<Self>,
    #[serde(default, rename = "about")]
    _about: IgnoredAny,
    #[serde(default, rename = "entityType")]
    _entity_type: IgnoredAny,
    #[serde(default, rename = "mapKey")]
    _map_key: IgnoredAny,
    #[serde(default, rename = "zeroCopy")]
    _zero_copy: IgnoredAny,
}

/// One definition quotes its `true`.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value == true || value == "true")
}

fn none() -> Versions {
    Versions::NONE
}

impl Definition {
    /// Reads `NAME.json` in a folder.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn read(folder: &Path, name: &str) -> Result<Self, String> {
        let path = folder.join(format!("{name}.json"));
        let error = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|e| error(&e))?;
        serde_json::from_str(&without_comments(&text)).map_err(|e| error(&e))
    }

    /// Reads the request and the response of an API, without a last version that may still change. For that, and for the
    /// versions of both, the request alone is asked.
    ///
    /// # Errors
    /// A sentence that names the file, or the API whose request and response disagree.
    pub fn read_api(folder: &Path, api: &str) -> Result<(Self, Self), String> {
        let mut request = Self::read(folder, &format!("{api}Request"))?;
        let mut response = Self::read(folder, &format!("{api}Response"))?;
        let facts = |one: &Self| (one.api_key, one.valid_versions, one.flexible_versions);
        if facts(&request) != facts(&response) {
            return Err(format!("{api}: request and response differ in key or versions"));
        }
        if request.latest_version_unstable {
            request.valid_versions.high -= 1;
        }
        response.valid_versions = request.valid_versions;
        Ok((request, response))
    }
}

/// Comments take whole lines in these files; lines stay, so that errors name the right one.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.flat_map(|line| [line, "\n"]).collect()
}

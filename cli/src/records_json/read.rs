use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

/// Reads lines one after the other.
#[derive(Debug, Default)]
pub(crate) struct RecordReader {
    key: Vec<u8>,
    value: Vec<u8>,
}

/// A record as a line has it; the topic, the offset and the timestamp's type are for the reader of the line alone.
#[derive(Debug)]
pub(crate) struct JsonRecord<'a> {
    /// From 0, when the line tells.
    pub(crate) partition: Option<i32>,
    /// Unix milliseconds, when the line tells.
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

impl RecordReader {
    /// Reads one line and hands its record to `then`.
    ///
    /// The error is a part of a sentence that may hold the line's own text, unescaped.
    pub(crate) fn read<T>(
        &mut self,
        line: &[u8],
        then: impl FnOnce(&JsonRecord<'_>) -> T,
    ) -> Result<T, String> {
        // serde would take an array of the fields, too.
        if line.trim_ascii_start().first().is_some_and(|byte| *byte != b'{') {
            return Err("it is no JSON object".to_owned());
        }
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| reason(&error))?;
        if line.partition.is_some_and(|partition| partition < 0) {
            return Err("its partition is negative".to_owned());
        }
        let key = pick("key", line.key, line.key_b64, &mut self.key)?.flatten();
        let value = pick("value", line.value, line.value_b64, &mut self.value)?;
        let value = value.ok_or("it has neither value nor value_b64; a tombstone says \"value\":null")?;
        let headers: Vec<_> = line.headers.iter().map(HeaderLine::borrow).collect();
        let partition = line.partition;
        Ok(then(&JsonRecord { partition, timestamp_ms: line.timestamp, key, value, headers: &headers }))
    }
}

/// serde_json tells a line and a column; the line is always the first, and the caller knows better.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let told = text.strip_suffix(&place).unwrap_or(&text);
    if error.is_syntax() || error.is_eof() {
        let told = if told == "key must be a string" { "a name has no quotes around it" } else { told };
        return format!("it is not valid JSON: {told}, at column {}", error.column());
    }
    in_words(told)
}

/// serde's words (`partition: invalid type: string "1", expected i32`) in those of people.
fn in_words(told: &str) -> String {
    let (field, problem) = match told.split_once(": invalid ") {
        Some((field, problem)) => (field, problem),
        None => ("it", told.strip_prefix("invalid ").unwrap_or(told)),
    };
    let problem = problem.strip_prefix("type: ").or_else(|| problem.strip_prefix("value: "));
    let Some((found, expected)) = problem.and_then(|problem| problem.split_once(", expected ")) else {
        return told.to_owned();
    };
    let found = match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        found => match found.split_once([' ']) {
            Some(("string", text)) => format!("the text {text}"),
            Some((_, value)) => value.trim_start_matches("point ").replace('`', ""),
            None => found.to_owned(),
        },
    };
    let expected = match expected {
        "i32" => "a whole number from 0 to 2147483647",
        "i64" => "a whole number",
        "a string" | "a borrowed string" => "text in quotes, or null",
        "a sequence" => "a list of headers, each [name, value]",
        expected => expected,
    };
    format!("{field} is {found} and must be {expected}")
}

/// Text, base64 or null; the outer `None`: the line has neither.
fn pick<'a>(
    name: &str,
    text: Option<Option<Text<'a>>>,
    base64: Option<Option<Text<'_>>>,
    scratch: &'a mut Vec<u8>,
) -> Result<Option<Option<&'a [u8]>>, String> {
    match (text, base64) {
        (Some(_), Some(_)) => Err(format!("it has both {name} and {name}_b64")),
        (Some(text), None) => {
            scratch.clear();
            Ok(Some(match text {
                None => None,
                Some(Text(Cow::Borrowed(text))) => Some(text.as_bytes()),
                Some(Text(Cow::Owned(text))) => {
                    scratch.extend_from_slice(text.as_bytes());
                    Some(scratch.as_slice())
                }
            }))
        }
        (None, Some(None)) => Ok(Some(None)),
        (None, Some(Some(Text(text)))) => {
            scratch.clear();
            STANDARD.decode_vec(text.as_bytes(), scratch).map_err(|_| format!("{name}_b64 is not base64"))?;
            Ok(Some(Some(scratch.as_slice())))
        }
        (None, None) => Ok(None),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object with a record")]
struct Line<'a> {
    #[serde(default, rename = "topic")]
    _topic: de::IgnoredAny,
    #[serde(default, rename = "offset")]
    _offset: de::IgnoredAny,
    #[serde(default, rename = "timestamp_type")]
    _timestamp_type: de::IgnoredAny,
    #[serde(default, deserialize_with = "partition")]
    partition: Option<i32>,
    #[serde(default, deserialize_with = "timestamp")]
    timestamp: Option<i64>,
    #[serde(default, borrow, deserialize_with = "key")]
    key: Option<Option<Text<'a>>>,
    #[serde(default, borrow, deserialize_with = "key_b64")]
    key_b64: Option<Option<Text<'a>>>,
    #[serde(default, borrow, deserialize_with = "value")]
    value: Option<Option<Text<'a>>>,
    #[serde(default, borrow, deserialize_with = "value_b64")]
    value_b64: Option<Option<Text<'a>>>,
    #[serde(default, borrow, deserialize_with = "headers")]
    headers: Vec<HeaderLine<'a>>,
}

/// A string, borrowed from the line unless it has escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Tells null from absent, and names the field in errors.
macro_rules! text_fields {
    ($($field:ident),*) => { $(
        fn $field<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Text<'de>>>, D::Error> {
            let named = |error: D::Error| de::Error::custom(format_args!("{}: {error}", stringify!($field)));
            Option::deserialize(from).map(Some).map_err(named)
        }
    )* };
}

text_fields!(key, key_b64, value, value_b64);

fn partition<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i32>, D::Error> {
    Option::deserialize(from).map_err(|error| de::Error::custom(format_args!("partition: {error}")))
}

fn timestamp<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Option::deserialize(from).map_err(|error| de::Error::custom(format_args!("timestamp: {error}")))
}

fn headers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<HeaderLine<'de>>, D::Error> {
    Vec::deserialize(from).map_err(|error| de::Error::custom(format_args!("headers: {error}")))
}

#[derive(Debug)]
struct HeaderLine<'a> {
    name: Cow<'a, [u8]>,
    value: Option<Cow<'a, [u8]>>,
}

impl HeaderLine<'_> {
    fn borrow(&self) -> (&[u8], Option<&[u8]>) {
        (&self.name, self.value.as_deref())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for HeaderLine<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = HeaderLine<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .write_str("a header: [name, value], or an object with name or name_b64 and value or value_b64")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<HeaderLine<'de>, A::Error> {
        let incomplete = || de::Error::custom("a header is a pair [name, value]");
        let Text(name) = pair.next_element::<Option<Text<'de>>>()?.flatten().ok_or_else(incomplete)?;
        let value: Option<Text<'de>> = pair.next_element()?.ok_or_else(incomplete)?;
        if pair.next_element::<de::IgnoredAny>()?.is_some() {
            return Err(incomplete());
        }
        Ok(HeaderLine { name: to_bytes(name), value: value.map(|Text(value)| to_bytes(value)) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderLine<'de>, A::Error> {
        let (mut name, mut value) = (None, None);
        while let Some(Text(field)) = map.next_key::<Text<'de>>()? {
            let content: Option<Text<'de>> = map.next_value()?;
            let content = content.map(|Text(content)| content);
            let slot = if field.starts_with("name") { &mut name } else { &mut value };
            if slot.is_some() {
                return Err(de::Error::custom("a header has two names or two values"));
            }
            *slot = Some(match &*field {
                "name" | "value" => content.map(to_bytes),
                "name_b64" | "value_b64" => content.map(|text| from_base64::<A::Error>(&text)).transpose()?,
                _ => {
                    return Err(de::Error::unknown_field(
                        &field,
                        &["name", "name_b64", "value", "value_b64"],
                    ));
                }
            });
        }
        let name = name.flatten().ok_or_else(|| de::Error::custom("a header has no name"))?;
        let value = value.ok_or_else(|| de::Error::custom("a header has no value; null is one"))?;
        Ok(HeaderLine { name, value })
    }
}

fn to_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn from_base64<'a, E: de::Error>(text: &str) -> Result<Cow<'a, [u8]>, E> {
    STANDARD.decode(text).map(Cow::Owned).map_err(|_| E::custom("a header's base64 is malformed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_in_the_user_s_words() {
        let cases = [
            (r#"{"value":5}"#, "value is 5 and must be text in quotes, or null"),
            (
                r#"{"value":"a","timestamp":"now"}"#,
                "timestamp is the text \"now\" and must be a whole number",
            ),
            (r#"{"value":"a","timestamp":1.5}"#, "timestamp is 1.5 and must be a whole number"),
            (
                r#"{"value":"a","partition":"1"}"#,
                "partition is the text \"1\" and must be a whole number from 0 to 2147483647",
            ),
            (r#"{"value":"a","key":{}}"#, "key is an object and must be text in quotes, or null"),
            (
                r#"{"value":"a","headers":"h"}"#,
                "headers is the text \"h\" and must be a list of headers, each [name, value]",
            ),
            (r#"{value:"a"}"#, "it is not valid JSON: a name has no quotes around it, at column 2"),
        ];
        for (line, expected) in cases {
            let told = RecordReader::default().read(line.as_bytes(), |_| ()).expect_err(line);
            assert_eq!(told, expected, "{line}");
        }
    }
}

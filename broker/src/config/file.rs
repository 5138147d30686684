//! The configuration file: TOML with Kafka's dotted names.
//!
//! `num.partitions = 3`, `"num.partitions" = "3"` and `partitions = 3` under `[num]` all say the same. Lists are arrays or
//! text with commas.

use std::collections::BTreeMap;
use std::path::Path;

use runnel_proto::text::escape;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::tables::BROKER_KEYS;

/// Why the broker's configuration can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFileError {
    /// There is no such file, or it may not be read.
    #[error("{path}: can't read the configuration file: {reason}")]
    Unreadable { path: String, reason: String },
    /// A line of the file.
    #[error("{path}:{line}: {problem}")]
    Line {
        path: String,
        /// From 1.
        line: usize,
        problem: String,
    },
    /// A setting from the command line, or two that do not go together.
    #[error("{problem}")]
    Setting { problem: String },
}

/// One setting of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) value: String,
    /// From 1.
    pub(super) line: usize,
}

/// The settings of a file, checked one by one, by key.
pub(super) fn read(path: &Path) -> Result<Vec<Line>, ConfigFileError> {
    let shown = escape(&path.to_string_lossy()).into_owned();
    match std::fs::read_to_string(path) {
        Ok(text) => {
            parse(&text).map_err(|(line, problem)| ConfigFileError::Line { path: shown, line, problem })
        }
        Err(error) => Err(ConfigFileError::Unreadable { path: shown, reason: error.to_string() }),
    }
}

fn parse(text: &str) -> Result<Vec<Line>, (usize, String)> {
    let line_of = |offset: usize| 1 + text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count();
    let document = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        (line_of(offset), format!("this is not TOML: {}", escape(error.message())))
    })?;
    let mut flat = Vec::new();
    flatten("", document.get_ref(), &mut flat);
    flat.sort_by_key(|(_, value)| value.span().start);

    let mut lines: Vec<Line> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (key, value) in flat {
        let line = line_of(value.span().start);
        if let Some(first) = seen.insert(key.clone(), line) {
            return Err((line, format!("setting {key:?} is already set in line {first}")));
        }
        let known = super::tables::find(&BROKER_KEYS, &key);
        let known = known.ok_or_else(|| (line, Problem::unknown(&key, &BROKER_KEYS).to_string()))?;
        let written = plain(value.get_ref());
        let checked = written.and_then(|written| known.kind.check(&written).map(str::to_owned));
        let value =
            checked.map_err(|reason| (line, Problem::Refused { key: key.clone(), reason }.to_string()))?;
        lines.push(Line { key, value, line });
    }
    Ok(lines)
}

fn flatten<'t, 'i>(above: &str, table: &'t DeTable<'i>, flat: &mut Vec<(String, &'t Spanned<DeValue<'i>>)>) {
    for (name, value) in table {
        let key =
            if above.is_empty() { name.get_ref().to_string() } else { format!("{above}.{}", name.get_ref()) };
        match value.get_ref() {
            DeValue::Table(table) => flatten(&key, table, flat),
            _ => flat.push((key, value)),
        }
    }
}

/// A value as it would be written on the command line.
fn plain(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|_| format!("{number} is too large a number")),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(yes) => Ok(yes.to_string()),
        DeValue::Array(items) => {
            let items: Result<Vec<String>, String> = items.iter().map(|item| plain(item.get_ref())).collect();
            Ok(items?.join(","))
        }
        DeValue::Datetime(_) => Err("a date is not what it takes".to_owned()),
        DeValue::Table(_) => Err("a table is not what it takes".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(text: &str) -> Vec<(String, String, usize)> {
        let lines = parse(text).unwrap_or_else(|(line, problem)| panic!("{line}: {problem}"));
        lines.into_iter().map(|line| (line.key, line.value, line.line)).collect()
    }

    #[test]
    fn all_ways_to_write_a_key_are_one() {
        for text in [
            "num.partitions = 3",
            "\"num.partitions\" = 3",
            "num.partitions = \" 3 \"",
            "num.\"partitions\" = 0x3",
            "num = { partitions = 3 }",
        ] {
            assert_eq!(read_back(text), [("num.partitions".to_owned(), "3".to_owned(), 1)], "{text}");
        }
        let sections = "# broker\n[log]\nretention.ms = 86_400_000\ncleanup.policy = ['compact', 'delete']\n\n[log.cleaner]\nmin.cleanable.ratio = 0.1\n";
        assert_eq!(
            read_back(sections),
            [
                ("log.retention.ms".to_owned(), "86400000".to_owned(), 3),
                ("log.cleanup.policy".to_owned(), "compact,delete".to_owned(), 4),
                ("log.cleaner.min.cleanable.ratio".to_owned(), "0.1".to_owned(), 7),
            ]
        );
        assert_eq!(read_back("\n\r\n# nothing\n"), []);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let cases = [
            (
                "# mine\n\nnum.partition = 3\n",
                3,
                r#"unknown setting "num.partition"; did you mean "num.partitions"?"#,
            ),
            (
                "[num]\npartitions = 0",
                2,
                r#"setting "num.partitions": "0" is not a whole number from 1 to 100000"#,
            ),
            ("num.partitions = 2026-01-01", 1, r#"setting "num.partitions": a date is not what it takes"#),
            ("num.partitions = [{a = 1}]", 1, r#"setting "num.partitions": a table is not what it takes"#),
            (
                "broker.id = 99999999999999999999",
                1,
                r#"setting "broker.id": 99999999999999999999 is too large a number"#,
            ),
            (
                "num.partitions = 1\n\"num.partitions\" = 2",
                2,
                r#"setting "num.partitions" is already set in line 1"#,
            ),
        ];
        for (text, line, problem) in cases {
            assert_eq!(parse(text), Err((line, problem.to_owned())), "{text}");
        }
        let (line, problem) = parse("broker.id = 1\nnum.partitions 3\n").expect_err("no equals sign");
        assert_eq!(line, 2);
        assert!(problem.starts_with("this is not TOML: "), "{problem}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/no/such\x1b/runnel.toml")).expect_err("it is not there");
        assert!(error.to_string().starts_with(r"/no/such\x1b/runnel.toml: can't read"), "{error}");
    }
}

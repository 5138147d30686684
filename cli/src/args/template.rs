//! The grammar of `consume -f`: how a record is printed.

use std::str::FromStr;

use super::values::read_escape;

/// A format, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
}

/// One piece of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Stands for itself.
    Literal(Vec<u8>),
    /// `%t`
    Topic,
    /// `%p`
    Partition,
    /// `%o`
    Offset,
    /// `%T`: Unix milliseconds.
    Timestamp,
    /// `%k`: nothing for null.
    Key,
    /// `%K`: -1 for null.
    KeyLength,
    /// `%v` or `%s`: nothing for null.
    Value,
    /// `%S`: -1 for null.
    ValueLength,
    /// `%h`: `name=value,…`; a null value leaves out the `=`.
    Headers,
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['%', '\\']) {
            literal.extend_from_slice(&rest.as_bytes()[..at]);
            let after = &rest[at + 1..];
            if rest.as_bytes()[at] == b'\\' {
                let (byte, used) = read_escape(after)?;
                literal.push(byte);
                rest = &after[used..];
                continue;
            }
            match read_directive(after)? {
                None => literal.push(b'%'),
                Some(part) => {
                    push_literal(&mut parts, &mut literal);
                    parts.push(part);
                }
            }
            rest = &after[1..];
        }
        literal.extend_from_slice(rest.as_bytes());
        push_literal(&mut parts, &mut literal);
        Ok(Self { parts })
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut Vec<u8>) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal)));
    }
}

/// What stands after a percent sign; `None`: another one.
fn read_directive(after: &str) -> Result<Option<Part>, String> {
    Ok(Some(match after.chars().next() {
        Some('t') => Part::Topic,
        Some('p') => Part::Partition,
        Some('o') => Part::Offset,
        Some('T') => Part::Timestamp,
        Some('k') => Part::Key,
        Some('K') => Part::KeyLength,
        Some('v' | 's') => Part::Value,
        Some('S') => Part::ValueLength,
        Some('h') => Part::Headers,
        Some('%') => return Ok(None),
        Some(other) => {
            return Err(format!(
                "%{other} means nothing; there are %t %p %o %T %k %K %v %s %S %h and %% for a percent sign"
            ));
        }
        None => return Err("a percent sign at the end; write %% for one".to_owned()),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_and_literals() {
        use Part::*;
        let literal = |text: &str| Literal(text.as_bytes().to_vec());
        let cases = [
            ("", vec![]),
            ("%v\\n", vec![Value, literal("\n")]),
            ("%t/%p@%o", vec![Topic, literal("/"), Partition, literal("@"), Offset]),
            ("%k%K%s%S%T%h", vec![Key, KeyLength, Value, ValueLength, Timestamp, Headers]),
            ("100%% \\x41", vec![literal("100% A")]),
        ];
        for (text, parts) in cases {
            assert_eq!(text.parse(), Ok(Template { parts }), "{text}");
        }
    }

    #[test]
    fn refusals() {
        for text in ["%", "%z", "\\q", "%→"] {
            assert!(text.parse::<Template>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_without_marks_stands_for_itself(text in "[^%\\\\]{1,20}") {
            let template: Template = text.parse().expect("no marks");
            prop_assert_eq!(template.parts, vec![Part::Literal(text.into_bytes())]);
        }

        #[test]
        fn never_panics(text: String) {
            let _ = text.parse::<Template>();
        }
    }
}

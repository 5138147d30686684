//! Values that several arguments share, and how they are read.

use std::str::FromStr;

/// Bytes between records, or between key and value; written with escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delimiter(pub(crate) Vec<u8>);

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        unescape(text).map(Self)
    }
}

/// Reads `\n`, `\r`, `\t`, `\0`, `\\` and `\xNN`; everything else stands for itself.
pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (byte, used) = read_escape(&rest[at + 1..])?;
        bytes.push(byte);
        rest = &rest[at + 1 + used..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Reads what follows a backslash; returns the byte meant, and how many bytes of text it took.
pub(crate) fn read_escape(after: &str) -> Result<(u8, usize), String> {
    let byte = match after.chars().next() {
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        Some('0') => 0,
        Some('\\') => b'\\',
        Some('x') => {
            let digits = after.get(1..3).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            return byte.map(|byte| (byte, 3)).ok_or_else(|| "\\x needs two hexadecimal digits".to_owned());
        }
        Some(other) => {
            return Err(format!("\\{other} is not an escape; there are \\n \\r \\t \\0 \\\\ and \\xNN"));
        }
        None => return Err("a backslash at the end; write \\\\ for one".to_owned()),
    };
    Ok((byte, 1))
}

/// `KEY=VALUE`: a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyValue {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl FromStr for KeyValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) =
            text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("write KEY=VALUE")?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// `NAME=VALUE` or `NAME:VALUE`, split at whichever comes first: a record header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderArg {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for HeaderArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.find(['=', ':']).ok_or("write NAME=VALUE")?;
        Ok(Self { name: text[..at].to_owned(), value: text[at + 1..].to_owned() })
    }
}

/// A setting for topics that are created on the way; librdkafka's `topic.` before the key is understood.
pub(super) fn parse_topic_setting(text: &str) -> Result<KeyValue, String> {
    text.strip_prefix("topic.").unwrap_or(text).parse()
}

/// The value of RUNNEL_AUTOSTART, or the flag's own `true`: whether starting a broker is forbidden.
pub(super) fn parse_no_autostart(text: &str) -> Result<bool, String> {
    match text {
        "never" | "true" => Ok(true),
        "auto" | "always" | "false" | "" => Ok(false),
        _ => Err("RUNNEL_AUTOSTART is `auto` or `never`".to_owned()),
    }
}

/// A size such as `120x40`: columns and rows.
pub(super) fn parse_screen_size(text: &str) -> Result<(u16, u16), String> {
    let (columns, rows) = text.split_once('x').ok_or("write COLUMNSxROWS, such as 120x40")?;
    let (least_columns, least_rows) = runnel_tui::SMALLEST_SIZE;
    match (columns.parse::<u16>(), rows.parse::<u16>()) {
        (Ok(columns), Ok(rows))
            if (least_columns..=1000).contains(&columns) && (least_rows..=1000).contains(&rows) =>
        {
            Ok((columns, rows))
        }
        _ => Err(format!("write COLUMNSxROWS, from {least_columns}x{least_rows} to 1000x1000")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(unescape(r"\n\r\t\0\\"), Ok(b"\n\r\t\0\\".to_vec()));
        assert_eq!(unescape(r"a\x00\xfFz"), Ok(b"a\x00\xffz".to_vec()));
        assert_eq!(unescape("→"), Ok("→".as_bytes().to_vec()));
        for bad in [r"\", r"\q", r"\x", r"\x1", r"\xg0", r"\x+1", r"\→"] {
            assert!(unescape(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_and_headers() {
        let pair = |key: &str, value: &str| Ok(KeyValue { key: key.into(), value: value.into() });
        assert_eq!("a=b=c".parse(), pair("a", "b=c"));
        assert_eq!(parse_topic_setting("topic.retention.ms=1"), pair("retention.ms", "1"));
        assert!("=b".parse::<KeyValue>().is_err());
        let header: HeaderArg = "traceparent:00=1".parse().expect("header");
        assert_eq!((header.name.as_str(), header.value.as_str()), ("traceparent", "00=1"));
        let header: HeaderArg = "url=http://x".parse().expect("header");
        assert_eq!((header.name.as_str(), header.value.as_str()), ("url", "http://x"));
        assert!("nothing".parse::<HeaderArg>().is_err());
    }

    #[test]
    fn screen_sizes() {
        assert_eq!(parse_screen_size("120x40"), Ok((120, 40)));
        for bad in ["", "120", "0x40", "axb", "120x99999", "10x5", "39x10"] {
            assert!(parse_screen_size(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn hex_escapes_give_every_byte(bytes: Vec<u8>) {
            let text: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            prop_assert_eq!(unescape(&text), Ok(bytes));
        }

        #[test]
        fn unescaping_never_panics(text: String) {
            let _ = unescape(&text);
        }
    }
}

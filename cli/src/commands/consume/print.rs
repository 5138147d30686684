//! Prints records: values, in a format, or as JSON.

use std::io::Write as _;

use runnel_proto::records::Record;
use runnel_proto::text::escape_bytes;

use crate::args::{ConsumeArgs, Part, Template};
use crate::records_json::write_record;

/// Turns records into bytes.
#[derive(Debug)]
pub(super) struct Printer {
    layout: Layout,
    /// On a terminal what could harm it is escaped.
    escape: bool,
}

#[derive(Debug)]
enum Layout {
    Value { delimiter: Vec<u8> },
    Template { template: Template, delimiter: Vec<u8> },
    Json,
}

impl Printer {
    /// As the command line wants it; `escape`: the output goes to a terminal.
    pub(super) fn new(args: &ConsumeArgs, escape: bool) -> Self {
        let delimiter = args.delimiter.as_ref().map(|delimiter| delimiter.0.clone());
        let layout = match &args.format {
            _ if args.json => Layout::Json,
            Some(template) => {
                Layout::Template { template: template.clone(), delimiter: delimiter.unwrap_or_default() }
            }
            None => Layout::Value { delimiter: delimiter.unwrap_or_else(|| b"\n".to_vec()) },
        };
        Self { layout, escape }
    }

    /// Appends one record.
    #[inline]
    pub(super) fn print(&self, out: &mut Vec<u8>, topic: &str, partition: i32, record: &Record<'_>) {
        match &self.layout {
            Layout::Value { delimiter } => {
                self.print_bytes(out, record.value.unwrap_or_default());
                out.extend_from_slice(delimiter);
            }
            Layout::Template { template, delimiter } => {
                for part in &template.parts {
                    self.print_part(out, part, topic, partition, record);
                }
                out.extend_from_slice(delimiter);
            }
            Layout::Json => write_record(out, topic, partition, record),
        }
    }

    fn print_part(&self, out: &mut Vec<u8>, part: &Part, topic: &str, partition: i32, record: &Record<'_>) {
        match part {
            Part::Literal(bytes) => out.extend_from_slice(bytes),
            Part::Topic => out.extend_from_slice(topic.as_bytes()),
            Part::Partition => print_number(out, i64::from(partition)),
            Part::Offset => print_number(out, record.offset),
            Part::Timestamp => print_number(out, record.timestamp_ms),
            Part::Key => self.print_bytes(out, record.key.unwrap_or_default()),
            Part::KeyLength => print_number(out, length(record.key)),
            Part::Value => self.print_bytes(out, record.value.unwrap_or_default()),
            Part::ValueLength => print_number(out, length(record.value)),
            Part::Headers => self.print_headers(out, record),
        }
    }

    fn print_headers(&self, out: &mut Vec<u8>, record: &Record<'_>) {
        for (at, header) in record.headers().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.print_bytes(out, header.name);
            if let Some(value) = header.value {
                out.push(b'=');
                self.print_bytes(out, value);
            }
        }
    }

    #[inline]
    fn print_bytes(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        if self.escape {
            print_escaped(out, bytes);
        } else {
            out.extend_from_slice(bytes);
        }
    }
}

/// Tabs and newlines do no harm, and text reads better with them.
fn print_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr2(b'\t', b'\n', rest) {
        out.extend_from_slice(escape_bytes(&rest[..at]).as_bytes());
        out.push(rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(escape_bytes(rest).as_bytes());
}

fn print_number(out: &mut Vec<u8>, number: i64) {
    write!(out, "{number}").expect("a vector takes any bytes");
}

fn length(bytes: Option<&[u8]>) -> i64 {
    bytes.map_or(-1, |bytes| bytes.len() as i64)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use runnel_proto::records::{BatchBuilder, BatchReader, Compression};

    use super::*;
    use crate::args::{Cli, Command};

    type Headers<'a> = &'a [(&'a [u8], Option<&'a [u8]>)];

    fn printed(
        flags: &[&str],
        escape: bool,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Headers<'_>,
    ) -> String {
        let line = ["runnel", "consume", "t"].iter().chain(flags);
        let Some(Command::Consume(args)) = Cli::try_parse_from(line).expect("arguments").command else {
            unreachable!("consume was asked for")
        };
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(1_782_907_200_000, key, value, headers);
        let batch = builder.build().expect("a batch");
        let mut reader = BatchReader::new(1 << 20);
        let record = reader.read(&batch).expect("sound").next().expect("one").expect("sound");
        let mut out = Vec::new();
        Printer::new(&args, escape).print(&mut out, "t", 3, &record);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_value_and_its_delimiter() {
        assert_eq!(printed(&[], false, Some(b"k"), Some(b"v"), &[]), "v\n");
        assert_eq!(printed(&["-D", ""], false, None, Some(b"\x00\xff"), &[]), "\0\u{fffd}");
        assert_eq!(printed(&["-D", "\\0"], false, None, Some(b"v"), &[]), "v\0");
        assert_eq!(printed(&[], false, None, None, &[]), "\n");
    }

    #[test]
    fn formats() {
        let headers: Headers<'_> = &[(b"a", Some(b"1")), (b"a", None), (b"b", Some(b""))];
        let all = "%t %p %o %T [%k] %K [%v] %S %h %%\\n";
        assert_eq!(
            printed(&["-f", all], false, Some(b"key"), Some(b"value"), headers),
            "t 3 0 1782907200000 [key] 3 [value] 5 a=1,a,b= %\n"
        );
        assert_eq!(printed(&["-f", "%k|%K|%s|%S"], false, None, Some(b""), &[]), "|-1||0");
        assert_eq!(printed(&["-f", "%v", "-D", ";"], false, None, Some(b"v"), &[]), "v;");
    }

    #[test]
    fn terminals_are_safe() {
        let nasty = "a\tb\nc\x1b[2J\u{202e}é\r".as_bytes();
        let shown = printed(&[], true, None, Some(nasty), &[]);
        assert_eq!(shown, "a\tb\nc\\x1b[2J\\u{202e}é\\r\n");
        assert_eq!(
            printed(&["-f", "%k%h"], true, Some(b"\x07"), None, &[(b"\x07", Some(b"\x07"))]),
            "\\x07\\x07=\\x07"
        );
        assert!(!printed(&["--json"], true, None, Some(nasty), &[]).contains('\x1b'));
    }
}

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runnel_proto::records::{Header, Record, TimestampType};

/// Appends one record as one line.
pub(crate) fn write_record(out: &mut Vec<u8>, topic: &str, partition: i32, record: &Record<'_>) {
    out.extend_from_slice(b"{\"topic\":");
    write_string(out, topic);
    let kind = match record.timestamp_type {
        TimestampType::CreateTime => "create_time",
        TimestampType::LogAppendTime => "log_append_time",
    };
    write!(
        out,
        ",\"partition\":{partition},\"offset\":{},\"timestamp\":{},\"timestamp_type\":\"{kind}\",",
        record.offset, record.timestamp_ms
    )
    .expect("a vector takes any bytes");
    write_field(out, "key", record.key);
    out.push(b',');
    write_field(out, "value", record.value);
    out.extend_from_slice(b",\"headers\":[");
    for (at, header) in record.headers().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_header(out, &header);
    }
    out.extend_from_slice(b"]}\n");
}

fn write_header(out: &mut Vec<u8>, header: &Header<'_>) {
    let value = header.value.map(std::str::from_utf8).transpose();
    let (Ok(name), Ok(value)) = (std::str::from_utf8(header.name), value) else {
        out.push(b'{');
        write_field(out, "name", Some(header.name));
        out.push(b',');
        write_field(out, "value", header.value);
        out.push(b'}');
        return;
    };
    out.push(b'[');
    write_string(out, name);
    out.push(b',');
    match value {
        Some(value) => write_string(out, value),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b']');
}

/// `"name":"text"`, `"name_b64":"…"` or `"name":null`.
fn write_field(out: &mut Vec<u8>, name: &str, bytes: Option<&[u8]>) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    match bytes.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
        None => out.extend_from_slice(b"\":null"),
        Some(Ok(text)) => {
            out.extend_from_slice(b"\":");
            write_string(out, text);
        }
        Some(Err(bytes)) => {
            out.extend_from_slice(b"_b64\":\"");
            write_base64(out, bytes);
            out.push(b'"');
        }
    }
}

fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    let room = base64::encoded_len(bytes.len(), true).expect("a record is far below the address space");
    out.resize(start + room, 0);
    STANDARD.encode_slice(bytes, &mut out[start..]).expect("the room was measured");
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' && byte < 0x7f {
            continue;
        }
        // Only whole characters begin here: their other bytes are none of those that are escaped.
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { continue };
        if is_plain(c) {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[plain_from..at]);
        write_escaped(out, c);
        plain_from = at + c.len_utf8();
    }
    out.extend_from_slice(&text.as_bytes()[plain_from..]);
    out.push(b'"');
}

/// Whether a character may stand as it is, in JSON and on a terminal: no controls, no change of writing direction.
fn is_plain(c: char) -> bool {
    let changes_direction = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    );
    !c.is_control() && !changes_direction && c != '"' && c != '\\'
}

/// All that are escaped lie in the basic plane, so that one `\uXXXX` is enough.
fn write_escaped(out: &mut Vec<u8>, c: char) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        _ => write!(out, "\\u{:04x}", u32::from(c)).expect("a vector takes any bytes"),
    }
}

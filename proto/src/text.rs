//! Text from elsewhere, made safe to show on a terminal or in a log.
//!
//! A topic name, header, payload, client id or error text may hold escape sequences that move the cursor, rewrite the
//! clipboard or turn the text around. Here each such character becomes a visible escape in ASCII. The result is for
//! eyes: a backslash stays a backslash, so that it can't be turned back.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every character that could harm a terminal or a log line written as `\n`, `\t`, `\r`, `\xNN` or
/// `\u{NNNN}`. Borrowed when there is none.
///
/// Escaped are C0 (with newline and tab), DEL, C1, bidirectional controls, line and paragraph separators and invisible
/// characters. The zero-width joiner and non-joiner stay, for emoji and several scripts need them.
pub fn escape(text: &str) -> Cow<'_, str> {
    match text.find(is_dangerous) {
        None => Cow::Borrowed(text),
        Some(first) => {
            let mut escaped = String::with_capacity(text.len() + 8);
            escaped.push_str(&text[..first]);
            escape_into(&mut escaped, &text[first..]);
            Cow::Owned(escaped)
        }
    }
}

/// Bytes as text: what is UTF-8 as [`escape`] shows it, every other byte as `\xNN`.
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut escaped = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        escape_into(&mut escaped, chunk.valid());
        for byte in chunk.invalid() {
            write!(escaped, "\\x{byte:02x}").expect("a string takes any text");
        }
    }
    escaped
}

fn escape_into(escaped: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            c if c.is_ascii_control() => {
                write!(escaped, "\\x{:02x}", u32::from(c)).expect("a string takes any text");
            }
            c if is_dangerous(c) => {
                write!(escaped, "\\u{{{:04x}}}", u32::from(c)).expect("a string takes any text");
            }
            c => escaped.push(c),
        }
    }
}

fn is_dangerous(c: char) -> bool {
    match c {
        ' '..='~' => false,
        c if c.is_control() => true, // C0, DEL, C1
        '\u{00ad}' |                 // soft hyphen: its width differs between terminals
        '\u{061c}' | '\u{200e}' | '\u{200f}' | // bidi marks
        '\u{180e}' | '\u{200b}' |    // zero-width spaces
        '\u{2028}' | '\u{2029}' |    // line and paragraph separators
        '\u{202a}'..='\u{202e}' |    // bidi embeddings and overrides
        '\u{2060}'..='\u{206f}' |    // invisible operators, bidi isolates, deprecated shaping
        '\u{feff}' |                 // byte order mark
        '\u{fff9}'..='\u{fffb}' |    // interlinear annotations
        '\u{e0000}'..='\u{e007f}' => true, // tags: invisible ASCII
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn controls_become_visible() {
        let cases = [
            ("a\nb\tc\r", r"a\nb\tc\r"),
            ("\x1b]52;c;cm0=\x07", r"\x1b]52;c;cm0=\x07"),
            ("\0\x7f", r"\x00\x7f"),
            ("\u{9b}31m", r"\u{009b}31m"),
            ("user\u{202e}gpj.exe", r"user\u{202e}gpj.exe"),
            ("a\u{2028}b\u{feff}\u{200b}", r"a\u{2028}b\u{feff}\u{200b}"),
            ("\u{e0041}", r"\u{e0041}"),
        ];
        for (text, shown) in cases {
            assert_eq!(escape(text), shown);
        }
    }

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["", "orders-1", r"C:\new", "Grüße, 世界 👩‍👩‍👧 नमस्ते می‌خواهم"]
        {
            assert!(matches!(escape(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_become_hexadecimal() {
        assert_eq!(escape_bytes(b"caf\xc3\xa9 \xff\x9b\xc3"), r"café \xff\x9b\xc3");
        assert_eq!(escape_bytes(b"\x1b[2J"), r"\x1b[2J");
    }

    fn is_harmless(text: &str) -> bool {
        const BIDI: &str =
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        text.chars().all(|c| !c.is_control() && !BIDI.contains(c) && c != '\u{2028}' && c != '\u{2029}')
    }

    /// Any text, with many of the characters that matter.
    fn wild_text() -> impl Strategy<Value = String> {
        let c = prop_oneof![
            any::<char>(),
            prop::char::range('\0', '\u{ff}'),
            prop::char::range('\u{2000}', '\u{206f}'),
        ];
        prop::collection::vec(c, 0..64).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_control(text in wild_text()) {
            let shown = escape(&text);
            prop_assert!(is_harmless(&shown), "{shown:?}");
            prop_assert_eq!(&escape(&shown), &shown);
        }

        #[test]
        fn no_bytes_keep_a_control(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let shown = escape_bytes(&bytes);
            prop_assert!(is_harmless(&shown), "{shown:?}");
        }

        #[test]
        fn text_as_bytes_is_shown_alike(text in wild_text()) {
            prop_assert_eq!(escape_bytes(text.as_bytes()), escape(&text).into_owned());
        }

        #[test]
        fn printable_text_is_untouched(text in "[ -~äöüß世界]{0,64}") {
            prop_assert!(matches!(escape(&text), Cow::Borrowed(same) if same == text));
        }
    }
}

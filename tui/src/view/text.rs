//! Text from elsewhere: escaped, and cut by the width it takes on the screen.

use std::borrow::Cow;

use ratatui::style::Style;
use ratatui::text::Span;
use runnel_proto::text::escape;

/// The text, escaped and cut to so many columns; a cut shows as `…`. Every string from the broker comes through here.
pub(super) fn fit(text: &str, width: usize) -> Cow<'_, str> {
    let text = escape(text);
    if width_of(&text) <= width {
        return text;
    }
    let mut cut = String::new();
    let mut used = 0;
    for grapheme in Span::raw(text.as_ref()).styled_graphemes(Style::new()) {
        let next = width_of(grapheme.symbol);
        if used + next + 1 > width {
            break;
        }
        cut.push_str(grapheme.symbol);
        used += next;
    }
    if width > 0 {
        cut.push('…');
    }
    Cow::Owned(cut)
}

/// The text, escaped, in lines of so many columns; at least one line.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text = escape(text);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        for (first, grapheme) in Span::raw(word).styled_graphemes(Style::new()).enumerate() {
            let next = width_of(grapheme.symbol);
            if used + next > width && grapheme.symbol == " " {
                continue;
            }
            // A word that doesn't fit begins a new line; one that fits no line is cut.
            let ahead = if first == 0 { width_of(word.trim_end()).min(width) } else { next };
            if used > 0 && used + ahead > width {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(grapheme.symbol);
            }
            used += next;
        }
    }
    lines
}

/// Columns that the text takes.
pub(super) fn width_of(text: &str) -> usize {
    Span::raw(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_by_width_not_by_bytes() {
        assert_eq!(fit("orders", 6), "orders");
        assert_eq!(fit("orders", 5), "orde…");
        assert_eq!(fit("orders", 1), "…");
        assert_eq!(fit("orders", 0), "");
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
    }

    #[test]
    fn lines_break_between_words() {
        let lines = |text, width| {
            wrapped(text, width).iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(lines("the group is gone", 9), ["the group", "is gone"]);
        assert_eq!(lines("", 9), [""]);
        assert_eq!(lines("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(lines("a\u{1b}b", 20).len(), 1);
    }

    #[test]
    fn what_a_terminal_would_obey_never_comes_out() {
        for hostile in ["\u{1b}[2Jgone", "a\nb", "tab\t", "\u{202e}evil", "bell\u{7}", "\u{9b}31m"] {
            let shown = fit(hostile, 80);
            assert!(
                !shown.chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{hostile:?} became {shown:?}"
            );
        }
    }
}

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

//! Aligned columns.

use std::fmt::Write;

use runnel_proto::text::escape;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Screen;

/// Two columns stand this far apart.
const GAP: usize = 2;
/// No column is cut below this.
const NARROWEST: usize = 8;

/// A column's heading and which side its cells lean to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    heading: &'static str,
    right: bool,
}

/// A column of text.
pub(crate) const fn left(heading: &'static str) -> Column {
    Column { heading, right: false }
}

/// A column of numbers.
pub(crate) const fn right(heading: &'static str) -> Column {
    Column { heading, right: true }
}

/// One cell; text from outside is escaped on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell(String);

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self(escape(text).into_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

macro_rules! number_cells {
    ($($number:ty),*) => { $(
        impl From<$number> for Cell {
            fn from(number: $number) -> Self {
                Self(number.to_string())
            }
        }
    )* };
}

number_cells!(i32, u32, i64, u64, usize);

/// A value, or `?` when it can't be told.
pub(crate) fn unknown_or<T: Into<Cell>>(value: Option<T>) -> Cell {
    value.map_or_else(|| Cell("?".to_owned()), Into::into)
}

/// Rows under headings.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row; it has a cell for each column.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        assert_eq!(cells.len(), self.columns.len(), "a row has a cell for each column");
        self.rows.push(cells);
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The headings and all rows, one a line.
    pub(crate) fn render(&self, screen: &Screen) -> String {
        let widths = self.widths(screen);
        let mut text = String::new();
        let headings: Vec<Cell> = self.columns.iter().map(|column| Cell(column.heading.to_owned())).collect();
        let heading = self.line(&headings, &widths);
        if screen.color {
            let _ = writeln!(text, "\x1b[1m{heading}\x1b[0m");
        } else {
            let _ = writeln!(text, "{heading}");
        }
        for row in &self.rows {
            let _ = writeln!(text, "{}", self.line(row, &widths));
        }
        text
    }

    /// Column widths: as wide as their cells, the widest text cut until a line fits the screen.
    fn widths(&self, screen: &Screen) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| column.heading.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.0.width());
            }
        }
        let Some(limit) = screen.width else { return widths };
        let gaps = GAP * self.columns.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
        while excess > 0 {
            let widest = (0..widths.len()).filter(|&at| !self.columns[at].right).max_by_key(|&at| widths[at]);
            let Some(at) = widest.filter(|&at| widths[at] > NARROWEST) else { break };
            widths[at] -= 1;
            excess -= 1;
        }
        widths
    }

    fn line(&self, cells: &[Cell], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((column, cell), &width) in self.columns.iter().zip(cells).zip(widths) {
            let text = fit(&cell.0, width);
            let padding = " ".repeat(width.saturating_sub(text.width()));
            if column.right {
                line += &padding;
                line += &text;
            } else {
                line += &text;
                line += &padding;
            }
            line += &" ".repeat(GAP);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The text, its end replaced by an ellipsis when it is wider than `width`.
fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Screen = Screen { width: None, color: false };

    fn sample() -> Table {
        let mut table = Table::new([left("NAME"), right("RECORDS"), left("NOTE")]);
        table.row(["orders".into(), 12_i64.into(), "fine".into()]);
        table.row(["a-rather-long-topic-name".into(), 1_234_567_i64.into(), unknown_or(None::<&str>)]);
        table
    }

    #[test]
    fn aligns_text_left_and_numbers_right() {
        let expected = "NAME                      RECORDS  NOTE\n\
                        orders                         12  fine\n\
                        a-rather-long-topic-name  1234567  ?\n";
        assert_eq!(sample().render(&PIPE), expected);
    }

    #[test]
    fn cuts_text_but_never_numbers_to_fit_a_terminal() {
        let text = sample().render(&Screen { width: Some(30), color: false });
        assert!(text.lines().all(|line| line.width() <= 30), "{text}");
        assert!(text.contains("a-rather-long-…  1234567"), "{text}");
    }

    #[test]
    fn escapes_what_would_move_the_cursor() {
        let mut table = Table::new([left("NAME")]);
        table.row(["\x1b[2Jgone\u{202e}".into()]);
        let text = table.render(&PIPE);
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text:?}");
    }

    #[test]
    fn counts_wide_characters_as_two() {
        let mut table = Table::new([left("A"), left("B")]);
        table.row(["日本".into(), "x".into()]);
        assert_eq!(table.render(&PIPE), "A     B\n日本  x\n");
    }
}

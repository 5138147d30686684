//! A drawn buffer for a terminal that scrolls: lines of text with their colours.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::text::width_of;

/// The buffer as lines of text, coloured by escape sequences (ECMA-48, "SGR"); each line ends without any.
pub(crate) fn as_colored_text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(buffer.area.width).max(1)) {
        let mut last = String::new();
        // A wide character covers the cell after it.
        let mut covered = 0;
        for cell in row {
            if covered == 0 {
                let codes = codes(cell);
                if codes != last {
                    text.push_str(&format!("\x1b[0{codes}m"));
                    last = codes;
                }
                text.push_str(cell.symbol());
                covered = width_of(cell.symbol());
            }
            covered = covered.saturating_sub(1);
        }
        text.push_str(if last.is_empty() { "\n" } else { "\x1b[0m\n" });
    }
    text
}

/// `;1;38;5;240`: what the cell's style adds to none.
fn codes(cell: &Cell) -> String {
    let modifiers = [(Modifier::BOLD, ";1"), (Modifier::DIM, ";2"), (Modifier::REVERSED, ";7")];
    let mut codes: String = modifiers
        .into_iter()
        .filter(|(modifier, _)| cell.modifier.contains(*modifier))
        .map(|(_, code)| code)
        .collect();
    codes.push_str(&color(cell.fg, 30));
    codes.push_str(&color(cell.bg, 40));
    codes
}

/// The code of a colour; `base` is 30 for text, 40 for its ground.
fn color(color: Color, base: u8) -> String {
    const NAMED: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match (color, NAMED.iter().position(|named| *named == color)) {
        (_, Some(place @ 0..8)) => format!(";{}", usize::from(base) + place),
        (_, Some(place)) => format!(";{}", usize::from(base) + 60 + place - 8),
        (Color::Indexed(index), _) => format!(";{};5;{index}", base + 8),
        (Color::Rgb(red, green, blue), _) => format!(";{};2;{red};{green};{blue}", base + 8),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn colours_begin_and_end_with_their_text() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        buffer.set_string(0, 0, "ab", Style::new().bold().fg(Color::Indexed(7)).bg(Color::LightRed));
        assert_eq!(as_colored_text(&buffer), "\x1b[0;1;38;5;7;101mab\x1b[0m  \n");
        buffer.set_string(3, 0, "c", Style::new().fg(Color::Gray));
        assert_eq!(as_colored_text(&buffer), "\x1b[0;1;38;5;7;101mab\x1b[0m \x1b[0;37mc\x1b[0m\n");
    }
}

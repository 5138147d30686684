//! Colours: few, of middle brightness so that they read on dark and on light, on the terminal's own background.

use ratatui::style::{Color, Modifier, Style};

/// The styles of everything that is drawn. Without colours weight alone is left: no meaning is lost, since every colour
/// goes with a word, a sign or a shape.
#[derive(Clone, Debug)]
pub(crate) struct Theme {
    /// What matters less.
    pub(crate) muted: Style,
    pub(crate) border: Style,
    /// The box that the keys reach.
    pub(crate) border_focused: Style,
    /// Keys, the brand, the sorted column.
    pub(crate) accent: Style,
    /// The selected row.
    pub(crate) selected: Style,
    /// Titles on a border, which has a colour of its own.
    pub(crate) text: Style,
    /// What comes in.
    pub(crate) inflow: Style,
    /// What goes out.
    pub(crate) outflow: Style,
    /// Their charts, from the bottom up.
    pub(crate) inflow_ramp: [Style; 4],
    pub(crate) outflow_ramp: [Style; 4],
    pub(crate) good: Style,
    pub(crate) warn: Style,
    pub(crate) bad: Style,
    /// A label that stands out: frozen, lost.
    pub(crate) badge: Style,
    /// From cool to hot.
    pub(crate) heat: [Style; 5],
    /// Laid over what is out of date.
    pub(crate) stale: Style,
}

impl Theme {
    /// For this terminal: 256 colours where it says so, else the 16 that all have, else none.
    pub(crate) fn for_terminal(color: bool) -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        let (term, colorterm) = (variable("TERM"), variable("COLORTERM"));
        match color && term != "dumb" {
            false => Self::plain(),
            true if many_colors(&term, &colorterm) => Self::colors(&INDEXED),
            true => Self::colors(&SIXTEEN),
        }
    }

    /// Without colours.
    pub(crate) fn plain() -> Self {
        let (plain, bold) = (Style::new(), Style::new().add_modifier(Modifier::BOLD));
        let dim = Style::new().add_modifier(Modifier::DIM);
        Self {
            muted: dim,
            border: dim,
            border_focused: plain,
            accent: bold,
            selected: Style::new().add_modifier(Modifier::REVERSED).remove_modifier(Modifier::DIM),
            text: plain,
            inflow: plain,
            outflow: plain,
            inflow_ramp: [plain; 4],
            outflow_ramp: [plain; 4],
            good: plain,
            warn: bold,
            bad: bold,
            badge: Style::new().add_modifier(Modifier::REVERSED),
            heat: [dim, plain, plain, bold, bold],
            stale: dim,
        }
    }

    /// With 256 colours.
    #[cfg(test)]
    pub(crate) fn indexed() -> Self {
        Self::colors(&INDEXED)
    }

    fn colors(palette: &Palette) -> Self {
        let fg = |color| Style::new().fg(color);
        Self {
            muted: fg(palette.muted),
            border: fg(palette.border),
            border_focused: fg(palette.accent),
            accent: fg(palette.accent).add_modifier(Modifier::BOLD),
            selected: Style::new()
                .fg(palette.selected_text)
                .bg(palette.selected)
                .add_modifier(Modifier::BOLD),
            text: fg(Color::Reset),
            inflow: fg(palette.inflow[2]),
            outflow: fg(palette.outflow[2]),
            inflow_ramp: palette.inflow.map(fg),
            outflow_ramp: palette.outflow.map(fg),
            good: fg(palette.good),
            warn: fg(palette.warn),
            bad: fg(palette.bad).add_modifier(Modifier::BOLD),
            badge: Style::new().fg(palette.badge_text).bg(palette.warn).add_modifier(Modifier::BOLD),
            heat: palette.heat.map(fg),
            stale: fg(palette.muted).add_modifier(Modifier::DIM),
        }
    }
}

struct Palette {
    muted: Color,
    border: Color,
    accent: Color,
    selected: Color,
    selected_text: Color,
    inflow: [Color; 4],
    outflow: [Color; 4],
    good: Color,
    warn: Color,
    bad: Color,
    badge_text: Color,
    heat: [Color; 5],
}

const INDEXED: Palette = Palette {
    muted: Color::Indexed(245),
    border: Color::Indexed(241),
    accent: Color::Indexed(38),
    selected: Color::Indexed(24),
    selected_text: Color::Indexed(231),
    inflow: [Color::Indexed(23), Color::Indexed(30), Color::Indexed(37), Color::Indexed(44)],
    outflow: [Color::Indexed(60), Color::Indexed(97), Color::Indexed(140), Color::Indexed(177)],
    good: Color::Indexed(71),
    warn: Color::Indexed(172),
    bad: Color::Indexed(167),
    badge_text: Color::Indexed(16),
    heat: [
        Color::Indexed(245),
        Color::Indexed(37),
        Color::Indexed(71),
        Color::Indexed(172),
        Color::Indexed(167),
    ],
};

const SIXTEEN: Palette = Palette {
    muted: Color::DarkGray,
    border: Color::DarkGray,
    accent: Color::Cyan,
    selected: Color::Blue,
    selected_text: Color::White,
    inflow: [Color::Cyan; 4],
    outflow: [Color::Magenta; 4],
    good: Color::Green,
    warn: Color::Yellow,
    bad: Color::Red,
    badge_text: Color::Black,
    heat: [Color::DarkGray, Color::Cyan, Color::Green, Color::Yellow, Color::Red],
};

fn many_colors(term: &str, colorterm: &str) -> bool {
    let modern = ["256color", "direct", "kitty", "alacritty", "ghostty", "wezterm", "foot"];
    !colorterm.is_empty() || modern.iter().any(|part| term.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_says_how_many_colours() {
        assert!(many_colors("xterm-256color", ""));
        assert!(many_colors("xterm", "truecolor"));
        assert!(!many_colors("linux", ""));
        assert!(!many_colors("vt100", ""));
    }
}

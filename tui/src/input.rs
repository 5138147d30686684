//! Keys to intents. Pure: which key means what, and nothing of what it does.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::state::{Motion, Place};

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Leave the program, from wherever.
    Quit,
    /// One screen back; leave from the first.
    Back,
    /// One screen back; stay on the first.
    Escape,
    /// Into what is selected.
    Open,
    Move(Motion),
    /// To another screen.
    GoTo(Place),
    NextPane,
    PreviousPane,
    /// To the box or tab of this digit.
    Pane(usize),
    SortNext,
    SortReverse,
    Filter(Typing),
    Freeze,
    ToggleInternal,
    Help,
    Reconnect,
    LongerInterval,
    ShorterInterval,
    /// Ctrl-Z: to the shell, until `fg`.
    Suspend,
}

/// What happens to the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typing {
    /// Start typing.
    Begin,
    Character(char),
    Delete,
    DeleteWord,
    Clear,
    /// Keep the filter, stop typing.
    Accept,
    /// Drop the filter, stop typing.
    Cancel,
}

/// What a key means at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Normal,
    /// Letters are text for the filter.
    Typing,
    /// The help is open: most keys close it.
    Help,
}

/// The intent of a key, if it has one.
pub(crate) fn intent(key: KeyEvent, mode: Mode) -> Option<Intent> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match (key.code, control) {
        (KeyCode::Char('c'), true) => return Some(Intent::Quit),
        (KeyCode::Char('z'), true) => return Some(Intent::Suspend),
        _ => {}
    }
    // Alt makes another key of a key.
    if key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META) {
        return None;
    }
    match mode {
        Mode::Normal => normal(key.code, control),
        Mode::Typing => typing(key.code, control),
        Mode::Help => help(key.code, control),
    }
}

fn normal(code: KeyCode, control: bool) -> Option<Intent> {
    if let Some(motion) = motion(code, control) {
        return Some(Intent::Move(motion));
    }
    if control {
        return None;
    }
    Some(match code {
        KeyCode::Char('q') => Intent::Back,
        KeyCode::Esc | KeyCode::Backspace | KeyCode::Left | KeyCode::Char('h') => Intent::Escape,
        KeyCode::Enter | KeyCode::Right | KeyCode::Char('l') => Intent::Open,
        KeyCode::Char('o') => Intent::GoTo(Place::Overview),
        KeyCode::Char('t') => Intent::GoTo(Place::Topics),
        KeyCode::Char('c') => Intent::GoTo(Place::Groups),
        KeyCode::Tab => Intent::NextPane,
        KeyCode::BackTab => Intent::PreviousPane,
        KeyCode::Char(digit @ '1'..='9') => Intent::Pane(digit as usize - '0' as usize),
        KeyCode::Char('s') => Intent::SortNext,
        KeyCode::Char('S') => Intent::SortReverse,
        KeyCode::Char('/') => Intent::Filter(Typing::Begin),
        KeyCode::Char('f') => Intent::Freeze,
        KeyCode::Char('i') => Intent::ToggleInternal,
        KeyCode::Char('?') => Intent::Help,
        KeyCode::Char('r') => Intent::Reconnect,
        KeyCode::Char('+' | '=') => Intent::LongerInterval,
        KeyCode::Char('-') => Intent::ShorterInterval,
        _ => return None,
    })
}

fn motion(code: KeyCode, control: bool) -> Option<Motion> {
    Some(match (code, control) {
        (KeyCode::Char('u'), true) => Motion::HalfPageUp,
        (KeyCode::Char('d'), true) => Motion::HalfPageDown,
        (_, true) => return None,
        (KeyCode::Char('j') | KeyCode::Down, _) => Motion::Down,
        (KeyCode::Char('k') | KeyCode::Up, _) => Motion::Up,
        (KeyCode::Char('g') | KeyCode::Home, _) => Motion::First,
        (KeyCode::Char('G') | KeyCode::End, _) => Motion::Last,
        (KeyCode::PageUp, _) => Motion::PageUp,
        (KeyCode::PageDown, _) => Motion::PageDown,
        _ => return None,
    })
}

fn typing(code: KeyCode, control: bool) -> Option<Intent> {
    let typing = match (code, control) {
        (KeyCode::Char('u'), true) => Typing::Clear,
        (KeyCode::Char('w'), true) => Typing::DeleteWord,
        (_, true) => return None,
        (KeyCode::Char(character), _) => Typing::Character(character),
        (KeyCode::Backspace, _) => Typing::Delete,
        (KeyCode::Enter, _) => Typing::Accept,
        (KeyCode::Esc, _) => Typing::Cancel,
        // The table can be walked while the filter is typed.
        (KeyCode::Up, _) => return Some(Intent::Move(Motion::Up)),
        (KeyCode::Down, _) => return Some(Intent::Move(Motion::Down)),
        (KeyCode::PageUp, _) => return Some(Intent::Move(Motion::PageUp)),
        (KeyCode::PageDown, _) => return Some(Intent::Move(Motion::PageDown)),
        _ => return None,
    };
    Some(Intent::Filter(typing))
}

fn help(code: KeyCode, control: bool) -> Option<Intent> {
    match (code, control) {
        (KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?'), false) => Some(Intent::Help),
        _ => motion(code, control).map(Intent::Move),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: KeyModifiers = KeyModifiers::CONTROL;
    const NONE: KeyModifiers = KeyModifiers::NONE;

    fn typed(code: KeyCode, modifiers: KeyModifiers, mode: Mode) -> Option<Intent> {
        intent(KeyEvent::new(code, modifiers), mode)
    }

    #[test]
    fn keys_mean_what_the_help_says() {
        for (code, modifiers, expected) in [
            (KeyCode::Char('c'), CONTROL, Some(Intent::Quit)),
            (KeyCode::Char('z'), CONTROL, Some(Intent::Suspend)),
            (KeyCode::Char('q'), NONE, Some(Intent::Back)),
            (KeyCode::Esc, NONE, Some(Intent::Escape)),
            (KeyCode::Enter, NONE, Some(Intent::Open)),
            (KeyCode::Char('j'), NONE, Some(Intent::Move(Motion::Down))),
            (KeyCode::Down, NONE, Some(Intent::Move(Motion::Down))),
            (KeyCode::Char('k'), NONE, Some(Intent::Move(Motion::Up))),
            (KeyCode::Char('g'), NONE, Some(Intent::Move(Motion::First))),
            (KeyCode::Char('G'), KeyModifiers::SHIFT, Some(Intent::Move(Motion::Last))),
            (KeyCode::Char('u'), CONTROL, Some(Intent::Move(Motion::HalfPageUp))),
            (KeyCode::Char('d'), CONTROL, Some(Intent::Move(Motion::HalfPageDown))),
            (KeyCode::PageDown, NONE, Some(Intent::Move(Motion::PageDown))),
            (KeyCode::Tab, NONE, Some(Intent::NextPane)),
            (KeyCode::BackTab, KeyModifiers::SHIFT, Some(Intent::PreviousPane)),
            (KeyCode::Char('3'), NONE, Some(Intent::Pane(3))),
            (KeyCode::Char('o'), NONE, Some(Intent::GoTo(Place::Overview))),
            (KeyCode::Char('t'), NONE, Some(Intent::GoTo(Place::Topics))),
            (KeyCode::Char('c'), NONE, Some(Intent::GoTo(Place::Groups))),
            (KeyCode::Char('s'), NONE, Some(Intent::SortNext)),
            (KeyCode::Char('S'), KeyModifiers::SHIFT, Some(Intent::SortReverse)),
            (KeyCode::Char('/'), NONE, Some(Intent::Filter(Typing::Begin))),
            (KeyCode::Char('f'), NONE, Some(Intent::Freeze)),
            (KeyCode::Char('i'), NONE, Some(Intent::ToggleInternal)),
            (KeyCode::Char('?'), NONE, Some(Intent::Help)),
            (KeyCode::Char('r'), NONE, Some(Intent::Reconnect)),
            (KeyCode::Char('+'), NONE, Some(Intent::LongerInterval)),
            (KeyCode::Char('-'), NONE, Some(Intent::ShorterInterval)),
            (KeyCode::Char('f'), CONTROL, None),
            (KeyCode::Char('q'), KeyModifiers::ALT, None),
            (KeyCode::Char('x'), NONE, None),
            (KeyCode::F(1), NONE, None),
        ] {
            assert_eq!(typed(code, modifiers, Mode::Normal), expected, "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn letters_are_text_while_typing() {
        for (code, modifiers, expected) in [
            (KeyCode::Char('q'), NONE, Some(Intent::Filter(Typing::Character('q')))),
            (KeyCode::Char('!'), NONE, Some(Intent::Filter(Typing::Character('!')))),
            (KeyCode::Char('3'), NONE, Some(Intent::Filter(Typing::Character('3')))),
            (KeyCode::Char('?'), NONE, Some(Intent::Filter(Typing::Character('?')))),
            (KeyCode::Backspace, NONE, Some(Intent::Filter(Typing::Delete))),
            (KeyCode::Char('w'), CONTROL, Some(Intent::Filter(Typing::DeleteWord))),
            (KeyCode::Char('u'), CONTROL, Some(Intent::Filter(Typing::Clear))),
            (KeyCode::Enter, NONE, Some(Intent::Filter(Typing::Accept))),
            (KeyCode::Esc, NONE, Some(Intent::Filter(Typing::Cancel))),
            (KeyCode::Down, NONE, Some(Intent::Move(Motion::Down))),
            (KeyCode::Char('c'), CONTROL, Some(Intent::Quit)),
            (KeyCode::Char('z'), CONTROL, Some(Intent::Suspend)),
        ] {
            assert_eq!(typed(code, modifiers, Mode::Typing), expected, "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn help_closes_by_the_keys_that_one_tries() {
        for code in [KeyCode::Esc, KeyCode::Char('q'), KeyCode::Char('?'), KeyCode::Enter] {
            assert_eq!(typed(code, NONE, Mode::Help), Some(Intent::Help), "{code:?}");
        }
        assert_eq!(typed(KeyCode::Char('j'), NONE, Mode::Help), Some(Intent::Move(Motion::Down)));
        assert_eq!(typed(KeyCode::Char('f'), NONE, Mode::Help), None);
    }

    #[test]
    fn releases_mean_nothing() {
        let mut key = KeyEvent::new(KeyCode::Char('q'), NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(intent(key, Mode::Normal), None);
    }
}

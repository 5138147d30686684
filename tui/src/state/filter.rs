//! The text that narrows a table.

/// What the user typed after `/`. A leading `!` inverts it. Upper case letters make it mind the case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter {
    text: String,
}

impl Filter {
    /// As typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether everything passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.needle().is_empty()
    }

    /// Adds a character.
    pub(crate) fn push(&mut self, character: char) {
        const LONGEST: usize = 256;
        if self.text.len() < LONGEST && !character.is_control() {
            self.text.push(character);
        }
    }

    /// Takes the last character away.
    pub(crate) fn pop(&mut self) {
        self.text.pop();
    }

    /// Takes the last word away.
    pub(crate) fn pop_word(&mut self) {
        let kept = self.text.trim_end();
        let end = kept.rfind(' ').map_or(0, |space| space + 1);
        self.text.truncate(end);
    }

    /// Starts again.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
    }

    /// A test for one text, made once for many texts.
    pub(crate) fn matcher(&self) -> impl Fn(&str) -> bool + use<> {
        let invert = self.text.starts_with('!');
        let needle = self.needle().to_owned();
        let mind_case = needle.chars().any(char::is_uppercase);
        move |text: &str| {
            let found = needle.is_empty()
                || if mind_case { text.contains(&needle) } else { contains_ignoring_case(text, &needle) };
            needle.is_empty() || found != invert
        }
    }

    fn needle(&self) -> &str {
        self.text.strip_prefix('!').unwrap_or(&self.text)
    }
}

/// `needle` is in lower case already.
fn contains_ignoring_case(text: &str, needle: &str) -> bool {
    if text.is_ascii() && needle.is_ascii() {
        return text
            .as_bytes()
            .windows(needle.len())
            .any(|part| part.eq_ignore_ascii_case(needle.as_bytes()));
    }
    text.to_lowercase().contains(needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        let mut filter = Filter::default();
        text.chars().for_each(|character| filter.push(character));
        filter
    }

    #[test]
    fn matches_parts_ignores_case_unless_asked_and_inverts() {
        for (typed, text, passes) in [
            ("", "orders", true),
            ("!", "orders", true),
            ("ord", "Orders", true),
            ("Ord", "orders", false),
            ("Ord", "Orders", true),
            ("ders", "orders", true),
            ("x", "orders", false),
            ("!ord", "orders", false),
            ("!ord", "clicks", true),
            ("straße", "STRASSE Straße", true),
            ("orders-and-more", "ord", false),
        ] {
            assert_eq!(filter(typed).matcher()(text), passes, "{typed:?} on {text:?}");
        }
    }

    #[test]
    fn words_and_characters_go_from_the_end() {
        let mut typed = filter("one two ");
        typed.pop_word();
        assert_eq!(typed.text(), "one ");
        typed.pop();
        assert_eq!(typed.text(), "one");
        typed.pop_word();
        assert_eq!(typed.text(), "");
    }
}

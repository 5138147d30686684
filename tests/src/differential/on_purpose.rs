//! What Runnel answers otherwise than Kafka and is known: the table `on_purpose.md`. `docs/PROTOCOL.md` tells users what of
//! it matters to them.

use std::path::Path;
use std::{fs, io};

/// A difference that is known.
#[derive(Debug, Clone)]
pub(super) struct OnPurpose {
    /// The API's name.
    pub(super) api: String,
    /// The case in words; in all three columns `*` stands for anything.
    pub(super) case: String,
    pub(super) path: String,
    /// Why it is so.
    pub(super) reason: String,
}

impl OnPurpose {
    /// Whether it is about this field of this answer.
    pub(super) fn is(&self, api: &str, case: &str, path: &str) -> bool {
        matches(&self.api, api) && matches(&self.case, case) && matches(&self.path, path)
    }
}

/// All of them.
///
/// # Errors
/// The table can't be read.
pub(super) fn read() -> io::Result<Vec<OnPurpose>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/differential/on_purpose.md");
    Ok(parse(&fs::read_to_string(path)?))
}

/// The rows below the table's head.
fn parse(text: &str) -> Vec<OnPurpose> {
    let lines = text.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = lines.filter_map(|line| {
        let cells = line.strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<_> = cells.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        let [api, case, path, reason]: [String; 4] = cells.try_into().ok()?;
        Some(OnPurpose { api, case, path, reason })
    });
    rows.collect()
}

/// Whether `*` in the pattern, standing for any text, makes it the text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text) in
            [("", ""), ("a", "a"), ("*", ""), ("*", "a.b"), ("a[*].c", "a[b].c"), ("*b*", "abc")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", "ab"), ("a[*].c", "a[b].d"), ("*b", "abc")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn the_table_is_read() {
        let rows = parse(
            "# Title\n\n| API | case | field | why |\n|---|---|---|---|\n| Fetch | * | `a[*].b` | so |\n",
        );
        let told: Vec<_> = rows.iter().map(|row| [&row.api, &row.case, &row.path, &row.reason]).collect();
        assert_eq!(told, [["Fetch", "*", "a[*].b", "so"]]);
        assert!(!read().expect("the table").is_empty());
    }
}

//! The table in `docs/PROTOCOL.md` that tells how the suites end.

use std::collections::BTreeMap;
use std::fs;

use super::list::{List, Outcome, Row};

/// The lists, and what the page calls the suites.
const SUITES: [(&str, &str); 3] = [
    ("kafka-python", "kafka-python 3.0.12, `test/integration`"),
    ("kafka-go", "kafka-go 0.4.51"),
    ("kgo", "franz-go 1.22.2, `pkg/kgo`"),
];

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROTOCOL.md");
const FIRST_LINE: &str = "| suite | tests | Kafka 4.1.1 | Runnel | why |";

#[test]
fn the_page_tells_how_suites_end() {
    let page = fs::read_to_string(PAGE).expect("the page");
    let (before, rest) = page.split_once(FIRST_LINE).expect("the table");
    let end = rest.find("\n\n").unwrap_or(rest.len() - 1);
    let expected = table();
    if List::is_to_be_renewed() {
        fs::write(PAGE, format!("{before}{expected}{}", &rest[end..])).expect("the page");
    } else {
        assert_eq!(format!("{FIRST_LINE}{}", &rest[..end]), expected, "RUNNEL_REGENERATE=1 renews it");
    }
}

/// For each suite a row of sums, then the tests that do not pass on both sides, those with one reason together.
fn table() -> String {
    let mut lines = vec![FIRST_LINE.to_owned(), "|---|---|---|---|---|".to_owned()];
    for (name, title) in SUITES {
        let list = List::read(name);
        let passing =
            |side: fn(&Row) -> Outcome| list.rows.values().filter(|row| side(row) == Outcome::Pass).count();
        let (kafka, runnel) = (passing(|row| row.kafka), passing(|row| row.runnel));
        lines.push(format!("| {title} | {} in all | {kafka} pass | {runnel} pass | |", list.rows.len()));
        let mut reasons: BTreeMap<(&str, Outcome, Outcome), Vec<&str>> = BTreeMap::new();
        for (test, row) in list.rows.iter().filter(|(_, row)| !row.passes()) {
            reasons.entry((&row.why, row.kafka, row.runnel)).or_default().push(test);
        }
        for ((why, kafka, runnel), tests) in reasons {
            let tests: Vec<String> = tests.iter().map(|test| format!("`{}`", short(test))).collect();
            lines.push(format!("| | {} | {kafka} | {runnel} | {why} |", tests.join(", ")));
        }
    }
    lines.join("\n")
}

/// pytest's names begin with the file's.
fn short(test: &str) -> &str {
    test.rsplit("::").next().unwrap_or(test)
}

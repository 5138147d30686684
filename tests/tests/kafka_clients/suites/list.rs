//! How each test of a suite ends, on both sides: a line a test, `KAFKA RUNNEL NAME WHY`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::{env, fs};

use super::Outcomes;

/// How a test ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Pass,
    Fail,
    Skip,
    /// It is not known: a test before it ended the whole program, or it is no test on this side.
    None,
}

const WORDS: [(Outcome, &str); 4] =
    [(Outcome::Pass, "pass"), (Outcome::Fail, "fail"), (Outcome::Skip, "skip"), (Outcome::None, "-")];

impl Outcome {
    pub(super) fn parse(word: &str) -> Option<Self> {
        WORDS.iter().find(|(_, known)| *known == word).map(|(outcome, _)| *outcome)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, word) = WORDS.iter().find(|(outcome, _)| outcome == self).expect("each has a word");
        f.pad(word)
    }
}

/// What a suite runs against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Kafka,
    Runnel,
}

/// A test's line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) kafka: Outcome,
    pub(super) runnel: Outcome,
    /// Why it does not pass; empty where it passes on both sides.
    pub(super) why: String,
}

impl Row {
    fn of(&self, side: Side) -> Outcome {
        match side {
            Side::Kafka => self.kafka,
            Side::Runnel => self.runnel,
        }
    }

    pub(super) fn passes(&self) -> bool {
        (self.kafka, self.runnel) == (Outcome::Pass, Outcome::Pass)
    }
}

/// A suite's list.
pub(super) struct List {
    path: PathBuf,
    pub(super) rows: BTreeMap<String, Row>,
}

impl List {
    /// Reads a list that is committed.
    ///
    /// # Panics
    /// When a line is none, or does not tell why its test does not pass.
    pub(super) fn read(suite: &str) -> Self {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/suites"))
            .join(suite)
            .with_extension("txt");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let rows = text.lines().map(|line| parse(line).unwrap_or_else(|| panic!("what is {line:?}?")));
        let list = Self { path, rows: rows.collect() };
        let unexplained = list.rows.iter().find(|(_, row)| row.passes() != row.why.is_empty());
        assert!(unexplained.is_none() || Self::is_to_be_renewed(), "why? {unexplained:?}");
        list
    }

    /// Whether lists are to be written instead of compared.
    pub(super) fn is_to_be_renewed() -> bool {
        env::var_os("RUNNEL_REGENERATE").is_some_and(|value| value == "1")
    }

    /// The tests that ended otherwise than listed on this side, did not run, or are not listed.
    pub(super) fn differing<'a>(&'a self, side: Side, outcomes: &'a Outcomes) -> Vec<&'a str> {
        let names: BTreeSet<&String> = self.rows.keys().chain(outcomes.keys()).collect();
        let listed = |name: &str| self.rows.get(name).map(|row| row.of(side));
        let ended = |name: &str| outcomes.get(name).map_or(Outcome::None, |(outcome, _)| *outcome);
        names.into_iter().filter(|name| listed(name) != Some(ended(name))).map(String::as_str).collect()
    }

    /// Writes how tests ended on this side; reasons stay.
    pub(super) fn renew(&mut self, side: Side, outcomes: &Outcomes) {
        let unknown = || Row { kafka: Outcome::None, runnel: Outcome::None, why: String::new() };
        for name in outcomes.keys() {
            self.rows.entry(name.clone()).or_insert_with(unknown);
        }
        for (name, row) in &mut self.rows {
            let ended = outcomes.get(name).map_or(Outcome::None, |(outcome, _)| *outcome);
            match side {
                Side::Kafka => row.kafka = ended,
                Side::Runnel => row.runnel = ended,
            }
        }
        let line = |(name, Row { kafka, runnel, why }): (&String, &Row)| {
            format!("{kafka:<4} {runnel:<4} {name}  {why}").trim_end().to_owned() + "\n"
        };
        fs::write(&self.path, self.rows.iter().map(line).collect::<String>()).expect("the list");
    }
}

fn parse(line: &str) -> Option<(String, Row)> {
    let (kafka, rest) = line.split_once(' ')?;
    let (runnel, rest) = rest.trim_start().split_once(' ')?;
    let (name, why) = rest.trim_start().split_once("  ").unwrap_or((rest.trim_start(), ""));
    let (kafka, runnel) = (Outcome::parse(kafka)?, Outcome::parse(runnel)?);
    Some((name.to_owned(), Row { kafka, runnel, why: why.to_owned() }))
}

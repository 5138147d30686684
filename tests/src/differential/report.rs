//! What a run has found, for readers.

use std::fmt;

use super::Findings;
use super::normal::NORMAL;

/// Values longer than this are cut.
const SHOWN_CHARS: usize = 160;

/// What a run has found.
#[derive(Debug)]
pub struct Report {
    pub(super) findings: Findings,
    /// Every subject ran, so that every difference on purpose should have shown.
    pub(super) is_whole: bool,
}

impl Report {
    /// Whether nothing is unexplained, and nothing explained that is not there.
    pub fn is_clean(&self) -> bool {
        self.findings.unexplained.is_empty()
            && self.never_asked().next().is_none()
            && self.outdated().next().is_none()
    }

    fn outdated(&self) -> impl Iterator<Item = String> {
        let rows = self.findings.outdated().filter(|_| self.is_whole);
        rows.map(|row| format!("{}, {}, `{}`: {}", row.api, row.case, row.path, row.reason))
    }

    fn never_asked(&self) -> impl Iterator<Item = &String> {
        self.findings.left_out.iter().filter(|case| !self.findings.asked.contains(*case))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = &self.findings;
        writeln!(f, "{} answers, {} fields compared\n", findings.questions, findings.fields)?;
        writeln!(f, "| not compared as it is | why |\n|---|---|")?;
        for normal in NORMAL {
            writeln!(f, "| `{}` | {} |", normal.field, normal.reason)?;
        }
        writeln!(f, "\n| differs on purpose | case | field | times | why |\n|---|---|---|---|---|")?;
        for (row, met) in &findings.known {
            writeln!(f, "| {} | {} | `{}` | {met} | {} |", row.api, row.case, row.path, row.reason)?;
        }
        for case in self.never_asked() {
            writeln!(f, "\nno version can ask: {case}")?;
        }
        for row in self.outdated() {
            writeln!(f, "\nno longer differs: {row}")?;
        }
        let mut last = None;
        for difference in &findings.unexplained {
            let question = &difference.question;
            let title =
                format!("{} › {} {}: {}", question.subject, question.api, question.version, question.case);
            if last.as_ref() != Some(&title) {
                writeln!(f, "\n{title}")?;
                last = Some(title);
            }
            let (kafka, runnel) = (shown(difference.kafka.as_ref()), shown(difference.runnel.as_ref()));
            writeln!(f, "    {}: Kafka {kafka}, Runnel {runnel}", difference.path)?;
        }
        writeln!(f, "\n{} unexplained", findings.unexplained.len())
    }
}

fn shown(value: Option<&String>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value.chars().count() > SHOWN_CHARS => {
            value.chars().take(SHOWN_CHARS).chain(['…']).collect()
        }
        Some(value) => value.clone(),
    }
}

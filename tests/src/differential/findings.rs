//! Where the answers of the two brokers differ, and what of it is on purpose.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::on_purpose::OnPurpose;

/// What both were asked.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) subject: &'static str,
    pub(super) api: &'static str,
    pub(super) version: i16,
    /// In words.
    pub(super) case: String,
}

/// One field that the two answer otherwise; `None`: not there.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) question: Question,
    pub(super) path: String,
    pub(super) kafka: Option<String>,
    pub(super) runnel: Option<String>,
}

/// What a run has found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Answers that were compared.
    pub(super) questions: usize,
    /// Fields that were compared.
    pub(super) fields: usize,
    /// What nobody has explained.
    pub(super) unexplained: Vec<Difference>,
    /// Cases that some version could ask, and those that some version could not.
    pub(super) asked: BTreeSet<String>,
    pub(super) left_out: BTreeSet<String>,
    /// What is known, and how often each was met.
    pub(super) known: Vec<(OnPurpose, usize)>,
}

impl Findings {
    pub(super) fn compare(&mut self, question: Question, kafka: &Fields, runnel: &Fields) {
        self.questions += 1;
        self.asked.insert(format!("{} › {}: {}", question.subject, question.api, question.case));
        let paths: BTreeSet<&String> = kafka.keys().chain(runnel.keys()).collect();
        self.fields += paths.len();
        let mut told = BTreeSet::new();
        for path in paths.into_iter().filter(|path| kafka.get(*path) != runnel.get(*path)) {
            let row = missing_row(path, kafka).or_else(|| missing_row(path, runnel));
            if row.is_some_and(|row| !told.insert(row)) {
                continue;
            }
            let path = row.unwrap_or(path);
            let known = self.known.iter_mut().find(|(row, _)| row.is(question.api, &question.case, path));
            match known {
                Some((_, met)) => *met += 1,
                None => self.unexplained.push(Difference {
                    question: question.clone(),
                    path: path.to_owned(),
                    kafka: value(kafka, path),
                    runnel: value(runnel, path),
                }),
            }
        }
    }

    /// That a version can't ask this.
    pub(super) fn leave_out(&mut self, subject: &str, api: &str, case: &str) {
        self.left_out.insert(format!("{subject} › {api}: {case}"));
    }

    /// Known differences that no longer are.
    pub(super) fn outdated(&self) -> impl Iterator<Item = &OnPurpose> {
        self.known.iter().filter(|(_, met)| *met == 0).map(|(row, _)| row)
    }
}

/// The outermost row on the way to a field that the other answer lacks as a whole.
fn missing_row<'a>(path: &'a str, other: &Fields) -> Option<&'a str> {
    let rows = path.match_indices(']').map(|(at, _)| &path[..=at]);
    rows.into_iter().find(|row| !has_row(other, row))
}

fn has_row(fields: &Fields, row: &str) -> bool {
    fields.range(row.to_owned()..).next().is_some_and(|(path, _)| path.starts_with(row))
}

/// A field's value, or whether there is a row.
fn value(fields: &Fields, path: &str) -> Option<String> {
    fields.get(path).cloned().or_else(|| has_row(fields, path).then(|| "a row".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_row_that_is_missing_is_one_difference() {
        let question = Question { subject: "s", api: "A", version: 0, case: "c".to_owned() };
        let mut findings = Findings::default();
        let kafka =
            fields(&[("t[a].code", "0"), ("t[a].p[0].code", "0"), ("t[b].code", "0"), ("t[b].name", "b")]);
        let runnel = fields(&[("t[a].code", "3"), ("t[a].p[0].code", "0")]);
        findings.compare(question, &kafka, &runnel);
        let told: Vec<_> = findings
            .unexplained
            .iter()
            .map(|difference| {
                (difference.path.as_str(), difference.kafka.as_deref(), difference.runnel.as_deref())
            })
            .collect();
        assert_eq!(told, [("t[a].code", Some("0"), Some("3")), ("t[b]", Some("a row"), None)]);
    }
}

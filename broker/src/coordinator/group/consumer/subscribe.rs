//! What members read: topics by name, and all topics whose names match a regular expression.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};

use super::rows::{ExpressionRow, MemberRow, Rows};
use crate::coordinator::group::topics::Topics;
use crate::error::BrokerError;
use crate::types::UnixMillis;

/// A compiled expression takes no more than so much memory.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A regular expression over whole names of topics, in the syntax of RE2.
pub(super) struct Expression(Regex);

impl Expression {
    /// # Errors
    /// [`BrokerError::InvalidRegularExpression`].
    pub(super) fn compile(text: &str) -> Result<Self, BrokerError> {
        let compile = |text: &str| RegexBuilder::new(text).size_limit(MAX_COMPILED_BYTES).build();
        // By itself first: an expression with a bracket too many could make sense within others.
        let compiled = compile(text).and_then(|_| compile(&format!("^(?:{text})$")));
        let invalid = |error: regex::Error| BrokerError::InvalidRegularExpression {
            reason: match error {
                regex::Error::Syntax(_) => "it is not in the syntax of RE2",
                _ => "it is too large",
            },
        };
        compiled.map(Self).map_err(invalid)
    }

    fn matches(&self, topics: &Topics) -> BTreeSet<String> {
        topics.names().filter(|name| self.0.is_match(name)).map(str::to_owned).collect()
    }
}

impl Rows {
    /// The topics that a member reads, by name, whether they exist or not.
    pub(super) fn topics_of<'a>(&'a self, row: &'a MemberRow) -> BTreeSet<&'a str> {
        let matched = row.expression().and_then(|text| self.expressions.get(text));
        let matched = matched.into_iter().flat_map(|row| &row.topics);
        row.topics.iter().chain(matched).map(String::as_str).collect()
    }

    /// The topics that anybody reads.
    pub(in super::super) fn subscribed_topics(&self) -> BTreeSet<&str> {
        self.members.values().flat_map(|row| self.topics_of(row)).collect()
    }

    /// Looks at the topics again: raises the group's epoch when other ones are read than before, or when they have changed.
    /// `is_due`: they are, as a member came, went or reads something else.
    pub(super) fn refresh(&mut self, topics: &Topics, now: UnixMillis, is_due: bool) {
        let is_due = self.match_expressions(topics, now) || is_due;
        let metadata_hash = topics.hash(self.subscribed_topics());
        let group = self.group.get_or_insert_default();
        if is_due || group.metadata_hash != metadata_hash {
            group.epoch += 1;
            group.metadata_hash = metadata_hash;
        }
    }

    /// True when an expression that a member has matches other topics than before.
    fn match_expressions(&mut self, topics: &Topics, now: UnixMillis) -> bool {
        let used: BTreeSet<String> =
            self.members.values().filter_map(|row| row.expression().map(str::to_owned)).collect();
        self.expressions.retain(|text, _| used.contains(text));
        let mut changed = false;
        for text in used {
            // An expression was compiled before it was kept; one that is not understood any more matches nothing.
            let matched = Expression::compile(&text).map(|expression| expression.matches(topics));
            let matched = matched.unwrap_or_default();
            if self.expressions.get(&text).is_none_or(|row| row.topics != matched) {
                let row = ExpressionRow { topics: matched, version: topics.version() as i64, at_ms: now };
                self.expressions.insert(text, row);
                changed = true;
            }
        }
        changed
    }
}

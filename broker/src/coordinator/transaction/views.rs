//! What can be seen of transactions without asking them.

use regex::Regex;

use super::api::{Producer, Target};
use super::state::{Transaction, TransactionState};
use crate::coordinator::group::NamedPartition;
use crate::error::BrokerError;
use crate::types::UnixMillis;

/// One line about a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionSummary {
    /// The transactional id.
    pub transactional_id: String,
    /// Who has it.
    pub producer_id: i64,
    /// Where its transaction stands.
    pub state: TransactionState,
}

/// Everything about a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionDescription {
    /// The transactional id.
    pub transactional_id: String,
    /// Who has it.
    pub producer: Producer,
    /// Where its transaction stands.
    pub state: TransactionState,
    /// A transaction that is open for so long is aborted.
    pub timeout_ms: i32,
    /// When the last transaction was begun; `None` before the first one.
    pub started_ms: Option<UnixMillis>,
    /// The partitions that take part, while it is open or ending.
    pub partitions: Vec<NamedPartition>,
    /// The groups that take part.
    pub groups: Vec<String>,
}

/// Which transactional ids to list: those that fit all of these.
#[derive(Debug, Clone, Default)]
pub struct TransactionFilter {
    states: Vec<TransactionState>,
    producer_ids: Vec<i64>,
    open_for_ms: Option<i64>,
    pattern: Option<Regex>,
}

impl TransactionFilter {
    /// All.
    pub fn new() -> Self {
        Self::default()
    }

    /// In one of these states; none: in any.
    #[must_use]
    pub fn states(self, states: Vec<TransactionState>) -> Self {
        Self { states, ..self }
    }

    /// Of one of these producers; none: of any.
    #[must_use]
    pub fn producer_ids(self, producer_ids: Vec<i64>) -> Self {
        Self { producer_ids, ..self }
    }

    /// With a transaction that has been open, or ending, for longer than this; `None` or below 0: whether or not.
    #[must_use]
    pub fn open_for_ms(self, open_for_ms: Option<i64>) -> Self {
        Self { open_for_ms: open_for_ms.filter(|open_for_ms| *open_for_ms >= 0), ..self }
    }

    /// Whose whole name fits a regular expression (KIP-1152).
    ///
    /// # Errors
    /// It is not one.
    pub fn pattern(self, pattern: &str) -> Result<Self, BrokerError> {
        // By itself first, lest it make sense only within the brackets.
        let whole = Regex::new(pattern).and_then(|_| Regex::new(&format!("^(?:{pattern})$")));
        let refused = |_| BrokerError::InvalidArgument {
            name: "pattern".to_owned(),
            reason: "the pattern of transactional ids is not a regular expression".to_owned(),
        };
        Ok(Self { pattern: Some(whole.map_err(refused)?), ..self })
    }

    pub(super) fn fits(&self, transaction: &Transaction, now: UnixMillis) -> bool {
        let Some(kept) = &transaction.kept else { return false };
        let is_begun = kept.state == TransactionState::Ongoing || kept.state.is_ending();
        let open_ms = kept.started_ms.filter(|_| is_begun).map(|started_ms| now - started_ms);
        (self.states.is_empty() || self.states.contains(&kept.state))
            && (self.producer_ids.is_empty() || self.producer_ids.contains(&kept.producer.id))
            && self.open_for_ms.is_none_or(|least| open_ms.is_some_and(|open_ms| open_ms > least))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&transaction.id))
    }
}

impl Transaction {
    pub(super) fn summary(&self) -> Option<TransactionSummary> {
        self.kept.as_ref().map(|kept| TransactionSummary {
            transactional_id: self.id.clone(),
            producer_id: kept.producer.id,
            state: kept.state,
        })
    }

    pub(super) fn describe(&self) -> Option<TransactionDescription> {
        let kept = self.kept.as_ref()?;
        let (mut partitions, mut groups) = (Vec::new(), Vec::new());
        for target in &kept.targets {
            match target {
                Target::Partition(partition) => partitions.push(partition.clone()),
                Target::Group(group) => groups.push(group.clone()),
            }
        }
        Some(TransactionDescription {
            transactional_id: self.id.clone(),
            producer: kept.producer,
            state: kept.state,
            timeout_ms: kept.timeout_ms,
            started_ms: kept.started_ms,
            partitions,
            groups,
        })
    }
}

//! What an operator can set about transactions.

/// Limits and times of every transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionSettings {
    /// `transaction.max.timeout.ms`: the longest timeout that a producer may ask for.
    pub max_timeout_ms: i32,
    /// `transactional.id.expiration.ms`: how long a transactional id is remembered that nobody uses.
    pub expiration_ms: i64,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`: how often it is looked for those that are due.
    pub expiration_check_interval_ms: i64,
    /// How long the beginning of a transaction waits for the end of the one before, until it is told to come again (Kafka's
    /// `add.partitions.to.txn.retry.backoff.max.ms`).
    pub begin_wait_ms: i64,
    /// How long to wait before a marker or record that could not be written is tried again.
    pub retry_ms: i64,
}

impl Default for TransactionSettings {
    fn default() -> Self {
        Self {
            max_timeout_ms: 900_000,
            expiration_ms: 7 * 24 * 3_600_000,
            expiration_check_interval_ms: 3_600_000,
            begin_wait_ms: 100,
            retry_ms: 1_000,
        }
    }
}

//! Consumer groups: who is in which, who reads which partition, how far everybody is. Transactions: who is which producer, what
//! takes part, how it ended.
//!
//! [`group`] and [`transaction`] decide and await nothing. [`runtime`] and [`transaction_runtime`] give them time, callers, and
//! their internal logs, `__consumer_offsets` and `__transaction_state`.

pub mod fields;
pub mod group;
pub mod runtime;
pub mod shell;
pub mod transaction;
pub mod transaction_runtime;

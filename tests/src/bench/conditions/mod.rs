//! Bad conditions, and whether others suffer from them.

pub(super) mod flood;
pub(super) mod slow_consumers;
pub(super) mod slow_disk;

use super::row::Row;
use crate::measure::figures::Unit;

/// Two percentiles of records at a fixed rate, first alone, then beside something.
fn beside(what: &str, broker: &str) -> Vec<Row> {
    let row = |figure: &str| {
        let row = Row::new(
            format!("due to acknowledged, 1,000 records/s, {figure}: {broker}"),
            Unit::Ms,
            ["alone", what],
        );
        row.against("alone")
    };
    vec![row("p50"), row("p99")]
}

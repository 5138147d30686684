//! Bad conditions, and whether others suffer from them.

pub(super) mod flood;
pub(super) mod slow_consumers;
pub(super) mod slow_disk;

use super::row::Row;
use crate::measure::figures::Unit;

/// Two percentiles of records at a fixed rate, first alone, then beside something; and how fast `who` that is was.
fn beside(what: &str, who: &str, broker: &str) -> Vec<Row> {
    let row = |figure: &str| {
        let row = Row::new(
            format!("due to acknowledged, 1,000 records/s, {figure}: {broker}"),
            Unit::Ms,
            ["alone", what],
        );
        row.against("alone")
    };
    let p50 = row("p50");
    let rate = p50.like(format!("{who}: {broker}"), Unit::MbPerS);
    vec![p50, row("p99"), rate]
}

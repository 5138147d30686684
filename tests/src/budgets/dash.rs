//! The dashboard over 10,000 partitions.

use super::Plan;
use super::row::{Budget, Row};
use crate::harness::Home;
use crate::measure::Result;
use crate::measure::dashboard::{self, FIGURES};
use crate::measure::runnel::Broker;

const BUDGETS: [f64; 4] = [50.0, 50.0, 16.0, 100.0];

pub(super) fn rows() -> [Row; 4] {
    let mut budgets = BUDGETS.into_iter();
    FIGURES.map(|(what, unit)| {
        let budget = budgets.next().expect("each figure has a budget");
        Row::new(what, unit, Budget::AtMost(budget))
    })
}

pub(super) fn measure(rows: &mut [Row; 4], plan: &Plan) -> Result<()> {
    let home = Home::new();
    let _broker = Broker::start(&home)?;
    dashboard::prepare(&home)?;
    for round in plan.rounds("dash") {
        for (row, figure) in rows.iter_mut().zip(dashboard::session(&home)?) {
            round.keep(&mut row.figures, figure);
        }
    }
    Ok(())
}

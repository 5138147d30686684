//! The dashboard's frames. Nothing else has any to compare them with.

use super::engine::{Bench, Turn};
use super::row::Row;
use super::servers::{Kind, Runnel};
use crate::measure::dashboard::{self, FIGURES};

pub(super) fn measure(bench: &mut Bench<'_>) {
    bench.servers.end();
    let rows = FIGURES.map(|(what, unit)| Row::new(what, unit, [Kind::Runnel.name()]));
    let mut server = None;
    bench.measure(rows.into(), |_, _| {
        let runnel = match server.take() {
            Some(runnel) => runnel,
            None => {
                let runnel = Runnel::start(&[])?;
                dashboard::prepare(&runnel.home)?;
                runnel
            }
        };
        let figures = dashboard::session(&runnel.home)?;
        server = Some(runnel);
        Ok(Turn(figures.into_iter().map(|figure| (figure, None)).collect()))
    });
}

//! The dashboard over 10,000 partitions.

use std::thread;
use std::time::{Duration, Instant};

use super::command::resident_mb;
use super::lines::Lines;
use super::row::{Budget, Row, Unit};
use super::runnel::{Broker, create_topic, fill, runnel};
use super::terminal::Terminal;
use super::{Plan, Result};
use crate::harness::Home;

const PARTITIONS: u32 = 10_000;
const LINES: u32 = 200_000;
const SIZE: (u16, u16) = (120, 40);
/// To the topics, into the one with all the partitions, sorted twice, to its end and up, and back again.
const KEYS: [&str; 8] = ["t", "\r", "s", "s", "G", "k", "\x1b", "\x1b"];
/// After the first figures, until there are rates, too.
const SETTLES_IN: Duration = Duration::from_secs(3);
/// Nobody types faster for long.
const BETWEEN_KEYS: Duration = Duration::from_millis(230);

pub(super) fn rows() -> [Row; 4] {
    [
        Row::new("dashboard, 10,000 partitions: start to first frame", Unit::Ms, Budget::AtMost(50.0)),
        Row::new("dashboard, 10,000 partitions: start to first figures", Unit::Ms, Budget::AtMost(50.0)),
        Row::new(
            format!("dashboard, 10,000 partitions: key to frame, slowest of {}", KEYS.len()),
            Unit::Ms,
            Budget::AtMost(16.0),
        ),
        Row::new("dashboard, 10,000 partitions: resident memory", Unit::Mb, Budget::AtMost(100.0)),
    ]
}

pub(super) fn measure(rows: &mut [Row; 4], plan: &Plan) -> Result<()> {
    let [frame, figures, key, memory] = rows;
    let home = Home::new();
    let _broker = Broker::start(&home)?;
    create_topic(&home, "many", PARTITIONS)?;
    fill(&home, "many", &Lines::write(&home, LINES)?)?;
    for round in plan.rounds("dash") {
        let start = Instant::now();
        let mut terminal = Terminal::open(runnel(&home, &["dash"]), SIZE)?;
        round.keep(&mut frame.figures, ms(terminal.frame_with("runnel")? - start));
        round.keep(&mut figures.figures, ms(terminal.frame_with("partitions")? - start));
        thread::sleep(SETTLES_IN);
        let mut slowest = Duration::ZERO;
        for text in KEYS {
            slowest = slowest.max(terminal.answers(text)?);
            thread::sleep(BETWEEN_KEYS);
        }
        round.keep(&mut key.figures, ms(slowest));
        round.keep(&mut memory.figures, resident_mb(terminal.pid())?);
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

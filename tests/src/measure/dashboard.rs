//! A session of the dashboard over 10,000 partitions.

use std::thread;
use std::time::{Duration, Instant};

use super::Result;
use super::command::resident_mb;
use super::figures::Unit;
use super::lines::Lines;
use super::runnel::{create_topic, fill, runnel};
use super::terminal::Terminal;
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

/// What a session tells, in this order.
pub(crate) const FIGURES: [(&str, Unit); 4] = [
    ("dashboard, 10,000 partitions: start to first frame", Unit::Ms),
    ("dashboard, 10,000 partitions: start to first figures", Unit::Ms),
    ("dashboard, 10,000 partitions: key to frame, slowest of 8", Unit::Ms),
    ("dashboard, 10,000 partitions: resident memory", Unit::Mb),
];

/// Makes what a session shows.
pub(crate) fn prepare(home: &Home) -> Result<()> {
    create_topic(home, "many", PARTITIONS)?;
    fill(home, "many", &Lines::write(home, LINES)?)
}

/// Opens the dashboard, types, and leaves.
pub(crate) fn session(home: &Home) -> Result<[f64; 4]> {
    let start = Instant::now();
    let mut terminal = Terminal::open(runnel(home, &["dash"]), SIZE)?;
    let frame = terminal.frame_with("runnel")? - start;
    let figures = terminal.frame_with("partitions")? - start;
    thread::sleep(SETTLES_IN);
    let mut slowest = Duration::ZERO;
    for text in KEYS {
        slowest = slowest.max(terminal.answers(text)?);
        thread::sleep(BETWEEN_KEYS);
    }
    Ok([ms(frame), ms(figures), ms(slowest), resident_mb(terminal.pid())?])
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

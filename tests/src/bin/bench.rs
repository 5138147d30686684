//! Measures Runnel beside Apache Kafka: `cargo run --release -p runnel-tests --bin bench`; see `docs/BENCHMARKS.md`.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use regex::Regex;
use runnel_tests::bench::{DISCARD, HEAD, Part, Plan, Row, discard, measure};

const EXAMPLES: &str = "\
Examples:
  bench                                   all of it, which takes hours
  bench --quick                           the same with few records: does it work?
  bench --only produce,latency            two parts
  bench --only produce --rows '1 kB.*=1'  of a part the rows whose names match
  bench --only flood --without-kafka      without Java, Maven and kcat
  bench discard                           the broker that discards, by itself";

/// Measures Runnel beside Apache Kafka and beside a broker that discards everything, and prints one table.
///
/// Each round measures all brokers of a row in turn. Figures are medians, and from the least to the most. What is done is
/// told on stderr. Fails when anything failed; the row tells why.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Args {
    /// Which parts to measure, with commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Measure the rows whose names match this regular expression
    #[arg(long, value_name = "REGEX")]
    rows: Option<Regex>,
    /// How often to take each figure; the first row of a part has one round more before, to warm up
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Take few records and one round: to see that everything works, not how fast
    #[arg(long)]
    quick: bool,
    /// Measure without Apache Kafka and kcat
    #[arg(long)]
    without_kafka: bool,
}

fn main() -> ExitCode {
    let came_out = match std::env::args().nth(1) {
        Some(first) if first == DISCARD => discard().map(|()| ExitCode::SUCCESS),
        _ => run(Args::parse()),
    };
    came_out.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "bench: {error}");
        ExitCode::FAILURE
    })
}

fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    if cfg!(debug_assertions) && !args.quick {
        return Err("figures hold for release builds; give cargo --release".into());
    }
    // Thousands of connections, at both ends.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let plan = Plan {
        parts: if args.only.is_empty() { Part::value_variants().to_vec() } else { args.only },
        rows: args.rows,
        rounds: if args.quick { 1 } else { args.rounds },
        quick: args.quick,
        with_kafka: !args.without_kafka,
    };
    write!(io::stdout(), "{HEAD}")?;
    let (mut rows, mut failed, mut bends) = (0, Vec::new(), Vec::new());
    measure(&plan, &mut |row: &Row| {
        rows += 1;
        // Whoever has closed stdout has the notes below.
        let _ = write!(io::stdout(), "{row}").and_then(|()| io::stdout().flush());
        if row.has_failed() {
            failed.push(row.what().to_owned());
        }
        if let Some(line) = row.bends_at() {
            bends.push(format!("{}: bends at {line}", row.what()));
        }
    })?;
    if !bends.is_empty() {
        writeln!(io::stdout(), "\n{}", bends.join("\n"))?;
    }
    for what in &failed {
        writeln!(io::stderr(), "failed: {what}")?;
    }
    if rows == 0 {
        return Err("no row has such a name".into());
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! Measures the budgets of `docs/BENCHMARKS.md`: `cargo run --release -p runnel-tests --bin budgets`.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use runnel_tests::budgets::{Part, Plan, Verdict, measure};

/// Measures Runnel against its budgets, side by side with Apache Kafka and kcat, and prints one table. Fails when a
/// budget is missed.
#[derive(Debug, Parser)]
struct Args {
    /// Which rows to measure [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// How often to measure each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many lines the piped file has
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    lines: u32,
    /// Measure without Apache Kafka and kcat; what is held against them is left out
    #[arg(long)]
    without_kafka: bool,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "budgets: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    if cfg!(debug_assertions) {
        return Err("budgets hold for release builds; give cargo --release".into());
    }
    let parts = if args.only.is_empty() { Part::value_variants().to_vec() } else { args.only };
    let plan = Plan { parts, rounds: args.rounds, lines: args.lines, with_kafka: !args.without_kafka };
    let table = measure(&plan)?;
    write!(io::stdout(), "{table}")?;
    for (verdict, told) in [(Verdict::NotMeasured, "not measured"), (Verdict::Missed, "missed")] {
        for row in table.rows_with(verdict) {
            writeln!(io::stderr(), "{told}: {row}")?;
        }
    }
    let missed = table.rows_with(Verdict::Missed).next().is_some();
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

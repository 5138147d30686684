//! Compares Runnel's answers with Apache Kafka's: `cargo run -p runnel-tests --bin differential`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use runnel_tests::differential::run;

/// Asks Runnel and a real Apache Kafka the same and prints where their answers differ. Fails when a difference is not
/// known, or a known one is gone.
#[derive(Debug, Parser)]
struct Args {
    /// Which subjects to ask about, with commas [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

fn main() -> ExitCode {
    let report = match run(&Args::parse().only) {
        Ok(report) => report,
        Err(error) => {
            let _ = writeln!(io::stderr(), "differential: {error}");
            return ExitCode::FAILURE;
        }
    };
    let printed = write!(io::stdout(), "{report}");
    if printed.is_ok() && report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

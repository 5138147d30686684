//! The long form of the crash test: `cargo run --release -p runnel-tests --bin crash_loop -- --cycles 1000`.

use std::error::Error;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use runnel_tests::crash::{Plan, run};

/// Kills a broker under load again and again, and looks each time whether it kept its promises.
#[derive(Debug, Parser)]
struct Args {
    /// How often to kill
    #[arg(long, default_value_t = 1000)]
    cycles: u32,
    /// The seed of the kills' moments and of the batches [default: the time]
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let seed = match args.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    let summary = run(Plan { cycles: args.cycles, seed })?;
    writeln!(io::stdout(), "{summary}")?;
    Ok(())
}

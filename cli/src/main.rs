//! The `runnel` program: reads the command line, does what it says, and exits with a code that scripts can trust.

mod admin;
mod allocator;
mod args;
mod commands;
mod confirm;
mod context;
mod failure;
mod local;
mod member;
mod output;
mod records_json;
mod signals;
mod time;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use runnel_proto::text::escape_bytes;

use args::{BrokerArgs, Cli, Command, DashArgs};
use context::{Context, say};
use failure::{Failure, USAGE};

// Rust's runtime ignores SIGPIPE: a closed pipe is an error of the write, which `Failure::output` settles.
fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let Some(command) = cli.command.or_else(default_command) else {
        let help = Cli::command().render_help();
        say(help.to_string().trim_end());
        return ExitCode::from(USAGE);
    };
    if let Command::Broker(BrokerArgs { command: None, .. }) = &command {
        allocator::settle();
    }
    let context = Context::new(cli.global);
    match run(&context, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                context.warn(&failure.message);
            }
            ExitCode::from(failure.exit_code)
        }
    }
}

/// Help and versions go to stdout as they are; a mistake becomes one line, as all errors are.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return if error.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        say(error.to_string().trim_end());
        return ExitCode::from(USAGE);
    }
    let text = error.to_string();
    let told: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let mut told = told.join(" ");
    if error.kind() == ErrorKind::InvalidUtf8 {
        let strange = std::env::args_os().find(|argument| argument.to_str().is_none());
        let strange = strange.map(|argument| escape_bytes(argument.as_encoded_bytes())).unwrap_or_default();
        told = format!("the argument {strange} is not UTF-8 text");
    }
    say(&format!("runnel: {}; --help tells more", told.trim_start_matches("error: ")));
    ExitCode::from(USAGE)
}

/// Without a command people want to watch; scripts have made a mistake.
fn default_command() -> Option<Command> {
    let on_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    on_terminal.then(|| Command::Dash(DashArgs::default()))
}

fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("can't start threads: {error}")))?;
    let outcome = runtime.block_on(commands::run(context, command));
    // A thread may still wait for stdin: it must not keep the program from leaving.
    runtime.shutdown_background();
    outcome
}

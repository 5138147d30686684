//! The command line, as clap reads it: the source of parsing, help, completions and man pages.

mod admin;
mod offsets;
mod records;
mod targets;
mod template;
mod values;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use runnel_proto::client::Address;

pub(crate) use admin::*;
pub(crate) use offsets::{OffsetPlan, Position, Range};
pub(crate) use records::*;
pub(crate) use targets::{ResetTarget, ResourceSpec, TopicSpec, TrimTarget};
pub(crate) use template::{Part, Template};
pub(crate) use values::KeyValue;

const EXAMPLES: &str = "\
Examples:
  tail -f app.log | runnel produce app          pipe lines in
  runnel consume app                            pipe them out, and follow
  runnel consume app -e --json > app.ndjson     everything until now, losslessly
  runnel group list                             who reads, and how far behind
  runnel                                        watch it live

Without -b, runnel talks to the local broker and starts it when it isn't there.

Exit codes: 0 done, 1 some record or partition failed, 2 wrong usage, 3 the broker can't be reached,
124 timeout, 130 interrupted.";

/// Pipe records in and out of a log, script its admin tasks, watch it in the terminal.
#[derive(Debug, Parser)]
#[command(name = "runnel", version, about, after_help = EXAMPLES, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The broker: HOST:PORT, or unix:PATH; without it, the local broker
    #[arg(short, long, global = true, value_name = "ADDRESS", env = "RUNNEL_BROKER")]
    #[arg(alias = "bootstrap-server")]
    pub(crate) broker: Option<Address>,

    /// The local broker's data directory [default: runnel in the user's data directory]
    #[arg(long, global = true, value_name = "DIR", env = "RUNNEL_DATA")]
    pub(crate) data: Option<PathBuf>,

    /// Never start a local broker (RUNNEL_AUTOSTART=never says the same)
    #[arg(long, global = true, env = "RUNNEL_AUTOSTART", hide_env = true)]
    #[arg(action = ArgAction::SetTrue, value_parser = values::parse_no_autostart)]
    pub(crate) no_autostart: bool,

    /// When to use colour; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: ColorWhen,

    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say more on stderr; twice: still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set or TERM is `dumb`
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pipe records into a topic
    Produce(ProduceArgs),
    /// Pipe records out of topics
    Consume(ConsumeArgs),
    /// List, describe, create, alter, delete and trim topics
    Topic(TopicArgs),
    /// List, describe, reset and delete consumer groups
    Group(GroupArgs),
    /// Read and change settings of the broker and of topics
    Config(ConfigArgs),
    /// Tell about the cluster
    Cluster(ClusterArgs),
    /// Run a broker, or start and stop the local one
    Broker(BrokerArgs),
    /// Watch brokers, topics and groups live
    Dash(DashArgs),
    /// Run a broker with a live sample workload, and watch it
    Demo(DemoArgs),
    /// Print a shell's completion script
    Completions(CompletionsArgs),
    /// Write the man pages
    #[command(hide = true)]
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_work_on_either_side() {
        for line in ["runnel -b h:1 topic list", "runnel topic list -b h:1"] {
            let cli = Cli::try_parse_from(line.split(' ')).expect(line);
            let expected = Address::Tcp { host: "h".into(), port: 1 };
            assert_eq!(cli.global.broker, Some(expected), "{line}");
        }
    }

    #[test]
    fn negative_offsets_are_not_flags() {
        for line in ["runnel consume t -o -5", "runnel consume t -o-5", "runnel consume t -o @-1h"] {
            Cli::try_parse_from(line.split(' ')).expect(line);
        }
    }

    #[test]
    fn autostart_is_forbidden_by_flag() {
        let cli = Cli::try_parse_from(["runnel", "--no-autostart", "topic", "list"]).expect("parses");
        assert!(cli.global.no_autostart);
    }
}

//! The arguments of everything but `produce` and `consume`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::targets::{ResetTarget, ResourceSpec, TopicSpec, TrimTarget};
use super::values::{KeyValue, parse_screen_size};
use crate::time::parse_duration_ms;

/// How admin commands print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Columns for people
    #[default]
    Table,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// Names only, one a line
    Name,
}

/// The output option of admin commands.
#[derive(Debug, Clone, Args)]
pub(crate) struct OutputArgs {
    /// How to print
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: OutputFormat,
}

/// The confirmation option of destructive commands.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfirmArgs {
    /// Do it without asking; needed when there is no terminal to ask on
    #[arg(short, long)]
    pub(crate) yes: bool,
}

const TOPIC_EXAMPLES: &str = "\
Examples:
  runnel topic create orders -p 6 -c retention.ms=86400000
  runnel topic list -o name
  runnel topic trim orders:0 --before 1000 --yes";

/// Arguments of `runnel topic`.
#[derive(Debug, Args)]
#[command(after_help = TOPIC_EXAMPLES)]
pub(crate) struct TopicArgs {
    #[command(subcommand)]
    pub(crate) command: TopicCommand,
}

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// List topics
    #[command(visible_alias = "ls")]
    List(TopicListArgs),
    /// Tell everything about topics
    Describe(TopicDescribeArgs),
    /// Create topics
    Create(TopicCreateArgs),
    /// Add partitions, change settings
    Alter(TopicAlterArgs),
    /// Delete topics and all their records
    Delete(TopicDeleteArgs),
    /// Delete the oldest records
    Trim(TopicTrimArgs),
}

/// Arguments of `runnel topic list`.
#[derive(Debug, Args)]
pub(crate) struct TopicListArgs {
    /// Also the broker's own topics
    #[arg(long)]
    pub(crate) internal: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel topic describe`.
#[derive(Debug, Args)]
pub(crate) struct TopicDescribeArgs {
    /// The topics
    #[arg(value_name = "TOPIC", required = true)]
    pub(crate) topics: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel topic create`.
#[derive(Debug, Args)]
pub(crate) struct TopicCreateArgs {
    /// The topics
    #[arg(value_name = "TOPIC", required = true)]
    pub(crate) topics: Vec<String>,
    /// How many partitions [default: the broker's num.partitions]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: Option<i32>,
    /// A setting under Kafka's name; may be given several times
    #[arg(short, long = "config", value_name = "KEY=VALUE")]
    pub(crate) configs: Vec<KeyValue>,
    /// Succeed, changing nothing, when the topic exists
    #[arg(long)]
    pub(crate) if_not_exists: bool,
    /// Check everything, create nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel topic alter`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct TopicAlterArgs {
    /// The topic
    pub(crate) topic: String,
    /// How many partitions to have in all; more than now
    #[arg(short, long, value_name = "COUNT", group = "change")]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: Option<i32>,
    /// A setting to change, under Kafka's name; may be given several times
    #[arg(short, long = "config", value_name = "KEY=VALUE", group = "change")]
    pub(crate) configs: Vec<KeyValue>,
    /// A setting to return to its default; may be given several times
    #[arg(long, value_name = "KEY", group = "change")]
    pub(crate) unset: Vec<String>,
}

/// Arguments of `runnel topic delete`.
#[derive(Debug, Args)]
pub(crate) struct TopicDeleteArgs {
    /// The topics
    #[arg(value_name = "TOPIC", required = true)]
    pub(crate) topics: Vec<String>,
    /// Succeed when a topic doesn't exist
    #[arg(long)]
    pub(crate) if_exists: bool,
    #[command(flatten)]
    pub(crate) confirm: ConfirmArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel topic trim`.
#[derive(Debug, Args)]
pub(crate) struct TopicTrimArgs {
    /// The topics, all their partitions or one of them
    #[arg(value_name = "TOPIC[:PARTITION]", required = true)]
    pub(crate) topics: Vec<TopicSpec>,
    /// The first record to keep: an offset, `end` (keeps none), or @TIME, such as @-7d
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    pub(crate) before: TrimTarget,
    #[command(flatten)]
    pub(crate) confirm: ConfirmArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

const GROUP_EXAMPLES: &str = "\
Examples:
  runnel group describe billing
  runnel group reset billing --topic orders --to @-1h          show the plan
  runnel group reset billing --topic orders --to @-1h --yes    do it";

/// Arguments of `runnel group`.
#[derive(Debug, Args)]
#[command(after_help = GROUP_EXAMPLES)]
pub(crate) struct GroupArgs {
    #[command(subcommand)]
    pub(crate) command: GroupCommand,
}

/// What to do with groups.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// List groups
    #[command(visible_alias = "ls")]
    List(GroupListArgs),
    /// Tell everything about groups
    Describe(GroupDescribeArgs),
    /// Move a group's committed offsets; without --yes, only show the plan
    Reset(GroupResetArgs),
    /// Delete groups and their offsets
    Delete(GroupDeleteArgs),
}

/// Arguments of `runnel group list`.
#[derive(Debug, Args)]
pub(crate) struct GroupListArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel group describe`.
#[derive(Debug, Args)]
pub(crate) struct GroupDescribeArgs {
    /// The groups
    #[arg(value_name = "GROUP", required = true)]
    pub(crate) groups: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel group reset`.
#[derive(Debug, Args)]
pub(crate) struct GroupResetArgs {
    /// The group
    pub(crate) group: String,
    /// A topic, all its partitions or one of them; may be given several times
    #[arg(long = "topic", value_name = "TOPIC[:PARTITION]", required_unless_present = "all_topics")]
    pub(crate) topics: Vec<TopicSpec>,
    /// All topics that the group has offsets for
    #[arg(long, conflicts_with = "topics")]
    pub(crate) all_topics: bool,
    /// The target: earliest, latest, an offset, @TIME, or +N and -N from where the group is
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    pub(crate) to: ResetTarget,
    /// Do it; without this only the plan is shown
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel group delete`.
#[derive(Debug, Args)]
pub(crate) struct GroupDeleteArgs {
    /// The groups
    #[arg(value_name = "GROUP", required = true)]
    pub(crate) groups: Vec<String>,
    #[command(flatten)]
    pub(crate) confirm: ConfirmArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

const CONFIG_EXAMPLES: &str = "\
Examples:
  runnel config get topic:orders
  runnel config get broker num.partitions -o json
  runnel config set topic:orders retention.ms=86400000 max.message.bytes=4194304
  runnel config unset topic:orders retention.ms";

/// Arguments of `runnel config`.
#[derive(Debug, Args)]
#[command(after_help = CONFIG_EXAMPLES)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Tell settings, their values and defaults; with -v also their types and what they mean
    Get(ConfigGetArgs),
    /// Change settings, all or none
    Set(ConfigSetArgs),
    /// Return settings to their defaults, all or none
    Unset(ConfigUnsetArgs),
}

/// Arguments of `runnel config get`.
#[derive(Debug, Args)]
pub(crate) struct ConfigGetArgs {
    /// `broker`, `topic:NAME` or `group:NAME`
    pub(crate) resource: ResourceSpec,
    /// The settings; none given: all
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel config set`.
#[derive(Debug, Args)]
pub(crate) struct ConfigSetArgs {
    /// `broker`, `topic:NAME` or `group:NAME`
    pub(crate) resource: ResourceSpec,
    /// The settings and their values
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub(crate) settings: Vec<KeyValue>,
    /// Check everything, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel config unset`.
#[derive(Debug, Args)]
pub(crate) struct ConfigUnsetArgs {
    /// `broker`, `topic:NAME` or `group:NAME`
    pub(crate) resource: ResourceSpec,
    /// The settings
    #[arg(value_name = "KEY", required = true)]
    pub(crate) keys: Vec<String>,
    /// Check everything, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `runnel cluster`.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    pub(crate) command: ClusterCommand,
}

/// What to ask about the cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Tell who answers, where, and how much it holds
    Info(ClusterInfoArgs),
}

/// Arguments of `runnel cluster info`.
#[derive(Debug, Args)]
pub(crate) struct ClusterInfoArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

const BROKER_EXAMPLES: &str = "\
Examples:
  runnel broker                                  in the foreground, on 127.0.0.1:9092
  runnel broker --data /srv/runnel --config /etc/runnel.toml
  runnel broker start                            in the background
  runnel broker status

`broker` alone serves the data directory's socket, too, so that commands without -b find it.";

/// Arguments of `runnel broker`.
#[derive(Debug, Args)]
#[command(after_help = BROKER_EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct BrokerArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BrokerCommand>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// What to do with the local broker.
#[derive(Debug, Subcommand)]
pub(crate) enum BrokerCommand {
    /// Start the local broker in the background, unless it runs
    Start(ServeArgs),
    /// Stop the local broker; everything acknowledged is on disk
    Stop,
    /// Tell whether the local broker runs
    Status(BrokerStatusArgs),
}

/// Arguments of `runnel broker status`.
#[derive(Debug, Args)]
pub(crate) struct BrokerStatusArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// How a broker serves.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen, besides the data directory's socket; may be given several times [default: 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Vec<String>,
    /// A configuration file: TOML, with Kafka's names as keys
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A setting, before the file's; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<KeyValue>,
    /// Listen on other than loopback addresses though anybody there may then read and write everything
    #[arg(long)]
    pub(crate) insecure: bool,
    /// How to log on stderr
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) log_format: LogFormat,
    /// Started in the background by a command, which wants to know when the directory is in use
    #[arg(long, hide = true)]
    pub(crate) launched: bool,
    /// Started by a command: only the socket, and leave when idle
    #[arg(long, hide = true)]
    pub(crate) autostarted: bool,
}

/// How a broker logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

const DASH_EXAMPLES: &str = "\
Examples:
  runnel dash                            live
  runnel dash --once --size 120x40       one picture, as text
  runnel dash --once -o json             the same as data";

/// Arguments of `runnel dash`; without a subcommand they are all defaults.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = DASH_EXAMPLES)]
pub(crate) struct DashArgs {
    /// Print one picture and exit
    #[arg(long)]
    pub(crate) once: bool,
    /// The picture's size [default: the terminal's, else 120x40]
    #[arg(long, value_name = "COLUMNSxROWS", value_parser = parse_screen_size, requires = "once")]
    pub(crate) size: Option<(u16, u16)>,
    /// What to print
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t, requires = "once")]
    pub(crate) output: PictureFormat,
}

/// How a picture of the dashboard is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum PictureFormat {
    /// As it looks
    #[default]
    Text,
    /// The figures behind it
    Json,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  runnel demo                            watch it live; q ends it
  runnel demo --once --size 160x50       one picture, as text

The demo's broker keeps its data in a temporary directory and takes it away at the end. It also listens
on a free port of 127.0.0.1, which is printed: try other commands on it with -b.";

/// Arguments of `runnel demo`.
#[derive(Debug, Clone, Args)]
#[command(after_help = DEMO_EXAMPLES)]
pub(crate) struct DemoArgs {
    /// Print one picture and exit, as happens without a terminal
    #[arg(long)]
    pub(crate) once: bool,
    /// The picture's size [default: the terminal's, else 120x40]
    #[arg(long, value_name = "COLUMNSxROWS", value_parser = parse_screen_size)]
    pub(crate) size: Option<(u16, u16)>,
    /// How long to go on [default: until you leave; 4s before the one picture]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration_ms)]
    pub(crate) duration: Option<u64>,
}

/// Arguments of `runnel completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: CompletionShell,
}

/// Shells with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionShell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// Arguments of `runnel man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where to write all pages, one a verb [default: print the first one]
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

//! The arguments of `produce` and `consume`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use runnel_proto::v1;

use super::offsets::{OFFSET_HELP, OffsetItem};
use super::template::Template;
use super::values::{Delimiter, HeaderArg, KeyValue, parse_topic_setting};
use crate::time::parse_duration_ms;

const PRODUCE_EXAMPLES: &str = "\
Examples:
  tail -f app.log | runnel produce app            a record a line, as they come
  runnel produce app -z zstd access.log           a file, compressed
  runnel produce users -K: < users.txt            `key:value` lines
  runnel produce images -D '' -k logo < logo.png  the whole input as one record
  runnel produce users -k alice -Z < /dev/null    nothing: no line, no record
  echo | runnel produce users -k alice -Z         a tombstone for alice
  runnel consume a -e --json | runnel produce b --json   copy records exactly, into as many partitions

A blank line is an empty record, and a last line without a newline counts. Nothing waits for a buffer
to fill. Exits with 0 only when every record was acknowledged.";

/// Arguments of `runnel produce`.
#[derive(Debug, Args)]
#[command(after_help = PRODUCE_EXAMPLES)]
pub(crate) struct ProduceArgs {
    /// The topic; it is created when it doesn't exist, unless the broker forbids that
    pub(crate) topic: String,

    /// The files to read, one after the other; none, or `-`: stdin
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// The key of every record; equal keys go to the same partition
    #[arg(short, long, conflicts_with = "key_delimiter")]
    pub(crate) key: Option<OsString>,

    /// Every record begins with its key, up to the first DELIM; a record without DELIM is an error
    #[arg(short = 'K', long, value_name = "DELIM")]
    pub(crate) key_delimiter: Option<Delimiter>,

    /// What ends a record; \n \r \t \0 \\ \xNN are understood; '': the whole input is one record
    #[arg(short = 'D', long, value_name = "DELIM", default_value = "\\n")]
    pub(crate) delimiter: Delimiter,

    /// A header for every record; NAME:VALUE works, too; may be given several times, even with one name
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE")]
    pub(crate) headers: Vec<HeaderArg>,

    /// The partition for every record, whatever its key; -1: as if it weren't given
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(-1..))]
    #[arg(allow_negative_numbers = true)]
    pub(crate) partition: Option<i32>,

    /// How batches are compressed
    #[arg(short = 'z', long, value_enum, value_name = "CODEC", default_value_t)]
    pub(crate) compression: Codec,

    /// An empty value becomes null: a tombstone
    #[arg(short = 'Z', long = "null")]
    pub(crate) empty_is_null: bool,

    /// Read records as `consume --json` writes them, with keys, headers and timestamps
    #[arg(long, conflicts_with_all = ["key", "key_delimiter", "delimiter", "headers", "empty_is_null"])]
    pub(crate) json: bool,

    /// With --json: let keys choose the partitions, not what the records say
    #[arg(long, requires = "json")]
    pub(crate) ignore_partitions: bool,

    /// When a record counts as delivered
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, allow_hyphen_values = true)]
    pub(crate) acks: AcksWhen,

    /// A setting for the topic if it is created now, such as -X retention.ms=3600000
    #[arg(short = 'X', long = "topic-config", value_name = "KEY=VALUE", value_parser = parse_topic_setting)]
    pub(crate) topic_configs: Vec<KeyValue>,

    /// How long to go on without an answer, or while the broker's disk is full or the broker is busy
    #[arg(long, value_name = "DURATION", value_parser = parse_duration_ms, default_value = "30s")]
    pub(crate) timeout: u64,

    /// After a record that can't be delivered: stop reading, or skip it and go on; the exit code is 1 either way
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub(crate) on_error: OnError,
}

/// Compression codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Codec {
    /// As they are
    #[default]
    None,
    /// Compact, slow
    Gzip,
    /// Quick
    Snappy,
    /// Quickest
    Lz4,
    /// Compact, quick
    Zstd,
}

/// When the broker answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum AcksWhen {
    /// Once it is on disk; -1 says the same
    #[default]
    #[value(alias = "-1")]
    All,
    /// Once it is written, before it is synced; 1 says the same
    #[value(alias = "1")]
    Leader,
    /// At once, whatever becomes of it; 0 says the same
    #[value(alias = "0")]
    None,
}

impl AcksWhen {
    /// As it stands on the wire.
    pub(crate) fn to_wire(self) -> v1::Acks {
        match self {
            Self::All => v1::Acks::All,
            Self::Leader => v1::Acks::Leader,
            Self::None => v1::Acks::None,
        }
    }
}

/// What becomes of the rest after a failed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OnError {
    /// Read no further
    #[default]
    Stop,
    /// Leave it out, go on
    Skip,
}

const CONSUME_EXAMPLES: &str = "\
Examples:
  runnel consume app                           all records, then new ones as they come
  runnel consume app -o end                    only new ones
  runnel consume app -e | wc -l                until the end as it is now
  runnel consume app -o -10 -e                 the last 10 of every partition
  runnel consume app -o @-1h -n 100            100 records of the last hour
  runnel consume orders -g billing             share the partitions with others of the group
  runnel consume app -f '%t/%p@%o %k=%v\\n'     in a format of one's own
  runnel consume images -n 1 -D '' > logo.png  byte for byte
  runnel consume app -e --json > app.ndjson    losslessly";

const FORMAT_HELP: &str = "\
How a record is printed; nothing is added to it, not even a newline:
  %t topic   %p partition   %o offset   %T timestamp, Unix ms   %h headers: name=value,...
  %k key     %K its length, -1 if null  %v %s value   %S its length, -1 if null   %% a percent sign
  \\n \\r \\t \\0 \\\\ \\xNN";

/// Arguments of `runnel consume`.
#[derive(Debug, Args)]
#[command(after_help = CONSUME_EXAMPLES)]
pub(crate) struct ConsumeArgs {
    /// The topics
    #[arg(value_name = "TOPIC", required = true)]
    pub(crate) topics: Vec<String>,

    /// Where to start [default: beginning]; with -g only where the group has committed nothing yet
    #[arg(short, long, value_name = "WHERE", value_delimiter = ',', allow_hyphen_values = true)]
    #[arg(long_help = OFFSET_HELP)]
    pub(crate) offset: Vec<OffsetItem>,

    /// Exit at the end, as it was at the start
    #[arg(short = 'e', long)]
    pub(crate) exit_at_end: bool,

    /// Exit after so many records
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub(crate) count: Option<u64>,

    /// Only this partition; may be given several times
    #[arg(short, long = "partition", value_name = "N", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(i32).range(0..), conflicts_with = "group")]
    pub(crate) partitions: Vec<i32>,

    /// Join this consumer group: share partitions, and commit what was printed
    #[arg(short, long)]
    pub(crate) group: Option<String>,

    /// How the group shares partitions, in the order of preference [default: cooperative-sticky,range]
    #[arg(long, value_enum, value_name = "NAME", value_delimiter = ',', requires = "group")]
    pub(crate) assignor: Vec<AssignorName>,

    /// Exit with 124 if not done after this time, connecting included
    #[arg(long, value_name = "DURATION", value_parser = parse_duration_ms)]
    pub(crate) timeout: Option<u64>,

    /// Which records of transactions are read
    #[arg(long, value_enum, value_name = "LEVEL", alias = "isolation-level", default_value_t)]
    pub(crate) isolation: Isolation,

    /// How a record is printed, such as '%k %v\n'; --help tells more
    #[arg(short, long, long_help = FORMAT_HELP, conflicts_with = "json")]
    pub(crate) format: Option<Template>,

    /// What follows each record; \n \r \t \0 \\ \xNN are understood [default: \n, nothing with -f]
    #[arg(short = 'D', long, value_name = "DELIM", conflicts_with = "json")]
    pub(crate) delimiter: Option<Delimiter>,

    /// Print one JSON object a line that holds all of the record; `produce --json` reads it
    #[arg(long)]
    pub(crate) json: bool,

    /// On a terminal, don't escape control characters
    #[arg(long)]
    pub(crate) raw: bool,
}

/// Which records of transactions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Isolation {
    /// All, also those that are aborted or not decided yet
    #[value(alias = "read_uncommitted")]
    ReadUncommitted,
    /// Those that are committed; it waits for what is not decided, but for -e
    #[default]
    #[value(alias = "read_committed")]
    ReadCommitted,
}

impl Isolation {
    /// As it stands on the wire.
    pub(crate) fn to_wire(self) -> v1::IsolationLevel {
        match self {
            Self::ReadUncommitted => v1::IsolationLevel::ReadUncommitted,
            Self::ReadCommitted => v1::IsolationLevel::ReadCommitted,
        }
    }
}

/// Ways to share partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AssignorName {
    /// Contiguous ranges of each topic
    Range,
    /// One after the other
    #[value(name = "roundrobin")]
    RoundRobin,
    /// Even, moving as few as possible
    Sticky,
    /// As sticky, without stopping the whole group
    CooperativeSticky,
}

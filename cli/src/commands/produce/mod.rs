//! `runnel produce`: input → pieces → records → batches → broker.
//!
//! One thread reads, one packs, and this task sends; each hands over to the next through a short queue, so that memory
//! stays bounded however fast the input is.

mod batching;
mod delivery;
mod framing;
mod input;
mod packing;
mod report;
mod topic;

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use runnel_proto::client::MAX_MESSAGE_BYTES;
use runnel_proto::records::{Compression, HEADER_BYTES};
use tokio::sync::mpsc;

use batching::{Batch, BatchPolicy, Batcher};
use delivery::{Delivery, DeliveryPolicy, Ended};
use framing::Framer;
use input::{Input, Source};
use packing::{Common, Layout, Packed, Packer};
use report::Reporter;
use topic::Target;

use crate::args::{Codec, ProduceArgs};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output::counted;
use crate::records_json::RecordReader;
use crate::signals::Interrupts;

/// Large enough that a batch's own costs vanish, small enough to keep the broker busy while the next is packed.
const BATCH_BYTES: usize = 512 << 10;
/// What all open batches may hold together.
const BUFFER_BYTES: usize = 32 << 20;
/// A record beyond this can't travel at all; the broker's own limit is far lower.
const RECORD_LIMIT_BYTES: usize = MAX_MESSAGE_BYTES - (1 << 20);
/// Pieces between the reading and the packing thread.
const QUEUED_PIECES: usize = 8;
/// Batches between the packing thread and the sending task.
const QUEUED_BATCHES: usize = 4;

/// Produces what the command line names.
pub(crate) async fn run(context: &Context, mut args: ProduceArgs) -> Result<(), Failure> {
    // As other tools write "any partition".
    args.partition = args.partition.filter(|partition| *partition >= 0);
    let sources = Source::all(&args.files);
    let total_bytes = check_sources(&sources)?;
    let mut interrupts = Interrupts::catch().map_err(|error| Failure::failed(error.to_string()))?;
    let timeout = Duration::from_millis(args.timeout);
    let prepared = async {
        let channel = context.channel().await?;
        let target = topic::find_or_create(context, &channel, &args.topic, &args.topic_configs).await?;
        Ok((channel, target))
    };
    let (channel, target) = context::within(Some(timeout), prepared).await?;
    check_partition(&args, &target)?;
    context.detail(1, || {
        let (topic, partitions) = (runnel_proto::text::escape(&args.topic), target.partitions);
        format!(
            "topic {topic}, {}, batches up to {} bytes",
            counted(partitions.into(), "partition"),
            target.max_batch_bytes
        )
    });

    let started = Instant::now();
    let show_bar = !context.quiet && io::stderr().is_terminal();
    let names = sources.iter().map(Source::name).collect();
    let by_lines = args.delimiter.0 == b"\n";
    let reporter = Reporter::new(context, names, by_lines, total_bytes.filter(|_| show_bar));
    let (batches_in, batches) = mpsc::channel(QUEUED_BATCHES);
    let packing = Pipeline::start(&args, &target, sources, batches_in, reporter.clone());
    let policy = DeliveryPolicy {
        topic: args.topic.clone(),
        acks: args.acks.to_wire(),
        timeout,
        on_error: args.on_error,
    };
    let mut delivery = Delivery::new(policy, channel, batches, reporter.clone());
    let outcome = deliver(&mut delivery, &packing, &mut interrupts).await;
    reporter.finish();
    let mut tally = delivery.tally();
    drop(delivery); // Nobody takes batches any more: the packing thread ends, if it has not.
    packing.stop();
    let packed = packing.join()?;
    tally.unsent = packed.records - tally.acknowledged - tally.refused - tally.unknown;
    tally.refused += packed.failed;
    reporter.note(&tally.summary(&runnel_proto::text::escape(&args.topic), started.elapsed()));
    exit(&outcome, &tally, &packed, &args)
}

/// The size of all files together, when all are regular files.
fn check_sources(sources: &[Source]) -> Result<Option<u64>, Failure> {
    let mut total = Some(0);
    for source in sources {
        let size = source.check().map_err(Failure::failed)?;
        total = total.zip(size).map(|(total, size)| total + size);
    }
    Ok(total)
}

fn check_partition(args: &ProduceArgs, target: &Target) -> Result<(), Failure> {
    match args.partition {
        Some(partition) if partition >= target.partitions => Err(Failure::failed(format!(
            "topic {} has no partition {partition}; it has {}, numbered from 0",
            runnel_proto::text::escape(&args.topic),
            target.partitions
        ))),
        _ => Ok(()),
    }
}

/// How the delivery came to its end.
struct Outcome {
    /// `None`: abandoned by a second interrupt.
    ended: Option<Ended>,
    interrupted: bool,
}

/// The first interrupt ends the reading and lets the rest go out; the second ends everything.
async fn deliver(delivery: &mut Delivery, pipeline: &Pipeline, interrupts: &mut Interrupts) -> Outcome {
    let running = delivery.run();
    tokio::pin!(running);
    let mut interrupted = false;
    loop {
        tokio::select! {
            ended = &mut running => return Outcome { ended: Some(ended), interrupted },
            () = interrupts.next() => {
                if interrupted {
                    return Outcome { ended: None, interrupted };
                }
                interrupted = true;
                pipeline.stop();
            }
        }
    }
}

/// Success only when every record of the input was acknowledged.
fn exit(
    outcome: &Outcome,
    tally: &report::Tally,
    packed: &Packed,
    args: &ProduceArgs,
) -> Result<(), Failure> {
    if outcome.ended == Some(Ended::Lost) && tally.unknown == 0 && tally.refused == 0 {
        return Err(Failure::unreachable(""));
    }
    if outcome.ended == Some(Ended::Done) && tally.refused == 0 {
        // A pipe has no end to miss: an interrupt is how it ends. A file has.
        let cut_short = outcome.interrupted && packed.cut_short && !args.files.is_empty();
        return if cut_short {
            Err(Failure::interrupted("interrupted before the end of the input"))
        } else {
            Ok(())
        };
    }
    match outcome.ended {
        Some(Ended::Silent) => Err(Failure::timeout("")),
        None => Err(Failure::interrupted("interrupted; what was under way may be stored or not")),
        Some(_) => Err(Failure::reported()),
    }
}

/// The two threads before the sending task.
struct Pipeline {
    stop: Arc<AtomicBool>,
    wake: SyncSender<Input>,
    packer: JoinHandle<Packed>,
}

impl Pipeline {
    fn start(
        args: &ProduceArgs,
        target: &Target,
        sources: Vec<Source>,
        batches: mpsc::Sender<Batch>,
        reporter: Reporter,
    ) -> Self {
        let (pieces, input) = sync_channel(QUEUED_PIECES);
        let (used, reused) = std::sync::mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let packer = Packer::new(
            Framer::new(&args.delimiter.0, RECORD_LIMIT_BYTES),
            layout(args),
            common(args, target),
            Batcher::new(batch_policy(args, target)).avoiding(&target.unserved),
            batches,
            reporter,
            Arc::clone(&stop),
        );
        let packer = std::thread::spawn(move || packer.run(&input, &used));
        let wake = pieces.clone();
        // Never joined: it may wait for stdin for ever.
        std::thread::spawn(move || input::read_all(&sources, &pieces, &reused));
        Self { stop, wake, packer }
    }

    /// Ends the reading after what the packing thread holds.
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        // With a full queue the packing thread is awake, and sees the flag.
        let _ = self.wake.try_send(Input::Stop);
    }

    fn join(self) -> Result<Packed, Failure> {
        self.packer.join().map_err(|_| Failure::failed("the packing thread failed; this is a defect"))
    }
}

fn layout(args: &ProduceArgs) -> Layout {
    if args.json {
        return Layout::Json(RecordReader::default());
    }
    match &args.key_delimiter {
        Some(delimiter) => {
            Layout::KeyAndValue { delimiter: Box::new(Finder::new(&delimiter.0).into_owned()) }
        }
        None => Layout::Value { key: args.key.clone().map(OsString::into_vec) },
    }
}

fn common(args: &ProduceArgs, target: &Target) -> Common {
    let bytes = |text: &String| text.clone().into_bytes();
    Common {
        headers: args.headers.iter().map(|header| (bytes(&header.name), bytes(&header.value))).collect(),
        empty_is_null: args.empty_is_null,
        partitions: target.partitions,
        is_partition_fixed: args.partition.is_some(),
        ignores_partitions: args.ignore_partitions,
        topic: args.topic.clone(),
        delimiter_bytes: args.delimiter.0.len(),
        largest_record_bytes: largest_record_bytes(args, target),
        on_error: args.on_error,
    }
}

/// Compressed records and JSON envelopes may be larger than what they come to.
fn largest_record_bytes(args: &ProduceArgs, target: &Target) -> Option<usize> {
    let is_plain = !args.json && matches!(args.compression, Codec::None);
    is_plain.then(|| target.max_batch_bytes.saturating_sub(HEADER_BYTES))
}

fn batch_policy(args: &ProduceArgs, target: &Target) -> BatchPolicy {
    let random = RandomState::new().hash_one(std::process::id());
    BatchPolicy {
        partitions: target.partitions,
        fixed_partition: args.partition,
        first_sticky: (random % target.partitions as u64) as i32,
        compression: match args.compression {
            Codec::None => Compression::None,
            Codec::Gzip => Compression::Gzip,
            Codec::Snappy => Compression::Snappy,
            Codec::Lz4 => Compression::Lz4,
            Codec::Zstd => Compression::Zstd,
        },
        // What can't be compressed grows a little.
        target_bytes: BATCH_BYTES.min(target.max_batch_bytes - target.max_batch_bytes / 8),
        buffer_bytes: BUFFER_BYTES,
    }
}

//! `runnel consume`: broker → batches → records → stdout.
//!
//! A task fetches, and one thread decodes, prints and writes; the short queue between them keeps memory bounded however
//! slow the reader of the pipe is.

mod closed;
mod fetch;
mod group;
mod output;
mod plan;
mod print;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::Duration;

use runnel_proto::group::Assignor;
use runnel_proto::text::escape;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tonic::transport::Channel;

use closed::OtherEnd;
use fetch::Fetcher;
use group::{GroupReader, Subscription};
use output::{Damage, Lane, Output, Printed, Work};
use plan::{Span, TopicSize};
use print::Printer;

use crate::args::{AssignorName, ConsumeArgs, Isolation, OffsetPlan};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::member::Membership;
use crate::signals::Interrupts;

/// What a member calls itself.
const CLIENT_ID: &str = "runnel";

/// Consumes what the command line names.
pub(crate) async fn run(context: &Context, args: ConsumeArgs) -> Result<(), Failure> {
    let offsets = OffsetPlan::new(&args.offset).map_err(Failure::usage)?;
    if offsets.wants_stored() && args.group.is_none() {
        return Err(Failure::usage("`-o stored` needs a group: name one with -g"));
    }
    if args.count == Some(0) {
        return Ok(());
    }
    let interrupts = Interrupts::catch().map_err(|error| Failure::failed(error.to_string()))?;
    let limit = args.timeout.map(Duration::from_millis);
    let deadline = limit.map(|limit| Instant::now() + limit);
    let prepared = context::within(limit, prepare(context, &args, &offsets)).await?;
    let Prepared { channel, sizes, spans, unknown } = prepared;
    for row in &unknown {
        fetch::tell_unread(context, &row.topic, row.partition, &escape(&row.error.message));
    }

    tell_spans(context, &spans);
    let other_end = OtherEnd::watch().map_err(|error| Failure::failed(error.to_string()))?;
    let escape_output = io::stdout().is_terminal() && !args.raw;
    let output = Output::start(Printer::new(&args, escape_output), args.count);
    let output = output.map_err(|error| Failure::failed(format!("can't write to stdout: {error}")))?;
    let is_bounded = args.count.is_some() || spans.iter().all(|span| span.stop.is_some());
    let mut watch = Watch { interrupts, other_end, done: output.done, limit, deadline, is_bounded };
    let plan = Plan { offsets, isolation: args.isolation, sizes, spans };
    let (outcome, failed) = match &args.group {
        Some(group) => {
            let membership =
                Membership::new(channel.clone(), group, CLIENT_ID, &args.topics, assignors(&args.assignor));
            read_in_group(context, channel, membership, plan, output.work, output.damaged, &mut watch).await
        }
        None => {
            let follows = args.partitions.is_empty() && !is_bounded;
            read_alone(context, channel, plan, follows, output.work, output.damaged, &mut watch).await
        }
    };
    outcome?;
    if failed + unknown.len() as u64 > 0 { Err(Failure::reported()) } else { Ok(()) }
}

/// What is known before the reading begins.
struct Prepared {
    channel: Channel,
    sizes: Vec<TopicSize>,
    spans: Vec<Span>,
    unknown: Vec<plan::Unknown>,
}

async fn prepare(context: &Context, args: &ConsumeArgs, offsets: &OffsetPlan) -> Result<Prepared, Failure> {
    let channel = context.channel().await?;
    let sizes = plan::topic_sizes(&channel, &args.topics).await?;
    let partitions = plan::choose(&sizes, &args.partitions, offsets)?;
    let (spans, unknown) =
        plan::spans(&channel, &partitions, offsets, args.isolation, args.exit_at_end).await?;
    Ok(Prepared { channel, sizes, spans, unknown })
}

fn tell_spans(context: &Context, spans: &[Span]) {
    for span in spans {
        context.detail(1, || {
            let until = span.stop.map_or_else(|| "on".to_owned(), |stop| format!("to {stop}"));
            let whose = "unless a group's offsets say otherwise";
            format!("{}/{}: from offset {} {until}, {whose}", escape(&span.topic), span.partition, span.start)
        });
    }
}

/// What to read, and from where.
struct Plan {
    offsets: OffsetPlan,
    isolation: Isolation,
    sizes: Vec<TopicSize>,
    spans: Vec<Span>,
}

fn assignors(names: &[AssignorName]) -> Vec<Assignor> {
    if names.is_empty() {
        return vec![Assignor::CooperativeSticky, Assignor::Range];
    }
    let assignor = |name: &AssignorName| match name {
        AssignorName::Range => Assignor::Range,
        AssignorName::RoundRobin => Assignor::RoundRobin,
        AssignorName::Sticky => Assignor::Sticky,
        AssignorName::CooperativeSticky => Assignor::CooperativeSticky,
    };
    names.iter().map(assignor).collect()
}

/// Reads as nobody's member. Also returns how many partitions failed.
async fn read_alone(
    context: &Context,
    channel: Channel,
    plan: Plan,
    follows: bool,
    work: mpsc::Sender<Work>,
    mut damaged: mpsc::UnboundedReceiver<Damage>,
    watch: &mut Watch,
) -> (Result<(), Failure>, u64) {
    let mut fetcher = Fetcher::new(context, channel.clone(), work, plan.isolation);
    for span in &plan.spans {
        fetcher.add(Lane::new(&span.topic, span.partition, span.start, span.stop));
    }
    let ended = watch.until_end(fetch_all(&mut fetcher, &channel, plan.sizes, follows, &mut damaged)).await;
    let mut failed = fetcher.failed();
    drop(fetcher); // The output ends once it has printed what it was given.
    let drained = match ended {
        Ended::Output(_) => Ok(()),
        _ => watch.drained().await,
    };
    // The output may have met damage after everything was fetched.
    while let Ok((lane, error)) = damaged.try_recv() {
        fetch::tell_failure(context, &lane, &error.to_string());
        failed += 1;
    }
    (drained.and_then(|()| watch.exit(ended)), failed)
}

async fn fetch_all(
    fetcher: &mut Fetcher<'_>,
    channel: &Channel,
    mut sizes: Vec<TopicSize>,
    follows: bool,
    damaged: &mut mpsc::UnboundedReceiver<Damage>,
) -> Result<(), Failure> {
    loop {
        tokio::select! {
            read = fetcher.run() => return read,
            Some((lane, error)) = damaged.recv() => fetcher.give_up(&lane, &error.to_string()),
            grown = group::growth(channel, &sizes), if follows => {
                for (before, now) in sizes.iter().zip(&grown) {
                    for partition in before.partitions..now.partitions {
                        fetcher.add(Lane::new(&now.topic, partition, 0, None));
                    }
                }
                sizes = grown;
            }
        }
    }
}

/// Reads as a member of a group. Also returns how many partitions failed.
async fn read_in_group(
    context: &Context,
    channel: Channel,
    membership: Membership,
    plan: Plan,
    work: mpsc::Sender<Work>,
    damaged: mpsc::UnboundedReceiver<Damage>,
    watch: &mut Watch,
) -> (Result<(), Failure>, u64) {
    let spans: BTreeMap<_, _> =
        plan.spans.into_iter().map(|span| ((span.topic.clone(), span.partition), span)).collect();
    let subscription = Subscription { offsets: plan.offsets, isolation: plan.isolation, spans };
    let mut reader = GroupReader::new(context, channel, membership, subscription, plan.sizes, work, damaged);
    let ended = watch.until_end(reader.run()).await;
    let drained = match ended {
        Ended::Output(_) => Ok(()),
        _ => watch.first_interrupt_or(reader.drain()).await,
    };
    let closed = match drained {
        Ok(()) => watch.first_interrupt_or(reader.close()).await.flatten(),
        Err(abandoned) => Err(abandoned),
    };
    let exit = watch.exit(ended);
    (exit.and(closed), reader.failed())
}

/// What may end the reading.
struct Watch {
    interrupts: Interrupts,
    other_end: OtherEnd,
    done: oneshot::Receiver<Printed>,
    /// The user's limit for everything, and when it is over.
    limit: Option<Duration>,
    deadline: Option<Instant>,
    /// There is an end to wait for; stopping before it is a failure.
    is_bounded: bool,
}

/// Why the reading ended.
enum Ended {
    /// Nothing more to read, or reading failed.
    Reading(Result<(), Failure>),
    /// The output needs no more, or failed.
    Output(Printed),
    /// Nobody reads stdout any more.
    Closed,
    Interrupted,
    TimedOut,
}

impl Watch {
    async fn until_end(&mut self, reading: impl Future<Output = Result<(), Failure>>) -> Ended {
        let timeout = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = reading => Ended::Reading(read),
            printed = &mut self.done => Ended::Output(printed.unwrap_or(Printed::All)),
            () = self.other_end.closed() => Ended::Closed,
            () = self.interrupts.next() => Ended::Interrupted,
            () = timeout => Ended::TimedOut,
        }
    }

    /// Waits until all that was handed to the output is written; an interrupt abandons it.
    async fn drained(&mut self) -> Result<(), Failure> {
        tokio::select! {
            printed = &mut self.done => match printed {
                Ok(Printed::Failed(error)) => check_output(&error),
                _ => Ok(()),
            },
            () = self.other_end.closed() => Ok(()),
            () = self.interrupts.next() => Err(Failure::interrupted("interrupted before everything was written")),
        }
    }

    /// The end of something that should not take long, unless an interrupt abandons it.
    async fn first_interrupt_or<T>(&mut self, ending: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            ended = ending => Ok(ended),
            () = self.interrupts.next() => Err(Failure::interrupted("interrupted before the group was left")),
        }
    }

    fn exit(&self, ended: Ended) -> Result<(), Failure> {
        match ended {
            Ended::Reading(read) => read,
            Ended::Output(Printed::Failed(error)) => check_output(&error),
            Ended::Output(Printed::All | Printed::Count) | Ended::Closed => Ok(()),
            Ended::Interrupted if self.is_bounded => Err(Failure::interrupted("interrupted before the end")),
            Ended::Interrupted => Ok(()),
            Ended::TimedOut => Err(Failure::timed_out(self.limit.unwrap_or_default())),
        }
    }
}

/// A reader that has gone away is no failure.
fn check_output(error: &io::Error) -> Result<(), Failure> {
    let failure = Failure::output(error);
    if failure.exit_code == 0 { Ok(()) } else { Err(failure) }
}

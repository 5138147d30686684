//! Turns input into batches, on a thread of its own: pieces in, batches out.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use runnel_proto::text::{escape, escape_bytes};
use tokio::sync::mpsc;

use super::batching::{Batch, Batcher, NewRecord, Place};
use super::framing::{Frame, Framer};
use super::input::Input;
use super::report::Reporter;
use crate::args::OnError;
use crate::records_json::{JsonRecord, RecordReader};
use crate::time::now_ms;

/// How long the input is quiet before what waits is sent.
const LINGER: Duration = Duration::from_millis(5);
/// How long a record waits while there is always more input, but none for its partition.
const MAX_WAIT: Duration = Duration::from_millis(100);
/// How long it waits when earlier batches still wait to be sent, so that sending it would gain nothing.
const MAX_WAIT_BEHIND: Duration = Duration::from_secs(2);

/// How a record's bytes are understood.
#[derive(Debug)]
pub(super) enum Layout {
    /// All of it is the value.
    Value { key: Option<Vec<u8>> },
    /// Key, delimiter, value.
    KeyAndValue { delimiter: Box<Finder<'static>> },
    /// A JSON envelope.
    Json(RecordReader),
}

/// What all records have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) empty_is_null: bool,
    /// How many partitions the topic has.
    pub(super) partitions: i32,
    /// All records go to one partition, whatever they say.
    pub(super) is_partition_fixed: bool,
    /// Keys choose the partitions, whatever the records say.
    pub(super) ignores_partitions: bool,
    /// The topic's name, for advice.
    pub(super) topic: String,
    pub(super) delimiter_bytes: usize,
    /// Above this a record can't fit into a batch that the topic takes; `None` when its size says nothing of its batch's.
    /// Refused here, and not only by the broker, since until its answer comes what follows would be on its way.
    pub(super) largest_record_bytes: Option<usize>,
    pub(super) on_error: OnError,
}

/// What the packing thread has to say in the end.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// Records that went into batches.
    pub(super) records: u64,
    /// Records that could not be understood; each has been told.
    pub(super) failed: u64,
    /// The input was not read to its end.
    pub(super) cut_short: bool,
}

/// The packing thread's state.
pub(super) struct Packer {
    framer: Framer,
    packing: Packing,
    /// Set when whoever wants the reading to end can't wait for its turn.
    stop: Arc<AtomicBool>,
}

/// What happens to each record; apart from the framer, which hands the records out.
struct Packing {
    layout: Layout,
    common: Common,
    batcher: Batcher,
    batches: mpsc::Sender<Batch>,
    reporter: Reporter,
    place: Place,
    timestamp_ms: i64,
    packed: Packed,
}

impl Packer {
    pub(super) fn new(
        framer: Framer,
        layout: Layout,
        common: Common,
        batcher: Batcher,
        batches: mpsc::Sender<Batch>,
        reporter: Reporter,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let place = Place { source: 0, number: 0 };
        let packed = Packed::default();
        let packing = Packing { layout, common, batcher, batches, reporter, place, timestamp_ms: 0, packed };
        Self { framer, packing, stop }
    }

    /// Packs until the input is over, somebody stops it, or nobody takes batches any more.
    pub(super) fn run(mut self, input: &Receiver<Input>, used: &Sender<Vec<u8>>) -> Packed {
        if self.pack_all(input, used).is_break() {
            self.packing.packed.cut_short = true;
        }
        // What was understood before the end goes out in any case.
        let _ = self.packing.flush();
        self.packing.packed
    }

    fn pack_all(&mut self, input: &Receiver<Input>, used: &Sender<Vec<u8>>) -> ControlFlow<()> {
        let mut oldest: Option<Instant> = None;
        loop {
            let next = match next_input(input, oldest) {
                Wait::Input(next) => next,
                Wait::Quiet => {
                    self.packing.flush()?;
                    oldest = None;
                    continue;
                }
                Wait::Over => return ControlFlow::Continue(()),
            };
            if self.stop.load(Ordering::Relaxed) {
                return self.stopped();
            }
            match next {
                Input::Piece(piece) => {
                    self.packing.timestamp_ms = now_ms();
                    self.framer.feed(&piece, |frame| self.packing.take(frame))?;
                    let _ = used.send(piece);
                }
                Input::SourceOver => {
                    self.packing.timestamp_ms = now_ms();
                    self.framer.finish(|frame| self.packing.take(frame))?;
                    self.packing.place = Place { source: self.packing.place.source + 1, number: 0 };
                }
                Input::Failed(error) => return self.packing.input_failed(&error),
                Input::Over => return ControlFlow::Continue(()),
                Input::Stop => return self.stopped(),
            }
            oldest = match (self.packing.batcher.has_open(), oldest) {
                (false, _) => None,
                (true, None) => Some(Instant::now()),
                (true, Some(oldest)) if oldest.elapsed() < self.packing.max_wait() => Some(oldest),
                (true, Some(_)) => {
                    self.packing.flush()?;
                    None
                }
            };
        }
    }

    fn stopped(&self) -> ControlFlow<()> {
        let held = self.framer.held_bytes();
        if held > 0 {
            let message = format!("stopped within a record: its first {held} bytes were not sent");
            self.packing.reporter.warn(&message);
        }
        ControlFlow::Break(())
    }
}

enum Wait {
    Input(Input),
    /// Nothing came for as long as the oldest waiting record may linger.
    Quiet,
    Over,
}

fn next_input(input: &Receiver<Input>, oldest: Option<Instant>) -> Wait {
    match input.try_recv() {
        Ok(next) => return Wait::Input(next),
        Err(TryRecvError::Disconnected) => return Wait::Over,
        Err(TryRecvError::Empty) => {}
    }
    let Some(oldest) = oldest else { return input.recv().map_or(Wait::Over, Wait::Input) };
    // From now on, and not from when the record came: where input comes fast it is always short for a moment, and batches
    // cut then would be small.
    match input.recv_timeout(LINGER.min(MAX_WAIT.saturating_sub(oldest.elapsed()))) {
        Ok(next) => Wait::Input(next),
        Err(RecvTimeoutError::Timeout) => Wait::Quiet,
        Err(RecvTimeoutError::Disconnected) => Wait::Over,
    }
}

impl Packing {
    fn max_wait(&self) -> Duration {
        let behind = self.batches.capacity() < self.batches.max_capacity();
        if behind { MAX_WAIT_BEHIND } else { MAX_WAIT }
    }

    fn take(&mut self, frame: Frame<'_>) -> ControlFlow<()> {
        self.place.number += 1;
        let outcome = match frame {
            Frame::Record(bytes) => match self.common.largest_record_bytes {
                Some(limit) if bytes.len() > limit => Err(format!(
                    "its {} bytes are more than max.message.bytes of the topic allows a record, {limit}; split it or raise \
                     the setting",
                    bytes.len()
                )),
                _ => self.pack(bytes),
            },
            Frame::TooLong => Err("it is longer than any broker takes; nothing of it was sent".to_owned()),
        };
        match outcome {
            Ok(()) if self.batcher.has_ready() => self.hand_over(),
            Ok(()) => ControlFlow::Continue(()),
            Err(reason) => self.failed(&reason),
        }
    }

    fn pack(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Self { layout, common, batcher, .. } = self;
        let input_bytes = bytes.len() + common.delimiter_bytes;
        let stamp = Stamp { place: self.place, timestamp_ms: self.timestamp_ms, input_bytes };
        match layout {
            Layout::Value { key } => push_plain(batcher, common, stamp, key.as_deref(), bytes)?,
            Layout::KeyAndValue { delimiter } => {
                let at = delimiter.find(bytes).ok_or_else(|| no_key(delimiter, bytes))?;
                let value = &bytes[at + delimiter.needle().len()..];
                push_plain(batcher, common, stamp, Some(&bytes[..at]), value)?;
            }
            Layout::Json(reader) => {
                if bytes.trim_ascii().is_empty() {
                    return Ok(());
                }
                let pushed = reader.read(bytes, |line| push_json(batcher, common, stamp, line));
                pushed.map_err(|reason| escape(&reason).into_owned()).flatten()?;
            }
        }
        self.packed.records += 1;
        Ok(())
    }

    fn failed(&mut self, reason: &str) -> ControlFlow<()> {
        self.packed.failed += 1;
        let place = self.reporter.place(self.place);
        self.reporter.failure(&format!("{place}: {reason}"));
        match self.common.on_error {
            OnError::Stop => ControlFlow::Break(()),
            OnError::Skip => ControlFlow::Continue(()),
        }
    }

    fn input_failed(&mut self, error: &std::io::Error) -> ControlFlow<()> {
        self.packed.failed += 1;
        let name = self.reporter.source_name(self.place.source);
        self.reporter.warn(&format!("can't read {name}: {error}"));
        ControlFlow::Break(())
    }

    fn flush(&mut self) -> ControlFlow<()> {
        if let Err(error) = self.batcher.flush() {
            return self.failed(&error.to_string());
        }
        self.hand_over()
    }

    fn hand_over(&mut self) -> ControlFlow<()> {
        for batch in self.batcher.take_ready() {
            if self.batches.blocking_send(batch).is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

/// What a record gets from where and when it was read.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    place: Place,
    timestamp_ms: i64,
    input_bytes: usize,
}

fn push_plain(
    batcher: &mut Batcher,
    common: &Common,
    stamp: Stamp,
    key: Option<&[u8]>,
    value: &[u8],
) -> Result<(), String> {
    let value = (!value.is_empty() || !common.empty_is_null).then_some(value);
    let mut record =
        NewRecord { partition: None, timestamp_ms: stamp.timestamp_ms, key, value, headers: &[] };
    if common.headers.is_empty() {
        return push(batcher, &record, stamp);
    }
    let headers: Vec<_> = common.headers.iter().map(|(n, v)| (n.as_slice(), Some(v.as_slice()))).collect();
    record.headers = &headers;
    push(batcher, &record, stamp)
}

fn push_json(
    batcher: &mut Batcher,
    common: &Common,
    stamp: Stamp,
    line: &JsonRecord<'_>,
) -> Result<(), String> {
    let partition = line.partition.filter(|_| !common.ignores_partitions);
    if let Some(partition) = partition.filter(|partition| *partition >= common.partitions)
        && !common.is_partition_fixed
    {
        return Err(format!(
            "it is for partition {partition}, and the topic has {}; give it more with `runnel topic alter {} -p {}`, \
             or let keys decide with --ignore-partitions",
            common.partitions,
            escape(&common.topic),
            i64::from(partition) + 1,
        ));
    }
    let record = NewRecord {
        partition,
        timestamp_ms: line.timestamp_ms.unwrap_or(stamp.timestamp_ms),
        key: line.key,
        value: line.value,
        headers: line.headers,
    };
    push(batcher, &record, stamp)
}

fn push(batcher: &mut Batcher, record: &NewRecord<'_>, stamp: Stamp) -> Result<(), String> {
    batcher.push(record, stamp.input_bytes, stamp.place).map_err(|error| error.to_string())
}

fn no_key(delimiter: &Finder<'_>, bytes: &[u8]) -> String {
    const SHOWN_BYTES: usize = 40;
    let shown = escape_bytes(&bytes[..bytes.len().min(SHOWN_BYTES)]);
    let more = if bytes.len() > SHOWN_BYTES { "…" } else { "" };
    format!("it has no key: there is no {:?} in \"{shown}{more}\"", escape_bytes(delimiter.needle()))
}

#[cfg(test)]
#[path = "packing_tests.rs"]
mod tests;

//! Decodes, prints and writes on a thread of its own, since writing to stdout may block for as long as the reader of the
//! pipe pleases.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use runnel_proto::records::{BatchError, BatchReader, split_batches};
use tokio::sync::{mpsc, oneshot};

use super::print::Printer;

/// Written at the latest when so much has gathered, and whenever nothing more is there to print.
const BUFFER_BYTES: usize = 128 << 10;
/// Answers that wait to be printed.
const QUEUED: usize = 4;
/// No batch may hold more once decompressed.
const MAX_DECOMPRESSED_BYTES: usize = 256 << 20;

/// A partition on its way to stdout.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// Records from here on are not wanted.
    pub(super) stop: Option<i64>,
    /// Everything before this offset has been written and flushed.
    printed: AtomicI64,
    is_damaged: AtomicBool,
}

impl Lane {
    pub(super) fn new(topic: &str, partition: i32, start: i64, stop: Option<i64>) -> Arc<Self> {
        let (printed, is_damaged) = (AtomicI64::new(start), AtomicBool::new(false));
        Arc::new(Self { topic: topic.to_owned(), partition, stop, printed, is_damaged })
    }

    /// The offset before which everything has been written and flushed.
    pub(super) fn printed(&self) -> i64 {
        self.printed.load(Ordering::Acquire)
    }
}

/// A partition whose bytes can't be understood, and why.
pub(super) type Damage = (Arc<Lane>, BatchError);

/// What there is to print.
#[derive(Debug)]
pub(super) enum Work {
    /// Some batches of a partition.
    Batches {
        lane: Arc<Lane>,
        bytes: Bytes,
        /// Records before this offset came along only because batches are whole.
        from: i64,
        /// The offset after the batches.
        next: i64,
    },
    /// Answered once everything before is written and flushed.
    Barrier(oneshot::Sender<()>),
}

/// How the printing ended.
#[derive(Debug)]
pub(super) enum Printed {
    /// Nobody had anything more to print.
    All,
    /// As many records as were asked for.
    Count,
    /// Stdout failed; a reader that has gone away is one case of it.
    Failed(io::Error),
}

/// The printing thread, seen from outside.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) work: mpsc::Sender<Work>,
    pub(super) damaged: mpsc::UnboundedReceiver<Damage>,
    pub(super) done: oneshot::Receiver<Printed>,
}

impl Output {
    /// Starts the thread; it ends after `count` records, if given, or when every sender of work is gone.
    pub(super) fn start(printer: Printer, count: Option<u64>) -> io::Result<Self> {
        // Without `Stdout`'s own buffer, which would flush at each line.
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (work, todo) = mpsc::channel(QUEUED);
        let (damage, damaged) = mpsc::unbounded_channel();
        let (end, done) = oneshot::channel();
        let mut writer = Writer {
            printer,
            left: count.unwrap_or(u64::MAX),
            buffer: Vec::with_capacity(BUFFER_BYTES * 2),
            advanced: Vec::new(),
            stdout,
            damage,
        };
        std::thread::Builder::new().name("output".to_owned()).spawn(move || {
            let printed = writer.run(todo).unwrap_or_else(Printed::Failed);
            let _ = end.send(printed);
        })?;
        Ok(Self { work, damaged, done })
    }
}

struct Writer<W> {
    printer: Printer,
    /// Records still to print.
    left: u64,
    buffer: Vec<u8>,
    /// How far the partitions will be once the buffer is written.
    advanced: Vec<(Arc<Lane>, i64)>,
    stdout: W,
    damage: mpsc::UnboundedSender<Damage>,
}

impl<W: Write> Writer<W> {
    fn run(&mut self, mut todo: mpsc::Receiver<Work>) -> io::Result<Printed> {
        let mut reader = BatchReader::new(MAX_DECOMPRESSED_BYTES);
        while let Some(work) = todo.blocking_recv() {
            match work {
                Work::Batches { lane, bytes, from, next } => {
                    if lane.is_damaged.load(Ordering::Relaxed) {
                        continue;
                    }
                    if let Err(error) = self.print(&mut reader, &lane, &bytes, from, next)? {
                        lane.is_damaged.store(true, Ordering::Relaxed);
                        let _ = self.damage.send((lane, error));
                    }
                }
                Work::Barrier(reached) => {
                    self.flush()?;
                    let _ = reached.send(());
                }
            }
            if self.left == 0 {
                self.flush()?;
                return Ok(Printed::Count);
            }
            if todo.is_empty() {
                self.flush()?;
            }
        }
        self.flush()?;
        Ok(Printed::All)
    }

    /// The outer error is stdout's, the inner one the partition's.
    fn print(
        &mut self,
        reader: &mut BatchReader,
        lane: &Arc<Lane>,
        bytes: &Bytes,
        from: i64,
        next: i64,
    ) -> io::Result<Result<(), BatchError>> {
        for batch in split_batches(bytes) {
            let (header, batch) = match batch {
                Ok(batch) => batch,
                Err(error) => return Ok(Err(error)),
            };
            if header.is_control() {
                continue;
            }
            let records = match reader.read(batch) {
                Ok(records) => records,
                Err(error) => return Ok(Err(error)),
            };
            for record in records {
                let record = match record {
                    Ok(record) => record,
                    Err(error) => return Ok(Err(error)),
                };
                if record.offset < from {
                    continue;
                }
                if lane.stop.is_some_and(|stop| record.offset >= stop) {
                    break;
                }
                if self.left == 0 {
                    return Ok(Ok(()));
                }
                self.left -= 1;
                self.printer.print(&mut self.buffer, &lane.topic, lane.partition, &record);
                if self.buffer.len() >= BUFFER_BYTES {
                    self.advance(lane, record.offset + 1);
                    self.flush()?;
                } else if self.left == 0 {
                    self.advance(lane, record.offset + 1);
                }
            }
        }
        if self.left > 0 {
            self.advance(lane, lane.stop.map_or(next, |stop| next.min(stop)));
        }
        Ok(Ok(()))
    }

    fn advance(&mut self, lane: &Arc<Lane>, to: i64) {
        match self.advanced.iter_mut().find(|(known, _)| Arc::ptr_eq(known, lane)) {
            Some((_, position)) => *position = to,
            None => self.advanced.push((Arc::clone(lane), to)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.write_all(&self.buffer)?;
        self.stdout.flush()?;
        self.buffer.clear();
        // One very large record must not keep its memory.
        self.buffer.shrink_to(BUFFER_BYTES * 8);
        for (lane, position) in self.advanced.drain(..) {
            lane.printed.store(position, Ordering::Release);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use runnel_proto::records::{BatchBuilder, Compression};

    use super::*;
    use crate::args::{Cli, Command};

    /// Batches of the given sizes, one after the other from offset 0; each value is its record's offset.
    fn batches(sizes: &[i64]) -> Bytes {
        let mut out = Vec::new();
        let mut base = 0;
        for size in sizes {
            let mut builder = BatchBuilder::new(Compression::None);
            for at in 0..*size {
                builder.push(0, None, Some((base + at).to_string().as_bytes()), &[]);
            }
            let mut batch = builder.build().expect("a batch").to_vec();
            batch[..8].copy_from_slice(&base.to_be_bytes());
            out.extend_from_slice(&batch);
            base += size;
        }
        Bytes::from(out)
    }

    struct Run {
        text: String,
        printed: Printed,
        damaged: usize,
    }

    fn run(works: Vec<Work>, count: Option<u64>, stdout: impl Write + AsRef<[u8]>) -> Run {
        let Some(Command::Consume(args)) =
            Cli::try_parse_from(["runnel", "consume", "t", "-D", ","]).expect("arguments").command
        else {
            unreachable!("consume was asked for")
        };
        let (damage, mut damaged) = mpsc::unbounded_channel();
        let mut writer = Writer {
            printer: Printer::new(&args, false),
            left: count.unwrap_or(u64::MAX),
            buffer: Vec::new(),
            advanced: Vec::new(),
            stdout,
            damage,
        };
        let (work, todo) = mpsc::channel(works.len().max(1));
        for item in works {
            work.try_send(item).expect("room");
        }
        drop(work);
        let printed = writer.run(todo).unwrap_or_else(Printed::Failed);
        let mut count = 0;
        while damaged.try_recv().is_ok() {
            count += 1;
        }
        let text = String::from_utf8(writer.stdout.as_ref().to_vec()).expect("text");
        Run { text, printed, damaged: count }
    }

    fn work(lane: &Arc<Lane>, bytes: &Bytes, from: i64, next: i64) -> Work {
        Work::Batches { lane: Arc::clone(lane), bytes: bytes.clone(), from, next }
    }

    #[test]
    fn only_what_was_asked_for_is_printed() {
        let lane = Lane::new("t", 0, 2, Some(5));
        let run = run(vec![work(&lane, &batches(&[4, 4]), 2, 8)], None, Vec::new());
        assert_eq!(run.text, "2,3,4,");
        assert!(matches!(run.printed, Printed::All));
        assert_eq!(lane.printed(), 5);
    }

    #[test]
    fn the_count_is_exact_across_partitions_and_so_are_positions() {
        let (first, second) = (Lane::new("t", 0, 0, None), Lane::new("t", 1, 0, None));
        let bytes = batches(&[2, 2]);
        let run = run(vec![work(&first, &bytes, 0, 4), work(&second, &bytes, 0, 4)], Some(5), Vec::new());
        assert_eq!(run.text, "0,1,2,3,0,");
        assert!(matches!(run.printed, Printed::Count));
        assert_eq!((first.printed(), second.printed()), (4, 1));
    }

    #[test]
    fn gaps_move_the_position() {
        let lane = Lane::new("t", 0, 0, None);
        run(vec![work(&lane, &Bytes::new(), 0, 9)], None, Vec::new());
        assert_eq!(lane.printed(), 9);
    }

    #[test]
    fn damage_ends_its_partition_only() {
        let (bad, good) = (Lane::new("t", 0, 0, None), Lane::new("t", 1, 0, None));
        let bytes = batches(&[2]);
        let mut broken = bytes.to_vec();
        *broken.last_mut().expect("bytes") ^= 1;
        let broken = Bytes::from(broken);
        let works = vec![work(&bad, &broken, 0, 2), work(&good, &bytes, 0, 2), work(&bad, &bytes, 0, 2)];
        let run = run(works, None, Vec::new());
        assert_eq!((run.text.as_str(), run.damaged), ("0,1,", 1));
        assert_eq!((bad.printed(), good.printed()), (0, 2));
    }

    #[test]
    fn nothing_counts_as_printed_when_writing_fails() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        impl AsRef<[u8]> for Closed {
            fn as_ref(&self) -> &[u8] {
                &[]
            }
        }
        let lane = Lane::new("t", 0, 0, None);
        let run = run(vec![work(&lane, &batches(&[2]), 0, 2)], None, Closed);
        assert!(matches!(run.printed, Printed::Failed(error) if error.kind() == io::ErrorKind::BrokenPipe));
        assert_eq!(lane.printed(), 0);
    }
}

//! What `produce` tells people while it runs and when it is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::batching::{Batch, Place};
use crate::context::{Context, say};

/// So many failures are told one by one; the others are only counted.
const TOLD_FAILURES: u64 = 20;

/// Says things on stderr without tearing the progress bar.
#[derive(Debug, Clone)]
pub(super) struct Reporter {
    quiet: bool,
    bar: ProgressBar,
    source_names: Vec<String>,
    record_word: &'static str,
    failures: Arc<AtomicU64>,
    tells_batches: bool,
}

impl Reporter {
    /// `total_bytes`: how much input there is, when that is known and a bar makes sense.
    pub(super) fn new(
        context: &Context,
        source_names: Vec<String>,
        by_lines: bool,
        total_bytes: Option<u64>,
    ) -> Self {
        let bar = match total_bytes {
            Some(total) => ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()),
            None => ProgressBar::hidden(),
        };
        let color = if context.colors_stderr() { ".cyan" } else { "" };
        let template =
            format!("{{wide_bar{color}}} {{bytes}} of {{total_bytes}}, {{bytes_per_sec}}, {{eta}} left");
        bar.set_style(ProgressStyle::with_template(&template).expect("the template is sound"));
        let record_word = if by_lines { "line" } else { "record" };
        Self {
            quiet: context.quiet,
            bar,
            source_names,
            record_word,
            failures: Arc::default(),
            tells_batches: context.verbose >= 2,
        }
    }

    /// So much input has been acknowledged since the last time.
    pub(super) fn advance(&self, input_bytes: u64) {
        self.bar.inc(input_bytes);
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Tells of a failure, of one record or of a batch; after some they are only counted, in the summary.
    pub(super) fn failure(&self, message: &str) {
        let told = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if told <= TOLD_FAILURES {
            self.warn(message);
        }
        if told == TOLD_FAILURES {
            self.warn("more failures are only counted from here on");
        }
    }

    /// Tells something that must not be missed.
    pub(super) fn warn(&self, message: &str) {
        self.bar.suspend(|| say(&format!("runnel: {message}")));
    }

    /// Tells how each batch went, with `-vv`.
    pub(super) fn detail(&self, message: impl FnOnce() -> String) {
        if self.tells_batches {
            self.bar.suspend(|| say(&format!("runnel: {}", message())));
        }
    }

    /// Tells something that is good to know.
    pub(super) fn note(&self, message: &str) {
        if !self.quiet {
            self.bar.suspend(|| say(message));
        }
    }

    /// `line 7`, or `b.log, line 7`.
    pub(super) fn place(&self, place: Place) -> String {
        format!("{}{} {}", self.source(place.source), self.record_word, place.number)
    }

    /// `line 7`, or `lines 7 to 9`.
    pub(super) fn places(&self, batch: &Batch) -> String {
        let (first, last) = (batch.first, batch.last);
        if first == last {
            return self.place(first);
        }
        if first.source == last.source {
            let source = self.source(first.source);
            return format!("{source}{}s {} to {}", self.record_word, first.number, last.number);
        }
        format!("{} to {}", self.place(first), self.place(last))
    }

    /// The name of a file, or `stdin`.
    pub(super) fn source_name(&self, source: usize) -> &str {
        self.source_names.get(source).map_or("the input", String::as_str)
    }

    fn source(&self, source: usize) -> String {
        match &self.source_names[..] {
            [_] => String::new(),
            names => names.get(source).map(|name| format!("{name}, ")).unwrap_or_default(),
        }
    }
}

/// How much became of what was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: u64,
    pub(super) acknowledged_bytes: u64,
    /// The broker said no, or the input could not be understood.
    pub(super) refused: u64,
    /// Sent, and the connection broke before the answer.
    pub(super) unknown: u64,
    /// Read, but not sent any more.
    pub(super) unsent: u64,
    /// To how many partitions something went.
    pub(super) partitions: usize,
}

impl Tally {
    /// The line after it is all over.
    pub(super) fn summary(&self, topic: &str, took: Duration) -> String {
        let word = if self.acknowledged == 1 { "record" } else { "records" };
        let count = HumanCount(self.acknowledged);
        let bytes = HumanBytes(self.acknowledged_bytes);
        let mut line = format!("{count} {word} ({bytes}) in {} to {topic}", seconds(took));
        if self.partitions > 1 {
            line.push_str(&format!(": {} partitions", self.partitions));
        }
        let rest = [
            (self.refused, "refused"),
            (self.unknown, "unknown: sent, not answered"),
            (self.unsent, "not sent"),
        ];
        for (count, what) in rest.into_iter().filter(|(count, _)| *count > 0) {
            line.push_str(&format!("; {} {what}", HumanCount(count)));
        }
        line
    }
}

fn seconds(took: Duration) -> String {
    if took < Duration::from_secs(1) {
        return format!("{} ms", took.as_millis());
    }
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_read_well() {
        let tally = Tally {
            acknowledged: 5_000_000,
            acknowledged_bytes: 48 << 20,
            partitions: 4,
            ..Tally::default()
        };
        assert_eq!(
            tally.summary("lines", Duration::from_millis(1234)),
            "5,000,000 records (48.00 MiB) in 1.2 s to lines: 4 partitions"
        );
        let tally = Tally {
            acknowledged: 1,
            acknowledged_bytes: 3,
            refused: 2,
            unknown: 1000,
            unsent: 1,
            partitions: 1,
        };
        assert_eq!(
            tally.summary("t", Duration::from_millis(5)),
            "1 record (3 B) in 5 ms to t; 2 refused; 1,000 unknown: sent, not answered; 1 not sent"
        );
    }
}

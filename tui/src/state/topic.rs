//! One topic, as the broker told.

use std::collections::BTreeMap;

use runnel_proto::v1::{PartitionSample, TopicSample};

use super::figure::Figure;
use super::series::Series;

/// One topic with its partitions, their sums, and its history.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// A topic created again under its name has another id.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) internal: bool,
    pub(crate) partition_count: u32,
    pub(crate) partitions: BTreeMap<i32, PartitionSample>,
    pub(crate) sums: TopicSums,
    /// Compaction may have left gaps between offsets.
    pub(crate) records_estimated: bool,
    /// Records appended a second.
    pub(crate) records_in: Series,
    /// Bytes sent to readers a second, as a mean over the last few snapshots.
    pub(crate) bytes_out_per_s: f64,
    /// The groups on it, by name.
    pub(crate) readers: Vec<Reader>,
}

/// Sums over a topic's partitions. The rates are what the broker said last; see `Cluster::rate` for when they count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TopicSums {
    pub(crate) records_in_per_s: f64,
    pub(crate) bytes_in_per_s: f64,
    pub(crate) bytes_out_per_s: f64,
    pub(crate) size_bytes: f64,
    /// End minus start offsets: gaps that compaction and transactions leave count, too.
    pub(crate) records: f64,
    /// The fastest partition's rate over the mean; None while nothing is appended.
    pub(crate) skew: Option<f64>,
    /// Partitions that are not served.
    pub(crate) failed: usize,
}

/// A group that has offsets or owners in a topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reader {
    pub(crate) group: String,
    pub(crate) lag: Figure,
    pub(crate) time_lag_ms: Figure,
}

impl Topic {
    /// How far back a topic's history goes, in samples.
    const HISTORY: usize = 240;

    /// A topic that was not there before.
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            name: String::new(),
            internal: false,
            partition_count: 0,
            partitions: BTreeMap::new(),
            sums: TopicSums::default(),
            records_estimated: false,
            bytes_out_per_s: f64::NAN,
            records_in: Series::new(Self::HISTORY),
            readers: Vec::new(),
        }
    }

    /// Takes over a sample, full or of what changed. An end offset that went back means that the log was cut: the
    /// history starts again.
    pub(crate) fn apply(&mut self, sample: TopicSample, full: bool) {
        self.name = sample.name;
        self.internal = sample.internal;
        self.records_estimated = sample.records_estimated;
        self.partition_count = sample.partition_count;
        let mut old = if full { std::mem::take(&mut self.partitions) } else { BTreeMap::new() };
        for partition in sample.partitions {
            let number = partition.partition;
            let end_offset = partition.log_end_offset;
            let before = self.partitions.insert(number, partition).or_else(|| old.remove(&number));
            if before.is_some_and(|before| end_offset < before.log_end_offset) {
                self.records_in.clear();
            }
        }
        self.sums = self.sum();
    }

    /// How many records there are.
    pub(crate) fn records(&self) -> Figure {
        let records = self.sum_of(self.sums.records);
        if self.records_estimated { records.estimated() } else { records }
    }

    /// Bytes in segment files.
    pub(crate) fn size_bytes(&self) -> Figure {
        self.sum_of(self.sums.size_bytes)
    }

    /// A sum over the partitions: those that are not served tell nothing.
    fn sum_of(&self, sum: f64) -> Figure {
        match self.sums.failed {
            0 => Figure::Exact(sum),
            failed if failed < self.partitions.len() => Figure::About(sum),
            _ => Figure::Unknown,
        }
    }

    /// What is wrong with the first partition that isn't served.
    pub(crate) fn failure(&self) -> Option<(i32, &str)> {
        let failed = self.partitions.values().find_map(|row| Some((row.partition, row.error.as_ref()?)))?;
        Some((failed.0, &failed.1.message))
    }

    /// The worst lag of any group here; None without groups.
    pub(crate) fn worst_lag(&self) -> Option<Figure> {
        self.readers.iter().map(|reader| reader.lag).max_by(|a, b| a.compare(*b))
    }

    /// The group's row in `readers`.
    pub(crate) fn reader(&self, group: &str) -> Option<&Reader> {
        self.readers.iter().find(|reader| reader.group == group)
    }

    fn sum(&self) -> TopicSums {
        let mut sums = TopicSums::default();
        let mut peak: f64 = 0.0;
        for partition in self.partitions.values() {
            sums.records_in_per_s += partition.records_in_per_s;
            sums.bytes_in_per_s += partition.bytes_in_per_s;
            sums.bytes_out_per_s += partition.bytes_out_per_s;
            sums.size_bytes += partition.size_bytes as f64;
            sums.records += partition.high_watermark.saturating_sub(partition.log_start_offset).max(0) as f64;
            sums.failed += usize::from(partition.error.is_some());
            peak = peak.max(partition.records_in_per_s);
        }
        let mean = sums.records_in_per_s / self.partitions.len().max(1) as f64;
        sums.skew = (mean > 0.0).then(|| peak / mean);
        sums
    }
}

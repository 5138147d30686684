//! Figures for Prometheus, in its text format 0.0.4.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use crate::operations::{Operations, PartitionProgress};
use crate::partition::{Figures, Partition};
use crate::{clock, process};

/// What `/metrics` is served as.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every figure, now.
pub fn render(operations: &Operations) -> String {
    let mut page = Page::default();
    render_process(&mut page, operations);
    render_partitions(&mut page, operations);
    render_groups(&mut page, operations);
    page.text
}

fn render_process(page: &mut Page, operations: &Operations) {
    let broker = operations.broker();
    page.family("runnel_info", "gauge", "Who answers.");
    page.row("runnel_info", &[("version", broker.version), ("broker", &broker.id.to_string())], 1.0);
    page.single("runnel_memory_bytes", "gauge", "Resident memory.", process::memory_bytes() as f64);
    page.single(
        "runnel_cpu_seconds_total",
        "counter",
        "Processor time used.",
        process::cpu_ms() as f64 / 1e3,
    );
    page.single("runnel_connections", "gauge", "Open connections.", operations.connections().count() as f64);
    page.single(
        "runnel_start_time_seconds",
        "gauge",
        "When the broker started.",
        broker.start_time_ms as f64 / 1e3,
    );
    if let Some((free, total)) = operations.disk().space() {
        page.single("runnel_disk_free_bytes", "gauge", "Free space of the data's file system.", free as f64);
        page.single("runnel_disk_total_bytes", "gauge", "Size of the data's file system.", total as f64);
    }
}

/// One family of partition figures: its name, type, help and value.
type Family = (&'static str, &'static str, &'static str, fn(&Partition, &Figures) -> u64);

const TRAFFIC: [Family; 4] = [
    ("runnel_records_in_total", "counter", "Records appended.", |partition, _| {
        partition.traffic().records_in.load(Ordering::Relaxed)
    }),
    ("runnel_bytes_in_total", "counter", "Bytes appended.", |partition, _| {
        partition.traffic().bytes_in.load(Ordering::Relaxed)
    }),
    ("runnel_records_out_total", "counter", "Records sent to readers, as offsets.", |partition, _| {
        partition.traffic().records_out.load(Ordering::Relaxed)
    }),
    ("runnel_bytes_out_total", "counter", "Bytes sent to readers.", |partition, _| {
        partition.traffic().bytes_out.load(Ordering::Relaxed)
    }),
];

const FIGURES: [Family; 4] = [
    ("runnel_log_start_offset", "gauge", "The first offset that exists.", |_, figures| {
        figures.log_start_offset as u64
    }),
    ("runnel_high_watermark", "gauge", "The offset after the last readable record.", |_, figures| {
        figures.high_watermark as u64
    }),
    ("runnel_log_size_bytes", "gauge", "Bytes in segment files.", |_, figures| figures.size_bytes),
    ("runnel_log_segments", "gauge", "Segments.", |_, figures| figures.segments.into()),
];

fn render_partitions(page: &mut Page, operations: &Operations) {
    let topics = operations.list_topics(true);
    let partitions: Vec<_> = topics
        .iter()
        .flat_map(|topic| &topic.partitions)
        .map(|partition| {
            let number = partition.id().partition.to_string();
            (partition, number, partition.figures().ok())
        })
        .collect();
    page.family(
        "runnel_partition_served",
        "gauge",
        "1 when the partition is served, 0 when it is quarantined.",
    );
    for (partition, number, figures) in &partitions {
        let served = if figures.is_some() { 1.0 } else { 0.0 };
        page.row("runnel_partition_served", &[("topic", partition.topic()), ("partition", number)], served);
    }
    for (name, kind, help, value) in TRAFFIC.iter().chain(&FIGURES) {
        page.family(name, kind, help);
        for (partition, number, figures) in &partitions {
            // No row for what is unknown: a zero would be a lie.
            if let Some(figures) = figures {
                let labels = [("topic", &**partition.topic()), ("partition", number)];
                page.row(name, &labels, value(partition, figures) as f64);
            }
        }
    }
}

/// One family of lags: its name, help and value.
type LagFamily = (&'static str, &'static str, fn(&PartitionProgress) -> Option<f64>);

fn render_groups(page: &mut Page, operations: &Operations) {
    let groups = operations.groups_progress(clock::now_ms());
    page.family("runnel_group_members", "gauge", "Members.");
    for group in &groups {
        let summary = &group.group.summary;
        page.row("runnel_group_members", &[("group", &summary.group)], summary.members as f64);
    }
    let lags: [LagFamily; 2] = [
        ("runnel_group_lag_records", "Records not yet committed.", |row| row.lag().map(|lag| lag as f64)),
        ("runnel_group_lag_seconds", "Age of the first record not yet committed.", |row| {
            row.time_lag_ms.map(|time_lag_ms| time_lag_ms as f64 / 1e3)
        }),
    ];
    for (name, help, value) in lags {
        page.family(name, "gauge", help);
        for group in &groups {
            for row in &group.partitions {
                let number = row.partition.partition.to_string();
                let labels = [
                    ("group", &*group.group.summary.group),
                    ("topic", &row.partition.topic),
                    ("partition", &number),
                ];
                if let Some(value) = value(row) {
                    page.row(name, &labels, value);
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.row(name, &[], value);
    }

    fn row(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{label}=\"{}\"", escape_label(text));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

fn escape_label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_as_the_format_asks() {
        let mut page = Page::default();
        page.single("a", "gauge", "Help.", 1.5);
        page.row("b", &[("x", "say \"hi\"\\\n"), ("y", "2")], 3.0);
        assert_eq!(
            page.text,
            "# HELP a Help.\n# TYPE a gauge\na 1.5\nb{x=\"say \\\"hi\\\"\\\\\\n\",y=\"2\"} 3\n"
        );
    }
}

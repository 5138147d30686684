//! `runnel topic describe`.

use std::collections::BTreeMap;
use std::fmt::Write;

use runnel_proto::text::escape;
use runnel_proto::v1;
use serde::Serialize;

use crate::admin::{Admin, ItemError, finish};
use crate::args::TopicDescribeArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Cell, Report, Screen, Table, bytes, count, left, right, unknown_or};

/// Runs it.
pub(super) async fn run(context: &Context, args: TopicDescribeArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let topics = admin.describe_topics(args.topics).await?;
    let report = Descriptions(topics.into_iter().map(Topic::from).collect());
    finish(context, &report, args.output.output, report.errors())
}

#[derive(Serialize)]
struct Descriptions(Vec<Topic>);

/// One topic; all but the name is unknown when there is an error.
#[derive(Serialize)]
struct Topic {
    name: String,
    id: Option<String>,
    internal: Option<bool>,
    configs: BTreeMap<String, String>,
    partitions: Vec<Partition>,
    error: Option<ItemError>,
}

/// One partition; its figures are unknown while it is not served.
#[derive(Serialize)]
struct Partition {
    partition: i32,
    leader: i32,
    leader_epoch: Option<i32>,
    log_start_offset: Option<i64>,
    high_watermark: Option<i64>,
    log_end_offset: Option<i64>,
    size_bytes: Option<u64>,
    segments: Option<u32>,
    error: Option<ItemError>,
}

impl From<v1::TopicDescription> for Topic {
    fn from(topic: v1::TopicDescription) -> Self {
        let known = topic.error.is_none();
        Self {
            name: topic.name,
            id: known.then_some(topic.id),
            internal: known.then_some(topic.internal),
            configs: topic.configs,
            partitions: topic.partitions.into_iter().map(Partition::from).collect(),
            error: topic.error.map(ItemError::from),
        }
    }
}

impl From<v1::PartitionDescription> for Partition {
    fn from(partition: v1::PartitionDescription) -> Self {
        let served = partition.error.is_none();
        Self {
            partition: partition.partition,
            leader: partition.leader,
            leader_epoch: served.then_some(partition.leader_epoch),
            log_start_offset: served.then_some(partition.log_start_offset),
            high_watermark: served.then_some(partition.high_watermark),
            log_end_offset: served.then_some(partition.log_end_offset),
            size_bytes: served.then_some(partition.size_bytes),
            segments: served.then_some(partition.segments),
            error: partition.error.map(ItemError::from),
        }
    }
}

impl Descriptions {
    fn errors(&self) -> impl Iterator<Item = &ItemError> {
        self.0.iter().flat_map(|topic| {
            topic.error.iter().chain(topic.partitions.iter().filter_map(|partition| partition.error.as_ref()))
        })
    }
}

impl Report for Descriptions {
    fn text(&self, screen: &Screen) -> String {
        let known = self.0.iter().filter(|topic| topic.error.is_none());
        known.map(|topic| topic.text(screen)).collect::<Vec<_>>().join("\n")
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().filter(|topic| topic.error.is_none()).map(|topic| topic.name.clone()).collect()
    }
}

impl Topic {
    fn text(&self, screen: &Screen) -> String {
        let mut text = String::new();
        let id = self.id.as_deref().unwrap_or("?");
        let internal = if self.internal == Some(true) { ", internal" } else { "" };
        let _ = writeln!(text, "{}  id {}{internal}", escape(&self.name), escape(id));
        for (key, value) in &self.configs {
            let _ = writeln!(text, "  {} = {}", escape(key), escape(value));
        }
        text + &self.table().render(screen)
    }

    fn table(&self) -> Table {
        let mut table = Table::new([
            right("PARTITION"),
            right("LEADER"),
            right("START"),
            right("END"),
            right("RECORDS"),
            right("SIZE"),
            right("SEGMENTS"),
            left("STATE"),
        ]);
        for partition in &self.partitions {
            let records =
                partition.high_watermark.zip(partition.log_start_offset).map(|(end, start)| end - start);
            let state = partition.error.as_ref().map_or("ok", |error| error.code.as_str());
            table.row([
                partition.partition.into(),
                partition.leader.into(),
                unknown_or(partition.log_start_offset),
                unknown_or(partition.high_watermark),
                unknown_or(records.map(count)),
                unknown_or(partition.size_bytes.map(bytes)),
                unknown_or(partition.segments),
                Cell::from(state.to_ascii_lowercase().replace('_', "-")),
            ]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Screen = Screen { width: None, color: false };

    fn quarantined() -> v1::Error {
        v1::Error {
            code: v1::ErrorCode::PartitionQuarantined.into(),
            message: "damaged".into(),
            name: "orders".into(),
        }
    }

    fn sample() -> Descriptions {
        let served = v1::PartitionDescription {
            partition: 0,
            leader: 1,
            leader_epoch: 2,
            log_start_offset: 10,
            high_watermark: 1510,
            log_end_offset: 1510,
            size_bytes: 4096,
            segments: 1,
            error: None,
        };
        let damaged = v1::PartitionDescription {
            partition: 1,
            leader: 1,
            error: Some(quarantined()),
            ..Default::default()
        };
        let topic = v1::TopicDescription {
            name: "orders".into(),
            id: "1-2-3".into(),
            configs: [("retention.ms".to_owned(), "60000".to_owned())].into(),
            partitions: vec![served, damaged],
            ..Default::default()
        };
        Descriptions(vec![topic.into()])
    }

    #[test]
    fn a_partition_that_is_not_served_shows_no_figures() {
        let expected = "orders  id 1-2-3\n  retention.ms = 60000\n\
            PARTITION  LEADER  START   END  RECORDS     SIZE  SEGMENTS  STATE\n\
            \u{20}       0       1     10  1510    1,500  4.0 KiB         1  ok\n\
            \u{20}       1       1      ?     ?        ?        ?         ?  partition-quarantined\n";
        assert_eq!(sample().text(&PIPE), expected);
    }

    #[test]
    fn unknown_is_null_and_numbers_are_numbers() {
        let json = serde_json::to_value(sample()).expect("json");
        assert_eq!(json[0]["partitions"][0]["high_watermark"], 1510);
        assert!(json[0]["partitions"][1]["high_watermark"].is_null());
        assert_eq!(json[0]["partitions"][1]["error"]["code"], "PARTITION_QUARANTINED");
        assert_eq!(sample().errors().count(), 1);
    }
}

//! `runnel topic trim`: deletes the oldest records.

use runnel_proto::text::escape;
use runnel_proto::v1;
use serde::Serialize;

use crate::admin::{Admin, ItemError, finish};
use crate::args::{TopicSpec, TopicTrimArgs, TrimTarget};
use crate::confirm::confirm;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Report, Screen, Table, count, left, right, unknown_or};

/// Runs it.
pub(super) async fn run(context: &Context, args: TopicTrimArgs) -> Result<(), Failure> {
    let mut admin = Admin::connect(context).await?;
    let mut rows = select(&mut admin, &args.topics).await?;
    resolve(&mut admin, &mut rows, args.before).await?;
    let doomed: i64 = rows.iter().filter_map(Row::doomed).sum();
    let servable = rows.iter().filter(|row| row.error.is_none()).count();
    if servable > 0 {
        let s = if servable == 1 { "" } else { "s" };
        let what = format!("deletes up to {} records from {servable} partition{s}", count(doomed));
        confirm(&what, args.confirm.yes)?;
        trim(&mut admin, &mut rows).await?;
    }
    let report = Trims(rows);
    finish(context, &report, args.output.output, report.0.iter().filter_map(|row| row.error.as_ref()))
}

/// One partition, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    topic: String,
    partition: Option<i32>,
    /// Where the log began.
    old_start_offset: Option<i64>,
    /// Where it begins now; unknown when that failed.
    log_start_offset: Option<i64>,
    /// The first offset to keep.
    #[serde(skip)]
    before: i64,
    /// The offset after the last record.
    #[serde(skip)]
    end: i64,
    error: Option<ItemError>,
}

impl Row {
    fn refused(topic: String, partition: Option<i32>, error: ItemError) -> Self {
        Self {
            topic,
            partition,
            old_start_offset: None,
            log_start_offset: None,
            before: 0,
            end: 0,
            error: Some(error),
        }
    }

    /// How many offsets go.
    fn doomed(&self) -> Option<i64> {
        self.old_start_offset.map(|start| (self.before.min(self.end) - start).max(0))
    }
}

/// Every partition that is meant, with where it begins and, for the moment, its end as the place to trim at.
async fn select(admin: &mut Admin, specs: &[TopicSpec]) -> Result<Vec<Row>, Failure> {
    let names = specs.iter().map(|spec| spec.topic.clone()).collect();
    let topics = admin.describe_topics(names).await?;
    Ok(specs.iter().zip(topics).flat_map(|(spec, topic)| partitions_of(spec, topic)).collect())
}

fn partitions_of(spec: &TopicSpec, topic: v1::TopicDescription) -> Vec<Row> {
    if let Some(error) = topic.error {
        return vec![Row::refused(topic.name, spec.partition, error.into())];
    }
    let count = topic.partitions.len();
    let meant =
        topic.partitions.into_iter().filter(|p| spec.partition.is_none_or(|number| number == p.partition));
    let rows: Vec<Row> = meant
        .map(|partition| match partition.error {
            Some(error) => Row::refused(topic.name.clone(), Some(partition.partition), error.into()),
            None => Row {
                topic: topic.name.clone(),
                partition: Some(partition.partition),
                old_start_offset: Some(partition.log_start_offset),
                log_start_offset: None,
                before: partition.high_watermark,
                end: partition.high_watermark,
                error: None,
            },
        })
        .collect();
    match spec.partition {
        Some(number) if rows.is_empty() => {
            let error = ItemError::unknown_partition(&spec.topic, number, count);
            vec![Row::refused(spec.topic.clone(), Some(number), error)]
        }
        _ => rows,
    }
}

/// Finds the first offset to keep of each partition.
async fn resolve(admin: &mut Admin, rows: &mut [Row], target: TrimTarget) -> Result<(), Failure> {
    match target {
        TrimTarget::Latest => {}
        TrimTarget::Offset(offset) => rows.iter_mut().for_each(|row| row.before = offset),
        TrimTarget::Time(timestamp_ms) => {
            let mut rows: Vec<&mut Row> = rows.iter_mut().filter(|row| row.error.is_none()).collect();
            let queries = rows.iter().map(|row| time_query(row, timestamp_ms)).collect();
            for (row, found) in rows.iter_mut().zip(admin.list_offsets(queries).await?) {
                row.before = found.offset;
                row.error = found.error.map(ItemError::from);
            }
        }
    }
    Ok(())
}

fn time_query(row: &Row, timestamp_ms: i64) -> v1::OffsetQuery {
    v1::OffsetQuery {
        topic: row.topic.clone(),
        partition: row.partition.unwrap_or(0),
        spec: Some(v1::OffsetSpec { at: Some(v1::offset_spec::At::TimestampMs(timestamp_ms)) }),
    }
}

async fn trim(admin: &mut Admin, rows: &mut [Row]) -> Result<(), Failure> {
    let mut rows: Vec<&mut Row> = rows.iter_mut().filter(|row| row.error.is_none()).collect();
    let partitions = rows
        .iter()
        .map(|row| v1::TrimPartition {
            topic: row.topic.clone(),
            partition: row.partition.unwrap_or(0),
            before_offset: row.before,
        })
        .collect();
    let response = admin.topics.delete_records(v1::DeleteRecordsRequest { partitions }).await;
    let results = response?.into_inner().results;
    for (row, result) in rows.iter_mut().zip(results) {
        row.log_start_offset = result.error.is_none().then_some(result.log_start_offset);
        row.error = result.error.map(ItemError::from);
    }
    Ok(())
}

#[derive(Serialize)]
struct Trims(Vec<Row>);

impl Report for Trims {
    fn text(&self, screen: &Screen) -> String {
        let mut table =
            Table::new([left("TOPIC"), right("PARTITION"), right("STARTED AT"), right("STARTS AT")]);
        for row in self.0.iter().filter(|row| row.error.is_none()) {
            let (old, new) = (unknown_or(row.old_start_offset), unknown_or(row.log_start_offset));
            table.row([(&row.topic).into(), unknown_or(row.partition), old, new]);
        }
        if table.is_empty() { String::new() } else { table.render(screen) }
    }

    fn names(&self) -> Vec<String> {
        let trimmed = self.0.iter().filter(|row| row.error.is_none());
        trimmed.filter_map(|row| Some(format!("{}:{}", escape(&row.topic), row.partition?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic() -> v1::TopicDescription {
        let partition = |partition| v1::PartitionDescription {
            partition,
            log_start_offset: 5,
            high_watermark: 25,
            ..Default::default()
        };
        v1::TopicDescription {
            name: "a".into(),
            partitions: vec![partition(0), partition(1)],
            ..Default::default()
        }
    }

    #[test]
    fn selects_all_partitions_or_the_one_that_is_named() {
        let all = partitions_of(&"a".parse().expect("spec"), topic());
        assert_eq!(all.iter().filter_map(Row::doomed).collect::<Vec<_>>(), [20, 20]);
        let one = partitions_of(&"a:1".parse().expect("spec"), topic());
        assert_eq!(one.iter().map(|row| row.partition).collect::<Vec<_>>(), [Some(1)]);
        let none = partitions_of(&"a:7".parse().expect("spec"), topic());
        assert!(none[0].error.as_ref().is_some_and(|error| error.message.contains("it has 2")), "{none:?}");
    }
}

//! Decides where to start and stop in each partition.

use std::collections::BTreeSet;

use runnel_proto::text::escape;
use runnel_proto::v1::records_client::RecordsClient;
use runnel_proto::v1::topics_client::TopicsClient;
use runnel_proto::v1::{
    DescribeTopicsRequest, Error, ListOffsetsRequest, OffsetQuery, OffsetResult, OffsetSpec, offset_spec::At,
};
use tonic::transport::Channel;

use crate::args::{Isolation, OffsetPlan, Position, Range};
use crate::failure::Failure;

/// A topic, and how many partitions it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicSize {
    pub(super) topic: String,
    pub(super) partitions: i32,
}

/// Where one partition is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) start: i64,
    /// Exclusive; `None`: follow for ever.
    pub(super) stop: Option<i64>,
    /// The first offset that there was.
    pub(super) earliest: i64,
}

/// A partition whose offsets could not be found out.
#[derive(Debug, Clone)]
pub(super) struct Unknown {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) error: Error,
}

/// How many partitions the topics have. Fails when one of them does not exist.
pub(super) async fn topic_sizes(channel: &Channel, topics: &[String]) -> Result<Vec<TopicSize>, Failure> {
    let names: BTreeSet<&String> = topics.iter().collect();
    let request = DescribeTopicsRequest { names: names.into_iter().cloned().collect() };
    let described = TopicsClient::new(channel.clone()).describe_topics(request).await?.into_inner();
    let sizes = described.topics.into_iter().map(|row| match row.error {
        Some(error) => Err(Failure::refused(&error)),
        None => Ok(TopicSize { topic: row.name, partitions: row.partitions.len() as i32 }),
    });
    sizes.collect()
}

/// The partitions that the command line means: all, or those it names.
pub(super) fn choose(
    sizes: &[TopicSize],
    only: &[i32],
    offsets: &OffsetPlan,
) -> Result<Vec<(String, i32)>, Failure> {
    for size in sizes {
        let absent = |partition: &i32| *partition >= size.partitions;
        if let Some(partition) = only.iter().copied().chain(offsets.named_partitions()).find(absent) {
            let (topic, count) = (escape(&size.topic), size.partitions);
            return Err(Failure::failed(format!(
                "topic {topic} has no partition {partition}; it has {count}, numbered from 0"
            )));
        }
    }
    let all =
        sizes.iter().flat_map(|size| (0..size.partitions).map(|partition| (size.topic.clone(), partition)));
    Ok(all.filter(|(_, partition)| only.is_empty() || only.contains(partition)).collect())
}

/// Asks the broker for all offsets at once and decides. `stop_at_end`: nowhere further than the end as it is now.
pub(super) async fn spans(
    channel: &Channel,
    partitions: &[(String, i32)],
    offsets: &OffsetPlan,
    isolation: Isolation,
    stop_at_end: bool,
) -> Result<(Vec<Span>, Vec<Unknown>), Failure> {
    let mut queries = Vec::new();
    for (topic, partition) in partitions {
        let range = offsets.range(*partition);
        let specs =
            [Some(At::Earliest(true)), Some(At::Latest(true)), time_of(range.start), time_of(range.stop)];
        queries.extend(specs.into_iter().flatten().map(|at| OffsetQuery {
            topic: topic.clone(),
            partition: *partition,
            spec: Some(OffsetSpec { at: Some(at) }),
        }));
    }
    let asked = queries.len();
    let request = ListOffsetsRequest { queries, isolation_level: isolation.to_wire().into() };
    let results = RecordsClient::new(channel.clone()).list_offsets(request).await?.into_inner().results;
    if results.len() != asked {
        return Err(Failure::failed("the broker did not answer about all partitions"));
    }
    let mut results = results.into_iter();
    let (mut spans, mut unknown) = (Vec::new(), Vec::new());
    for (topic, partition) in partitions {
        let range = offsets.range(*partition);
        match Found::take(&mut results, range) {
            Ok(found) => spans.push(found.span(topic, *partition, range, stop_at_end)),
            Err(error) => unknown.push(Unknown { topic: topic.clone(), partition: *partition, error }),
        }
    }
    Ok((spans, unknown))
}

fn time_of(position: Option<Position>) -> Option<At> {
    match position {
        Some(Position::Time(time_ms)) => Some(At::TimestampMs(time_ms)),
        _ => None,
    }
}

/// What the broker knows about one partition.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    earliest: i64,
    latest: i64,
    start_time: i64,
    stop_time: i64,
}

impl Found {
    /// Takes the rows of one partition, in the order in which they were asked for.
    fn take(results: &mut impl Iterator<Item = OffsetResult>, range: Range) -> Result<Self, Error> {
        // All rows are taken before the first error is told, so that the next partition finds its own.
        let rows =
            2 + usize::from(time_of(range.start).is_some()) + usize::from(time_of(range.stop).is_some());
        let rows: Vec<OffsetResult> = results.take(rows).collect();
        let offsets: Result<Vec<i64>, Error> =
            rows.into_iter().map(|row| row.error.map_or(Ok(row.offset), Err)).collect();
        let mut offsets = offsets?.into_iter();
        let mut next = || offsets.next().unwrap_or_default();
        let (earliest, latest) = (next(), next());
        let start_time = if time_of(range.start).is_some() { next() } else { 0 };
        let stop_time = if time_of(range.stop).is_some() { next() } else { 0 };
        Ok(Self { earliest, latest, start_time, stop_time })
    }

    fn span(&self, topic: &str, partition: i32, range: Range, stop_at_end: bool) -> Span {
        let start = self.offset(range.start.unwrap_or(Position::Beginning), self.start_time);
        let stop = range.stop.map(|position| self.offset(position, self.stop_time));
        let end = stop_at_end.then_some(self.latest);
        let stop = match (stop, end) {
            (Some(stop), Some(end)) => Some(stop.min(end)),
            (stop, end) => stop.or(end),
        };
        Span { topic: topic.to_owned(), partition, start, stop, earliest: self.earliest }
    }

    fn offset(&self, position: Position, at_time: i64) -> i64 {
        match position {
            // Without a committed offset the beginning stands in.
            Position::Beginning | Position::Stored => self.earliest,
            Position::End => self.latest,
            // As it was asked for: the broker refuses what is out of range, and says what is not.
            Position::Offset(offset) => offset,
            Position::AfterBeginning(count) => self.earliest.saturating_add(count).min(self.latest),
            Position::BeforeEnd(count) => self.latest.saturating_sub(count).max(self.earliest),
            Position::Time(_) => at_time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: Found = Found { earliest: 100, latest: 200, start_time: 150, stop_time: 160 };

    fn span(start: Option<Position>, stop: Option<Position>, stop_at_end: bool) -> (i64, Option<i64>) {
        let span = FOUND.span("t", 0, Range { start, stop }, stop_at_end);
        (span.start, span.stop)
    }

    #[test]
    fn places_become_offsets() {
        use Position::*;
        let cases = [
            (Beginning, 100),
            (Stored, 100),
            (End, 200),
            (Offset(5), 5),
            (Offset(500), 500),
            (AfterBeginning(3), 103),
            (AfterBeginning(3000), 200),
            (BeforeEnd(3), 197),
            (BeforeEnd(3000), 100),
            (Time(7), 150),
        ];
        for (position, offset) in cases {
            assert_eq!(span(Some(position), None, false), (offset, None), "{position:?}");
        }
        assert_eq!(span(None, None, false), (100, None));
    }

    #[test]
    fn the_nearer_stop_wins() {
        use Position::*;
        assert_eq!(span(None, None, true).1, Some(200));
        assert_eq!(span(None, Some(Offset(300)), false).1, Some(300));
        assert_eq!(span(None, Some(Offset(300)), true).1, Some(200));
        assert_eq!(span(None, Some(Time(9)), true).1, Some(160));
    }

    #[test]
    fn rows_belong_to_their_partition_even_after_an_error() {
        let row = |offset| OffsetResult { offset, ..OffsetResult::default() };
        let bad = || OffsetResult { error: Some(Error::default()), ..row(-1) };
        let range = Range { start: Some(Position::Time(1)), stop: None };
        let mut rows = [bad(), row(1), row(2), row(10), row(20), row(15)].into_iter();
        assert!(Found::take(&mut rows, range).is_err());
        let found = Found::take(&mut rows, range).expect("rows");
        assert_eq!((found.earliest, found.latest, found.start_time), (10, 20, 15));
    }

    #[test]
    fn partitions_are_chosen() {
        let sizes =
            [TopicSize { topic: "a".into(), partitions: 2 }, TopicSize { topic: "b".into(), partitions: 3 }];
        let plan = OffsetPlan::default();
        assert_eq!(choose(&sizes, &[], &plan).expect("all").len(), 5);
        assert_eq!(choose(&sizes, &[1], &plan).expect("some"), [("a".into(), 1), ("b".into(), 1)]);
        assert!(choose(&sizes, &[2], &plan).is_err_and(|failure| failure.message.contains("no partition 2")));
    }
}

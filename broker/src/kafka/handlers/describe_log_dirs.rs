//! `DescribeLogDirs`: how much each partition takes on disk, and how much is left.

use std::collections::BTreeMap;

use runnel_proto::kafka::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use runnel_proto::kafka::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};

use crate::kafka::call::Call;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let wanted: Option<BTreeMap<String, Vec<i32>>> = request
        .topics
        .map(|topics| topics.into_iter().map(|topic| (topic.topic.to_string(), topic.partitions)).collect());
    let is_wanted = |topic: &str, partition: i32| match &wanted {
        None => true,
        Some(wanted) => wanted.get(topic).is_some_and(|partitions| partitions.contains(&partition)),
    };
    let topics = call.operations.list_topics(true).into_iter().filter_map(|topic| {
        let partitions: Vec<_> = topic
            .partitions
            .iter()
            .filter(|partition| is_wanted(&topic.name, partition.id().partition))
            .filter_map(|partition| {
                let figures = partition.figures().ok()?;
                Some(DescribeLogDirsPartition {
                    partition_index: partition.id().partition,
                    partition_size: i64::try_from(figures.size_bytes).unwrap_or(i64::MAX),
                    offset_lag: 0,
                    is_future_key: false,
                })
            })
            .collect();
        (!partitions.is_empty()).then(|| DescribeLogDirsTopic { name: (&*topic.name).into(), partitions })
    });
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let (usable_bytes, total_bytes) =
        call.operations.disk().space().map_or((-1, -1), |(free, total)| (bytes(free), bytes(total)));
    let result = DescribeLogDirsResult {
        error_code: 0,
        log_dir: call.operations.broker().data_dir.to_string_lossy().into_owned().into(),
        topics: topics.collect(),
        total_bytes,
        usable_bytes,
    };
    DescribeLogDirsResponse { results: vec![result], ..Default::default() }
}

//! `DescribeTopicPartitions`: the partitions of topics, page by page (KIP-966).

use runnel_proto::kafka::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use runnel_proto::kafka::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use super::metadata::TOPIC_OPERATIONS;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::partition::{Partition, Topic};

/// The most partitions on one page, as Kafka's `max.request.partition.size.limit`.
const PAGE: usize = 2000;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    if request.cursor.as_ref().is_some_and(|cursor| cursor.partition_index < 0) {
        return refuse(request, ErrorCode::InvalidRequest);
    }
    let mut names: Vec<StrBytes> = request.topics.into_iter().map(|topic| topic.name).collect();
    if names.is_empty() {
        names = call.operations.list_topics(true).iter().map(|topic| (&*topic.name).into()).collect();
    }
    names.sort_unstable();
    names.dedup();
    let from =
        request.cursor.map_or((StrBytes::default(), 0), |cursor| (cursor.topic_name, cursor.partition_index));
    names.retain(|name| *name >= from.0);
    let mut room = usize::try_from(request.response_partition_limit).unwrap_or(1).clamp(1, PAGE);
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names {
        if room == 0 {
            response.next_cursor = Some(Cursor { topic_name: name, partition_index: 0 });
            break;
        }
        let first = if name == from.0 { usize::try_from(from.1).unwrap_or(0) } else { 0 };
        let topic = match call.topic(&name, Uuid::nil()) {
            Ok(topic) => describe(call, &topic, first, room),
            Err(error) => DescribeTopicPartitionsResponseTopic {
                error_code: error.code(),
                name: Some(name.clone()),
                topic_authorized_operations: TOPIC_OPERATIONS,
                ..Default::default()
            },
        };
        let told = topic.partitions.len();
        room -= told.min(room);
        response.topics.push(topic);
        let count = call.topic(&name, Uuid::nil()).map_or(0, |topic| topic.partitions.len());
        if first + told < count {
            let partition_index = (first + told) as i32;
            response.next_cursor = Some(Cursor { topic_name: name, partition_index });
            break;
        }
    }
    response
}

/// The same for each topic.
fn refuse(request: DescribeTopicPartitionsRequest, error: ErrorCode) -> DescribeTopicPartitionsResponse {
    let topics = request.topics.into_iter().map(|topic| DescribeTopicPartitionsResponseTopic {
        error_code: error.code(),
        name: Some(topic.name),
        ..Default::default()
    });
    DescribeTopicPartitionsResponse { topics: topics.collect(), ..Default::default() }
}

fn describe(call: &Call, topic: &Topic, first: usize, room: usize) -> DescribeTopicPartitionsResponseTopic {
    let node_id = call.operations.broker().id;
    let partitions = topic.partitions.iter().skip(first).take(room);
    DescribeTopicPartitionsResponseTopic {
        error_code: 0,
        name: Some((&*topic.name).into()),
        topic_id: topic.id,
        is_internal: topic.internal,
        partitions: partitions.map(|partition| row(node_id, partition)).collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
    }
}

fn row(node_id: i32, partition: &Partition) -> DescribeTopicPartitionsResponsePartition {
    DescribeTopicPartitionsResponsePartition {
        error_code: partition.figures().map_or_else(|error| code(&error).code(), |_| 0),
        partition_index: partition.id().partition,
        leader_id: node_id,
        leader_epoch: partition.leader_epoch(),
        replica_nodes: vec![node_id],
        isr_nodes: vec![node_id],
        // Never null: the Java client takes null for a broken answer.
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        offline_replicas: Vec::new(),
    }
}

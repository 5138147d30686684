//! `DescribeProducers`: what partitions remember of idempotent and transactional producers (KIP-664).

use runnel_proto::kafka::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use runnel_proto::kafka::messages::{DescribeProducersRequest, DescribeProducersResponse};
use runnel_proto::kafka::{ErrorCode, Uuid};

use super::{Refusal, distinct};
use crate::kafka::call::Call;
use crate::metadata::check_topic_name;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    let topics = request.topics.into_iter().map(|topic| TopicResponse {
        partitions: distinct(topic.partition_indexes)
            .map(|partition_index| match describe(call, &topic.name, partition_index) {
                Ok(active_producers) => {
                    PartitionResponse { partition_index, active_producers, ..Default::default() }
                }
                Err(refusal) => PartitionResponse {
                    partition_index,
                    error_code: refusal.code.code(),
                    error_message: refusal.message(),
                    ..Default::default()
                },
            })
            .collect(),
        name: topic.name,
    });
    DescribeProducersResponse { topics: topics.collect(), ..Default::default() }
}

fn describe(call: &Call, topic: &str, partition: i32) -> Result<Vec<ProducerState>, Refusal> {
    check_topic_name(topic)
        .map_err(|reason| Refusal::new(ErrorCode::InvalidTopicException, reason.to_owned()))?;
    let topic = call.topic(topic, Uuid::nil())?;
    let producers = topic.partition(partition)?.producers()?;
    let states = producers.into_iter().map(|producer| ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: i32::from(producer.epoch),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp_ms,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.transaction_start.unwrap_or(-1),
    });
    Ok(states.collect())
}

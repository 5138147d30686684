//! `OffsetForLeaderEpoch`: where an epoch's records end, by which a client finds out that some were lost.

use runnel_proto::kafka::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use runnel_proto::kafka::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use runnel_proto::kafka::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use runnel_proto::kafka::{ErrorCode, Uuid};

use super::check_epoch;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::types::Offset;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let call = call.clone();
    let answered = tokio::task::spawn_blocking(move || {
        let topics = request.topics.into_iter().map(|topic| OffsetForLeaderTopicResult {
            partitions: topic.partitions.iter().map(|asked| answer(&call, &topic.topic, asked)).collect(),
            topic: topic.topic,
        });
        topics.collect()
    });
    OffsetForLeaderEpochResponse { topics: answered.await.unwrap_or_default(), ..Default::default() }
}

fn answer(call: &Call, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let (error_code, (leader_epoch, end_offset)) = match look(call, topic, asked) {
        Ok(found) => (0, found),
        Err(error) => (error.code(), (-1, -1)),
    };
    EpochEndOffset { error_code, partition: asked.partition, leader_epoch, end_offset }
}

fn look(call: &Call, topic: &str, asked: &OffsetForLeaderPartition) -> Result<(i32, Offset), ErrorCode> {
    let topic = call.topic(topic, Uuid::nil())?;
    let partition = topic.partition(asked.partition).map_err(|error| code(&error))?;
    check_epoch(partition, asked.current_leader_epoch)?;
    let end = partition.epoch_end(asked.leader_epoch).map_err(|error| code(&error))?;
    Ok(end.map_or((-1, -1), |end| (end.epoch, end.offset)))
}

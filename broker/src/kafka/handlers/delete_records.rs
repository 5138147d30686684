//! `DeleteRecords`: the records of partitions before an offset.

use runnel_proto::kafka::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use runnel_proto::kafka::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use runnel_proto::kafka::{ErrorCode, Uuid};

use super::Refusal;
use crate::kafka::call::Call;
use crate::types::Offset;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for row in topic.partitions {
            let outcome = delete(call, &topic.name, row.partition_index, row.offset).await;
            partitions.push(DeleteRecordsPartitionResult {
                partition_index: row.partition_index,
                low_watermark: outcome.as_ref().copied().unwrap_or(-1),
                error_code: outcome.map_or_else(|refusal| refusal.code.code(), |_| 0),
            });
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
    }
    DeleteRecordsResponse { topics, ..Default::default() }
}

async fn delete(call: &Call, topic: &str, partition: i32, before: Offset) -> Result<Offset, Refusal> {
    if call.topic(topic, Uuid::nil())?.internal {
        let text = "the broker itself needs its topic's records".to_owned();
        return Err(Refusal::new(ErrorCode::InvalidTopicException, text));
    }
    Ok(call.operations.delete_records(topic, partition, before).await?)
}

//! `DeleteTopics`, by name or by id.

use runnel_proto::kafka::messages::delete_topics_request::DeleteTopicState;
use runnel_proto::kafka::messages::delete_topics_response::DeletableTopicResult;
use runnel_proto::kafka::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use runnel_proto::kafka::{StrBytes, Uuid};

use super::Refusal;
use crate::kafka::call::Call;

/// The first version that may name topics by their ids.
const IDS_SINCE: i16 = 6;

/// Answers a request, when each deletion is on disk.
pub(in crate::kafka) async fn handle(call: &Call, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let named = request
        .topic_names
        .into_iter()
        .map(|name| DeleteTopicState { name: Some(name), topic_id: Uuid::nil() });
    let mut responses = Vec::new();
    for topic in request.topics.into_iter().chain(named) {
        let mut result = DeletableTopicResult { topic_id: topic.topic_id, ..Default::default() };
        match delete(call, &topic).await {
            Ok((name, topic_id)) => {
                result.name = Some(name);
                result.topic_id = if call.version >= IDS_SINCE { topic_id } else { Uuid::nil() };
            }
            Err(refusal) => {
                result.error_code = refusal.code.code();
                result.error_message = refusal.message();
                result.name = topic.name;
            }
        }
        responses.push(result);
    }
    DeleteTopicsResponse { responses, ..Default::default() }
}

async fn delete(call: &Call, topic: &DeleteTopicState) -> Result<(StrBytes, Uuid), Refusal> {
    let found = call.topic(topic.name.as_deref().unwrap_or_default(), topic.topic_id)?;
    call.operations.delete_topic(found.name.to_string()).await?;
    Ok(((&*found.name).into(), found.id))
}

//! `DeleteTopics`, by name or by id.

use std::collections::HashMap;
use std::sync::Arc;

use runnel_proto::kafka::messages::delete_topics_request::DeleteTopicState;
use runnel_proto::kafka::messages::delete_topics_response::DeletableTopicResult;
use runnel_proto::kafka::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use super::Refusal;
use crate::kafka::call::Call;
use crate::partition::Topic;

/// The first version that may name topics by their ids.
const IDS_SINCE: i16 = 6;

/// Answers a request, when each deletion is on disk.
pub(in crate::kafka) async fn handle(call: &Call, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let named = request
        .topic_names
        .into_iter()
        .map(|name| DeleteTopicState { name: Some(name), topic_id: Uuid::nil() });
    let topics: Vec<_> = request.topics.into_iter().chain(named).collect();
    let mut times: HashMap<Uuid, (usize, bool)> = HashMap::new();
    for topic in topics.iter().filter_map(|topic| find(call, topic).ok()) {
        times.entry(topic.id).or_default().0 += 1;
    }
    let mut responses = Vec::new();
    for topic in topics {
        let named_twice = find(call, &topic).ok().and_then(|found| times.get_mut(&found.id));
        let named_twice = named_twice.filter(|(times, _)| *times > 1);
        let again = named_twice.map(|(_, told)| std::mem::replace(told, true));
        if again == Some(true) {
            continue;
        }
        let mut result = DeletableTopicResult { topic_id: topic.topic_id, ..Default::default() };
        result.error_message = None;
        match delete(call, &topic, again.is_some()).await {
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

fn find(call: &Call, topic: &DeleteTopicState) -> Result<Arc<Topic>, ErrorCode> {
    call.topic(topic.name.as_deref().unwrap_or_default(), topic.topic_id)
}

async fn delete(
    call: &Call,
    topic: &DeleteTopicState,
    named_twice: bool,
) -> Result<(StrBytes, Uuid), Refusal> {
    let invalid = |text: &str| Err(Refusal::new(ErrorCode::InvalidRequest, text.to_owned()));
    match (&topic.name, topic.topic_id.is_nil()) {
        (None, true) => return invalid("neither the topic's name nor its id is given"),
        (Some(_), false) => return invalid("the topic's name and its id are both given; choose one"),
        _ if named_twice => return invalid("the request names this topic more than once"),
        _ => {}
    }
    let found = find(call, topic).map_err(|code| Refusal::new(code, "there is no such topic".to_owned()))?;
    call.operations.delete_topic(found.name.to_string()).await?;
    Ok(((&*found.name).into(), found.id))
}

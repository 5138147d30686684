//! `DeleteShareGroupOffsets`: a share group without members forgets what it has made of topics.

use runnel_proto::kafka::messages::delete_share_group_offsets_response::DeleteShareGroupOffsetsResponseTopic as Topic;
use runnel_proto::kafka::messages::{DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use super::{check_share_groups, group_code};
use crate::coordinator::group::DeleteShareOffsetsRequest;
use crate::kafka::call::Call;
use crate::kafka::errors::code;

/// Answers a request, when that is on disk.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: DeleteShareGroupOffsetsRequest,
) -> DeleteShareGroupOffsetsResponse {
    if let Err(refusal) = check_share_groups(call) {
        return refuse(refusal.code, refusal.message());
    }
    if request.group_id.is_empty() {
        return refuse(ErrorCode::InvalidGroupId, Some("GroupId can't be empty.".into()));
    }
    let id = |name: &str| call.operations.registry().topic(name).map(|topic| topic.id);
    let deleting = DeleteShareOffsetsRequest {
        group: request.group_id.to_string(),
        topics: request.topics.iter().map(|topic| id(&topic.topic_name)).collect(),
    };
    let ids: Vec<_> = deleting.topics.iter().map(|id| id.clone().unwrap_or(Uuid::nil())).collect();
    let outcomes = match call.operations.groups().delete_share_offsets(deleting).await {
        Ok(outcomes) => outcomes,
        Err(error) => return refuse(group_code(&error), Some(error.to_string().into())),
    };
    let rows = request.topics.into_iter().zip(ids).zip(outcomes);
    let responses = rows.map(|((topic, topic_id), outcome)| Topic {
        topic_name: topic.topic_name,
        topic_id,
        error_code: outcome.as_ref().err().map_or(0, |error| code(error).code()),
        error_message: outcome.err().map(|error| error.to_string().into()),
    });
    DeleteShareGroupOffsetsResponse { responses: responses.collect(), ..Default::default() }
}

fn refuse(error_code: ErrorCode, error_message: Option<StrBytes>) -> DeleteShareGroupOffsetsResponse {
    DeleteShareGroupOffsetsResponse { error_code: error_code.code(), error_message, ..Default::default() }
}

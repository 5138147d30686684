//! `DeleteGroups`: groups without members, with their offsets.

use runnel_proto::kafka::messages::delete_groups_response::DeletableGroupResult;
use runnel_proto::kafka::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

use super::group_code;
use crate::kafka::call::Call;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(request.groups_names.len());
    for group_id in request.groups_names {
        let outcome = call.operations.delete_group(group_id.to_string()).await;
        let error_code = outcome.map_or_else(|error| group_code(&error).code(), |()| 0);
        results.push(DeletableGroupResult { group_id, error_code });
    }
    DeleteGroupsResponse { results, ..Default::default() }
}

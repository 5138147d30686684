//! `ListGroups`: the groups, by state and type if the client wants some only.

use runnel_proto::kafka::StrBytes;
use runnel_proto::kafka::messages::list_groups_response::ListedGroup;
use runnel_proto::kafka::messages::{ListGroupsRequest, ListGroupsResponse};

use super::group_code;
use crate::kafka::call::Call;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: ListGroupsRequest) -> ListGroupsResponse {
    // An empty list would say that there are none.
    if let Err(error) = call.operations.groups().check() {
        return ListGroupsResponse { error_code: group_code(&error).code(), ..Default::default() };
    }
    let wanted = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|name| name.eq_ignore_ascii_case(value))
    };
    let groups = call.operations.groups().list().into_iter().map(|group| ListedGroup {
        group_id: group.group.into(),
        protocol_type: group.protocol_type.into(),
        group_state: group.state.to_string().into(),
        group_type: group.kind.to_string().into(),
    });
    let groups = groups.filter(|group| {
        wanted(&request.states_filter, &group.group_state) && wanted(&request.types_filter, &group.group_type)
    });
    ListGroupsResponse { groups: groups.collect(), ..Default::default() }
}

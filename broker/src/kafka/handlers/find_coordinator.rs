//! `FindCoordinator`: this broker coordinates everything.

use runnel_proto::kafka::messages::find_coordinator_response::Coordinator;
use runnel_proto::kafka::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use crate::kafka::call::Call;

/// What coordinates is asked for: for groups and transactions by their names, for what a share group has made of a partition by
/// `group:topic id:partition`.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;
/// The first version that knows of share groups.
const SHARE_SINCE: i16 = 6;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let known = match request.key_type {
        GROUP | TRANSACTION => true,
        SHARE => call.version >= SHARE_SINCE && request.coordinator_keys.iter().all(|key| is_share_key(key)),
        _ => false,
    };
    let (error_code, (node_id, host, port)) = if known {
        (0, call.node())
    } else {
        (ErrorCode::InvalidRequest.code(), (-1, StrBytes::default(), -1))
    };
    if call.version < 4 {
        return FindCoordinatorResponse { error_code, node_id, host, port, ..Default::default() };
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| Coordinator {
        key,
        node_id,
        host: host.clone(),
        port,
        error_code,
        error_message: Some(StrBytes::from_static(if known { "" } else { "there is no such type of key" })),
    });
    FindCoordinatorResponse { coordinators: coordinators.collect(), ..Default::default() }
}

fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let partition = parts.next().is_some_and(|number| number.parse::<i32>().is_ok_and(|number| number >= 0));
    // A topic id is written as 16 bytes in base 64.
    let topic = parts.next().is_some_and(|id| id.len() == 22);
    partition && topic && parts.next().is_some_and(|group| !group.is_empty())
}

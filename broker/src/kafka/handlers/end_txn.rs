//! `EndTxn`: a transaction is committed or aborted.

use runnel_proto::kafka::messages::{EndTxnRequest, EndTxnResponse};

use super::fenced_since;
use crate::coordinator::transaction::{EndRequest, Producer};
use crate::kafka::call::Call;

/// The first version whose clients know what being fenced is.
const FENCED_SINCE: i16 = 2;

/// Answers a request, when the decision is on disk.
pub(in crate::kafka) async fn handle(call: &Call, request: EndTxnRequest) -> EndTxnResponse {
    let end = EndRequest {
        transactional_id: request.transactional_id.to_string(),
        producer: Producer { id: request.producer_id, epoch: request.producer_epoch },
        commit: request.committed,
        bumps_epoch: false,
    };
    let ended = call.operations.end_transaction(end).await;
    let code = |error| fenced_since(FENCED_SINCE, call.version, &error).code();
    EndTxnResponse { error_code: ended.map_or_else(code, |_| 0), ..Default::default() }
}

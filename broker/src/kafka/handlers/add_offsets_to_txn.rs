//! `AddOffsetsToTxn`: a group takes part in a transaction.

use runnel_proto::kafka::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::fenced_since;
use crate::coordinator::transaction::Producer;
use crate::kafka::call::Call;

/// The first version whose clients know what being fenced is.
const FENCED_SINCE: i16 = 2;

/// Answers a request, when the change is on disk.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: AddOffsetsToTxnRequest,
) -> AddOffsetsToTxnResponse {
    let producer = Producer { id: request.producer_id, epoch: request.producer_epoch };
    let (transactional_id, group) = (request.transactional_id.to_string(), request.group_id.to_string());
    let added = call.operations.add_offsets_to_transaction(transactional_id, producer, group).await;
    let code = |error| fenced_since(FENCED_SINCE, call.version, &error).code();
    AddOffsetsToTxnResponse { error_code: added.map_or_else(code, |()| 0), ..Default::default() }
}

//! `EndTxn`: a transaction is committed or aborted.

use runnel_proto::kafka::messages::{EndTxnRequest, EndTxnResponse};

use super::fenced_since;
use crate::coordinator::transaction::{EndRequest, Producer};
use crate::kafka::call::Call;

/// The first version whose clients know what being fenced is.
const FENCED_SINCE: i16 = 2;
/// From this version on the producer's epoch rises with each transaction (KIP-890).
const BUMPS_EPOCH_SINCE: i16 = 5;

/// Answers a request, when the decision is on disk.
pub(in crate::kafka) async fn handle(call: &Call, request: EndTxnRequest) -> EndTxnResponse {
    let end = EndRequest {
        transactional_id: request.transactional_id.to_string(),
        producer: Producer { id: request.producer_id, epoch: request.producer_epoch },
        commit: request.committed,
        bumps_epoch: call.version >= BUMPS_EPOCH_SINCE,
    };
    match call.operations.end_transaction(end).await {
        // Which it is from now on.
        Ok(Producer { id, epoch }) if call.version >= BUMPS_EPOCH_SINCE => {
            EndTxnResponse { producer_id: id, producer_epoch: epoch, ..Default::default() }
        }
        Ok(_) => EndTxnResponse::default(),
        Err(error) => EndTxnResponse {
            error_code: fenced_since(FENCED_SINCE, call.version, &error).code(),
            ..Default::default()
        },
    }
}

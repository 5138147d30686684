//! `InitProducerId`: who is a producer, idempotent or transactional.

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::fenced_since;
use crate::coordinator::transaction::{InitRequest, Producer};
use crate::kafka::call::Call;

/// The first version whose clients know what being fenced is.
const FENCED_SINCE: i16 = 4;

/// Answers a request, when the producer is on disk.
pub(in crate::kafka) async fn handle(call: &Call, request: InitProducerIdRequest) -> InitProducerIdResponse {
    if (request.producer_id < 0) != (request.producer_epoch < 0) {
        return refuse(ErrorCode::InvalidRequest);
    }
    let known = Producer { id: request.producer_id, epoch: request.producer_epoch };
    let init = InitRequest {
        transactional_id: request.transactional_id.map(|name| name.to_string()),
        timeout_ms: request.transaction_timeout_ms,
        producer: (request.producer_id >= 0).then_some(known),
    };
    match call.operations.init_producer(init).await {
        Ok(Producer { id, epoch }) => {
            InitProducerIdResponse { producer_id: id, producer_epoch: epoch, ..Default::default() }
        }
        Err(error) => refuse(fenced_since(FENCED_SINCE, call.version, &error)),
    }
}

fn refuse(error: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse {
        error_code: error.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    }
}

//! `SaslHandshake`: there is no authentication on this listener.

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::{SaslHandshakeRequest, SaslHandshakeResponse};

use crate::kafka::call::Call;

/// Answers a request: what a Kafka broker says on a plain listener.
pub(in crate::kafka) async fn handle(_: &Call, _: SaslHandshakeRequest) -> SaslHandshakeResponse {
    SaslHandshakeResponse { error_code: ErrorCode::IllegalSaslState.code(), mechanisms: Vec::new() }
}

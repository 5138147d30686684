//! `SaslAuthenticate`: there is no authentication on this listener.

use runnel_proto::kafka::messages::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use crate::kafka::call::Call;

/// Answers a request: what a Kafka broker says on a plain listener.
pub(in crate::kafka) async fn handle(_: &Call, _: SaslAuthenticateRequest) -> SaslAuthenticateResponse {
    let text = "this listener is plain; set security.protocol=PLAINTEXT";
    SaslAuthenticateResponse {
        error_code: ErrorCode::IllegalSaslState.code(),
        error_message: Some(StrBytes::from_static(text)),
        ..Default::default()
    }
}

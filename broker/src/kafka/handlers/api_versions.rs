//! `ApiVersions`: what is served.

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::api_versions_response::ApiVersion;
use runnel_proto::kafka::messages::{ApiVersionsRequest, ApiVersionsResponse};

use crate::kafka::call::{Call, Served};

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: ApiVersionsRequest) -> ApiVersionsResponse {
    let named = is_name(&request.client_software_name) && is_name(&request.client_software_version);
    if call.version >= 3 && !named {
        return ApiVersionsResponse { error_code: ErrorCode::InvalidRequest.code(), ..Default::default() };
    }
    ApiVersionsResponse { api_keys: keys(call.served), ..Default::default() }
}

/// The answer to a version that is not served, in version 0 (KIP-511).
pub(in crate::kafka) fn unsupported(served: Served) -> ApiVersionsResponse {
    let error_code = ErrorCode::UnsupportedVersion.code();
    ApiVersionsResponse { error_code, api_keys: keys(served), ..Default::default() }
}

fn keys(served: Served) -> Vec<ApiVersion> {
    let mut keys: Vec<_> = served
        .iter()
        .map(|(api, versions)| ApiVersion {
            api_key: api.code(),
            min_version: *versions.start(),
            max_version: *versions.end(),
        })
        .collect();
    keys.sort_unstable_by_key(|key| key.api_key);
    keys
}

/// What a client's library may be called: letters and digits, dashes and dots between them.
fn is_name(text: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || b"-.".contains(byte))
}

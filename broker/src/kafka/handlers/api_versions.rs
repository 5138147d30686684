//! `ApiVersions`: what is served, and which levels of features are in force.

use runnel_proto::kafka::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use runnel_proto::kafka::messages::{ApiVersionsRequest, ApiVersionsResponse};
use runnel_proto::kafka::{ApiKey, ErrorCode};

use crate::kafka::call::{Call, Served};
use crate::metadata::{FEATURES, Feature};

/// Older clients can't read of a feature whose lowest level is 0 (KAFKA-17492).
const LEVEL_0_SINCE: i16 = 4;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: ApiVersionsRequest) -> ApiVersionsResponse {
    let named = is_name(&request.client_software_name) && is_name(&request.client_software_version);
    if call.version >= 3 && !named {
        return ApiVersionsResponse { error_code: ErrorCode::InvalidRequest.code(), ..Default::default() };
    }
    let finalized = call.operations.finalized_features();
    let level = |(name, level): (&'static str, i16)| FinalizedFeatureKey {
        name: name.into(),
        min_version_level: level,
        max_version_level: level,
    };
    ApiVersionsResponse {
        api_keys: keys(call.served),
        supported_features: supported(call.version),
        finalized_features: finalized.levels.into_iter().map(level).collect(),
        finalized_features_epoch: finalized.epoch,
        ..Default::default()
    }
}

fn supported(version: i16) -> Vec<SupportedFeatureKey> {
    let readable = FEATURES.iter().filter(|feature| *feature.levels.start() > 0 || version >= LEVEL_0_SINCE);
    let row = |feature: &Feature| SupportedFeatureKey {
        name: feature.name.into(),
        min_version: *feature.levels.start(),
        max_version: *feature.levels.end(),
    };
    readable.map(row).collect()
}

/// The answer to a version that is not served, in version 0: which of this API are (KIP-511).
pub(in crate::kafka) fn unsupported(served: Served) -> ApiVersionsResponse {
    let error_code = ErrorCode::UnsupportedVersion.code();
    let mut api_keys = keys(served);
    api_keys.retain(|key| key.api_key == ApiKey::ApiVersions.code());
    ApiVersionsResponse { error_code, api_keys, ..Default::default() }
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

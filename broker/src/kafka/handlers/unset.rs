//! `DescribeClientQuotas`, `DescribeUserScramCredentials`, `ListConfigResources`: what can be listed and is not there.

use runnel_proto::kafka::messages::describe_user_scram_credentials_response::DescribeUserScramCredentialsResult;
use runnel_proto::kafka::messages::list_config_resources_response::ConfigResource;
use runnel_proto::kafka::messages::{
    DescribeClientQuotasRequest, DescribeClientQuotasResponse, DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse, ListConfigResourcesRequest, ListConfigResourcesResponse,
};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::configs::{BROKER, TOPIC};
use crate::kafka::call::Call;

/// Answers `DescribeClientQuotas`: nobody has one.
pub(in crate::kafka) async fn quotas(
    _: &Call,
    _: DescribeClientQuotasRequest,
) -> DescribeClientQuotasResponse {
    DescribeClientQuotasResponse { entries: Some(Vec::new()), ..Default::default() }
}

/// Answers `DescribeUserScramCredentials`: there are no users.
pub(in crate::kafka) async fn scram_credentials(
    _: &Call,
    request: DescribeUserScramCredentialsRequest,
) -> DescribeUserScramCredentialsResponse {
    let unknown = |user: StrBytes| DescribeUserScramCredentialsResult {
        error_message: Some(
            format!("Attempt to describe a user credential that does not exist: {}", &*user).into(),
        ),
        user,
        error_code: ErrorCode::ResourceNotFound.code(),
        ..Default::default()
    };
    let results = request.users.unwrap_or_default().into_iter().map(|user| unknown(user.name)).collect();
    DescribeUserScramCredentialsResponse { results, ..Default::default() }
}

/// Answers `ListConfigResources`: topics and this broker.
pub(in crate::kafka) async fn config_resources(
    call: &Call,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    // Version 0 knows client metrics alone, of which there are none.
    let wants = |kind: i8| {
        call.version > 0 && (request.resource_types.is_empty() || request.resource_types.contains(&kind))
    };
    let mut config_resources = Vec::new();
    if wants(TOPIC) {
        let topics = call.operations.list_topics(true);
        config_resources.extend(
            topics
                .iter()
                .map(|topic| ConfigResource { resource_name: (&*topic.name).into(), resource_type: TOPIC }),
        );
    }
    if wants(BROKER) {
        let resource_name = call.operations.broker().id.to_string().into();
        config_resources.push(ConfigResource { resource_name, resource_type: BROKER });
    }
    ListConfigResourcesResponse { config_resources, ..Default::default() }
}

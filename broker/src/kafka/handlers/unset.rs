//! `DescribeClientQuotas`, `DescribeUserScramCredentials`, `ListConfigResources`: what can be listed and is not there.

use std::collections::{HashMap, HashSet};

use runnel_proto::kafka::messages::describe_client_quotas_request::ComponentData;
use runnel_proto::kafka::messages::describe_user_scram_credentials_response::DescribeUserScramCredentialsResult;
use runnel_proto::kafka::messages::list_config_resources_response::ConfigResource;
use runnel_proto::kafka::messages::{
    DescribeClientQuotasRequest, DescribeClientQuotasResponse, DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse, ListConfigResourcesRequest, ListConfigResourcesResponse,
};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::Refusal;
use super::configs::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::kafka::call::Call;

/// Answers `DescribeClientQuotas`: nobody has one.
pub(in crate::kafka) async fn quotas(
    _: &Call,
    request: DescribeClientQuotasRequest,
) -> DescribeClientQuotasResponse {
    let refusal = check_components(&request.components).err();
    DescribeClientQuotasResponse {
        entries: refusal.is_none().then(Vec::new),
        error_code: refusal.as_ref().map_or(0, |refusal| refusal.code.code()),
        error_message: refusal.map_or_else(|| Some(StrBytes::default()), |refusal| refusal.message()),
        ..Default::default()
    }
}

/// Kafka's kinds of who may have quotas; addresses go with nothing else.
fn check_components(components: &[ComponentData]) -> Result<(), Refusal> {
    let invalid = |text: &str| Err(Refusal::new(ErrorCode::InvalidRequest, text.to_owned()));
    let mut seen = HashSet::new();
    for component in components {
        match &*component.entity_type {
            "user" | "client-id" | "ip" => {}
            "" => return invalid("an entity has no type"),
            _ => {
                let text = "quotas are for user, client-id and ip".to_owned();
                return Err(Refusal::new(ErrorCode::UnsupportedVersion, text));
            }
        }
        if !seen.insert(component.entity_type.clone()) {
            return invalid("a type of entity is named twice");
        }
        if !(0..=2).contains(&component.match_type) {
            return invalid("there is no such type of match");
        }
    }
    match seen.len() > 1 && seen.contains("ip") {
        true => invalid("addresses go with no other entity"),
        false => Ok(()),
    }
}

/// Answers `DescribeUserScramCredentials`: there are no users.
pub(in crate::kafka) async fn scram_credentials(
    _: &Call,
    request: DescribeUserScramCredentialsRequest,
) -> DescribeUserScramCredentialsResponse {
    let mut times: HashMap<StrBytes, usize> = HashMap::new();
    for user in request.users.unwrap_or_default() {
        *times.entry(user.name).or_default() += 1;
    }
    let unknown = |(user, times): (StrBytes, usize)| {
        let (error, text) = match times {
            1 => (ErrorCode::ResourceNotFound, format!("there is no user {:?}", &*user)),
            _ => (ErrorCode::DuplicateResource, format!("user {:?} is named more than once", &*user)),
        };
        DescribeUserScramCredentialsResult {
            user,
            error_code: error.code(),
            error_message: Some(text.into()),
            ..Default::default()
        }
    };
    let results = times.into_iter().map(unknown).collect();
    DescribeUserScramCredentialsResponse { results, ..Default::default() }
}

/// Answers `ListConfigResources`: topics, this broker, and the groups that were given settings.
pub(in crate::kafka) async fn config_resources(
    call: &Call,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    let known = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];
    if request.resource_types.iter().any(|kind| !known.contains(kind)) {
        let error_code = ErrorCode::UnsupportedVersion.code();
        return ListConfigResourcesResponse { error_code, ..Default::default() };
    }
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
    if wants(GROUP) {
        let groups = call.operations.configured_groups().into_iter();
        let resource = |group: String| ConfigResource { resource_name: group.into(), resource_type: GROUP };
        config_resources.extend(groups.map(resource));
    }
    ListConfigResourcesResponse { config_resources, ..Default::default() }
}

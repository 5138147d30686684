//! `DescribeConfigs`: every setting, with where its value comes from.

use std::collections::HashSet;

use runnel_proto::kafka::messages::describe_configs_request::DescribeConfigsResource;
use runnel_proto::kafka::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use runnel_proto::kafka::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};
use runnel_proto::v1::{ConfigEntry, ConfigSource};

use super::Refusal;
use super::configs::{DESCRIBED, Resource, SETTINGS_BYTES, TOPIC, config_type, source};
use crate::kafka::call::Call;
use crate::operations::ConfigSynonym;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let wants = Wants { synonyms: request.include_synonyms, documentation: request.include_documentation };
    let (mut seen, mut again) = (HashSet::new(), 0);
    let results = request.resources.into_iter().map(|resource| {
        let is_new = seen.insert((resource.resource_type, resource.resource_name.clone()));
        again += usize::from(!is_new);
        let described = match is_new || again <= DESCRIBED {
            true => describe(call, &resource, &wants),
            // In so many rows a sentence would take too much, too.
            false => Err(ErrorCode::PolicyViolation.into()),
        };
        let (configs, refusal) = match described {
            Ok(configs) => (configs, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        DescribeConfigsResult {
            error_code: refusal.as_ref().map_or(0, |refusal| refusal.code.code()),
            // Kafka's word for no error.
            error_message: refusal.map_or_else(|| Some("".into()), |refusal| refusal.message()),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name,
            configs,
        }
    });
    DescribeConfigsResponse { results: results.collect(), ..Default::default() }
}

/// What the settings of the resources asked for take.
pub(in crate::kafka) fn settings_bytes(call: &Call, request: &DescribeConfigsRequest) -> usize {
    let most = call.operations.list_topics(true).len() + DESCRIBED;
    request.resources.len().min(most) * SETTINGS_BYTES
}

struct Wants {
    synonyms: bool,
    documentation: bool,
}

fn describe(
    call: &Call,
    asked: &DescribeConfigsResource,
    wants: &Wants,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    if asked.resource_type == TOPIC && asked.resource_name.is_empty() {
        return Err(Refusal::new(ErrorCode::InvalidTopicException, "the topic has no name".to_owned()));
    }
    let resource = Resource::of(call, asked.resource_type, &asked.resource_name)?;
    let mut entries = resource.describe(call)?;
    if resource == Resource::Broker && asked.resource_name.is_empty() {
        // No broker's own: what was set for all while they run.
        entries.retain(|entry| entry.source() == ConfigSource::DynamicBroker);
    }
    let given = resource.given(call)?;
    let own = resource.owner().map(|owner| (owner, &given));
    let wanted = |entry: &ConfigEntry| match &asked.configuration_keys {
        // No keys and all keys are the same question.
        Some(keys) if !keys.is_empty() => keys.iter().any(|key| **key == *entry.key),
        _ => true,
    };
    let synonyms = |key: &str| match wants.synonyms {
        true => call.operations.config_synonyms(own, key),
        false => Vec::new(),
    };
    let rows = entries.into_iter().filter(wanted);
    Ok(rows.map(|entry| row(synonyms(&entry.key), entry, wants)).collect())
}

fn row(synonyms: Vec<ConfigSynonym>, entry: ConfigEntry, wants: &Wants) -> DescribeConfigsResourceResult {
    let config_source = source(entry.source());
    let synonym = |synonym: ConfigSynonym| DescribeConfigsSynonym {
        name: StrBytes::from_static(synonym.key),
        value: Some(synonym.value.into()),
        source: source(synonym.source),
    };
    DescribeConfigsResourceResult {
        config_type: config_type(&entry.r#type),
        name: entry.key.into(),
        value: Some(entry.value.into()),
        read_only: entry.read_only,
        config_source,
        is_sensitive: false,
        synonyms: synonyms.into_iter().map(synonym).collect(),
        documentation: wants.documentation.then(|| entry.documentation.into()),
    }
}

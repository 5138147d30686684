//! `IncrementalAlterConfigs`: single settings are set, unset, or changed as lists (KIP-339).

use std::collections::{BTreeMap, HashSet};

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use runnel_proto::kafka::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use runnel_proto::kafka::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use runnel_proto::v1::ConfigEntry;

use super::Refusal;
use super::configs::Resource;
use crate::kafka::call::Call;
use crate::metadata::ConfigChange;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let (mut named, mut named_twice) = (HashSet::new(), HashSet::new());
    for resource in &request.resources {
        let key = (resource.resource_type, resource.resource_name.clone());
        if !named.insert(key.clone()) {
            named_twice.insert(key);
        }
    }
    let mut responses = Vec::with_capacity(named.len());
    for resource in request.resources {
        let key = (resource.resource_type, resource.resource_name.clone());
        let outcome = if named_twice.contains(&key) {
            Err(twice(&resource.resource_name))
        } else {
            alter(call, &resource, request.validate_only).await
        };
        let refusal = outcome.err();
        responses.push(AlterConfigsResourceResponse {
            error_code: refusal.as_ref().map_or(0, |refusal| refusal.code.code()),
            error_message: refusal.and_then(|refusal| refusal.message()),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name,
        });
    }
    IncrementalAlterConfigsResponse { responses, ..Default::default() }
}

async fn alter(call: &Call, asked: &AlterConfigsResource, validate_only: bool) -> Result<(), Refusal> {
    let resource = Resource::of(call, asked.resource_type, &asked.resource_name)?;
    let entries = resource.describe(call)?;
    let mut change = ConfigChange { set: BTreeMap::new(), unset: Vec::new() };
    let mut seen = HashSet::new();
    for config in &asked.configs {
        if !seen.insert(config.name.clone()) {
            return Err(twice(&config.name));
        }
        let name = config.name.to_string();
        match config.config_operation {
            DELETE => change.unset.push(name),
            SET => _ = change.set.insert(name, value(config)?),
            APPEND | SUBTRACT => _ = change.set.insert(name, changed_list(&entries, config)?),
            operation => {
                let text = format!("operation {operation} on setting {name:?} is unknown");
                return Err(Refusal::new(ErrorCode::InvalidRequest, text));
            }
        }
    }
    resource.alter(call, change, validate_only).await
}

fn value(config: &AlterableConfig) -> Result<String, Refusal> {
    let text = || format!("setting {:?} has no value", &*config.name);
    config
        .value
        .as_ref()
        .map(|value| value.to_string())
        .ok_or_else(|| Refusal::new(ErrorCode::InvalidRequest, text()))
}

fn changed_list(entries: &[ConfigEntry], config: &AlterableConfig) -> Result<String, Refusal> {
    let present = entries.iter().find(|entry| *entry.key == *config.name);
    let Some(present) = present.filter(|entry| entry.r#type == "list") else {
        let text =
            format!("setting {:?} is no list, so nothing can be added to it or taken away", &*config.name);
        return Err(Refusal::new(ErrorCode::InvalidConfig, text));
    };
    let split = |text: &str| -> Vec<String> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let (mut items, named) = (split(&present.value), split(&value(config)?));
    if config.config_operation == SUBTRACT {
        items.retain(|item| !named.contains(item));
    } else {
        items.extend(named.into_iter().filter(|item| !split(&present.value).contains(item)));
    }
    Ok(items.join(","))
}

fn twice(name: &str) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, format!("{name:?} is named more than once"))
}

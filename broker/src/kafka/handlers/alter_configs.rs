//! `AlterConfigs`: the settings named take the place of all that were set.

use std::collections::BTreeMap;

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::alter_configs_request::AlterConfigsResource;
use runnel_proto::kafka::messages::alter_configs_response::AlterConfigsResourceResponse;
use runnel_proto::kafka::messages::{AlterConfigsRequest, AlterConfigsResponse};

use super::Refusal;
use super::configs::Resource;
use crate::kafka::call::Call;
use crate::metadata::ConfigChange;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        let refusal = alter(call, &resource, request.validate_only).await.err();
        responses.push(AlterConfigsResourceResponse {
            error_code: refusal.as_ref().map_or(0, |refusal| refusal.code.code()),
            error_message: refusal.and_then(|refusal| refusal.message()),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name,
        });
    }
    AlterConfigsResponse { responses, ..Default::default() }
}

async fn alter(call: &Call, asked: &AlterConfigsResource, validate_only: bool) -> Result<(), Refusal> {
    let resource = Resource::of(call, asked.resource_type, &asked.resource_name)?;
    let mut set = BTreeMap::new();
    for config in &asked.configs {
        let value = config.value.as_ref().ok_or_else(|| {
            Refusal::new(ErrorCode::InvalidRequest, format!("setting {:?} has no value", &*config.name))
        })?;
        if set.insert(config.name.to_string(), value.to_string()).is_some() {
            let text = format!("setting {:?} is named more than once", &*config.name);
            return Err(Refusal::new(ErrorCode::InvalidRequest, text));
        }
    }
    let unset = resource.given(call)?.into_keys().filter(|key| !set.contains_key(key)).collect();
    resource.alter(call, ConfigChange { set, unset }, validate_only).await
}

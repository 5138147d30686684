//! `runnel.v1.Configs`: translation to the settings operations.

use runnel_proto::v1::configs_server::Configs;
use runnel_proto::v1::{
    AlterConfigsRequest, AlterConfigsResponse, ConfigResource, DescribeConfigsRequest,
    DescribeConfigsResponse, config_resource,
};
use tonic::{Request, Response, Status};

use super::refuse;
use crate::error::BrokerError;
use crate::metadata::ConfigChange;
use crate::operations::Operations;

/// The service.
#[derive(Clone)]
pub(super) struct ConfigsService {
    /// What it translates to.
    pub(super) operations: Operations,
}

#[tonic::async_trait]
impl Configs for ConfigsService {
    async fn describe_configs(
        &self,
        request: Request<DescribeConfigsRequest>,
    ) -> Result<Response<DescribeConfigsResponse>, Status> {
        let entries = match named(request.into_inner().resource)? {
            config_resource::Of::Broker(_) => self.operations.describe_broker_configs(),
            config_resource::Of::Topic(topic) => {
                self.operations.describe_topic_configs(&topic).map_err(|error| refuse(&error))?
            }
            config_resource::Of::Group(group) => {
                self.operations.describe_group_configs(&group).map_err(|error| refuse(&error))?
            }
        };
        Ok(Response::new(DescribeConfigsResponse { entries }))
    }

    async fn alter_configs(
        &self,
        request: Request<AlterConfigsRequest>,
    ) -> Result<Response<AlterConfigsResponse>, Status> {
        let request = request.into_inner();
        let change = ConfigChange { set: request.set, unset: request.unset };
        let altered = match named(request.resource)? {
            config_resource::Of::Broker(_) => {
                self.operations.alter_broker_configs(change, request.validate_only).await
            }
            config_resource::Of::Topic(topic) => {
                self.operations.alter_topic_configs(topic, change, request.validate_only).await
            }
            config_resource::Of::Group(group) => {
                self.operations.alter_group_configs(group, change, request.validate_only).await
            }
        };
        altered.map_err(|error| refuse(&error))?;
        Ok(Response::new(AlterConfigsResponse {}))
    }
}

fn named(resource: Option<ConfigResource>) -> Result<config_resource::Of, Status> {
    resource.and_then(|resource| resource.of).ok_or_else(|| {
        let reason = "the request names no resource; give the broker, a topic or a group".to_owned();
        refuse(&BrokerError::InvalidArgument { name: String::new(), reason })
    })
}

//! `runnel.v1.Cluster`: who answers.

use runnel_proto::v1::cluster_server::Cluster;
use runnel_proto::v1::{BrokerInfo, GetClusterRequest, GetClusterResponse};
use tonic::{Request, Response, Status};

use crate::operations::Operations;

/// The service.
#[derive(Clone)]
pub(super) struct ClusterService {
    /// What it translates to.
    pub(super) operations: Operations,
}

#[tonic::async_trait]
impl Cluster for ClusterService {
    async fn get_cluster(
        &self,
        _: Request<GetClusterRequest>,
    ) -> Result<Response<GetClusterResponse>, Status> {
        let cluster = self.operations.cluster();
        let broker = self.operations.broker();
        Ok(Response::new(GetClusterResponse {
            cluster_id: cluster.cluster_id.to_string(),
            brokers: vec![BrokerInfo {
                id: broker.id,
                version: broker.version.to_owned(),
                listeners: broker.listeners.clone(),
                data_dir: broker.data_dir.display().to_string(),
                pid: std::process::id(),
                start_time_ms: broker.start_time_ms,
                autostarted: broker.autostarted,
            }],
            topics: cluster.topics as u32,
            partitions: cluster.partitions as u32,
            groups: cluster.groups.map(|count| count as u32),
        }))
    }
}

//! The gRPC services: each translates messages to operations and back, and holds nothing of its own.

mod cluster;
mod configs;
mod groups;
mod monitor;
mod records;
mod topics;

use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use runnel_proto::client::MAX_MESSAGE_BYTES;
use runnel_proto::status;
use runnel_proto::v1::cluster_server::ClusterServer;
use runnel_proto::v1::configs_server::ConfigsServer;
use runnel_proto::v1::groups_server::GroupsServer;
use runnel_proto::v1::monitor_server::MonitorServer;
use runnel_proto::v1::records_server::RecordsServer;
use runnel_proto::v1::topics_server::TopicsServer;
use runnel_proto::v1::{
    FILE_DESCRIPTOR_SET, cluster_server, configs_server, groups_server, monitor_server, records_server,
    topics_server,
};
use tonic::Status;
use tonic::service::Routes;

use crate::error::BrokerError;
use crate::operations::Operations;

/// All services, with health and reflection beside them.
pub async fn routes(operations: &Operations) -> Routes {
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in [
        "",
        cluster_server::SERVICE_NAME,
        configs_server::SERVICE_NAME,
        groups_server::SERVICE_NAME,
        monitor_server::SERVICE_NAME,
        records_server::SERVICE_NAME,
        topics_server::SERVICE_NAME,
    ] {
        health.set_service_status(service, tonic_health::ServingStatus::Serving).await;
    }
    let operations = || operations.clone();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let whole = "the committed descriptors are whole";
    let records = RecordsServer::new(records::RecordsService { operations: operations() })
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Routes::new(records)
        .add_service(TopicsServer::new(topics::TopicsService { operations: operations() }))
        .add_service(ConfigsServer::new(configs::ConfigsService { operations: operations() }))
        .add_service(GroupsServer::new(groups::GroupsService { operations: operations() }))
        .add_service(ClusterServer::new(cluster::ClusterService { operations: operations() }))
        .add_service(MonitorServer::new(monitor::MonitorService { operations: operations() }))
        .add_service(health_service)
        .add_service(reflection().build_v1().expect(whole))
        // Older tools know no other.
        .add_service(reflection().build_v1alpha().expect(whole))
}

/// A refusal as the outcome of a whole call.
fn refuse(error: &BrokerError) -> Status {
    status::to_status(error.to_wire())
}

/// A stream that ends with SHUTTING_DOWN when the broker stops, so that a graceful stop need not wait for followers.
fn stopping<T: Send + 'static>(
    operations: &Operations,
    items: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>> {
    let operations = operations.clone();
    let stop = async move { operations.stopped().await };
    let goodbye = futures_util::stream::once(async { Err(refuse(&BrokerError::ShuttingDown)) });
    // `take_until` ends the items at the stop; the goodbye follows only then, not at their own end.
    let (stopped_tx, stopped_rx) = std::sync::mpsc::channel();
    let stop = async move {
        stop.await;
        // The receiver lives as long as the stream that polls this.
        let _ = stopped_tx.send(());
    };
    let goodbye = goodbye.filter(move |_| std::future::ready(stopped_rx.try_recv().is_ok()));
    Box::pin(items.take_until(Box::pin(stop)).chain(goodbye))
}

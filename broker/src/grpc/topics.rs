//! `runnel.v1.Topics`: translation to the topic operations.

use runnel_proto::v1::topics_server::Topics;
use runnel_proto::v1::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicRequest, CreateTopicResponse,
    DeleteRecordsRequest, DeleteRecordsResponse, DeleteTopicRequest, DeleteTopicResponse,
    DescribeTopicsRequest, DescribeTopicsResponse, ListTopicsRequest, ListTopicsResponse,
    PartitionDescription, TopicDescription, TopicSummary, TrimPartition, TrimResult,
};
use tonic::{Request, Response, Status};

use super::refuse;
use crate::operations::{CreateTopic, Operations};
use crate::partition::{Partition, Topic};

/// The service.
#[derive(Clone)]
pub(super) struct TopicsService {
    /// What it translates to.
    pub(super) operations: Operations,
}

#[tonic::async_trait]
impl Topics for TopicsService {
    async fn list_topics(
        &self,
        request: Request<ListTopicsRequest>,
    ) -> Result<Response<ListTopicsResponse>, Status> {
        let topics = self.operations.list_topics(request.into_inner().include_internal);
        Ok(Response::new(ListTopicsResponse {
            topics: topics.iter().map(|topic| summarize(topic)).collect(),
        }))
    }

    async fn describe_topics(
        &self,
        request: Request<DescribeTopicsRequest>,
    ) -> Result<Response<DescribeTopicsResponse>, Status> {
        let names = request.into_inner().names;
        let topics = names.into_iter().map(|name| describe(&self.operations, name)).collect();
        Ok(Response::new(DescribeTopicsResponse { topics }))
    }

    async fn create_topic(
        &self,
        request: Request<CreateTopicRequest>,
    ) -> Result<Response<CreateTopicResponse>, Status> {
        let request = request.into_inner();
        let request = CreateTopic {
            name: request.name,
            partitions: request.partitions,
            configs: request.configs,
            if_not_exists: request.if_not_exists,
            auto_create: request.auto_create,
            validate_only: request.validate_only,
        };
        let created = self.operations.create_topic(request).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(CreateTopicResponse {
            id: created.id.to_string(),
            partitions: created.partitions,
            created: created.created,
        }))
    }

    async fn delete_topic(
        &self,
        request: Request<DeleteTopicRequest>,
    ) -> Result<Response<DeleteTopicResponse>, Status> {
        let name = request.into_inner().name;
        self.operations.delete_topic(name).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(DeleteTopicResponse {}))
    }

    async fn create_partitions(
        &self,
        request: Request<CreatePartitionsRequest>,
    ) -> Result<Response<CreatePartitionsResponse>, Status> {
        let request = request.into_inner();
        let grown = self.operations.create_partitions(request.topic, request.total).await;
        grown.map_err(|error| refuse(&error))?;
        Ok(Response::new(CreatePartitionsResponse {}))
    }

    async fn delete_records(
        &self,
        request: Request<DeleteRecordsRequest>,
    ) -> Result<Response<DeleteRecordsResponse>, Status> {
        let mut results = Vec::new();
        for partition in request.into_inner().partitions {
            results.push(trim(&self.operations, partition).await);
        }
        Ok(Response::new(DeleteRecordsResponse { results }))
    }
}

fn summarize(topic: &Topic) -> TopicSummary {
    // A quarantined partition has no figures; `describe` names it.
    let figures: Vec<_> = topic.partitions.iter().filter_map(|partition| partition.figures().ok()).collect();
    TopicSummary {
        name: topic.name.to_string(),
        id: topic.id.to_string(),
        partitions: topic.partitions.len() as i32,
        records: figures.iter().map(|figures| figures.high_watermark - figures.log_start_offset).sum(),
        size_bytes: figures.iter().map(|figures| figures.size_bytes).sum(),
        internal: topic.internal,
        unserved_partitions: (topic.partitions.len() - figures.len()) as i32,
        records_estimated: topic.has_gaps(),
    }
}

fn describe(operations: &Operations, name: String) -> TopicDescription {
    match operations.describe_topic(&name) {
        Ok(view) => TopicDescription {
            name,
            id: view.topic.id.to_string(),
            internal: view.topic.internal,
            partitions: view
                .topic
                .partitions
                .iter()
                .map(|partition| describe_partition(operations, partition))
                .collect(),
            configs: view.configs,
            error: None,
        },
        Err(error) => TopicDescription { name, error: Some(error.to_wire()), ..Default::default() },
    }
}

fn describe_partition(operations: &Operations, partition: &Partition) -> PartitionDescription {
    let (figures, error) = match partition.figures() {
        Ok(figures) => (figures, None),
        Err(error) => (Default::default(), Some(error.to_wire())),
    };
    PartitionDescription {
        partition: partition.id().partition,
        leader: operations.broker().id,
        leader_epoch: partition.leader_epoch(),
        log_start_offset: figures.log_start_offset,
        high_watermark: figures.high_watermark,
        log_end_offset: figures.log_end_offset,
        size_bytes: figures.size_bytes,
        segments: figures.segments,
        error,
    }
}

async fn trim(operations: &Operations, row: TrimPartition) -> TrimResult {
    let trimmed = operations.delete_records(&row.topic, row.partition, row.before_offset).await;
    let (log_start_offset, error) = match trimmed {
        Ok(start) => (start, None),
        Err(error) => (-1, Some(error.to_wire())),
    };
    TrimResult { topic: row.topic, partition: row.partition, log_start_offset, error }
}

//! `Metadata`: the topics, and who leads them, which here is always this broker.

use std::collections::{BTreeMap, HashSet};

use runnel_proto::kafka::messages::metadata_request::MetadataRequestTopic;
use runnel_proto::kafka::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use runnel_proto::kafka::messages::{MetadataRequest, MetadataResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use crate::error::BrokerError;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::operations::CreateTopic;
use crate::partition::Topic;

/// What anybody may do with a topic while there are no access rules: Kafka's codes of operations as bits (read, write,
/// create, delete, alter, describe, describe and alter settings).
pub(super) const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// The same for the cluster (create, cluster action, settings, idempotent write, alter, describe).
pub(super) const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;
/// The client did not ask.
pub(super) const NOT_ASKED: i32 = i32::MIN;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: MetadataRequest) -> MetadataResponse {
    let topics = match request.topics {
        // Version 0 has no null; there, an empty list asks for all.
        Some(topics) if call.version > 0 || !topics.is_empty() => {
            let mut answers = Vec::with_capacity(topics.len());
            let mut seen = HashSet::with_capacity(topics.len());
            // Told of once, however often it is named.
            for topic in topics.into_iter().filter(|topic| seen.insert((topic.topic_id, topic.name.clone())))
            {
                answers.push(named(call, topic, request.allow_auto_topic_creation).await);
            }
            answers
        }
        _ => call.operations.list_topics(true).iter().map(|topic| describe(call, topic)).collect(),
    };
    let (node_id, host, port) = call.node();
    let asked = |asked, operations| if asked { operations } else { NOT_ASKED };
    MetadataResponse {
        brokers: vec![MetadataResponseBroker { node_id, host, port, rack: None }],
        cluster_id: Some(call.cluster_id()),
        controller_id: node_id,
        topics: topics
            .into_iter()
            .map(|mut topic| {
                topic.topic_authorized_operations =
                    asked(request.include_topic_authorized_operations, TOPIC_OPERATIONS);
                topic
            })
            .collect(),
        cluster_authorized_operations: asked(
            request.include_cluster_authorized_operations,
            CLUSTER_OPERATIONS,
        ),
        ..Default::default()
    }
}

/// What the partitions of the topics asked for take as rows, and sent.
pub(in crate::kafka) fn rows_bytes(call: &Call, request: &MetadataRequest) -> usize {
    const ROW_BYTES: usize = 256;
    let partitions: usize = match &request.topics {
        Some(topics) if call.version > 0 || !topics.is_empty() => {
            let find = |asked: &MetadataRequestTopic| {
                call.topic(asked.name.as_deref().unwrap_or_default(), asked.topic_id).ok()
            };
            topics.iter().filter_map(find).map(|topic| topic.partitions.len()).sum()
        }
        _ => call.operations.list_topics(true).iter().map(|topic| topic.partitions.len()).sum(),
    };
    partitions * ROW_BYTES
}

async fn named(call: &Call, asked: MetadataRequestTopic, may_create: bool) -> MetadataResponseTopic {
    let MetadataRequestTopic { topic_id, name } = asked;
    let Some(name) = name.filter(|_| topic_id.is_nil()) else {
        return match call.topic("", topic_id) {
            Ok(topic) if !topic_id.is_nil() => describe(call, &topic),
            _ => MetadataResponseTopic {
                // Before version 12 a name is never null.
                name: (call.version < 12).then(StrBytes::default),
                ..unknown(StrBytes::default(), topic_id, ErrorCode::UnknownTopicId)
            },
        };
    };
    match call.operations.registry().topic(&name) {
        Ok(topic) => describe(call, &topic),
        Err(_) => match create(call, &name, may_create).await {
            Ok(topic) => topic,
            Err(error) => unknown(name, topic_id, code(&error)),
        },
    }
}

async fn create(call: &Call, name: &str, may_create: bool) -> Result<MetadataResponseTopic, BrokerError> {
    let create = CreateTopic {
        name: name.to_owned(),
        partitions: 0,
        configs: BTreeMap::new(),
        if_not_exists: true,
        auto_create: true,
        // An illegal name is told apart from one that nobody has taken.
        validate_only: !may_create,
    };
    call.operations.create_topic(create).await?;
    call.operations.registry().topic(name).map(|topic| describe(call, &topic))
}

fn unknown(name: StrBytes, topic_id: Uuid, error: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic { error_code: error.code(), name: Some(name), topic_id, ..Default::default() }
}

fn describe(call: &Call, topic: &Topic) -> MetadataResponseTopic {
    let node_id = call.operations.broker().id;
    let partitions = topic.partitions.iter().map(|partition| MetadataResponsePartition {
        error_code: partition.figures().map_or_else(|error| code(&error).code(), |_| 0),
        partition_index: partition.id().partition,
        leader_id: node_id,
        leader_epoch: partition.leader_epoch(),
        replica_nodes: vec![node_id],
        isr_nodes: vec![node_id],
        offline_replicas: Vec::new(),
    });
    MetadataResponseTopic {
        error_code: 0,
        name: Some((&*topic.name).into()),
        topic_id: topic.id,
        is_internal: topic.internal,
        partitions: partitions.collect(),
        topic_authorized_operations: NOT_ASKED,
    }
}

impl Call {
    /// The cluster's id as Kafka writes ids: sixteen bytes in the URL's alphabet of base 64.
    pub(super) fn cluster_id(&self) -> StrBytes {
        self.operations.cluster_id().to_string().into()
    }
}

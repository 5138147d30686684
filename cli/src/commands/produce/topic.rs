//! Finds the topic to produce to, or creates it.

use std::collections::HashMap;

use runnel_proto::text::escape;
use runnel_proto::v1::configs_client::ConfigsClient;
use runnel_proto::v1::topics_client::TopicsClient;
use runnel_proto::v1::{
    ConfigResource, CreateTopicRequest, DescribeConfigsRequest, DescribeTopicsRequest, ErrorCode,
    config_resource,
};
use tonic::transport::Channel;

use crate::args::KeyValue;
use crate::context::Context;
use crate::failure::Failure;

/// What `produce` must know about its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// How many partitions.
    pub(super) partitions: i32,
    /// Those that are not served now.
    pub(super) unserved: Vec<i32>,
    /// `max.message.bytes`: the largest batch.
    pub(super) max_batch_bytes: usize,
}

/// Describes the topic; when it does not exist, creates it with `configs`.
pub(super) async fn find_or_create(
    context: &Context,
    channel: &Channel,
    topic: &str,
    configs: &[KeyValue],
) -> Result<Target, Failure> {
    let mut topics = TopicsClient::new(channel.clone());
    let (partitions, unserved) = match describe(&mut topics, topic).await? {
        Some(found) => {
            warn_unused(context, topic, configs);
            found
        }
        None => (create(context, &mut topics, topic, configs).await?, Vec::new()),
    };
    Ok(Target { partitions, unserved, max_batch_bytes: max_batch_bytes(channel, topic).await? })
}

/// How many partitions the topic has, and which of them are not served; `None` when there is no such topic.
async fn describe(
    topics: &mut TopicsClient<Channel>,
    topic: &str,
) -> Result<Option<(i32, Vec<i32>)>, Failure> {
    let request = DescribeTopicsRequest { names: vec![topic.to_owned()] };
    let described = topics.describe_topics(request).await?.into_inner();
    let row = described.topics.into_iter().next();
    let row = row.ok_or_else(|| Failure::failed("the broker did not answer about the topic"))?;
    match &row.error {
        Some(error) if error.code() == ErrorCode::UnknownTopic => Ok(None),
        Some(error) => Err(Failure::refused(error)),
        None if row.partitions.is_empty() => {
            Err(Failure::failed("the broker knows no partition of the topic"))
        }
        None => {
            let unserved = row.partitions.iter().filter(|partition| partition.error.is_some());
            Ok(Some((row.partitions.len() as i32, unserved.map(|partition| partition.partition).collect())))
        }
    }
}

async fn create(
    context: &Context,
    topics: &mut TopicsClient<Channel>,
    topic: &str,
    configs: &[KeyValue],
) -> Result<i32, Failure> {
    let settings: HashMap<String, String> =
        configs.iter().map(|setting| (setting.key.clone(), setting.value.clone())).collect();
    let request = CreateTopicRequest {
        name: topic.to_owned(),
        partitions: 0,
        configs: settings.into_iter().collect(),
        if_not_exists: true,
        auto_create: true,
        validate_only: false,
    };
    let created = topics.create_topic(request).await?.into_inner();
    if !created.created {
        warn_unused(context, topic, configs);
    }
    Ok(created.partitions.max(1))
}

fn warn_unused(context: &Context, topic: &str, configs: &[KeyValue]) {
    if !configs.is_empty() {
        let topic = escape(topic);
        context.warn(&format!(
            "topic {topic} exists, so -X was not applied; change it with `runnel config set topic:{topic} KEY=VALUE`"
        ));
    }
}

async fn max_batch_bytes(channel: &Channel, topic: &str) -> Result<usize, Failure> {
    let resource = ConfigResource { of: Some(config_resource::Of::Topic(topic.to_owned())) };
    let request = DescribeConfigsRequest { resource: Some(resource) };
    let described = ConfigsClient::new(channel.clone()).describe_configs(request).await?.into_inner();
    let entry = described.entries.iter().find(|entry| entry.key == "max.message.bytes");
    entry
        .and_then(|entry| entry.value.parse().ok())
        .ok_or_else(|| Failure::failed("the broker does not tell the topic's max.message.bytes"))
}

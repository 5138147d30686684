//! The broker's administrative services, as the admin verbs call them.

use runnel_proto::client::MAX_MESSAGE_BYTES;
use runnel_proto::status::from_status;
use runnel_proto::text::escape;
use runnel_proto::v1;
use runnel_proto::v1::cluster_client::ClusterClient;
use runnel_proto::v1::configs_client::ConfigsClient;
use runnel_proto::v1::groups_client::GroupsClient;
use runnel_proto::v1::records_client::RecordsClient;
use runnel_proto::v1::topics_client::TopicsClient;
use serde::Serialize;
use tonic::transport::Channel;

use crate::args::OutputFormat;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Report};

/// One connection, and a client for each service on it.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    pub(crate) cluster: ClusterClient<Channel>,
    pub(crate) configs: ConfigsClient<Channel>,
    pub(crate) groups: GroupsClient<Channel>,
    pub(crate) records: RecordsClient<Channel>,
    pub(crate) topics: TopicsClient<Channel>,
}

impl Admin {
    /// Connects to the broker that is meant.
    pub(crate) async fn connect(context: &Context) -> Result<Self, Failure> {
        Ok(Self::new(context.channel().await?))
    }

    /// Uses a connection.
    pub(crate) fn new(channel: Channel) -> Self {
        Self {
            cluster: ClusterClient::new(channel.clone()),
            configs: ConfigsClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES),
            groups: GroupsClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES),
            records: RecordsClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES),
            topics: TopicsClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES),
        }
    }

    /// Describes topics; rows stand in the order of the names.
    pub(crate) async fn describe_topics(
        &mut self,
        names: Vec<String>,
    ) -> Result<Vec<v1::TopicDescription>, Failure> {
        let response = self.topics.describe_topics(v1::DescribeTopicsRequest { names }).await;
        Ok(response?.into_inner().topics)
    }

    /// Describes groups; rows stand in the order of the names.
    pub(crate) async fn describe_groups(
        &mut self,
        groups: Vec<String>,
    ) -> Result<Vec<v1::GroupDescription>, Failure> {
        let response = self.groups.describe_groups(v1::DescribeGroupsRequest { groups }).await;
        Ok(response?.into_inner().groups)
    }

    /// Looks offsets up; rows stand in the order of the queries.
    pub(crate) async fn list_offsets(
        &mut self,
        queries: Vec<v1::OffsetQuery>,
    ) -> Result<Vec<v1::OffsetResult>, Failure> {
        // Whoever moves offsets or deletes records means the log's end, whatever is decided of the last ones.
        let isolation_level = v1::IsolationLevel::ReadUncommitted.into();
        let response = self.records.list_offsets(v1::ListOffsetsRequest { queries, isolation_level }).await;
        Ok(response?.into_inner().results)
    }
}

/// Why one item of several failed, for scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ItemError {
    /// Such as `UNKNOWN_TOPIC`.
    pub(crate) code: String,
    /// One sentence.
    pub(crate) message: String,
}

impl ItemError {
    /// The topic has fewer partitions.
    pub(crate) fn unknown_partition(topic: &str, partition: i32, count: usize) -> Self {
        v1::Error {
            code: v1::ErrorCode::UnknownPartition.into(),
            message: format!("topic {topic:?} has no partition {partition}; it has {count}"),
            name: topic.to_owned(),
        }
        .into()
    }
}

impl From<v1::Error> for ItemError {
    fn from(error: v1::Error) -> Self {
        let code = error.code().as_str_name();
        Self { code: code.strip_prefix("ERROR_CODE_").unwrap_or(code).to_owned(), message: error.message }
    }
}

impl From<&tonic::Status> for ItemError {
    fn from(status: &tonic::Status) -> Self {
        from_status(status).into()
    }
}

/// Prints the answer, if in some format, then each error; fails when there is one.
pub(crate) fn finish<'a>(
    context: &Context,
    report: &impl Report,
    format: impl Into<Option<OutputFormat>>,
    errors: impl IntoIterator<Item = &'a ItemError>,
) -> Result<(), Failure> {
    let printed = format.into().map_or(Ok(()), |format| output::print(context, report, format));
    let mut failed = false;
    for error in errors {
        context.warn(&escape(&error.message));
        failed = true;
    }
    if failed { Err(Failure::reported()) } else { printed }
}

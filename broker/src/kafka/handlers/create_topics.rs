//! `CreateTopics`.

use std::collections::{BTreeMap, HashMap};

use runnel_proto::kafka::messages::create_topics_request::CreatableTopic;
use runnel_proto::kafka::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use runnel_proto::kafka::messages::{CreateTopicsRequest, CreateTopicsResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::configs::{DESCRIBED, SETTINGS_BYTES, source};
use super::{Refusal, assignments_partitions};
use crate::kafka::call::Call;
use crate::operations::{CreateTopic, CreatedTopic};

/// Every partition has one replica: this broker.
const REPLICATION_FACTOR: i16 = 1;
/// The first version whose answer describes the topic.
const DESCRIBED_SINCE: i16 = 5;

/// Answers a request, when each topic is on disk.
pub(in crate::kafka) async fn handle(call: &Call, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let described = is_described(call, &request);
    let mut named: HashMap<StrBytes, usize> = HashMap::new();
    for topic in &request.topics {
        *named.entry(topic.name.clone()).or_default() += 1;
    }
    let mut topics: Vec<CreatableTopicResult> = Vec::with_capacity(named.len());
    for topic in request.topics {
        let name = topic.name.clone();
        match named.get(&name) {
            Some(1) => {}
            // Named several times: refused, once.
            Some(_) => {
                named.remove(&name);
                topics.push(refuse(
                    call,
                    name,
                    Refusal::new(
                        ErrorCode::InvalidRequest,
                        "the request names this topic more than once".into(),
                    ),
                ));
                continue;
            }
            None => continue,
        }
        topics.push(match create(call, topic, request.validate_only).await {
            Ok(created) => accept(call, name, created, described),
            Err(refusal) => refuse(call, name, refusal),
        });
    }
    CreateTopicsResponse { topics, ..Default::default() }
}

/// Whether topics are answered with their settings. In one answer of very many that would be too much.
fn is_described(call: &Call, request: &CreateTopicsRequest) -> bool {
    call.version >= DESCRIBED_SINCE && request.topics.len() <= DESCRIBED
}

/// What the settings of the topics take.
pub(in crate::kafka) fn settings_bytes(call: &Call, request: &CreateTopicsRequest) -> usize {
    if is_described(call, request) { request.topics.len() * SETTINGS_BYTES } else { 0 }
}

async fn create(
    call: &Call,
    topic: CreatableTopic,
    validate_only: bool,
) -> Result<(CreatedTopic, BTreeMap<String, String>), Refusal> {
    let partitions = partitions(call, &topic)?;
    let mut configs = BTreeMap::new();
    for config in topic.configs {
        let value = config.value.ok_or_else(|| {
            Refusal::new(ErrorCode::InvalidConfig, format!("setting {:?} has no value", &*config.name))
        })?;
        configs.insert(config.name.to_string(), value.to_string());
    }
    let create = CreateTopic {
        name: topic.name.to_string(),
        partitions,
        configs: configs.clone(),
        if_not_exists: false,
        auto_create: false,
        validate_only,
    };
    Ok((call.operations.create_topic(create).await?, configs))
}

/// How many partitions; 0 for the broker's default.
fn partitions(call: &Call, topic: &CreatableTopic) -> Result<i32, Refusal> {
    if !topic.assignments.is_empty() {
        if topic.num_partitions != -1 || topic.replication_factor != -1 {
            return Err(Refusal::new(
                ErrorCode::InvalidRequest,
                "replicas are assigned, so the counts of partitions and replicas must be -1".into(),
            ));
        }
        let rows = topic.assignments.iter().map(|row| (row.partition_index, row.broker_ids.as_slice()));
        return assignments_partitions(call, rows.collect());
    }
    let factor = topic.replication_factor;
    let refuse_factor = || {
        let text = format!("the replication factor is {factor}, and there is one broker; use 1 or -1");
        Err(Refusal::new(ErrorCode::InvalidReplicationFactor, text))
    };
    // In Kafka's order: what can't be a factor, what can't be a count, what these brokers can't hold.
    if factor == 0 || factor < -1 {
        return refuse_factor();
    }
    let partitions = match topic.num_partitions {
        -1 => 0,
        count if count > 0 => count,
        count => {
            return Err(Refusal::new(
                ErrorCode::InvalidPartitions,
                format!("{count} partitions were asked for; use 1 or more, or -1 for the default"),
            ));
        }
    };
    if factor > REPLICATION_FACTOR {
        return refuse_factor();
    }
    Ok(partitions)
}

fn accept(
    call: &Call,
    name: StrBytes,
    (created, overrides): (CreatedTopic, BTreeMap<String, String>),
    described: bool,
) -> CreatableTopicResult {
    let configs = call.operations.preview_topic_configs(&overrides).into_iter().map(|entry| {
        let config_source = source(entry.source());
        CreatableTopicConfigs {
            name: entry.key.into(),
            value: Some(entry.value.into()),
            read_only: entry.read_only,
            config_source,
            is_sensitive: false,
        }
    });
    let untold = call.version >= DESCRIBED_SINCE && !described;
    CreatableTopicResult {
        name,
        error_message: None,
        topic_id: created.id,
        num_partitions: created.partitions,
        replication_factor: REPLICATION_FACTOR,
        configs: described.then(|| configs.collect()),
        topic_config_error_code: if untold { ErrorCode::PolicyViolation.code() } else { 0 },
        ..Default::default()
    }
}

fn refuse(call: &Call, name: StrBytes, refusal: Refusal) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: refusal.code.code(),
        error_message: refusal.message(),
        num_partitions: -1,
        replication_factor: -1,
        configs: (call.version >= DESCRIBED_SINCE).then(Vec::new),
        ..Default::default()
    }
}

//! `OffsetFetch`: what groups have committed; from version 8 on of several groups at once.

use std::collections::{BTreeMap, HashSet};

use runnel_proto::kafka::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use runnel_proto::kafka::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use runnel_proto::kafka::messages::{OffsetFetchRequest, OffsetFetchResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes, Uuid};

use super::group_code;
use crate::coordinator::group::{FetchRequest, FetchedOffset, NamedPartition};
use crate::kafka::call::Call;

/// The first version that asks for several groups.
const GROUPS_SINCE: i16 = 8;
/// The first version that names topics by their ids alone.
const IDS_SINCE: i16 = 10;

/// Answers a request.
pub(in crate::kafka) async fn handle(call: &Call, request: OffsetFetchRequest) -> OffsetFetchResponse {
    if call.version >= GROUPS_SINCE {
        let mut groups = Vec::with_capacity(request.groups.len());
        // Told of once, however often it is named.
        let mut whole = HashSet::new();
        let asked = request.groups.into_iter();
        for group in asked.filter(|group| group.topics.is_some() || whole.insert(group.group_id.clone())) {
            groups.push(fetch(call, group, request.require_stable).await);
        }
        return OffsetFetchResponse { groups, ..Default::default() };
    }
    let topics = request.topics.map(|topics| {
        let named = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name,
            partition_indexes: topic.partition_indexes,
            ..Default::default()
        });
        named.collect()
    });
    let group = OffsetFetchRequestGroup { group_id: request.group_id, topics, ..Default::default() };
    let answer = fetch(call, group, request.require_stable).await;
    let topics = answer.topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(older).collect(),
    });
    OffsetFetchResponse { topics: topics.collect(), error_code: answer.error_code, ..Default::default() }
}

fn older(row: OffsetFetchResponsePartitions) -> OffsetFetchResponsePartition {
    OffsetFetchResponsePartition {
        partition_index: row.partition_index,
        committed_offset: row.committed_offset,
        committed_leader_epoch: row.committed_leader_epoch,
        metadata: row.metadata,
        error_code: row.error_code,
    }
}

async fn fetch(
    call: &Call,
    asked: OffsetFetchRequestGroup,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let group_id = asked.group_id;
    let mut unknown = Vec::new();
    let partitions = asked.topics.map(|topics| {
        let mut partitions = Vec::new();
        for topic in topics {
            match name_of(call, &topic) {
                Some(name) => partitions.extend(
                    topic
                        .partition_indexes
                        .iter()
                        .map(|&partition| NamedPartition { topic: name.clone(), partition }),
                ),
                None => unknown.push(refuse(topic)),
            }
        }
        partitions
    });
    let member = asked.member_id.map(|member| (member.to_string(), asked.member_epoch));
    // Whoever reads from outside names nobody, and no epoch.
    let member = member.filter(|(_, epoch)| *epoch >= 0);
    let request = FetchRequest { group: group_id.to_string(), member, partitions, require_stable };
    match call.operations.groups().fetch(request).await {
        Ok(offsets) => {
            let mut topics = by_topic(call, offsets);
            topics.append(&mut unknown);
            OffsetFetchResponseGroup { group_id, topics, error_code: 0 }
        }
        Err(error) => {
            OffsetFetchResponseGroup { group_id, error_code: group_code(&error).code(), ..Default::default() }
        }
    }
}

fn name_of(call: &Call, topic: &OffsetFetchRequestTopics) -> Option<String> {
    if call.version < IDS_SINCE {
        return Some(topic.name.to_string());
    }
    call.topic("", topic.topic_id).ok().map(|topic| topic.name.to_string())
}

fn refuse(topic: OffsetFetchRequestTopics) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.iter().map(|&partition_index| OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(StrBytes::default()),
        error_code: ErrorCode::UnknownTopicId.code(),
    });
    OffsetFetchResponseTopics { name: topic.name, topic_id: topic.topic_id, partitions: partitions.collect() }
}

fn by_topic(call: &Call, offsets: Vec<FetchedOffset>) -> Vec<OffsetFetchResponseTopics> {
    let mut topics: BTreeMap<String, Vec<OffsetFetchResponsePartitions>> = BTreeMap::new();
    for offset in offsets {
        let NamedPartition { topic, partition } = offset.partition;
        topics.entry(topic).or_default().push(row(partition, offset.committed));
    }
    let topics = topics.into_iter().map(|(name, partitions)| {
        let topic_id = match call.version < IDS_SINCE {
            true => Uuid::nil(),
            false => call.topic(&name, Uuid::nil()).map_or(Uuid::nil(), |topic| topic.id),
        };
        OffsetFetchResponseTopics { name: name.into(), topic_id, partitions }
    });
    topics.collect()
}

fn row(
    partition_index: i32,
    committed: Result<Option<crate::coordinator::group::CommittedOffset>, crate::error::BrokerError>,
) -> OffsetFetchResponsePartitions {
    let (committed, error_code) = match committed {
        Ok(committed) => (committed, 0),
        Err(error) => (None, group_code(&error).code()),
    };
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: committed.as_ref().map_or(-1, |committed| committed.offset),
        committed_leader_epoch: committed.as_ref().map_or(-1, |committed| committed.leader_epoch),
        metadata: Some(committed.map_or_else(String::new, |committed| committed.metadata).into()),
        error_code,
    }
}

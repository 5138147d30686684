//! `DescribeShareGroupOffsets`: how far share groups are.

use std::collections::BTreeMap;

use runnel_proto::kafka::Uuid;
use runnel_proto::kafka::messages::describe_share_group_offsets_request::{
    DescribeShareGroupOffsetsRequestGroup as AskedGroup, DescribeShareGroupOffsetsRequestTopic as AskedTopic,
};
use runnel_proto::kafka::messages::describe_share_group_offsets_response::{
    DescribeShareGroupOffsetsResponseGroup as Group, DescribeShareGroupOffsetsResponsePartition as Row,
    DescribeShareGroupOffsetsResponseTopic as Topic,
};
use runnel_proto::kafka::messages::{DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse};

use super::{check_share_groups, group_code};
use crate::coordinator::group::ShareOffset;
use crate::kafka::call::Call;
use crate::types::TopicPartition;

/// What stands for a place that the group has not begun with, and for what is not known.
const UNKNOWN: i64 = -1;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: DescribeShareGroupOffsetsRequest,
) -> DescribeShareGroupOffsetsResponse {
    let served = check_share_groups(call).map_err(|refusal| refusal.code);
    let known = served.and_then(|()| call.operations.groups().check().map_err(|error| group_code(&error)));
    let groups = request.groups.into_iter().map(|asked| match known {
        Ok(()) => describe(call, asked),
        Err(error) => Group { group_id: asked.group_id, error_code: error.code(), ..Default::default() },
    });
    DescribeShareGroupOffsetsResponse { groups: groups.collect(), ..Default::default() }
}

fn describe(call: &Call, asked: AskedGroup) -> Group {
    let AskedGroup { group_id, topics } = asked;
    // What is not there has begun with nothing.
    let offsets = call.operations.groups().share_offsets(&group_id).unwrap_or_default();
    let offsets: BTreeMap<_, _> = offsets.into_iter().map(|row| (row.partition, row)).collect();
    let topics = match topics {
        Some(topics) => topics.into_iter().map(|topic| asked_topic(call, topic, &offsets)).collect(),
        None => all_topics(call, &offsets),
    };
    Group { group_id, topics, ..Default::default() }
}

fn asked_topic(call: &Call, asked: AskedTopic, offsets: &BTreeMap<TopicPartition, ShareOffset>) -> Topic {
    let AskedTopic { topic_name, partitions } = asked;
    let topic_id = call.topic(&topic_name, Uuid::nil()).map_or(Uuid::nil(), |topic| topic.id);
    let rows = partitions.into_iter().map(|partition| {
        let place = TopicPartition { topic_id, partition };
        row(call, place, offsets.get(&place))
    });
    Topic { topic_name, topic_id, partitions: rows.collect() }
}

/// What the group has begun with, by topic.
fn all_topics(call: &Call, offsets: &BTreeMap<TopicPartition, ShareOffset>) -> Vec<Topic> {
    let rows: Vec<_> = offsets.values().collect();
    let topics = rows.chunk_by(|a, b| a.partition.topic_id == b.partition.topic_id).filter_map(|rows| {
        let topic_id = rows[0].partition.topic_id;
        let topic = call.topic("", topic_id).ok()?;
        let partitions = rows.iter().map(|offset| row(call, offset.partition, Some(offset))).collect();
        Some(Topic { topic_name: (&*topic.name).into(), topic_id, partitions })
    });
    topics.collect()
}

fn row(call: &Call, place: TopicPartition, offset: Option<&ShareOffset>) -> Row {
    let partition_index = place.partition;
    let nothing = Row { partition_index, start_offset: UNKNOWN, lag: UNKNOWN, ..Default::default() };
    let Some(offset) = offset else { return nothing };
    let served = call.topic("", place.topic_id).ok();
    let served = served.as_ref().and_then(|topic| topic.partition(place.partition).ok());
    let lag = served.map_or(UNKNOWN, |served| offset.lag(served.high_watermark()));
    let leader_epoch = served.map_or(0, |served| served.leader_epoch());
    Row { start_offset: offset.start, leader_epoch, lag, ..nothing }
}

//! Share groups (KIP-932): members that join, are given records, say what became of them, and leave; operators that move groups.

use std::time::Duration;

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::alter_share_group_offsets_request::{
    AlterShareGroupOffsetsRequestPartition, AlterShareGroupOffsetsRequestTopic,
};
use runnel_proto::kafka::messages::delete_share_group_offsets_request::DeleteShareGroupOffsetsRequestTopic;
use runnel_proto::kafka::messages::describe_share_group_offsets_request::{
    DescribeShareGroupOffsetsRequestGroup, DescribeShareGroupOffsetsRequestTopic,
};
use runnel_proto::kafka::messages::share_acknowledge_request::{
    AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch as Ack,
};
use runnel_proto::kafka::messages::share_fetch_request::{AcknowledgementBatch, FetchPartition, FetchTopic};
use runnel_proto::kafka::messages::update_features_request::FeatureUpdateKey;
use runnel_proto::kafka::messages::{
    AlterShareGroupOffsetsRequest, DeleteGroupsRequest, DeleteShareGroupOffsetsRequest,
    DescribeGroupsRequest, DescribeShareGroupOffsetsRequest, FindCoordinatorRequest, ListGroupsRequest,
    OffsetDeleteRequest, ShareAcknowledgeRequest, ShareFetchRequest, ShareGroupDescribeRequest,
    ShareGroupHeartbeatRequest, UpdateFeaturesRequest,
};

use super::commits::commit;
use super::groups::join;
use super::produce::produce;
use crate::differential::batches::batch;
use crate::differential::pair::Pair;
use crate::differential::peer::Peer;

const JOIN: i32 = 0;
const LEAVE: i32 = -1;
const OPEN: i32 = 0;
const CLOSE: i32 = -1;
const UPGRADE: i8 = 1;
/// The coordinator of what a share group has made of a partition.
const SHARE: i8 = 2;

const ACCEPT: i8 = 1;
const RELEASE: i8 = 2;
const REJECT: i8 = 3;

/// What members call themselves.
const FIRST: &str = "Zmlyc3QtbWVtYmVyLW9mZg";
const SECOND: &str = "c2Vjb25kLW1lbWJlci1vZg";

pub(super) fn run(pair: &mut Pair) {
    let (group, topic) = (pair.name("sharers"), pair.name("shared"));
    pair.create_topic(&topic, 2, &[]);
    enable(pair, &group);
    // Kafka's group coordinator hears of a topic a moment later than its other parts.
    std::thread::sleep(Duration::from_millis(1000));
    refused(pair, &group, &topic);
    joins(pair, &group, &topic);
    looks(pair, &group, &topic);
    fetches(pair, &group, &topic);
    acknowledges(pair, &group, &topic);
    offsets_with_members(pair, &group, &topic);
    leaves(pair, &group);
    offsets_without_members(pair, &group, &topic);
    other_kinds(pair, &group, &topic);
    deletes(pair, &group, &topic);
}

/// Both have them on when they are new; Kafka takes a moment to say so.
fn enable(pair: &mut Pair, group: &str) {
    let update = FeatureUpdateKey {
        feature: "share.version".into(),
        max_version_level: 1,
        upgrade_type: UPGRADE,
        ..Default::default()
    };
    let request =
        UpdateFeaturesRequest { timeout_ms: 10_000, feature_updates: vec![update], validate_only: false };
    pair.ask("share groups are on", request);
    let unsupported = runnel_proto::kafka::ErrorCode::UnsupportedVersion.code();
    let stranger = beat(group, FIRST, 1, None);
    pair.ask_until("they are served", |_, _| stranger.clone(), |answer| answer.error_code != unsupported);
}

fn beat(group: &str, member: &str, member_epoch: i32, topic: Option<&str>) -> ShareGroupHeartbeatRequest {
    ShareGroupHeartbeatRequest {
        group_id: group.into(),
        member_id: member.into(),
        member_epoch,
        rack_id: None,
        subscribed_topic_names: topic.map(|topic| vec![topic.into()]),
    }
}

fn refused(pair: &mut Pair, group: &str, topic: &str) {
    let good = beat(group, FIRST, JOIN, Some(topic));
    for (case, request) in [
        ("a group without name", beat("", FIRST, JOIN, Some(topic))),
        ("a group whose name is blank", beat(" ", FIRST, JOIN, Some(topic))),
        ("a member without id", beat(group, "", JOIN, Some(topic))),
        ("a join without a subscription", beat(group, FIRST, JOIN, None)),
        (
            "a join that reads nothing",
            ShareGroupHeartbeatRequest { subscribed_topic_names: Some(Vec::new()), ..good.clone() },
        ),
        ("a rack without name", ShareGroupHeartbeatRequest { rack_id: Some("".into()), ..good }),
        ("an epoch that can't be", beat(group, FIRST, -2, None)),
        ("a member of an unknown group", beat("unknown", FIRST, 1, None)),
        ("a leave from an unknown group", beat("unknown", FIRST, LEAVE, None)),
    ] {
        pair.ask(case, request);
    }
}

fn joins(pair: &mut Pair, group: &str, topic: &str) {
    pair.ask("the first join", beat(group, FIRST, JOIN, Some(topic)));
    pair.ask("a sign of life", beat(group, FIRST, 1, None));
    let again = beat(group, FIRST, 1, Some(topic));
    // Kafka initializes what it keeps of the partitions first.
    pair.ask_until(
        "the same subscription again",
        |_, _| again.clone(),
        |answer| answer.assignment.as_ref().is_some_and(|given| !given.topic_partitions.is_empty()),
    );
    pair.ask("a sign of life of an epoch to come", beat(group, FIRST, 7, None));
    pair.ask("a sign of life of a stranger", beat(group, "stranger", 1, None));
}

fn describe(groups: &[&str], include_authorized_operations: bool) -> ShareGroupDescribeRequest {
    ShareGroupDescribeRequest {
        group_ids: groups.iter().map(|group| (*group).into()).collect(),
        include_authorized_operations,
    }
}

fn looks(pair: &mut Pair, group: &str, topic: &str) {
    pair.ask("a group described", describe(&[group], false));
    pair.ask("a group described with what is allowed", describe(&[group], true));
    pair.ask("an unknown group described", describe(&["unknown"], false));
    pair.ask("a group without name described", describe(&[""], false));
    pair.ask("no group described", describe(&[], false));
    let classic = DescribeGroupsRequest { groups: vec![group.into()], ..Default::default() };
    pair.ask("a share group described as a classic one", classic);
    if pair.version(ApiKey::ListGroups).is_some_and(|version| version >= 5) {
        let list = ListGroupsRequest { types_filter: vec!["share".into()], ..Default::default() };
        pair.ask("share groups", list);
    }
    if pair.version(ApiKey::FindCoordinator).is_some_and(|version| version >= 6) {
        let find = |key: &str| FindCoordinatorRequest {
            key_type: SHARE,
            coordinator_keys: vec![key.into()],
            ..Default::default()
        };
        pair.ask("the coordinator of what is no partition", find(group));
        pair.ask("the coordinator of a partition of nobody's", find(&format!("{group}:{topic}:0")));
    }
}

fn fetch(peer: &Peer, group: &str, epoch: i32, topic: &str, partitions: &[i32]) -> ShareFetchRequest {
    let partition = |index: &i32| FetchPartition { partition_index: *index, ..Default::default() };
    let topics =
        FetchTopic { topic_id: peer.topic_id(topic), partitions: partitions.iter().map(partition).collect() };
    ShareFetchRequest {
        group_id: Some(group.into()),
        member_id: Some(FIRST.into()),
        share_session_epoch: epoch,
        max_wait_ms: 1_000,
        min_bytes: 1,
        max_bytes: 1 << 20,
        max_records: 500,
        batch_size: 500,
        topics: if partitions.is_empty() { Vec::new() } else { vec![topics] },
        ..Default::default()
    }
}

fn fetches(pair: &mut Pair, group: &str, topic: &str) {
    pair.ask_each("a fetch without a session", |peer, _| fetch(peer, group, 5, topic, &[0]));
    pair.ask_each("the end of no session", |peer, _| fetch(peer, group, CLOSE, topic, &[]));
    pair.ask_each("a fetch for a group without name", |peer, _| fetch(peer, "", OPEN, topic, &[0]));
    pair.ask_each("a fetch by nobody", |peer, _| ShareFetchRequest {
        member_id: Some("".into()),
        ..fetch(peer, group, OPEN, topic, &[0])
    });
    pair.ask_each("a word with the first fetch", |peer, _| {
        let mut request = fetch(peer, group, OPEN, topic, &[0]);
        request.topics[0].partitions[0].acknowledgement_batches =
            vec![AcknowledgementBatch { first_offset: 0, last_offset: 0, acknowledge_types: vec![ACCEPT] }];
        request
    });
    // Until the group has begun with it, nothing is its own; then what is produced is.
    pair.ask_until(
        "a session",
        |peer, _| fetch(peer, group, OPEN, topic, &[0]),
        |answer| answer.responses.iter().flat_map(|topic| &topic.partitions).all(|row| row.error_code == 0),
    );
    for values in [["a", "b", "c"], ["d", "e", "f"]] {
        produce(pair, "three records", topic, 0, -1, Some(batch(pair.now_ms, &values)));
    }
    pair.ask_each("records", |peer, _| fetch(peer, group, 1, topic, &[]));
    pair.ask_each("a step again", |peer, _| fetch(peer, group, 1, topic, &[]));
    pair.ask_each("nothing more", |peer, _| ShareFetchRequest {
        max_wait_ms: 0,
        ..fetch(peer, group, 2, topic, &[])
    });
}

fn word(
    peer: &Peer,
    topic: &str,
    epoch: i32,
    group: &str,
    acks: &[(i64, i64, &[i8])],
) -> ShareAcknowledgeRequest {
    let batches = acks.iter().map(|(first, last, types)| Ack {
        first_offset: *first,
        last_offset: *last,
        acknowledge_types: types.to_vec(),
    });
    let partition = AcknowledgePartition { partition_index: 0, acknowledgement_batches: batches.collect() };
    ShareAcknowledgeRequest {
        group_id: Some(group.into()),
        member_id: Some(FIRST.into()),
        share_session_epoch: epoch,
        is_renew_ack: false,
        topics: vec![AcknowledgeTopic { topic_id: peer.topic_id(topic), partitions: vec![partition] }],
    }
}

fn acknowledges(pair: &mut Pair, group: &str, topic: &str) {
    type Acks<'a> = &'a [(i64, i64, &'a [i8])];
    let good: Acks = &[(0, 0, &[ACCEPT])];
    pair.ask_each("a word that opens a session", |peer, _| word(peer, topic, OPEN, group, good));
    pair.ask_each("a word of another step", |peer, _| word(peer, topic, 9, group, good));
    pair.ask_each("a word of another group", |peer, _| word(peer, topic, 3, "unknown", good));
    let cases: [(&str, Acks); 9] = [
        ("one is accepted", good),
        ("it is accepted again", good),
        ("backwards", &[(2, 1, &[ACCEPT])]),
        ("out of order", &[(2, 2, &[ACCEPT]), (1, 1, &[ACCEPT])]),
        ("too few types", &[(1, 3, &[ACCEPT, ACCEPT])]),
        ("no type", &[(1, 1, &[])]),
        ("a type that there is not", &[(1, 1, &[9])]),
        ("what was never delivered", &[(50, 50, &[ACCEPT])]),
        ("each its own", &[(1, 3, &[REJECT, RELEASE, ACCEPT])]),
    ];
    for ((case, acks), epoch) in cases.into_iter().zip(3..) {
        pair.ask_each(case, |peer, _| word(peer, topic, epoch, group, acks));
    }
    pair.ask_each("a word of a topic that there is not", |peer, _| {
        word(peer, "no-such-topic", 12, group, good)
    });
    pair.ask_each("what was released, and a word with it", |peer, _| {
        let mut request = fetch(peer, group, 13, topic, &[0]);
        request.topics[0].partitions[0].acknowledgement_batches =
            vec![AcknowledgementBatch { first_offset: 4, last_offset: 5, acknowledge_types: vec![ACCEPT] }];
        request
    });
    pair.ask_each("the end of the session", |peer, _| word(peer, topic, CLOSE, group, &[(2, 2, &[RELEASE])]));
    pair.ask_each("a word after the end", |peer, _| word(peer, topic, 14, group, good));
    pair.ask_each("a new session", |peer, _| fetch(peer, group, OPEN, topic, &[0]));
    pair.ask_each("its end by a fetch", |peer, _| {
        let mut request = fetch(peer, group, CLOSE, topic, &[0]);
        request.topics[0].partitions[0].acknowledgement_batches =
            vec![AcknowledgementBatch { first_offset: 2, last_offset: 2, acknowledge_types: vec![ACCEPT] }];
        request
    });
    pair.ask_each("a topic that there is not", |peer, _| fetch(peer, group, OPEN, "no-such-topic", &[0]));
}

fn offsets(group: &str, topics: Option<&[(&str, &[i32])]>) -> DescribeShareGroupOffsetsRequest {
    let topic = |(name, partitions): &(&str, &[i32])| DescribeShareGroupOffsetsRequestTopic {
        topic_name: (*name).into(),
        partitions: partitions.to_vec(),
    };
    DescribeShareGroupOffsetsRequest {
        groups: vec![DescribeShareGroupOffsetsRequestGroup {
            group_id: group.into(),
            topics: topics.map(|topics| topics.iter().map(topic).collect()),
        }],
    }
}

fn alter(group: &str, topic: &str, rows: &[(i32, i64)]) -> AlterShareGroupOffsetsRequest {
    let row = |(partition_index, start_offset): &(i32, i64)| AlterShareGroupOffsetsRequestPartition {
        partition_index: *partition_index,
        start_offset: *start_offset,
    };
    let topic = AlterShareGroupOffsetsRequestTopic {
        topic_name: topic.into(),
        partitions: rows.iter().map(row).collect(),
    };
    AlterShareGroupOffsetsRequest { group_id: group.into(), topics: vec![topic] }
}

fn forget(group: &str, topics: &[&str]) -> DeleteShareGroupOffsetsRequest {
    let topic = |name: &&str| DeleteShareGroupOffsetsRequestTopic { topic_name: (*name).into() };
    DeleteShareGroupOffsetsRequest { group_id: group.into(), topics: topics.iter().map(topic).collect() }
}

fn offsets_with_members(pair: &mut Pair, group: &str, topic: &str) {
    pair.ask("offsets of a partition", offsets(group, Some(&[(topic, &[0])])));
    pair.ask(
        "offsets of partitions that there are not",
        offsets(group, Some(&[(topic, &[7]), ("none", &[0])])),
    );
    pair.ask("offsets of an unknown group", offsets("unknown", Some(&[(topic, &[0])])));
    pair.ask("all offsets of an unknown group", offsets("unknown", None));
    pair.ask("offsets moved while there are members", alter(group, topic, &[(0, 1)]));
    pair.ask("offsets forgotten while there are members", forget(group, &[topic]));
}

fn leaves(pair: &mut Pair, group: &str) {
    pair.ask("a leave", beat(group, FIRST, LEAVE, None));
    pair.ask("a leave again", beat(group, FIRST, LEAVE, None));
    pair.ask("an empty group", describe(&[group], false));
}

fn offsets_without_members(pair: &mut Pair, group: &str, topic: &str) {
    pair.ask("all offsets", offsets(group, None));
    pair.ask("offsets moved", alter(group, topic, &[(0, 3), (1, 0)]));
    pair.ask("offsets of what there is not moved", alter(group, topic, &[(9, 0)]));
    pair.ask("offsets of a topic that there is not moved", alter(group, "none", &[(0, 0)]));
    pair.ask("offsets that were moved", offsets(group, Some(&[(topic, &[0, 1])])));
    pair.ask("offsets of a group without name moved", alter("", topic, &[(0, 3)]));
    pair.ask("offsets of an unknown group forgotten", forget("unknown", &[topic]));
    pair.ask("offsets of a topic that there is not forgotten", forget(group, &["none"]));
    pair.ask("offsets forgotten", forget(group, &[topic]));
    pair.ask("offsets that were forgotten", offsets(group, Some(&[(topic, &[0])])));
    pair.ask("a group that is made by its offsets", alter(&pair.name("sharers-made"), topic, &[(0, 2)]));
    pair.ask("such a group described", describe(&[&pair.name("sharers-made")], false));
}

/// What other protocols are told by a share group, and a share group's members by other groups.
fn other_kinds(pair: &mut Pair, group: &str, topic: &str) {
    pair.ask("a classic member", join(group, &"nobody".into()));
    pair.ask_each("a commit", |peer, _| commit(peer, group, &[(topic, 0, 0, None)]));
    pair.ask("offsets deleted", OffsetDeleteRequest { group_id: group.into(), topics: Vec::new() });
    let classic = pair.name("groups-static");
    pair.ask("a classic group described as a share group", describe(&[&classic], false));
    pair.ask("offsets of a classic group", offsets(&classic, None));
}

fn deletes(pair: &mut Pair, group: &str, topic: &str) {
    let request = |names: &[&str]| DeleteGroupsRequest {
        groups_names: names.iter().map(|name| (*name).into()).collect(),
    };
    pair.ask("a second life", beat(group, SECOND, JOIN, Some(topic)));
    pair.ask("deletion of a group with members", request(&[group]));
    pair.ask("the last one's leave", beat(group, SECOND, LEAVE, None));
    pair.ask("deletion of an empty group", request(&[group]));
    pair.ask("a deleted group", describe(&[group], false));
}

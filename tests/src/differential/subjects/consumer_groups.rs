//! Groups of the consumer protocol (KIP-848): members that join, own, hand over, leave, and those who only look.

use runnel_proto::kafka::messages::consumer_group_heartbeat_request::TopicPartitions;
use runnel_proto::kafka::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, DeleteGroupsRequest, DescribeGroupsRequest,
    HeartbeatRequest, JoinGroupRequest, ListGroupsRequest, OffsetCommitRequest,
};
use runnel_proto::kafka::{ApiKey, StrBytes};

use super::commits::commit;
use super::groups::join;
use crate::differential::pair::{Both, Pair};
use crate::differential::peer::Peer;

const JOIN: i32 = 0;
const LEAVE: i32 = -1;
const LEAVE_FOR_NOW: i32 = -2;

/// What members call themselves where the version lets them; before, the coordinator names them.
const FIRST: &str = "Zmlyc3QtbWVtYmVyLW9m";
const SECOND: &str = "c2Vjb25kLW1lbWJlci1v";

pub(super) fn run(pair: &mut Pair) {
    let (group, topic) = (pair.name("consumers"), pair.name("consumed"));
    pair.create_topic(&topic, 4, &[]);
    // Kafka's group coordinator hears of a topic a moment later than its other parts.
    std::thread::sleep(std::time::Duration::from_millis(1000));
    refused(pair, &group, &topic);
    let first = joins(pair, &group, &topic);
    owns(pair, &group, &topic, &first);
    looks(pair, &group);
    commits(pair, &group, &topic, &first);
    let second = hands_over(pair, &group, &topic, &first);
    classic_members(pair, &group);
    leaves(pair, &group, &first, &second);
    statics(pair, &topic);
    deletes(pair, &group);
}

/// A member that joins: it owns nothing yet, and says so.
fn joining(group: &str, member_id: &StrBytes, topic: &str) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: group.into(),
        member_id: member_id.clone(),
        member_epoch: JOIN,
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec![topic.into()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    }
}

/// A sign of life with nothing new.
fn beat(group: &str, member_id: &StrBytes, member_epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: group.into(),
        member_id: member_id.clone(),
        member_epoch,
        ..Default::default()
    }
}

fn owned(peer: &Peer, topic: &str, partitions: &[i32]) -> Option<Vec<TopicPartitions>> {
    Some(vec![TopicPartitions { topic_id: peer.topic_id(topic), partitions: partitions.to_vec() }])
}

fn refused(pair: &mut Pair, group: &str, topic: &str) {
    let good = joining(group, &FIRST.into(), topic);
    for (case, request) in [
        ("a group without name", ConsumerGroupHeartbeatRequest { group_id: "".into(), ..good.clone() }),
        (
            "a group whose name is blank",
            ConsumerGroupHeartbeatRequest { group_id: " ".into(), ..good.clone() },
        ),
        (
            "a join without a rebalance timeout",
            ConsumerGroupHeartbeatRequest { rebalance_timeout_ms: -1, ..good.clone() },
        ),
        (
            "a join that owns something",
            ConsumerGroupHeartbeatRequest {
                topic_partitions: Some(vec![TopicPartitions { partitions: vec![0], ..Default::default() }]),
                ..good.clone()
            },
        ),
        (
            "a join that does not say what it owns",
            ConsumerGroupHeartbeatRequest { topic_partitions: None, ..good.clone() },
        ),
        (
            "a join without a subscription",
            ConsumerGroupHeartbeatRequest { subscribed_topic_names: None, ..good.clone() },
        ),
        (
            "an unknown assignor",
            ConsumerGroupHeartbeatRequest { server_assignor: Some("no.such".into()), ..good.clone() },
        ),
        (
            "an instance without name",
            ConsumerGroupHeartbeatRequest { instance_id: Some("".into()), ..good.clone() },
        ),
        ("a rack without name", ConsumerGroupHeartbeatRequest { rack_id: Some("".into()), ..good.clone() }),
        ("a member of an unknown group", beat("unknown", &FIRST.into(), 1)),
        ("a member without id", beat(group, &StrBytes::default(), 1)),
        ("an epoch that can't be", beat(group, &FIRST.into(), -3)),
        ("a static member's leave without an instance", beat(group, &FIRST.into(), LEAVE_FOR_NOW)),
        ("a leave from an unknown group", beat("unknown", &FIRST.into(), LEAVE)),
    ] {
        pair.ask(case, request);
    }
    if pair.is_highest() {
        let nameless = joining(group, &StrBytes::default(), topic);
        pair.ask("a join without an id", nameless);
        let pattern = |pattern: &str| ConsumerGroupHeartbeatRequest {
            subscribed_topic_names: Some(Vec::new()),
            subscribed_topic_regex: Some(pattern.into()),
            ..good.clone()
        };
        pair.ask("a pattern that is none", pattern("a(b"));
    }
}

fn joins(pair: &mut Pair, group: &str, topic: &str) -> Both<StrBytes> {
    let id: StrBytes = if pair.is_highest() { FIRST.into() } else { StrBytes::default() };
    let joined = pair.ask("the first join", joining(group, &id, topic));
    Both::each(|side| joined[side].member_id.clone().unwrap_or_default())
}

fn owns(pair: &mut Pair, group: &str, topic: &str, first: &Both<StrBytes>) {
    pair.ask_each("a sign of life", |_, side| beat(group, &first[side], 1));
    pair.ask_each("what it owns", |peer, side| ConsumerGroupHeartbeatRequest {
        topic_partitions: owned(peer, topic, &[0, 1, 2, 3]),
        ..beat(group, &first[side], 1)
    });
    pair.ask_each("all of it again", |peer, side| ConsumerGroupHeartbeatRequest {
        topic_partitions: owned(peer, topic, &[0, 1, 2, 3]),
        member_epoch: 1,
        ..joining(group, &first[side], topic)
    });
    pair.ask_each("a sign of life of an epoch to come", |_, side| beat(group, &first[side], 7));
    pair.ask_each("a sign of life of a stranger", |_, _| beat(group, &"stranger".into(), 1));
    pair.ask_each("an epoch below all", |_, side| beat(group, &first[side], -3));
}

fn looks(pair: &mut Pair, group: &str) {
    let describe = |ids: &[&str], include_authorized_operations| ConsumerGroupDescribeRequest {
        group_ids: ids.iter().map(|id| (*id).into()).collect(),
        include_authorized_operations,
    };
    pair.ask("a group described", describe(&[group], false));
    pair.ask("a group described with what is allowed", describe(&[group], true));
    pair.ask("an unknown group described", describe(&["unknown"], false));
    pair.ask("a group without name described", describe(&[""], false));
    pair.ask("a group described twice", describe(&[group, group], false));
    pair.ask("no group described", describe(&[], false));
    pair.ask(
        "a classic group described as a consumer group",
        describe(&[&pair.name("groups-static")], false),
    );
    let classic = DescribeGroupsRequest { groups: vec![group.into()], ..Default::default() };
    pair.ask("a consumer group described as a classic one", classic);
    if pair.version(ApiKey::ListGroups).is_some_and(|version| version >= 5) {
        let list = ListGroupsRequest { types_filter: vec!["consumer".into()], ..Default::default() };
        pair.ask("groups of the consumer protocol", list);
    }
}

fn commits(pair: &mut Pair, group: &str, topic: &str, first: &Both<StrBytes>) {
    for (case, stranger, epoch) in [
        ("a commit of a member", None, 1),
        ("a commit of an epoch to come", None, 2),
        ("a commit of an epoch gone by", None, 0),
        ("a commit of a stranger", Some("stranger"), 1),
        ("a commit of nobody", Some(""), -1),
    ] {
        pair.ask_each(case, |peer, side| OffsetCommitRequest {
            generation_id_or_member_epoch: epoch,
            member_id: stranger.map_or_else(|| first[side].clone(), Into::into),
            ..commit(peer, group, &[(topic, 0, 0, None)])
        });
    }
}

/// A second member gets its share once the first has let go of it.
fn hands_over(pair: &mut Pair, group: &str, topic: &str, first: &Both<StrBytes>) -> Both<StrBytes> {
    let id: StrBytes = if pair.is_highest() { SECOND.into() } else { StrBytes::default() };
    let joined = pair.ask("a second member", joining(group, &id, topic));
    let second = Both::each(|side| joined[side].member_id.clone().unwrap_or_default());
    let describe =
        ConsumerGroupDescribeRequest { group_ids: vec![group.into()], include_authorized_operations: false };
    let told = pair.ask_each("the first is to let go", |_, side| beat(group, &first[side], 1));
    pair.ask_each("the second waits", |_, side| beat(group, &second[side], 2));
    let kept = Both::each(|side| {
        let assignment = told[side].assignment.clone().unwrap_or_default();
        assignment.topic_partitions.into_iter().flat_map(|row| row.partitions).collect::<Vec<_>>()
    });
    pair.ask_each("the first has let go", |peer, side| ConsumerGroupHeartbeatRequest {
        topic_partitions: owned(peer, topic, &kept[side]),
        ..beat(group, &first[side], 1)
    });
    pair.ask_each("the second has its share", |_, side| beat(group, &second[side], 2));
    pair.ask("a group of two", describe);
    second
}

/// What members of the older protocol are told by a group of the newer one.
fn classic_members(pair: &mut Pair, group: &str) {
    let connect = JoinGroupRequest { protocol_type: "connect".into(), ..join(group, &StrBytes::default()) };
    pair.ask("a join of another kind", connect);
    pair.ask("a classic member that is unknown", join(group, &"nobody".into()));
    let heartbeat = HeartbeatRequest {
        group_id: group.into(),
        generation_id: 2,
        member_id: "nobody".into(),
        group_instance_id: None,
    };
    pair.ask("a classic heartbeat of a stranger", heartbeat);
    pair.ask("deletion of a group with members", DeleteGroupsRequest { groups_names: vec![group.into()] });
}

fn leaves(pair: &mut Pair, group: &str, first: &Both<StrBytes>, second: &Both<StrBytes>) {
    pair.ask_each("a leave", |_, side| beat(group, &second[side], LEAVE));
    pair.ask_each("a leave again", |_, side| beat(group, &second[side], LEAVE));
    pair.ask_each("a sign of life after a leave", |_, side| beat(group, &second[side], 2));
    pair.ask_each("the other one's gain", |_, side| beat(group, &first[side], 2));
    pair.ask_each("the last one's leave", |_, side| beat(group, &first[side], LEAVE));
    let describe =
        ConsumerGroupDescribeRequest { group_ids: vec![group.into()], include_authorized_operations: false };
    pair.ask("an empty group", describe);
}

fn statics(pair: &mut Pair, topic: &str) {
    let group = pair.name("consumers-static");
    let named = |member_id: &StrBytes, member_epoch| ConsumerGroupHeartbeatRequest {
        instance_id: Some("instance".into()),
        member_epoch,
        ..joining(&group, member_id, topic)
    };
    let (first, second): (StrBytes, StrBytes) = match pair.is_highest() {
        true => (FIRST.into(), SECOND.into()),
        false => (StrBytes::default(), StrBytes::default()),
    };
    let joined = pair.ask("a static member", named(&first, JOIN));
    let first = Both::each(|side| joined[side].member_id.clone().unwrap_or_default());
    pair.ask("another with its instance", named(&second, JOIN));
    let leaving = |member_id: &StrBytes, member_epoch| ConsumerGroupHeartbeatRequest {
        instance_id: Some("instance".into()),
        ..beat(&group, member_id, member_epoch)
    };
    pair.ask_each("a leave of an unknown instance", |_, side| ConsumerGroupHeartbeatRequest {
        instance_id: Some("other".into()),
        ..leaving(&first[side], LEAVE_FOR_NOW)
    });
    pair.ask_each("a leave for now", |_, side| leaving(&first[side], LEAVE_FOR_NOW));
    let joined = pair.ask("its return", named(&second, JOIN));
    let second = Both::each(|side| joined[side].member_id.clone().unwrap_or_default());
    pair.ask_each("a sign of life of the one before", |_, side| leaving(&first[side], 1));
    let describe = ConsumerGroupDescribeRequest {
        group_ids: vec![group.as_str().into()],
        include_authorized_operations: false,
    };
    pair.ask("a group of a static member", describe);
    pair.ask_each("a static member's leave for good", |_, side| leaving(&second[side], LEAVE));
}

fn deletes(pair: &mut Pair, group: &str) {
    let request = |names: &[&str]| DeleteGroupsRequest {
        groups_names: names.iter().map(|name| (*name).into()).collect(),
    };
    pair.ask("deletion of an empty group", request(&[group]));
    let describe =
        ConsumerGroupDescribeRequest { group_ids: vec![group.into()], include_authorized_operations: false };
    pair.ask("a deleted group", describe);
}

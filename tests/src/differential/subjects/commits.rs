//! Offsets committed, fetched and deleted.

use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use runnel_proto::kafka::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use runnel_proto::kafka::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use runnel_proto::kafka::messages::{
    JoinGroupResponse, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
};

use super::groups::{member, sync};
use crate::differential::pair::{Both, Pair, Side};

pub(super) fn run(pair: &mut Pair) {
    let (topic, group) = (pair.name("commits"), pair.name("commits"));
    pair.create_topic(&topic, 2, &[]);
    alone(pair, &topic, &group);
    fetches(pair, &topic, &group);
    let group = pair.name("commits-members");
    let joined = member(pair, &group);
    of_members(pair, &topic, &group, &joined);
    deletes(pair, &topic, &pair.name("commits"), &group);
}

/// Of somebody who is no member.
fn commit(group: &str, rows: &[(&str, i32, i64, Option<&str>)]) -> OffsetCommitRequest {
    let topic = |(name, partition_index, committed_offset, metadata): &(&str, i32, i64, Option<&str>)| {
        OffsetCommitRequestTopic {
            name: (*name).into(),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: *partition_index,
                committed_offset: *committed_offset,
                committed_leader_epoch: -1,
                committed_metadata: metadata.map(Into::into),
            }],
            ..Default::default()
        }
    };
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: -1,
        retention_time_ms: -1,
        topics: rows.iter().map(topic).collect(),
        ..Default::default()
    }
}

fn alone(pair: &mut Pair, topic: &str, group: &str) {
    let long = "x".repeat(4097);
    for (case, rows) in [
        ("an offset", &[(topic, 0, 5, Some("note"))][..]),
        ("an offset without a note", &[(topic, 1, 6, None)]),
        ("a negative offset", &[(topic, 0, -1, Some(""))]),
        ("a note too long", &[(topic, 0, 7, Some(&long))]),
        ("offsets of unknown places", &[("nobody", 0, 1, None), (topic, 7, 1, None), (topic, -1, 1, None)]),
        ("an offset of an illegal topic", &[("", 0, 1, None)]),
        ("no offset", &[]),
        ("an offset twice", &[(topic, 1, 8, Some("a")), (topic, 1, 9, Some("b"))]),
    ] {
        pair.ask(case, commit(group, rows));
    }
    let one = [(topic, 0, 5, Some("note"))];
    pair.ask("an offset of a group without name", commit("", &one));
    let of = |generation, member_id: &str| OffsetCommitRequest {
        generation_id_or_member_epoch: generation,
        member_id: member_id.into(),
        ..commit(group, &one)
    };
    pair.ask("an offset of a generation of no members", of(1, "nobody"));
    pair.ask("an offset of a member without generation", of(-1, "nobody"));
    pair.ask("an offset of a generation of nobody", of(1, ""));
    pair.ask(
        "an offset of a member of an unknown group",
        OffsetCommitRequest { group_id: "unknown".into(), ..of(1, "nobody") },
    );
}

/// In the form of the version that is asked.
fn fetch(
    pair: &Pair,
    group: &str,
    rows: Option<&[(&str, &[i32])]>,
    require_stable: bool,
) -> OffsetFetchRequest {
    if pair.version(ApiKey::OffsetFetch).is_some_and(|version| version >= 8) {
        let topic = |(name, partitions): &(&str, &[i32])| OffsetFetchRequestTopics {
            name: (*name).into(),
            partition_indexes: partitions.to_vec(),
            ..Default::default()
        };
        let group = OffsetFetchRequestGroup {
            group_id: group.into(),
            topics: rows.map(|rows| rows.iter().map(topic).collect()),
            ..Default::default()
        };
        return OffsetFetchRequest { groups: vec![group], require_stable, ..Default::default() };
    }
    let topic = |(name, partitions): &(&str, &[i32])| OffsetFetchRequestTopic {
        name: (*name).into(),
        partition_indexes: partitions.to_vec(),
    };
    OffsetFetchRequest {
        group_id: group.into(),
        topics: rows.map(|rows| rows.iter().map(topic).collect()),
        require_stable,
        ..Default::default()
    }
}

fn fetches(pair: &mut Pair, topic: &str, group: &str) {
    for (case, group, rows) in [
        ("offsets", group, Some(&[(topic, &[0, 1][..])][..])),
        ("all offsets", group, None),
        ("offsets of unknown places", group, Some(&[("nobody", &[0]), (topic, &[7, -1])])),
        ("offsets of nothing", group, Some(&[])),
        ("offsets of no partition", group, Some(&[(topic, &[])])),
        ("offsets of a partition twice", group, Some(&[(topic, &[0, 0])])),
        ("offsets of an unknown group", "unknown", Some(&[(topic, &[0])])),
        ("all offsets of an unknown group", "unknown", None),
        ("offsets of a group without name", "", Some(&[(topic, &[0])])),
    ] {
        let request = fetch(pair, group, rows, false);
        pair.ask(case, request);
        if pair.is_highest() {
            let request = fetch(pair, group, rows, true);
            pair.ask(&format!("stable {case}"), request);
        }
    }
    if pair.is_highest() {
        let request = fetch(pair, group, None, false);
        let twice = [request.groups.clone(), request.groups.clone()].concat();
        pair.ask("offsets of a group twice", OffsetFetchRequest { groups: twice, ..request.clone() });
        pair.ask("offsets of no group", OffsetFetchRequest { groups: Vec::new(), ..request.clone() });
        for (case, member_id, member_epoch) in
            [("as a member of a classic group", Some("nobody"), 1), ("as an epoch of nobody", None, 1)]
        {
            let mut request = request.clone();
            for group in &mut request.groups {
                (group.member_id, group.member_epoch) = (member_id.map(Into::into), member_epoch);
            }
            pair.ask(&format!("offsets {case}"), request);
        }
    }
}

fn of_members(pair: &mut Pair, topic: &str, group: &str, joined: &Both<JoinGroupResponse>) {
    let of = |generation: i32, side: Side| OffsetCommitRequest {
        generation_id_or_member_epoch: joined[side].generation_id + generation,
        member_id: joined[side].member_id.clone(),
        ..commit(group, &[(topic, 0, 11, Some("note"))])
    };
    pair.ask_each("an offset before the sync", |_, side| of(0, side));
    let requests = [Side::Kafka, Side::Runnel]
        .map(|side| sync(pair, group, &joined[side], &[(&joined[side].member_id, b"all")]));
    pair.ask_each("the sync", |_, side| requests[side as usize].clone());
    pair.ask_each("a member's offset", |_, side| of(0, side));
    pair.ask_each("an offset of an older generation", |_, side| of(-1, side));
    pair.ask_each("an offset of a later generation", |_, side| of(1, side));
    pair.ask("an offset of a stranger", commit(group, &[(topic, 0, 11, None)]));
    pair.ask_each("an offset of an unknown member", |_, side| OffsetCommitRequest {
        member_id: "nobody".into(),
        ..of(0, side)
    });
    if pair.version(ApiKey::OffsetCommit).is_some_and(|version| version >= 7) {
        pair.ask_each("an offset of an unknown instance", |_, side| OffsetCommitRequest {
            group_instance_id: Some("one".into()),
            ..of(0, side)
        });
    }
    let request = fetch(pair, group, None, false);
    pair.ask("a member's offsets", request);
}

fn deletes(pair: &mut Pair, topic: &str, group: &str, active: &str) {
    let delete = |group: &str, rows: &[(&str, &[i32])]| {
        let topic = |(name, partitions): &(&str, &[i32])| OffsetDeleteRequestTopic {
            name: (*name).into(),
            partitions: partitions
                .iter()
                .map(|partition_index| OffsetDeleteRequestPartition { partition_index: *partition_index })
                .collect(),
        };
        OffsetDeleteRequest { group_id: group.into(), topics: rows.iter().map(topic).collect() }
    };
    pair.ask("deletion of an offset", delete(group, &[(topic, &[0])]));
    pair.ask("deletion of an offset that is gone", delete(group, &[(topic, &[0])]));
    pair.ask("deletion of offsets of unknown places", delete(group, &[("nobody", &[0]), (topic, &[7, -1])]));
    pair.ask("deletion of an offset in an unknown group", delete("unknown", &[(topic, &[0])]));
    pair.ask("deletion of an offset in a group without name", delete("", &[(topic, &[0])]));
    pair.ask("deletion of no offset", delete(group, &[]));
    pair.ask("deletion of an offset under a member", delete(active, &[(topic, &[0])]));
    let request = fetch(pair, group, None, false);
    pair.ask("offsets that are left", request);
}
